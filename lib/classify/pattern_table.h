// Every pattern by which a protocol is told, in one annotated table. The Hyperscan database and
// the first-word filter are both built from it, so they cannot drift apart.
#ifndef MAILTAP_LIB_CLASSIFY_PATTERN_TABLE_H_
#define MAILTAP_LIB_CLASSIFY_PATTERN_TABLE_H_

#include <cstdint>

#include "absl/types/span.h"

namespace mailtap::classify {

// The first three are in Service's order; the rest open like mail, or are common on odd ports.
enum class Protocol : uint8_t {
  kSmtp,
  kImap,
  kPop3,
  kLmtp,
  kFtp,
  kHttp,
  kSsh,
  kRedis,
  kNntp,
  kIrc,
  kManageSieve,
  kCyrus,  // MUPDATE, ACAP, IMSP and Cyrus's replication: servers that greet like IMAP's
  kDict,
  kSip,  // RTSP too
  kXmpp,
  kMemcached,  // beanstalkd too
  kNats,       // STOMP too
  kSnpp,
  kTor,    // its control port
  kProxy,  // what goes before a dialogue; read by Preface
};
inline constexpr int kProtocolCount = 20;
inline constexpr int kMailProtocolCount = 3;

// Who says it.
enum class Side : uint8_t { kClient, kServer };

// What a match is worth: a hint fits this protocol and others too; a pair becomes proof with a
// hint of the other side; a proof fits no other one in this table. A denial is a proof that
// stands even against proofs of mail in the same words. An opener is a proof where nobody said
// anything before it, and a pair behind what is not known: there prose says it too.
enum class Strength : uint8_t { kNone, kHint, kPair, kProof, kDenial, kOpener };

struct Pattern {
  Protocol protocol;
  Side side;
  Strength strength;
  // Hyperscan expression, anchored at the first byte of the stream; matched without regard to
  // case, `.` includes line ends.
  const char* expression;
  // Words of up to four bytes, separated by '|', that a payload of a flow on an odd port must
  // open with to be looked at; empty where the pattern only judges flows already taken up.
  const char* first_words;
  const char* also;  // what else opens like it
  const char* source;
  // The same for words that a tag and a space go before.
  const char* tagged_words = "";
};

absl::Span<const Pattern> Patterns();

}  // namespace mailtap::classify

#endif  // MAILTAP_LIB_CLASSIFY_PATTERN_TABLE_H_

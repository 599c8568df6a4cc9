// The records that workers send to the control core. Plain fixed-size data: they are copied
// through the ring byte for byte, own nothing and point to nothing.
#ifndef MAILTAP_LIB_METER_RECORDS_H_
#define MAILTAP_LIB_METER_RECORDS_H_

#include <cstdint>
#include <type_traits>

#include "lib/base/mail.h"
#include "lib/base/time.h"
#include "lib/net/address.h"
#include "lib/net/decode.h"
#include "lib/net/dns.h"
#include "lib/net/encap.h"

namespace mailtap::meter {

// What a row of counters is about. When a worker's table is full, bytes go to a row that knows
// less: (client, any server), then (any client, server), then one global row. Such rows are
// `unattributed`; the end that is not known is all zeroes, and so is the port.
enum class Attribution : uint8_t { kFull, kClientOnly, kServerOnly, kNone };

// Who talks mail with whom. Which end is "ours" is for the control core to say.
struct ConversationKey {
  net::IpAddress client;
  net::IpAddress server;
  uint32_t encap_tag = 0;    // 0 unless encapsulations are configured to split conversations
  uint16_t server_port = 0;  // host order
  Service service = Service::kSmtp;
  Attribution attribution : 4 = Attribution::kFull;
  // A session that goes over to TLS counts under its new key from that second on.
  Tls tls : 4 = Tls::kNone;

  // All but the addresses in one word, for hashing.
  uint64_t rest() const {
    return uint64_t{encap_tag} << 32 | uint64_t{server_port} << 16 |
           static_cast<uint64_t>(service) << 8 | static_cast<uint64_t>(attribution) << 4 |
           static_cast<uint64_t>(tls);
  }

  friend bool operator==(const ConversationKey&, const ConversationKey&) = default;
  friend auto operator<=>(const ConversationKey&, const ConversationKey&) = default;
  template <typename H>
  friend H AbslHashValue(H h, const ConversationKey& k) {
    return H::combine(std::move(h), k.client, k.server, k.rest());
  }
};
static_assert(sizeof(ConversationKey) == 40);

// TCP payload of one direction, in bytes. Volume is observed + inferred.
struct DirectionBytes {
  uint64_t observed = 0;  // seen once, in sequence space
  uint64_t inferred = 0;  // not seen, but acknowledged or followed by what was seen
  uint64_t repeated = 0;  // seen again: retransmissions and mirror duplicates
  // The part of `repeated` that is the very packet seen before: IPv4 id or TCP timestamp agree.
  uint64_t duplicate = 0;
  uint64_t packets = 0;  // segments seen, those without payload included

  uint64_t volume() const { return observed + inferred; }
  DirectionBytes& operator+=(const DirectionBytes& o) {
    observed += o.observed;
    inferred += o.inferred;
    repeated += o.repeated;
    duplicate += o.duplicate;
    packets += o.packets;
    return *this;
  }
};

// What changed in one conversation since the worker's last flush. Only established mail
// sessions contribute bytes, packets, sessions and messages; connection attempts that never
// got so far appear in `failed_sessions` alone.
struct DeltaRecord {
  ConversationKey key;
  DirectionBytes bytes[kDirectionCount];  // indexed by Direction
  UnixNanos first_seen = 0;               // of the packets in this delta
  UnixNanos last_seen = 0;
  uint32_t sessions = 0;         // became established, as mail, since the last flush
  uint32_t failed_sessions = 0;  // ended on a mail port, and were no established mail
  uint32_t messages = 0;         // SMTP transactions that the server accepted
  uint32_t rejected = 0;         // SMTP transactions that it refused
  uint64_t one_way = 0;  // volume of sessions of which one end alone has been seen so far
  bool proxied = false;  // of one of the sessions the server is a proxy
};
static_assert(sizeof(DeltaRecord) == 168);

// A name that the other side claimed. It labels a peer and approves nothing.
// From the one that says most: of several certificate names none need be the one meant, and a
// greeting's is free text.
enum class NameSource : uint8_t { kSni, kCertificate, kBanner };

struct NameRecord {
  static constexpr int kMaxLength = 253;  // RFC 1035, 2.3.4, without the root's dot

  ConversationKey key;      // the name belongs to key.server
  UnixNanos time = 0;       // when it was seen
  uint64_t session_id = 0;  // SessionRecord::id of the session that carried it
  NameSource source = NameSource::kSni;
  uint8_t length = 0;
  char text[kMaxLength + 1] = {};  // lower case, not terminated
};
static_assert(sizeof(NameRecord) == 312);

// A name server said that `name` leads to `addresses`. Who may say so is for the control core.
struct AnswerRecord {
  static constexpr int kMaxAddresses = 16;

  net::IpAddress server;   // that answered
  UnixNanos time = 0;      // of the answer
  uint32_t encap_tag = 0;  // as ConversationKey's, of the answer
  uint32_t ttl = 0;        // seconds, at most net::DnsAnswer::kLongestTtl
  uint8_t address_count = 0;
  bool alias = false;  // not the name asked for, but one that it led to
  uint8_t length = 0;
  char name[net::DnsAnswer::kMaxLength] = {};  // see DnsAnswer::Name; not terminated
  net::IpAddress addresses[kMaxAddresses] = {};
};
static_assert(sizeof(AnswerRecord) == 544);

// One mail session, sent once: when it ended, idled out, or the sensor stopped. Its SNI, if it
// had one, went before it as a NameRecord with the same session_id, on the same ring.
struct SessionRecord {
  // What TLS, a gap or a one-way capture hides, and what the service has none of.
  static constexpr uint32_t kUnknownCount = 0xffffffff;
  static constexpr uint64_t kUnknownBytes = 0xffffffffffffffff;

  ConversationKey key;
  uint64_t id = 0;  // unique on its worker's ring while the session lives; not an output
  UnixNanos first_seen = 0;
  UnixNanos last_seen = 0;
  DirectionBytes bytes[kDirectionCount];
  // Text of messages, in bytes. Up: of those that SMTP accepted, and what IMAP appended. Down:
  // what IMAP fetched and POP3 retrieved.
  uint64_t text_bytes[kDirectionCount] = {kUnknownBytes, kUnknownBytes};
  uint32_t messages = kUnknownCount;            // SMTP transactions that the server accepted,
  uint32_t rejected = kUnknownCount;            // and that it refused;
  uint32_t rejected_transient = kUnknownCount;  // of these, for now (4xx)
  uint32_t recipients = kUnknownCount;          // of the accepted ones
  uint32_t retrievals = kUnknownCount;          // messages that POP3's server sent
  uint16_t client_port = 0;                     // host order
  Evidence evidence = Evidence::kPort;
  Tls tls = Tls::kNone;
  Via via = Via::kNone;
  bool established = false;
  bool has_sni = false;
  // A delta of the tick in which it ended holds bytes of it, or its failure. Otherwise its last
  // bytes are in one of last_seen's tick, or where packets were lost, of one within
  // timeouts.inference after that.
  bool counted_at_end = false;
  net::EncapStack encap;  // of the session's first packet
};

// What an encap_tag stands for; sent before the first delta with that tag.
struct EncapRecord {
  uint32_t tag = 0;
  net::EncapStack layers;  // only those kinds that are configured to split conversations
};

// The start of a frame that could not be decoded; only where samples are configured.
struct SampleRecord {
  static constexpr int kMaxBytes = 128;  // headers of several layers

  UnixNanos time = 0;
  net::Outcome outcome = net::Outcome::kNotIp;
  net::LinkType link = net::LinkType::kEthernet;
  uint16_t port = 0;         // index of the port or capture
  uint32_t wire_length = 0;  // bytes that the frame had
  uint32_t length = 0;       // bytes kept
  uint8_t bytes[kMaxBytes] = {};
};

static_assert(std::is_trivially_copyable_v<DeltaRecord>);
static_assert(std::is_trivially_copyable_v<NameRecord>);
static_assert(std::is_trivially_copyable_v<AnswerRecord>);
static_assert(std::is_trivially_copyable_v<SessionRecord>);
static_assert(std::is_trivially_copyable_v<EncapRecord>);
static_assert(std::is_trivially_copyable_v<SampleRecord>);

}  // namespace mailtap::meter

#endif  // MAILTAP_LIB_METER_RECORDS_H_

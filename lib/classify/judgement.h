// What both sides' openings, scored by the patterns, make of a flow.
#ifndef MAILTAP_LIB_CLASSIFY_JUDGEMENT_H_
#define MAILTAP_LIB_CLASSIFY_JUDGEMENT_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "absl/strings/string_view.h"
#include "lib/base/mail.h"
#include "lib/classify/pattern_table.h"

namespace mailtap::classify {

enum class Answer : uint8_t { kNeedMore, kYes, kNo };

// What one side has said so far. `text` must have kSlack readable bytes behind it: Hyperscan
// may read (never use) bytes past the end of its input.
struct Speech {
  static constexpr std::size_t kSlack = 64;
  absl::string_view text;   // from the first byte that was seen
  bool from_start = false;  // that byte is the stream's first
  bool ended = false;       // no more will come: the session ended, or the bound was reached
  bool cut = false;  // the speaker said more than is seen: a gap, a snapped frame, the bound
};

// What is known of a flow besides its text.
struct Context {
  std::optional<Service> port_service;  // the server's port is a standard one, or
  bool port_learnt = false;             // other sessions with the server were of that service
  bool server_first = false;            // the server spoke before it had heard anything
  bool client_seen = true;              // the capture shows packets of the client
  bool client_spoke = false;            // it has sent payload, read or not
  bool client_foreign = false;          // what it said, and what was forgotten, was another's
  bool finished = false;                // the session has ended, or has been silent too long
};

struct Recognition {
  Answer answer = Answer::kNeedMore;
  Service service = Service::kSmtp;     // for kYes
  Evidence evidence = Evidence::kPort;  // for kYes: kBanner, kCommand or kPort
  // For kNo: what was said is something else's. False where too little was said.
  bool contradicts = false;
  bool server_proves = false;  // for kNeedMore: the server has proved to be mail's
  bool server_greets = false;  // or has said, unasked, what mail's may say
  // For kNeedMore: what this side has said so far fits nothing, or was refused. A later line
  // may fit, so nobody needs this one any more.
  bool client_stale = false;
  bool server_stale = false;
  bool client_foreign = false;  // of a stale client: it spoke another protocol
  std::size_t server_kept = 0;  // bytes at the start of a stale server's text: its greeting
};

// The strongest match that each protocol has on one side.
using Scores = std::array<Strength, kProtocolCount>;

struct Opening {
  Speech speech;
  absl::string_view text;  // the part of it that can be judged: whole lines
  Scores scores = {};      // of that part

  // Something can be judged, from the side's first byte on.
  bool begun() const { return speech.from_start && !text.empty(); }
};

// It is something else, whatever mail it proves.
bool Denies(const Scores& scores);
// The first mail service that is proved, or nothing.
std::optional<Service> ProvenService(const Scores& scores);
// Proof of something else, unless the same side also proves mail (an SMTP greeting of a host
// named ftp...).
bool ProvesOther(const Scores& scores);
// Words that prove mail and something else fit both: the other side has to tell.
void Weaken(Scores& scores);

class Judgement {
 public:
  // All stays the caller's.
  Judgement(const Opening& client, const Opening& server, const Context& context);

  Recognition Verdict() const;

 private:
  Strength Up(Service service) const { return up_[static_cast<int>(service)]; }
  Strength Down(Service service) const { return down_[static_cast<int>(service)]; }
  bool Holds(const Scores& scores, Protocol protocol) const {
    return scores[static_cast<int>(protocol)] != Strength::kNone;
  }
  Recognition Decide() const;
  std::optional<Service> BothFit() const;
  bool ServerGreets() const;
  Recognition Forgotten() const;
  Recognition OfMistakenClient() const;
  Recognition OfForeignServer() const;
  Recognition OfMisnamedServer() const;
  Recognition OnOddPort() const;
  Recognition OnPortOf(Service service) const;
  std::optional<Recognition> OtherThanLearnt() const;
  Recognition OfGreeting(Service service) const;

  const Opening& client_;
  const Opening& server_;
  const Context& context_;
  Scores up_, down_;  // of client and server, weakened
  bool client_contradicts_, server_contradicts_;
  bool redis_;    // POP3's server speaks first; Redis's answers, in the same words
  bool settled_;  // nothing that would change it will be said
};

}  // namespace mailtap::classify

#endif  // MAILTAP_LIB_CLASSIFY_JUDGEMENT_H_

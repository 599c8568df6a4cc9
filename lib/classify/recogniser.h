// Tells mail from what looks like it, by what both sides said first.
#ifndef MAILTAP_LIB_CLASSIFY_RECOGNISER_H_
#define MAILTAP_LIB_CLASSIFY_RECOGNISER_H_

#include <array>
#include <cstdint>
#include <memory>
#include <optional>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "lib/base/mail.h"
#include "lib/classify/opening_memo.h"
#include "lib/classify/pattern_compiler.h"
#include "lib/classify/pattern_table.h"

struct hs_scratch;

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
  std::optional<Service> port_service;  // the server's port is a standard one
  bool server_first = false;            // the server spoke before it had heard anything
  bool client_seen = true;              // the capture shows packets of the client
  bool finished = false;                // the session has ended, or has been silent too long
};

struct Recognition {
  Answer answer = Answer::kNeedMore;
  Service service = Service::kSmtp;     // for kYes
  Evidence evidence = Evidence::kPort;  // for kYes: kBanner, kCommand or kPort
  // For kNeedMore: what this side has said so far came under way and fits nothing. A later line
  // may, so nobody needs this one any more.
  bool client_stale = false;
  bool server_stale = false;
};

// The compiled patterns; immutable, shared by all workers.
class PatternDatabase {
 public:
  // What the build compiled; compiled anew where `built`, by side, does not fit the Hyperscan
  // that is here. Internal where that refuses a pattern or the CPU.
  static absl::StatusOr<std::shared_ptr<const PatternDatabase>> Load(
      absl::string_view (*built)(Side) = BuiltPatterns);

 private:
  friend class Recogniser;
  PatternDatabase() = default;
  // One database a side, in Side's order.
  std::array<DatabasePtr, 2> databases_;
};

// One worker's: holds its scratch. Judges whole lines only, so that the answer does not depend
// on how the text was cut into segments.
class Recogniser {
 public:
  static absl::StatusOr<Recogniser> Create(std::shared_ptr<const PatternDatabase> database);
  Recogniser(Recogniser&&) = default;
  Recogniser& operator=(Recogniser&&) = default;

  // `finished` settles it, except on a standard port where neither side's text is known at all.
  Recognition Judge(const Speech& client, const Speech& server, const Context& context) const;

  // Whether a payload that opens with a first word may indeed be mail's, of either side, or go
  // before it: false where whole lines fit none of that. Under way they have to prove it: of
  // what many protocols say, something stands at the start of a segment sooner or later.
  // Denials are for Judge to act on.
  bool MayOpenMail(const uint8_t* payload, uint32_t size, bool from_start);

  // The mail service that a server's words prove by themselves: enough where the client's are
  // lost, or hidden by TLS.
  std::optional<Service> Greeting(const Speech& server) const;

 private:
  static constexpr uint32_t kOpening = 192;  // bytes that MayOpenMail looks at

  // The strongest match a protocol has on one side.
  using Scores = std::array<Strength, kProtocolCount>;

  explicit Recogniser(std::shared_ptr<const PatternDatabase> database)
      : database_(std::move(database)) {}

  Scores Scan(absl::string_view text, Side side) const;
  bool FitsMail(absl::string_view lines, bool from_start) const;
  static bool ProvesOther(const Scores& scores);
  static bool ShareService(const Scores& up, const Scores& down);
  static void Weaken(Scores& scores);

  struct ScratchDeleter {
    void operator()(hs_scratch* scratch) const;
  };
  std::shared_ptr<const PatternDatabase> database_;
  std::unique_ptr<hs_scratch, ScratchDeleter> scratch_;
  OpeningMemo openings_;  // what MayOpenMail found
};

}  // namespace mailtap::classify

#endif  // MAILTAP_LIB_CLASSIFY_RECOGNISER_H_

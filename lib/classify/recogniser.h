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
#include "lib/classify/judgement.h"
#include "lib/classify/opening_memo.h"
#include "lib/classify/pattern_compiler.h"
#include "lib/classify/pattern_table.h"

struct hs_scratch;

namespace mailtap::classify {

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

  // Whether a payload's whole lines prove mail's client, and no server.
  bool ProvesClient(const uint8_t* payload, uint32_t size) const;

  // The mail service that a server's words prove by themselves: enough where the client's are
  // lost, or hidden by TLS.
  std::optional<Service> Greeting(const Speech& server) const;

 private:
  static constexpr uint32_t kOpening = 192;  // bytes that MayOpenMail looks at

  explicit Recogniser(std::shared_ptr<const PatternDatabase> database)
      : database_(std::move(database)) {}

  // `opens`: nothing was said before `text`, see Strength::kOpener.
  Scores Scan(absl::string_view text, Side side, bool opens = true) const;
  bool FitsMail(absl::string_view lines, bool from_start) const;
  Opening Open(const Speech& speech, Side side, bool opens) const;

  struct ScratchDeleter {
    void operator()(hs_scratch* scratch) const;
  };
  std::shared_ptr<const PatternDatabase> database_;
  std::unique_ptr<hs_scratch, ScratchDeleter> scratch_;
  OpeningMemo openings_;  // what MayOpenMail found
};

}  // namespace mailtap::classify

#endif  // MAILTAP_LIB_CLASSIFY_RECOGNISER_H_

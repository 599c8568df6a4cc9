#include "lib/classify/recogniser.h"

#include <hs/hs.h>

#include <algorithm>
#include <cstring>

#include "absl/strings/ascii.h"
#include "lib/base/status.h"
#include "lib/classify/preface.h"

namespace mailtap::classify {
namespace {

constexpr Side kSides[] = {Side::kClient, Side::kServer};

// The first bytes of a payload, with the room behind them that Hyperscan may read.
template <uint32_t kMost>
class Start {
 public:
  Start(const uint8_t* payload, uint32_t size) : length_(std::min(size, kMost)) {
    std::memcpy(bytes_, payload, length_);
  }
  absl::string_view text() const { return {bytes_, length_}; }

 private:
  const uint32_t length_;
  char bytes_[kMost + Speech::kSlack];
};

// What can be judged of a side's text: leading line ends apart, all whole lines; with nothing
// more to come, everything.
absl::string_view Judgeable(const Speech& speech) {
  absl::string_view text = speech.text;
  if (speech.from_start) {
    while (!text.empty() && (text.front() == '\r' || text.front() == '\n')) {
      text.remove_prefix(1);
    }
  }
  if (speech.ended) return text;
  const size_t end = text.rfind('\n');
  return text.substr(0, end == text.npos ? 0 : end + 1);
}

// Whether a client of mail may have opened like this: with a command, or with one behind a tag.
bool MayHoldCommand(absl::string_view lines) {
  const size_t space = lines.find(' ');
  const bool tagged = space < lines.size() - 1 && absl::ascii_isalpha(lines[space + 1]);
  return tagged || absl::ascii_isalpha(lines.front());
}

// Whether so little of a first line is captured that it needn't match what it may yet be.
bool IsStump(const Opening& opening) {
  constexpr std::size_t kTelling = 10;  // "* PREAUTH "
  const auto unknown = [](Strength strength) { return strength == Strength::kNone; };
  return opening.speech.cut && opening.text.size() < kTelling &&
         std::all_of(opening.text.begin(), opening.text.end(), absl::ascii_isprint) &&
         std::all_of(opening.scores.begin(), opening.scores.end(), unknown);
}

}  // namespace

absl::StatusOr<std::shared_ptr<const PatternDatabase>> PatternDatabase::Load(
    absl::string_view (*built)(Side)) {
  if (hs_valid_platform() != HS_SUCCESS) {
    return absl::InternalError("this CPU lacks what Hyperscan needs (SSSE3)");
  }
  auto loaded = std::shared_ptr<PatternDatabase>(new PatternDatabase());
  for (const Side side : kSides) {
    DatabasePtr& database = loaded->databases_[static_cast<int>(side)];
    const absl::string_view bytes = built(side);
    hs_database_t* raw = nullptr;
    if (hs_deserialize_database(bytes.data(), bytes.size(), &raw) == HS_SUCCESS) {
      database.reset(raw);
    } else {
      MAILTAP_ASSIGN_OR_RETURN(database, CompilePatterns(side));
    }
  }
  return std::shared_ptr<const PatternDatabase>(std::move(loaded));
}

void Recogniser::ScratchDeleter::operator()(hs_scratch* scratch) const {
  hs_free_scratch(scratch);
}

absl::StatusOr<Recogniser> Recogniser::Create(std::shared_ptr<const PatternDatabase> database) {
  Recogniser recogniser(std::move(database));
  hs_scratch_t* scratch = nullptr;
  for (const DatabasePtr& side : recogniser.database_->databases_) {
    if (hs_alloc_scratch(side.get(), &scratch) != HS_SUCCESS) {
      hs_free_scratch(scratch);
      return absl::ResourceExhaustedError("no memory for Hyperscan's scratch");
    }
  }
  recogniser.scratch_.reset(scratch);
  return recogniser;
}

Scores Recogniser::Scan(absl::string_view text, Side side, bool opens) const {
  struct Found {
    Strength opener;  // what one is worth
    Scores scores = {};
  } found = {.opener = opens ? Strength::kProof : Strength::kPair};
  if (text.empty()) return found.scores;
  const auto on_match = [](unsigned id, unsigned long long, unsigned long long, unsigned,
                           void* context) {
    auto& [opener, scores] = *static_cast<Found*>(context);
    const Pattern& pattern = Patterns()[id];
    Strength& score = scores[static_cast<int>(pattern.protocol)];
    score = std::max(score, pattern.strength == Strength::kOpener ? opener : pattern.strength);
    return 0;
  };
  hs_scan(database_->databases_[static_cast<int>(side)].get(), text.data(),
          static_cast<unsigned>(text.size()), 0, scratch_.get(), on_match, &found);
  return found.scores;
}

bool Recogniser::MayOpenMail(const uint8_t* payload, uint32_t size, bool from_start) {
  const Start<kOpening> start(payload, size);
  const absl::string_view opening = start.text();
  if (Preface::Detect(opening) != Preface::Kind::kNone || Preface::MayBecome(opening)) {
    return true;
  }
  const absl::string_view lines =
      Judgeable({.text = opening, .from_start = true, .ended = size > kOpening});
  if (lines.empty()) return true;
  return openings_.Get(lines, from_start, [&] { return FitsMail(lines, from_start); });
}

bool Recogniser::FitsMail(absl::string_view lines, bool from_start) const {
  const Strength least = from_start ? Strength::kHint : Strength::kProof;
  const auto fits = [&](Side side) {
    const Scores scores = Scan(lines, side);
    // LMTP's greeting command is followed to its end: what comes behind it is SMTP's.
    return *std::max_element(scores.begin(), scores.begin() + kMailProtocolCount) >= least ||
           scores[static_cast<int>(Protocol::kLmtp)] == Strength::kProof || Denies(scores);
  };
  return fits(Side::kServer) || (MayHoldCommand(lines) && fits(Side::kClient));
}

bool Recogniser::ProvesClient(const uint8_t* payload, uint32_t size) const {
  const Start<kOpening> start(payload, size);
  const absl::string_view lines = Judgeable({.text = start.text(), .from_start = true});
  return ProvenService(Scan(lines, Side::kClient)).has_value() &&
         !ProvenService(Scan(lines, Side::kServer)).has_value();
}

std::optional<Service> Recogniser::Greeting(const Speech& server) const {
  Scores scores = Scan(Judgeable(server), Side::kServer);
  if (ProvesOther(scores)) return std::nullopt;
  Weaken(scores);
  return ProvenService(scores);
}

// Garbage may go before what a server has to say, whatever protocol's it looks like. A client
// may begin with words that prove nothing: then what proves something counts too, or does so
// with the server's words.
Opening Recogniser::Open(const Speech& speech, Side side, bool opens) const {
  constexpr int kMostLines = 4;
  const bool client = side == Side::kClient;
  const Strength enough = client ? Strength::kProof : Strength::kHint;
  const Strength least = client ? Strength::kPair : Strength::kHint;
  Opening opening = {.speech = speech, .text = Judgeable(speech)};
  opening.scores = Scan(opening.text, side, opens);
  if (IsStump(opening)) opening.text = {};
  if (!speech.from_start) return opening;
  const auto told = [&](const Scores& scores) {
    const auto end = client ? scores.end() : scores.begin() + kMailProtocolCount;
    return *std::max_element(scores.begin(), end) >= enough || Denies(scores);
  };
  absl::string_view rest = opening.text;
  for (int line = 1; line < kMostLines && !told(opening.scores); ++line) {
    const size_t end = rest.find('\n');
    if (end == rest.npos) break;
    rest.remove_prefix(end + 1);
    const Scores more = Scan(rest, side);
    if (!client && told(more)) {
      opening.scores = more;
      break;
    }
    std::transform(more.begin(), more.end(), opening.scores.begin(), opening.scores.begin(),
                   [&](Strength next, Strength first) {
                     return next >= least ? std::max(next, first) : first;
                   });
  }
  return opening;
}

Recognition Recogniser::Judge(const Speech& client, const Speech& server,
                              const Context& context) const {
  // On mail's own ports words that prose has too are nevertheless mail's.
  const bool on_port = context.port_service.has_value();
  const Opening up = Open(client, Side::kClient, client.from_start || on_port);
  const Opening down = Open(server, Side::kServer, server.from_start || on_port);
  return Judgement(up, down, context).Verdict();
}

}  // namespace mailtap::classify

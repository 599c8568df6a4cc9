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

Strength At(const std::array<Strength, kProtocolCount>& scores, Service service) {
  return scores[static_cast<int>(service)];
}

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

bool IsText(absl::string_view text) {
  const auto odd = std::count_if(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<uint8_t>(c);
    return byte < 0x20 && byte != '\r' && byte != '\n' && byte != '\t';
  });
  return odd * 16 <= static_cast<std::ptrdiff_t>(text.size());
}

// Whether a client of mail may have opened like this: with a command, or with one behind a tag.
bool MayHoldCommand(absl::string_view lines) {
  const size_t space = lines.find(' ');
  const bool tagged = space < lines.size() - 1 && absl::ascii_isalpha(lines[space + 1]);
  return tagged || absl::ascii_isalpha(lines.front());
}

Recognition Yes(Service service, Evidence evidence) {
  return {Answer::kYes, service, evidence};
}
constexpr Recognition kNotMail = {Answer::kNo, Service::kSmtp, Evidence::kPort};
constexpr Recognition kOpen = {};

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

Recogniser::Scores Recogniser::Scan(absl::string_view text, Side side) const {
  Scores scores = {};
  if (text.empty()) return scores;
  const auto on_match = [](unsigned id, unsigned long long, unsigned long long, unsigned,
                           void* context) {
    const Pattern& pattern = Patterns()[id];
    Strength& score = (*static_cast<Scores*>(context))[static_cast<int>(pattern.protocol)];
    score = std::max(score, pattern.strength);
    return 0;
  };
  hs_scan(database_->databases_[static_cast<int>(side)].get(), text.data(),
          static_cast<unsigned>(text.size()), 0, scratch_.get(), on_match, &scores);
  return scores;
}

// Proof of something else, unless the same side also proves mail (an SMTP greeting of a host
// named ftp...).
bool Recogniser::ProvesOther(const Scores& scores) {
  const auto others = scores.begin() + kMailProtocolCount;
  const Strength strongest = *std::max_element(others, scores.end());
  if (strongest == Strength::kDenial) return true;
  return strongest == Strength::kProof &&
         std::find(scores.begin(), others, Strength::kProof) == others;
}

// Words that prove mail and something else fit both: the other side has to tell.
void Recogniser::Weaken(Scores& scores) {
  const auto others = scores.begin() + kMailProtocolCount;
  if (std::find(others, scores.end(), Strength::kProof) == scores.end()) return;
  std::replace(scores.begin(), others, Strength::kProof, Strength::kHint);
}

bool Recogniser::ShareService(const Scores& up, const Scores& down) {
  for (int s = 0; s < kMailProtocolCount; ++s) {
    if (up[s] != Strength::kNone && down[s] != Strength::kNone) return true;
  }
  return false;
}

bool Recogniser::MayOpenMail(const uint8_t* payload, uint32_t size, bool from_start) {
  char text[kOpening + Speech::kSlack];
  const uint32_t length = std::min(size, kOpening);
  std::memcpy(text, payload, length);
  const absl::string_view opening(text, length);
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
    return *std::max_element(scores.begin(), scores.begin() + kMailProtocolCount) >= least ||
           *std::max_element(scores.begin(), scores.end()) == Strength::kDenial;
  };
  return fits(Side::kServer) || (MayHoldCommand(lines) && fits(Side::kClient));
}

std::optional<Service> Recogniser::Greeting(const Speech& server) const {
  Scores scores = Scan(Judgeable(server), Side::kServer);
  if (ProvesOther(scores)) return std::nullopt;
  Weaken(scores);
  for (const Service service : {Service::kSmtp, Service::kImap, Service::kPop3}) {
    if (At(scores, service) == Strength::kProof) return service;
  }
  return std::nullopt;
}

Recognition Recogniser::Judge(const Speech& client, const Speech& server,
                              const Context& context) const {
  const absl::string_view up_text = Judgeable(client);
  const absl::string_view down_text = Judgeable(server);
  Scores up = Scan(up_text, Side::kClient);
  Scores down = Scan(down_text, Side::kServer);
  const auto denies = [](const Scores& scores) {
    return std::find(scores.begin(), scores.end(), Strength::kDenial) != scores.end();
  };
  if (denies(up) || denies(down)) return kNotMail;
  const bool contradicted = ProvesOther(up) || ProvesOther(down);
  Weaken(up);
  Weaken(down);

  // POP3's server speaks first; Redis's answers, in the same words.
  const bool answered = client.from_start && server.from_start && !context.server_first;
  const bool redis = answered && up[static_cast<int>(Protocol::kRedis)] != Strength::kNone;

  // Both sides fit: mail on any port. A pair of hints is enough for POP3 alone, and only where
  // the server spoke first: Redis says +OK too, but never unasked.
  for (const Service service : {Service::kSmtp, Service::kImap, Service::kPop3}) {
    const Strength u = At(up, service), d = At(down, service);
    if (u == Strength::kNone || d == Strength::kNone) continue;
    const bool proven =
        u == Strength::kProof || d == Strength::kProof ||
        (!contradicted && ((service == Service::kPop3 && context.server_first) ||
                           context.port_service == service));
    const bool ftp = service == Service::kSmtp && u != Strength::kProof &&
                     up[static_cast<int>(Protocol::kFtp)] != Strength::kNone;
    if (proven && !ftp && !(redis && service == Service::kPop3))
      return Yes(service, Evidence::kBanner);
  }
  if (contradicted) return kNotMail;

  const bool settled = context.finished || (client.ended && server.ended);
  // An odd port needs both sides; one whose first words fit nothing settles it.
  const auto judge_odd = [&] {
    const auto fits_nothing = [](absl::string_view text, const Scores& scores) {
      return !text.empty() && std::all_of(scores.begin(), scores.begin() + kMailProtocolCount,
                                          [](Strength s) { return s == Strength::kNone; });
    };
    const bool up_useless = fits_nothing(up_text, up);
    const bool down_useless = fits_nothing(down_text, down);
    // Both have opened, and in no service would the one say this and the other that.
    const bool opened =
        client.from_start && server.from_start && !up_text.empty() && !down_text.empty();
    if ((opened && !ShareService(up, down)) || settled || (up_useless && client.from_start) ||
        (down_useless && server.from_start)) {
      return kNotMail;
    }
    Recognition open = kOpen;
    open.client_stale = up_useless;
    open.server_stale = down_useless;
    return open;
  };
  if (!context.port_service.has_value()) return judge_odd();

  const Service service = *context.port_service;
  const Strength u = At(up, service), d = At(down, service);
  if (u == Strength::kProof) return Yes(service, Evidence::kCommand);
  // A greeting that nobody answers is no session yet; where the client's side is not captured,
  // it is all there will be.
  const bool unanswered = context.client_seen && client.text.empty() && !client.cut;
  if (d != Strength::kNone && unanswered) return context.finished ? kNotMail : kOpen;
  if (d == Strength::kProof) return Yes(service, Evidence::kBanner);
  if (d == Strength::kHint) {
    // The client's answer may yet say that this is another protocol.
    const bool ftp = up[static_cast<int>(Protocol::kFtp)] != Strength::kNone;
    if (!up_text.empty() && ftp && service == Service::kSmtp) return kNotMail;
    if (redis && service == Service::kPop3) return kNotMail;
    // Any number may be a tag: "502 no permission" is NNTP's.
    if (service == Service::kImap && u == Strength::kNone && !up_text.empty() &&
        client.from_start) {
      return judge_odd();
    }
    if (!up_text.empty() || settled) return Yes(service, Evidence::kBanner);
    return kOpen;
  }
  // Another mail service may stand behind this one's port.
  if (!down_text.empty() && server.from_start) return judge_odd();
  if (u == Strength::kHint) {
    return settled || client.ended ? Yes(service, Evidence::kCommand) : kOpen;
  }
  // Nothing that is known. A client that starts with garbage proves nothing: its server may yet
  // greet it.
  const bool spoke_from_start =
      (!up_text.empty() && client.from_start) || (!down_text.empty() && server.from_start);
  if (spoke_from_start) return settled ? kNotMail : kOpen;
  // Met under way, text may be a message's, and the port is all there is.
  if (!settled && !client.ended && !server.ended) return kOpen;
  if (up_text.empty() && down_text.empty()) return kOpen;
  if (!IsText(up_text) || !IsText(down_text)) return kNotMail;
  return Yes(service, Evidence::kPort);
}

}  // namespace mailtap::classify

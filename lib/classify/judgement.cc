#include "lib/classify/judgement.h"

#include <algorithm>

#include "lib/classify/spoken_lines.h"

namespace mailtap::classify {
namespace {

constexpr Service kServices[] = {Service::kSmtp, Service::kImap, Service::kPop3};
constexpr Recognition kOpen = {};
constexpr Recognition kTooLittle = {.answer = Answer::kNo};
// What both have said tells nothing; the next exchange may.
constexpr Recognition kStale = {.client_stale = true, .server_stale = true};
constexpr Recognition kNotMail = {.answer = Answer::kNo, .contradicts = true};

Recognition Yes(Service service, Evidence evidence) {
  return {.answer = Answer::kYes, .service = service, .evidence = evidence};
}

auto MailEnd(const Scores& scores) { return scores.begin() + kMailProtocolCount; }

bool ProvesMail(const Scores& scores) { return ProvenService(scores).has_value(); }

// It has said something, and mail says nothing of the kind.
bool FitsNoMail(const Opening& opening) {
  return !opening.text.empty() && std::all_of(opening.scores.begin(), MailEnd(opening.scores),
                                              [](Strength s) { return s == Strength::kNone; });
}

// Whether a text of whole lines has one alone.
bool IsOneLine(absl::string_view text) { return text.find('\n') + 1 == text.size(); }

bool ShareService(const Scores& up, const Scores& down) {
  return std::any_of(std::begin(kServices), std::end(kServices), [&](Service service) {
    const auto s = static_cast<std::size_t>(service);
    return up[s] != Strength::kNone && down[s] != Strength::kNone;
  });
}

}  // namespace

bool Denies(const Scores& scores) {
  return std::find(scores.begin(), scores.end(), Strength::kDenial) != scores.end();
}

std::optional<Service> ProvenService(const Scores& scores) {
  for (const Service service : kServices) {
    if (scores[static_cast<std::size_t>(service)] == Strength::kProof) return service;
  }
  return std::nullopt;
}

bool ProvesOther(const Scores& scores) {
  const Strength strongest = *std::max_element(MailEnd(scores), scores.end());
  if (strongest == Strength::kDenial) return true;
  return strongest == Strength::kProof && !ProvesMail(scores);
}

void Weaken(Scores& scores) {
  const auto others = scores.begin() + kMailProtocolCount;
  if (std::find(others, scores.end(), Strength::kProof) == scores.end()) return;
  std::replace(scores.begin(), others, Strength::kProof, Strength::kHint);
}

namespace {

// Words that prose has too prove nothing where a client is met under way: it may be within a
// message's text.
bool ClientContradicts(const Opening& client) {
  if (!ProvesOther(client.scores)) return false;
  constexpr Protocol kUnmistakable[] = {Protocol::kLmtp, Protocol::kHttp, Protocol::kSsh,
                                        Protocol::kSip, Protocol::kXmpp};
  const auto proves = [&](Protocol protocol) {
    return client.scores[static_cast<std::size_t>(protocol)] == Strength::kProof;
  };
  return client.speech.from_start || Denies(client.scores) ||
         std::any_of(std::begin(kUnmistakable), std::end(kUnmistakable), proves);
}

}  // namespace

Judgement::Judgement(const Opening& client, const Opening& server, const Context& context)
    : client_(client),
      server_(server),
      context_(context),
      up_(client.scores),
      down_(server.scores),
      client_contradicts_(ClientContradicts(client)),
      server_contradicts_(ProvesOther(down_)),
      redis_(client.speech.from_start && server.speech.from_start && !context.server_first &&
             Holds(up_, Protocol::kRedis)),
      settled_(context.finished || (client.speech.ended && server.speech.ended)) {
  Weaken(up_);
  Weaken(down_);
}

Recognition Judgement::Verdict() const {
  Recognition verdict = Decide();
  verdict.server_proves = verdict.answer == Answer::kNeedMore && ProvesMail(down_);
  verdict.server_greets =
      verdict.answer == Answer::kNeedMore && !server_.text.empty() && ServerGreets();
  return verdict;
}

Recognition Judgement::Decide() const {
  if (Denies(up_) || Denies(down_)) return kNotMail;
  // As long as nothing else is said: anybody may begin with a server's greeting.
  if (Echo(server_.text, client_.text)) return settled_ ? kNotMail : kOpen;
  if (const auto service = BothFit(); service.has_value()) {
    return server_contradicts_ && service == Service::kSmtp ? OfMisnamedServer()
                                                            : Yes(*service, Evidence::kBanner);
  }
  if (server_contradicts_) return OfForeignServer();
  if (client_contradicts_) return ServerGreets() ? OfMistakenClient() : kNotMail;
  return context_.port_service.has_value() ? OnPortOf(*context_.port_service) : OnOddPort();
}

// Mail on any port. A pair of hints is enough where a server refuses all that may come, and for
// POP3, where the server spoke first, or the client logs in: Redis says +OK too, but never
// unasked. On another port IMAP's server has to greet as such or, met under way, to answer what
// the client is seen to ask.
std::optional<Service> Judgement::BothFit() const {
  for (const Service service : kServices) {
    const Strength u = Up(service), d = Down(service);
    if (u == Strength::kNone || d == Strength::kNone) continue;
    const bool pair =
        context_.port_service == service ||
        (service == Service::kSmtp && context_.server_first && d == Strength::kPair) ||
        (service == Service::kPop3 && (context_.server_first || u == Strength::kPair));
    const bool proven = u == Strength::kProof || d == Strength::kProof ||
                        (pair && !client_contradicts_ && !server_contradicts_);
    const bool ftp = service == Service::kSmtp && u != Strength::kProof &&
                     (client_contradicts_ || d != Strength::kProof) &&
                     Holds(up_, Protocol::kFtp);
    const bool strange = service == Service::kImap && d != Strength::kProof &&
                         context_.port_service != service &&
                         (server_.speech.from_start || !AnswersTag(server_.text, client_.text));
    if (proven && !ftp && !strange && !(redis_ && service == Service::kPop3)) return service;
  }
  return std::nullopt;
}

// Whether a server's words are a greeting of mail's: a few of them fit, unasked, or prove it.
bool Judgement::ServerGreets() const {
  return ProvesMail(down_) || (context_.server_first && !FitsNoMail(server_));
}

// What the client has said, and what it was answered, tells nothing: only the greeting stays.
Recognition Judgement::Forgotten() const {
  const absl::string_view greeting = ExchangeIn(server_.text).greeting;
  Recognition open = kOpen;
  open.client_stale = open.server_stale = true;
  open.server_kept = static_cast<std::size_t>(greeting.end() - server_.speech.text.begin());
  open.client_foreign = client_contradicts_;
  return open;
}

// What a server refuses is its client's mistake, and says nothing of the two, unless FTP's
// servers say the same to their own. On a mail port whose server greets as such, words that
// nobody else is known to say may be answered kindly too: what comes next will tell.
Recognition Judgement::OfMistakenClient() const {
  if (settled_) return kNotMail;
  const absl::string_view answer = ExchangeIn(server_.text).answer;
  if (answer.empty()) return kOpen;
  const bool strict = Holds(up_, Protocol::kFtp) || (client_contradicts_ && !ProvesMail(down_));
  const bool refused = strict ? KnowsNoSuchCommand(answer) : Refuses(answer);
  const bool unknown = FitsNoMail(client_) && !client_contradicts_ && !server_contradicts_ &&
                       !Holds(up_, Protocol::kFtp);
  const bool taken = context_.port_service.has_value() && !context_.port_learnt &&
                     Down(*context_.port_service) != Strength::kNone && ServerGreets() &&
                     Accepts(answer, *context_.port_service);
  return refused || (unknown && taken) ? Forgotten() : kNotMail;
}

// The text behind a greeting's code is free (RFC 5321, 4.2), and foreign words may go before a
// greeting on its port: what the client says first will tell.
Recognition Judgement::OfForeignServer() const {
  if (settled_) return kNotMail;
  const bool greets = Down(Service::kSmtp) != Strength::kNone;
  if (client_.text.empty()) {
    return greets || context_.port_service.has_value() ? kOpen : kNotMail;
  }
  if (!greets) return kNotMail;
  const bool shared = Up(Service::kSmtp) != Strength::kNone && !Holds(up_, Protocol::kFtp);
  if (!shared || client_contradicts_) return OfMistakenClient();
  return ExchangeIn(server_.text).answer.empty() ? kOpen : Forgotten();
}

// It greets as something else, and its client speaks SMTP: one of them is mistaken, and the
// answers tell which. To some commands FTP's servers say other things than SMTP's do.
Recognition Judgement::OfMisnamedServer() const {
  // LMTP differs from SMTP in the client's first line, which is missing.
  if (Holds(down_, Protocol::kLmtp) && !client_.speech.from_start) return kNotMail;
  const absl::string_view answer = ExchangeIn(server_.text).answer;
  const bool ended = server_.speech.ended || context_.finished;
  if (answer.empty() ? ended : Accepts(answer, Service::kSmtp)) {
    return Yes(Service::kSmtp, Evidence::kBanner);
  }
  if (answer.empty()) return kOpen;
  return ended || !IsOfManyServers(answer) ? kNotMail : Forgotten();
}

// An odd port needs both sides; one whose first words fit nothing settles it, unless the other
// has proved to be mail's: garbage may go before what it has to say.
Recognition Judgement::OnOddPort() const {
  if (settled_) return kNotMail;
  Recognition open = kOpen;
  open.client_stale = FitsNoMail(client_);
  open.server_stale = FitsNoMail(server_);
  if (open.client_stale != open.server_stale && ProvesMail(open.client_stale ? down_ : up_)) {
    return open;
  }
  // Met under way the next exchange may prove what this one doesn't. IMAP's answers take lines.
  if (!client_.speech.from_start && !server_.speech.from_start &&
      Up(Service::kSmtp) != Strength::kNone && Down(Service::kSmtp) != Strength::kNone) {
    return kStale;
  }
  const bool opened = client_.begun() && server_.begun();
  if (opened && open.client_stale && !open.server_stale) return OfMistakenClient();
  // In no service would the one say this and the other that.
  if (opened && !ShareService(up_, down_)) {
    return ServerGreets() ? OfMistakenClient() : kNotMail;
  }
  if ((open.client_stale && client_.speech.from_start) ||
      (open.server_stale && server_.speech.from_start)) {
    return kNotMail;
  }
  return open;
}

Recognition Judgement::OnPortOf(Service service) const {
  // Garbage may go before a greeting, or be one: what the server answers will tell, unless so
  // much was said that a greeting behind it can't be seen.
  if (server_.begun() && FitsNoMail(server_)) {
    const bool told = Up(service) == Strength::kProof || Up(service) == Strength::kPair;
    if (server_.speech.cut && told) return Yes(service, Evidence::kCommand);
    return settled_ ? kNotMail : kOpen;
  }
  if (Up(service) == Strength::kProof) return Yes(service, Evidence::kCommand);
  if (Down(service) != Strength::kNone) return OfGreeting(service);
  if (context_.port_learnt) {
    if (const auto other = OtherThanLearnt(); other.has_value()) return *other;
  }
  // Another mail service may stand behind this one's port.
  if (server_.begun()) return OnOddPort();
  if (Up(service) != Strength::kNone) {
    // SMTP's servers say nothing but replies. Where QUIT or HELP is all, others know it, too.
    const bool strange = service == Service::kSmtp && Up(service) == Strength::kHint &&
                         IsOneLine(client_.text) && !server_.text.empty() &&
                         IsText(server_.text);
    if (strange) return settled_ ? kNotMail : kOpen;
    return settled_ || client_.speech.ended ? Yes(service, Evidence::kCommand) : kOpen;
  }
  // Nothing that is known. A client that starts with garbage proves nothing: its server may yet
  // greet it.
  if (client_.begun()) return settled_ ? kNotMail : kOpen;
  // Line ends alone are nobody's dialogue; a scanner sends them.
  const auto blank = [](const Opening& side) {
    return side.text.empty() && !side.speech.cut &&
           (side.speech.text.empty() || side.speech.from_start);
  };
  const bool said_blanks = !client_.speech.text.empty() || !server_.speech.text.empty();
  if (context_.finished && said_blanks && blank(client_) && blank(server_)) return kTooLittle;
  // Met under way, text may be a message's, and the port is all there is.
  if (!settled_ && !client_.speech.ended && !server_.speech.ended) return kOpen;
  if (client_.text.empty() && server_.text.empty()) return kOpen;
  if (!IsText(client_.text) || !IsText(server_.text)) return kNotMail;
  return Yes(service, Evidence::kPort);
}

// A server that has served one kind of mail may serve another: a proxy does, where the mirror
// lacks what its clients ask for. Words that prove it count, other than those of IMAP's clients
// that prose has too.
std::optional<Recognition> Judgement::OtherThanLearnt() const {
  if (const auto service = ProvenService(down_); service.has_value()) {
    return Yes(*service, Evidence::kBanner);
  }
  const auto service = ProvenService(up_);
  if (!service.has_value() || service == Service::kImap) return std::nullopt;
  return Yes(*service, Evidence::kCommand);
}

// A server's words that fit its port. A greeting that nobody answers is no session yet; where
// the client's side is not captured, it is all there will be.
Recognition Judgement::OfGreeting(Service service) const {
  const bool silent = client_.speech.text.empty() && !client_.speech.cut;
  // A client that waits for news only listens (RFC 9051, 6.3.13).
  const bool idles = service == Service::kImap && Down(service) == Strength::kProof &&
                     !server_.speech.from_start && !client_.speech.from_start;
  if (context_.client_seen && silent && !idles) {
    if (!context_.finished) return kOpen;
    if (!context_.client_spoke) return kTooLittle;
    // All that it said was refused and forgotten.
    const bool was_mail = Down(service) == Strength::kProof && !context_.client_foreign;
    if (client_.speech.from_start && !was_mail) return kNotMail;
  }
  const bool half_a_line = client_.text.empty() && !silent && !client_.speech.cut;
  if (half_a_line && !settled_) return kOpen;
  if (Down(service) == Strength::kProof) return Yes(service, Evidence::kBanner);
  // The client's answer may yet say that this is another protocol.
  if (!client_.text.empty() && Holds(up_, Protocol::kFtp) && service == Service::kSmtp) {
    if (Up(service) == Strength::kNone) return ServerGreets() ? OfMistakenClient() : kNotMail;
    // Both log in by Kerberos with the same words, but FTP's next ones are its own.
    if (!settled_ && IsOneLine(client_.text)) return kOpen;
  }
  if (redis_ && service == Service::kPop3) return kNotMail;
  // Any number may be a tag: "502 no permission" is NNTP's, and "250 OK" SMTP's.
  if (service == Service::kImap && Up(service) == Strength::kNone) {
    if (client_.begun()) return OnOddPort();
    if (!settled_ && !client_.text.empty() && HasOthersTag(server_.text)) return kStale;
  }
  // Of two whose start is seen the client has to fit, or its server not to know what it wants.
  if (client_.begun() && server_.begun() && Up(service) == Strength::kNone) {
    if (!client_.speech.cut) return OfMistakenClient();
    if (!IsText(client_.text)) return kNotMail;
  }
  return !client_.text.empty() || settled_ ? Yes(service, Evidence::kBanner) : kOpen;
}

}  // namespace mailtap::classify

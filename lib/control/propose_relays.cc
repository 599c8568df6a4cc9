// Relay entries out of the servers of unapproved mail that many hosts use steadily.
#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "lib/base/bytes.h"
#include "lib/control/median.h"
#include "lib/control/proposal_parts.h"

namespace mailtap::control {
namespace {

using config::MailFlow;

constexpr std::size_t kLeastClients = 3;
constexpr uint64_t kLeastSessions = 10;
constexpr int64_t kShareOfHours = 10;  // in at least one of so many hours
constexpr double kLargestShare = 0.5;  // of the sent bytes, by one client
constexpr std::size_t kMostSources = 64;
constexpr std::size_t kMostNotes = 20;
constexpr int kDaysValid = 90;

struct ServerKey {
  net::IpAddress server;
  std::string encap;
  uint16_t port;
  Service service;
  MailFlow flow;
  friend auto operator<=>(const ServerKey&, const ServerKey&) = default;
};

// What was seen of a server on one port.
struct Use {
  std::vector<double> hourly;  // bytes sent to it, of the hours in which it was used
  std::set<int64_t> days;
  int64_t first_hour = 0, last_hour = 0;
  uint64_t sessions = 0;
  uint64_t up = 0, down = 0;                   // bytes from and to its clients
  std::map<net::IpAddress, uint64_t> clients;  // with the bytes that each sent
  bool more_clients = false;
  std::string name;
  bool observed = false;  // the name is a resolver's answer
};

using Uses = std::map<ServerKey, Use>;

Uses UsesOf(const std::vector<Hour>& hours) {
  Uses uses;
  for (const Hour& hour : hours) {
    for (const HourServer& row : hour.servers) {
      const MailFlow flow = row.verdict == config::Verdict::kUnapprovedInternal
                                ? MailFlow::kInternal
                            : row.internal ? MailFlow::kInbound
                                           : MailFlow::kOutbound;
      Use& use = uses[{row.server, row.encap, row.port, row.service, flow}];
      if (use.hourly.empty()) use.first_hour = hour.hour;
      use.last_hour = hour.hour;
      use.hourly.push_back(static_cast<double>(row.bytes[kUp]));
      use.days.insert(hour.hour / 24);
      use.sessions += row.sessions;
      use.up += row.bytes[kUp];
      use.down += row.bytes[kDown];
      for (std::size_t i = 0; i < row.clients.size(); ++i) {
        use.clients[row.clients[i]] += i < row.client_sent.size() ? row.client_sent[i] : 0;
      }
      use.more_clients |= row.more_clients;
      const std::string name = PlainHostName(row.name);
      if (!name.empty() && (row.name_observed || !use.observed)) {
        use.name = name;
        use.observed = row.name_observed;
      }
    }
  }
  return uses;
}

std::string Part(uint64_t part, uint64_t whole) {
  return Percent(static_cast<double>(part), static_cast<double>(whole));
}

std::string Label(const ServerKey& key, const Use& use) {
  return absl::StrCat(net::ToString(key.server), " port ", key.port, " (", Name(key.service),
                      use.name.empty() ? "" : ", ", use.name, ")");
}

// " for mail from outside", where the server is looked at for other mail too.
absl::string_view Whose(const Uses& uses, ServerKey key) {
  static constexpr absl::string_view kTexts[] = {
      " for mail to the outside", " for mail from outside", " for mail between internal hosts"};
  const auto own = static_cast<int>(key.flow);
  int flows = 0;
  for (const MailFlow flow : {MailFlow::kOutbound, MailFlow::kInbound, MailFlow::kInternal}) {
    key.flow = flow;
    flows += uses.contains(key) ? 1 : 0;
  }
  return flows > 1 ? kTexts[own] : "";
}

// The client that sent most.
const std::pair<const net::IpAddress, uint64_t>& Largest(const Use& use) {
  return *std::max_element(use.clients.begin(), use.clients.end(),
                           [](const auto& a, const auto& b) { return a.second < b.second; });
}

std::size_t Unsuspected(const Learnt& learnt, const Use& use) {
  return static_cast<std::size_t>(std::count_if(
      use.clients.begin(), use.clients.end(),
      [&](const auto& client) { return !learnt.input.suspects.contains(client.first); }));
}

// Why a server is none to approve: what AN0382 hunts comes first. Nothing where it may be one.
std::optional<std::string> WhyNot(const Learnt& learnt, const ServerKey& key, const Use& use) {
  if (use.clients.empty()) return "its clients are not known";
  const auto& [largest, most_sent] = Largest(use);
  if (learnt.input.suspect_servers.contains({key.server, key.port})) {
    return "it is among the peers of an alert";
  }
  if (learnt.input.suspects.contains(key.server)) return "it has alerts itself";
  if (use.clients.size() == 1 && !use.more_clients) {
    return absl::StrCat("one host alone used it, ", net::ToString(largest), ", and sent ",
                        FormatBytes(most_sent), ": that is what the rules hunt");
  }
  if (!key.encap.empty()) {
    return absl::StrCat("it is in the address space ", key.encap,
                        ", of which a relay entry can't tell");
  }
  const std::size_t clients = Unsuspected(learnt, use);
  if (clients < kLeastClients) {
    return absl::StrCat("only ", Counted(clients, "host"),
                        " without alerts used it, and it takes ", kLeastClients);
  }
  const auto hours = static_cast<int64_t>(use.hourly.size());
  if (hours < kLeastHours || hours * kShareOfHours < learnt.hours) {
    return absl::StrCat("it was used in ", hours, " of ", Counted(learnt.hours, "hour"),
                        " only");
  }
  if (use.sessions < kLeastSessions) {
    return absl::StrCat("it had ", Counted(use.sessions, "session"), " only");
  }
  if (most_sent == 0) return "who sent how much to it is not known";
  if (static_cast<double>(most_sent) > kLargestShare * static_cast<double>(use.up)) {
    return absl::StrCat(net::ToString(largest), " alone sent ", Part(most_sent, use.up),
                        " of the ", FormatBytes(use.up), " sent to it");
  }
  if (key.flow == MailFlow::kInbound && (key.service != Service::kSmtp || use.down > use.up)) {
    return "external hosts draw data from it";
  }
  return std::nullopt;
}

// Where its clients are not all known, or too many to list, their networks stand for them: but
// for those in which a host has alerts.
std::set<net::Prefix> SourcesOf(const Learnt& learnt, const Use& use) {
  const bool widen = use.more_clients || Unsuspected(learnt, use) > kMostSources;
  std::set<net::Prefix> sources;
  for (const auto& [client, sent] : use.clients) {
    if (learnt.input.suspects.contains(client)) continue;
    const net::Prefix network = NetworkOf(client);
    sources.insert(widen && !HoldsSuspect(learnt, network) ? network : HostPrefix(client));
  }
  return sources;
}

// What an entry is made of: servers of one name and service.
struct Candidate {
  std::vector<std::pair<ServerKey, const Use*>> servers;
};

void AddEvidence(const Learnt& learnt, const ServerKey& key, const Use& use,
                 std::vector<std::string>& evidence) {
  const auto hours = static_cast<int64_t>(use.hourly.size());
  const Spread spread = SpreadOf(use.hourly);
  const auto& [largest, most_sent] = Largest(use);
  evidence.push_back(Label(key, use));
  if (!use.name.empty()) {
    evidence.push_back(use.observed ? "  a configured resolver answered that name for it"
                                    : "  that name is its own claim and proves nothing");
  }
  evidence.push_back(absl::StrCat(
      "  ", use.more_clients ? "more than " : "", Counted(use.clients.size(), "client"), " in ",
      Counted(use.sessions, "session"), " sent ", FormatBytes(use.up), " and received ",
      FormatBytes(use.down)));
  evidence.push_back(
      absl::StrCat("  in ", hours, " of ", Counted(learnt.hours, "hour"), " on ",
                   Counted(use.days.size(), "day"), ", first ", HourText(use.first_hour),
                   ", last ", HourText(use.last_hour), "; sent in such an hour: median ",
                   FormatBytes(static_cast<uint64_t>(spread.median)), ", deviation ",
                   FormatBytes(static_cast<uint64_t>(spread.deviation))));
  evidence.push_back(absl::StrCat("  most was sent by ", net::ToString(largest), ": ",
                                  Part(most_sent, use.up), " of it"));
  if (use.more_clients && key.flow != MailFlow::kInbound) {
    evidence.push_back(absl::StrCat(
        "  an hour tells ", HourServer::kMostClients,
        " clients apart: their networks stand for the others, but where a host has alerts"));
  }
  for (const auto& [client, sent] : use.clients) {
    if (!learnt.input.suspects.contains(client)) continue;
    evidence.push_back(
        absl::StrCat("  not among its sources: ", net::ToString(client), ", which has alerts"));
  }
}

HourTotals UnapprovedOf(const std::vector<Hour>& hours) {
  HourTotals sum;
  for (const Hour& hour : hours) {
    if (hour.cut_down) continue;
    for (const auto& service : hour.totals) {
      for (const auto verdict :
           {config::Verdict::kUnapprovedExternal, config::Verdict::kUnapprovedInternal}) {
        sum.sessions += service[static_cast<int>(verdict)].sessions;
        sum.bytes[kUp] += service[static_cast<int>(verdict)].bytes[kUp];
      }
    }
  }
  return sum;
}

// What the entry would have approved. It is at most that where a client is left out, of which
// the sessions are not known, or may be, as not all are known.
std::string GainOf(const Learnt& learnt, const Candidate& candidate,
                   const HourTotals& unapproved) {
  uint64_t sessions = 0, up = 0;
  bool exact = true;
  for (const auto& [key, use] : candidate.servers) {
    sessions += use->sessions;
    up += use->up;
    if (key.flow == MailFlow::kInbound) continue;
    exact = exact && !use->more_clients;
    for (const auto& [client, sent] : use->clients) {
      if (!learnt.input.suspects.contains(client)) continue;
      up -= sent;
      exact = false;
    }
  }
  return absl::StrCat("It would have approved ", exact ? "" : "at most ",
                      Part(sessions, unapproved.sessions), " of the unapproved sessions and ",
                      Part(up, unapproved.bytes[kUp]),
                      " of what their clients sent. No alert names it.");
}

config::Relay EntryOf(const Learnt& learnt, const Candidate& candidate, int64_t end_tick) {
  const auto& [first, first_use] = candidate.servers.front();
  config::Relay relay;
  std::set<net::Prefix> destinations, sources;
  std::set<uint16_t> ports;
  for (const auto& [key, use] : candidate.servers) {
    destinations.insert(HostPrefix(key.server));
    ports.insert(key.port);
    sources.merge(SourcesOf(learnt, *use));
  }
  relay.destinations.assign(destinations.begin(), destinations.end());
  relay.ports.assign(ports.begin(), ports.end());
  // Who may send in from outside is everybody.
  if (first.flow != MailFlow::kInbound) relay.sources.assign(sources.begin(), sources.end());
  relay.services = {first.service};
  relay.direction = first.flow;
  relay.owner = "TODO: who answers for it";
  const int64_t days = learnt.seconds / 86'400;
  relay.reason = absl::StrCat("proposed from the traffic of ",
                              days > 1 ? Counted(static_cast<uint64_t>(days), "day")
                                       : Counted(static_cast<uint64_t>(learnt.hours), "hour"),
                              "; review");
  absl::TimeZone zone;
  absl::LoadTimeZone(learnt.input.config.sensor.timezone, &zone);
  const absl::CivilDay last =
      absl::ToCivilDay(absl::FromUnixSeconds(end_tick), zone) + kDaysValid;
  relay.expires = config::Date{static_cast<int>(last.year()), last.month(), last.day()};
  relay.ends = config::EndOfDay(*relay.expires, learnt.input.config.sensor.timezone);
  return relay;
}

}  // namespace

void ProposeRelays(const Learnt& learnt, Proposals& proposals) {
  const Uses uses = UsesOf(learnt.input.hours);
  std::vector<std::pair<uint64_t, std::string>> left_out;
  // Servers under one observed name are one relay; a claimed name joins nothing.
  std::map<std::tuple<std::string, Service, MailFlow>, Candidate> candidates;
  for (const auto& [key, use] : uses) {
    if (const auto why = WhyNot(learnt, key, use)) {
      left_out.emplace_back(
          use.up, absl::StrCat(Label(key, use), " is left out", Whose(uses, key), ": ", *why));
      continue;
    }
    const std::string label = use.observed ? use.name : net::ToString(key.server);
    candidates[{label, key.service, key.flow}].servers.emplace_back(key, &use);
  }
  std::set<std::string> taken;
  for (const config::Relay& relay : learnt.input.config.relays) taken.insert(relay.name);
  const HourTotals unapproved = UnapprovedOf(learnt.input.hours);
  for (const auto& [label, candidate] : candidates) {
    auto& proposal = proposals.relays.emplace_back();
    proposal.entry = EntryOf(learnt, candidate, proposals.end_tick);
    proposal.entry.name = UniqueName(
        absl::StrCat("proposed: ", std::get<0>(label), " ", Name(std::get<1>(label))), taken);
    for (const auto& [key, use] : candidate.servers) {
      AddEvidence(learnt, key, *use, proposal.evidence);
    }
    proposal.evidence.push_back(GainOf(learnt, candidate, unapproved));
  }
  std::stable_sort(left_out.begin(), left_out.end(),
                   [](const auto& a, const auto& b) { return a.first > b.first; });
  for (auto& [sent, note] : left_out) proposals.relay_notes.push_back(std::move(note));
  CutNotes(kMostNotes, proposals.relay_notes);
  if (uses.empty()) {
    proposals.relay_notes.emplace_back(
        "no unapproved mail was seen, so that no entry is missing");
  }
}

}  // namespace mailtap::control

// Groups of hosts that act alike.
#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "lib/control/prefix_map.h"
#include "lib/control/proposal_parts.h"

namespace mailtap::control {
namespace {

constexpr uint32_t kServedClients = 5;   // of a mail server, in an hour
constexpr uint32_t kGatewayPeers = 8;    // external ones of a gateway, in an hour
constexpr uint64_t kLeastSessions = 10;  // in all
constexpr std::size_t kLeastInNetwork = 4;
constexpr std::size_t kMostMembers = 256;
constexpr std::size_t kMostShown = 10;

enum class Kind : uint8_t { kGateway, kServer, kClient };
constexpr std::array<absl::string_view, 3> kKindNames = {"mail gateways", "mail servers",
                                                         "mailbox clients"};
constexpr std::array<absl::string_view, 3> kKindHabits = {
    "Hosts that send by SMTP to many external servers, steadily, as gateways, bulk senders and "
    "spam bots do (name only those that you know)",
    "Hosts that answer SMTP, IMAP or POP3 of many clients",
    "Hosts that read mailboxes and neither serve mail nor send to many servers"};

// Of one habit: hours in which it showed, sessions, and the most peers in one of them.
struct Habit {
  int64_t last = -1;
  int64_t hours = 0;
  uint64_t sessions = 0;
  uint32_t peers = 0;
  bool more_peers = false;

  void Add(int64_t hour, const HourAct& act) {
    if (last != hour) ++hours;
    last = hour;
    sessions += act.sessions;
    peers = std::max(peers, act.peers);
    more_peers |= act.more_peers;
  }
};
using Habits = std::array<Habit, kKindNames.size()>;

std::map<net::IpAddress, Habits> HabitsOf(const std::vector<Hour>& hours) {
  std::map<net::IpAddress, Habits> hosts;
  for (const Hour& hour : hours) {
    for (const HourAct& act : hour.acts) {
      Habits& habits = hosts[act.host];
      const auto add = [&](Kind kind) { habits[static_cast<int>(kind)].Add(hour.hour, act); };
      const bool client = act.role == Role::kClient;
      const bool smtp = act.service == Service::kSmtp;
      if (!client && act.peers >= kServedClients) add(Kind::kServer);
      if (client && smtp && act.external && act.peers >= kGatewayPeers) add(Kind::kGateway);
      if (client && !smtp) add(Kind::kClient);
    }
  }
  return hosts;
}

// The first kind of which the host had the habit for long enough, or none; `thin`: for too
// short.
int KindOf(const Habits& habits, int64_t hours, bool& thin) {
  thin = false;
  for (int kind = 0; kind < static_cast<int>(habits.size()); ++kind) {
    const Habit& habit = habits[kind];
    if (habit.hours == 0) continue;
    // What only some hours show is a campaign or a spam run, not a gateway.
    const bool steady = kind != static_cast<int>(Kind::kGateway) || habit.hours * 4 >= hours;
    if (habit.hours >= kLeastHours && habit.sessions >= kLeastSessions && steady) return kind;
    thin = true;
  }
  return -1;
}

struct Members {
  std::map<net::IpAddress, Habit> hosts;
  std::vector<net::IpAddress> suspects;  // would belong to them
};

// The networks in which nearly all hosts that mail are of the kind, and none has alerts.
std::set<net::Prefix> NetworksOf(const Learnt& learnt, const Members& members,
                                 const std::map<net::IpAddress, Habits>& all) {
  std::map<net::Prefix, std::pair<std::size_t, std::size_t>> counts;  // of the kind, all
  for (const auto& [host, habits] : all) ++counts[NetworkOf(host)].second;
  for (const auto& [host, habit] : members.hosts) ++counts[NetworkOf(host)].first;
  std::set<net::Prefix> networks;
  for (const auto& [network, count] : counts) {
    const auto& internal = learnt.input.config.networks.internal;
    const auto holds = [&inner = network](const net::Prefix& outer) {
      return outer.length <= inner.length && outer.Contains(inner.address);
    };
    const bool ours = std::any_of(internal.begin(), internal.end(), holds);
    if (HoldsSuspect(learnt, network)) continue;
    // Four of five.
    if (ours && count.first >= kLeastInNetwork && count.first * 5 >= count.second * 4) {
      networks.insert(network);
    }
  }
  return networks;
}

std::string HostLine(const Learnt& learnt, const net::IpAddress& host, const Habit& habit) {
  const config::Asset* asset = learnt.policy.AssetOf(host);
  return absl::StrCat("  ", net::ToString(host), asset == nullptr ? "" : ", ",
                      asset == nullptr ? "" : asset->name, ": in ", habit.hours, " of ",
                      Counted(learnt.hours, "hour"), ", ", Counted(habit.sessions, "session"),
                      ", with up to ", Counted(habit.peers, "peer"),
                      habit.more_peers ? " and more" : "", " in an hour");
}

void AddGroup(const Learnt& learnt, Kind kind, const Members& members,
              const std::map<net::IpAddress, Habits>& all, std::set<std::string>& taken,
              Proposals& proposals) {
  auto& proposal = proposals.groups.emplace_back();
  config::Group& group = proposal.entry;
  std::vector<std::string>& evidence = proposal.evidence;
  group.name = UniqueName(kKindNames[static_cast<int>(kind)], taken);
  evidence.push_back(
      absl::StrCat(kKindHabits[static_cast<int>(kind)], ": ", members.hosts.size()));
  // A gateway may do what others may not: never a whole network.
  std::set<net::Prefix> networks;
  if (kind != Kind::kGateway) networks = NetworksOf(learnt, members, all);
  std::set<net::Prefix> all_members = networks;
  for (const auto& [host, habit] : members.hosts) {
    if (!networks.contains(NetworkOf(host))) all_members.insert(HostPrefix(host));
  }
  for (const net::Prefix& network : networks) {
    std::size_t of_kind = 0, in_all = 0;
    for (const auto& [host, habits] : all) {
      if (!network.Contains(host)) continue;
      ++in_all;
      of_kind += members.hosts.contains(host);
    }
    evidence.push_back(absl::StrCat("  ", net::ToString(network), ": ", of_kind, " of the ",
                                    in_all, " hosts there that mail"));
  }
  std::size_t shown = 0;
  for (const auto& [host, habit] : members.hosts) {
    if (++shown > kMostShown) break;
    evidence.push_back(HostLine(learnt, host, habit));
  }
  if (members.hosts.size() > kMostShown) {
    evidence.push_back(absl::StrCat("  and ", members.hosts.size() - kMostShown, " more"));
  }
  for (const net::Prefix& member : all_members) {
    if (group.members.size() == kMostMembers) {
      evidence.push_back(absl::StrCat("Of ", all_members.size(), " members the first ",
                                      kMostMembers, ": give networks in place of hosts."));
      break;
    }
    group.members.push_back(member);
  }
  evidence.emplace_back("A group approves nothing and changes no verdict: rules may name it.");
}

void AddShared(const Learnt& learnt, std::set<std::string>& taken, Proposals& proposals) {
  std::size_t rows = 0;
  for (const config::Asset& asset : learnt.input.config.assets.rows) rows += asset.shared();
  const auto names_tag = [](const config::Group& group) {
    return std::find(group.tags.begin(), group.tags.end(), config::Asset::kShared) !=
           group.tags.end();
  };
  const auto& groups = learnt.input.config.groups;
  if (rows == 0 || std::any_of(groups.begin(), groups.end(), names_tag)) return;
  auto& proposal = proposals.groups.emplace_back();
  proposal.entry.name = UniqueName("shared addresses", taken);
  proposal.entry.tags = {std::string(config::Asset::kShared)};
  proposal.evidence.push_back(absl::StrCat(
      "The inventory tags ", Counted(rows, "row"), " with \"", config::Asset::kShared,
      "\": several clients stand behind each such address, "
      "so that what is much for one host is not for it."));
}

}  // namespace

void ProposeGroups(const Learnt& learnt, Proposals& proposals) {
  std::set<std::string> taken;
  for (const config::Group& group : learnt.input.config.groups) taken.insert(group.name);
  const auto all = HabitsOf(learnt.input.hours);
  std::array<Members, kKindNames.size()> kinds;
  std::size_t thin = 0, grouped = 0;
  for (const auto& [host, habits] : all) {
    bool is_thin = false;
    const int kind = KindOf(habits, learnt.hours, is_thin);
    thin += kind < 0 && is_thin;
    if (kind < 0) continue;
    if (!learnt.policy.GroupsOf(host).empty()) {
      ++grouped;
    } else if (learnt.input.suspects.contains(host)) {
      kinds[kind].suspects.push_back(host);
    } else {
      kinds[kind].hosts.emplace(host, habits[kind]);
    }
  }
  uint64_t untold = 0;
  for (const Hour& hour : learnt.input.hours) untold += hour.cut_down ? 0 : hour.more_acts;
  for (int kind = 0; kind < static_cast<int>(kinds.size()); ++kind) {
    if (!kinds[kind].hosts.empty()) {
      AddGroup(learnt, static_cast<Kind>(kind), kinds[kind], all, taken, proposals);
    }
    for (const net::IpAddress& host : kinds[kind].suspects) {
      proposals.group_notes.push_back(absl::StrCat(net::ToString(host), " acts like ",
                                                   kKindNames[kind],
                                                   " and is left out: it has alerts"));
    }
  }
  AddShared(learnt, taken, proposals);
  CutNotes(20, proposals.group_notes);
  const auto note = [&](uint64_t count, absl::string_view why) {
    if (count > 0) {
      proposals.group_notes.push_back(absl::StrCat(Counted(count, "host"), " ", why));
    }
  };
  note(grouped, "with such habits are in groups already");
  note(thin, "showed such a habit in too few hours or sessions to call it one");
  if (untold > 0) {
    proposals.group_notes.push_back(absl::StrCat(
        "there were more hosts than an hour keeps: ", untold, " rows of them were left out"));
  }
  if (all.empty()) proposals.group_notes.emplace_back("no host's habits were kept");
}

}  // namespace mailtap::control

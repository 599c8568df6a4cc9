// The hosts and servers of unapproved mail over a period's hours.
#include <algorithm>
#include <iterator>
#include <map>
#include <tuple>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "lib/export/period_parts.h"

namespace mailtap::exporting {

using control::HourServer;

namespace {

constexpr std::size_t kMostServersOfHost = 5;

using ServerKey = std::tuple<net::IpAddress, std::string, uint16_t, Service, config::Verdict>;
using Servers = std::map<ServerKey, PeriodCandidate>;

Servers ServersOf(const std::vector<control::Hour>& hours) {
  Servers servers;
  for (const control::Hour& hour : hours) {
    for (const HourServer& row : hour.servers) {
      PeriodCandidate& sum =
          servers[{row.server, row.encap, row.port, row.service, row.verdict}];
      ++sum.hours;
      const std::vector<net::IpAddress> before = std::exchange(sum.server.clients, {});
      const HourServer earlier = std::exchange(sum.server, row);
      sum.server.sessions += earlier.sessions;
      for (int d = 0; d < kDirectionCount; ++d) sum.server.bytes[d] += earlier.bytes[d];
      sum.server.more_clients |= earlier.more_clients;
      if (sum.server.name.empty()) {
        sum.server.name = earlier.name;
        sum.server.name_observed = earlier.name_observed;
      }
      sum.server.clients.clear();
      sum.server.client_sent.clear();  // see AddUses()
      std::set_union(before.begin(), before.end(), row.clients.begin(), row.clients.end(),
                     std::back_inserter(sum.server.clients));
    }
  }
  return servers;
}

uint64_t BytesOf(const HourServer& server) { return server.bytes[kUp] + server.bytes[kDown]; }

// As `host` sees it, which may be the server.
std::string Label(const HourServer& server, const net::IpAddress& host) {
  const std::string who = server.server == host ? "itself," : net::ToString(server.server);
  return absl::StrCat(who, " port ", server.port, " (", Name(server.service),
                      server.name.empty() ? "" : ", ", server.name, ")");
}

using HostKey = std::pair<net::IpAddress, std::string>;

// What a host had to do with servers.
struct Use {
  absl::flat_hash_map<const Servers::value_type*, uint64_t> sent;  // bytes, by the host
  bool untold = false;  // an hour doesn't say what the host sent
};

// Adds to those that are there already, and to no others.
void AddUses(const std::vector<control::Hour>& hours, const Servers& servers,
             absl::flat_hash_map<HostKey, Use>& uses) {
  for (const control::Hour& hour : hours) {
    for (const HourServer& row : hour.servers) {
      const auto server =
          servers.find({row.server, row.encap, row.port, row.service, row.verdict});
      HostKey key{{}, row.encap};
      for (std::size_t i = 0; i < row.clients.size(); ++i) {
        key.first = row.clients[i];
        const auto use = uses.find(key);
        if (use == uses.end()) continue;
        const bool told = i < row.client_sent.size();
        use->second.sent[&*server] += told ? row.client_sent[i] : 0;
        use->second.untold |= !told;
      }
      if (!row.internal) continue;
      key.first = row.server;
      const auto use = uses.find(key);
      if (use != uses.end()) use->second.sent[&*server] += row.bytes[kDown];
    }
  }
}

// A server of a host, whatever the verdicts on its mail were.
struct UsedServer {
  const HourServer* server;
  uint64_t sent;   // bytes, by the host
  uint64_t bytes;  // of all its clients
};

// The one that the host sent most to first: others may have sent more to others.
std::vector<UsedServer> UsedOf(const Use& use) {
  std::vector<std::pair<const Servers::value_type*, uint64_t>> rows(use.sent.begin(),
                                                                    use.sent.end());
  // Those that differ by their verdict alone stand together.
  std::sort(rows.begin(), rows.end(),
            [](const auto& a, const auto& b) { return a.first->first < b.first->first; });
  const auto same = [](const HourServer& a, const HourServer& b) {
    return std::tie(a.server, a.port, a.service) == std::tie(b.server, b.port, b.service);
  };
  std::vector<UsedServer> used;
  for (const auto& [entry, sent] : rows) {
    const HourServer& server = entry->second.server;
    if (used.empty() || !same(*used.back().server, server)) {
      used.push_back({&server, sent, BytesOf(server)});
      continue;
    }
    used.back().sent += sent;
    used.back().bytes += BytesOf(server);
    if (used.back().server->name.empty()) used.back().server = &server;
  }
  std::stable_sort(used.begin(), used.end(), [](const UsedServer& a, const UsedServer& b) {
    return std::tie(a.sent, a.bytes) > std::tie(b.sent, b.bytes);
  });
  return used;
}

void AddServers(const net::IpAddress& address, const Use& use, PeriodHost& host) {
  const std::vector<UsedServer> used = UsedOf(use);
  uint64_t told = 0;
  for (const UsedServer& row : used) {
    told += row.sent;
    if (host.servers.size() < kMostServersOfHost) {
      host.servers.push_back(Label(*row.server, address));
    }
  }
  host.more_servers = used.size() - host.servers.size();
  const uint64_t sent = host.counts.unapproved_sent;
  if (!use.untold && sent > told) host.sent_elsewhere = sent - told;
}

void AddHosts(const PeriodInput& input, const Servers& servers, Period& period) {
  std::map<HostKey, PeriodHost> hosts;
  absl::flat_hash_map<HostKey, Use> uses;
  for (const control::Hour& hour : input.hours) {
    period.more_hosts += hour.more_hosts;
    period.others += hour.others;
    for (const control::HourHost& row : hour.hosts) {
      PeriodHost& host = hosts[{row.host, row.encap}];
      host.asset = row.asset;
      host.owner = row.owner;
      ++host.hours;
      host.counts += row.counts;
      uses.try_emplace({row.host, row.encap});
    }
  }
  AddUses(input.hours, servers, uses);
  for (auto& [key, host] : hosts) {
    host.host = net::ToString(key.first);
    host.encap = key.second;
    AddServers(key.first, uses.at(key), host);
    for (const PeriodAlert& alert : period.alerts) {
      host.alerts += alert.host == host.host && alert.encap == host.encap;
    }
    period.hosts.push_back(std::move(host));
  }
  std::stable_sort(period.hosts.begin(), period.hosts.end(),
                   [](const PeriodHost& a, const PeriodHost& b) {
                     return a.counts.unapproved_sent > b.counts.unapproved_sent;
                   });
}

// Of one host in one hour it is a finding rather than a habit.
void AddCandidates(const PeriodInput& input, Servers& servers, const AlertPeers& peers,
                   Period& period) {
  for (const control::Hour& hour : input.hours) period.more_servers += hour.more_servers;
  for (auto& [key, sum] : servers) {
    if (sum.server.sessions == 0) continue;
    if (sum.server.clients.size() < 2 && !sum.server.more_clients && sum.hours < 2) continue;
    sum.in_alerts =
        peers.contains({net::ToString(sum.server.server), sum.server.encap, sum.server.port});
    period.candidates.push_back(std::move(sum));
  }
  const auto rank = [](const PeriodCandidate& c) {
    return std::tuple(c.server.clients.size(), c.hours, c.server.sessions);
  };
  std::stable_sort(
      period.candidates.begin(), period.candidates.end(),
      [&](const PeriodCandidate& a, const PeriodCandidate& b) { return rank(a) > rank(b); });
}

}  // namespace

void AddHostsAndServers(const PeriodInput& input, const AlertPeers& peers, Period& period) {
  Servers servers = ServersOf(input.hours);
  AddHosts(input, servers, period);
  AddCandidates(input, servers, peers, period);
}

}  // namespace mailtap::exporting

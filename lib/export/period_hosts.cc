// The hosts and servers of unapproved mail over a period's hours.
#include <algorithm>
#include <iterator>
#include <map>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "lib/export/period_parts.h"

namespace mailtap::exporting {

using control::HourServer;

namespace {

constexpr std::size_t kMostServersOfHost = 5;

using ServerKey = std::tuple<net::IpAddress, std::string, uint16_t, Service, config::Verdict>;

std::map<ServerKey, PeriodCandidate> ServersOf(const std::vector<control::Hour>& hours) {
  std::map<ServerKey, PeriodCandidate> servers;
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
      sum.server.client_sent.clear();  // nothing here asks who sent how much
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

// A server of a host, whatever the verdicts on its mail were.
struct UsedServer {
  const HourServer* server;
  uint64_t bytes;
};

// `rows` in the order of ServerKey and of one address space: those that differ by their verdict
// alone stand together. The largest first.
std::vector<UsedServer> UsedOf(const std::vector<const HourServer*>& rows) {
  const auto same = [](const HourServer& a, const HourServer& b) {
    return std::tie(a.server, a.port, a.service) == std::tie(b.server, b.port, b.service);
  };
  std::vector<UsedServer> used;
  for (const HourServer* row : rows) {
    if (used.empty() || !same(*used.back().server, *row)) {
      used.push_back({row, BytesOf(*row)});
      continue;
    }
    used.back().bytes += BytesOf(*row);
    if (used.back().server->name.empty()) used.back().server = row;
  }
  std::stable_sort(used.begin(), used.end(),
                   [](const UsedServer& a, const UsedServer& b) { return a.bytes > b.bytes; });
  return used;
}

void AddHosts(const PeriodInput& input, const std::map<ServerKey, PeriodCandidate>& servers,
              Period& period) {
  using Key = std::pair<net::IpAddress, std::string>;
  std::map<Key, PeriodHost> hosts;
  for (const control::Hour& hour : input.hours) {
    period.more_hosts += hour.more_hosts;
    period.others += hour.others;
    for (const control::HourHost& row : hour.hosts) {
      PeriodHost& host = hosts[{row.host, row.encap}];
      host.asset = row.asset;
      host.owner = row.owner;
      ++host.hours;
      host.counts += row.counts;
    }
  }
  std::map<Key, std::vector<const HourServer*>> used;
  for (const auto& [key, sum] : servers) {
    const HourServer& server = sum.server;
    for (const net::IpAddress& client : server.clients) {
      used[{client, server.encap}].push_back(&server);
    }
    if (server.internal) used[{server.server, server.encap}].push_back(&server);
  }
  for (auto& [key, host] : hosts) {
    host.host = net::ToString(key.first);
    host.encap = key.second;
    const std::vector<UsedServer> of = UsedOf(used[key]);
    for (const auto& [server, bytes] : of) {
      if (host.servers.size() == kMostServersOfHost) break;
      host.servers.push_back(Label(*server, key.first));
    }
    host.more_servers = of.size() - host.servers.size();
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
void AddCandidates(const PeriodInput& input, std::map<ServerKey, PeriodCandidate>& servers,
                   const AlertPeers& peers, Period& period) {
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
  std::map<ServerKey, PeriodCandidate> servers = ServersOf(input.hours);
  AddHosts(input, servers, period);
  AddCandidates(input, servers, peers, period);
}

}  // namespace mailtap::exporting

#include "lib/control/hour_summary.h"

#include <algorithm>
#include <tuple>
#include <utility>
#include <vector>

namespace mailtap::control {
namespace {

bool HasUnapproved(const HostCounts& c) {
  return (c.unapproved_sent | c.unapproved_received | c.unapproved_sessions) != 0;
}

void AddHosts(const State& state, Hour& hour) {
  std::vector<uint32_t> ids;
  state.hosts.ForEach([&](uint32_t id) {
    const Host& host = state.hosts.at(id);
    if (host.hour == hour.hour && HasUnapproved(host.in_hour)) ids.push_back(id);
  });
  std::sort(ids.begin(), ids.end(), [&](uint32_t a, uint32_t b) {
    const Host& x = state.hosts.at(a);
    const Host& y = state.hosts.at(b);
    return x.in_hour.unapproved_sent != y.in_hour.unapproved_sent
               ? x.in_hour.unapproved_sent > y.in_hour.unapproved_sent
               : x.key < y.key;
  });
  for (const uint32_t id : ids) {
    const Host& host = state.hosts.at(id);
    if (hour.hosts.size() == Hour::kMost) {
      ++hour.more_hosts;
      hour.others += host.in_hour;
      continue;
    }
    HourHost& row = hour.hosts.emplace_back();
    row.host = host.key.address;
    row.encap = net::ToString(state.encaps.Of(host.key.encap_tag));
    row.counts = host.in_hour;
    const std::vector<uint32_t>& groups = state.rules.Groups(host.group_set);
    if (!groups.empty()) row.asset = state.config->groups[groups.front()].name;
    if (const config::Asset* asset = state.policy.AssetOf(row.host)) {
      if (!asset->name.empty()) row.asset = asset->name;
      row.owner = asset->owner;
    }
  }
}

void AddClients(const HourBook& book, const HourBook::Server& server, HourServer& row) {
  std::vector<HourBook::Client> clients;
  for (const uint32_t client : server.clients) clients.push_back(book.clients()[client]);
  std::sort(clients.begin(), clients.end(),
            [](const auto& a, const auto& b) { return a.address < b.address; });
  for (const HourBook::Client& client : clients) {
    row.clients.push_back(client.address);
    row.client_sent.push_back(client.sent);
  }
}

void AddServers(const State& state, Hour& hour) {
  using Entry = HourBook::Server;
  std::vector<const Entry*> entries;
  for (const Entry& entry : state.hours.servers()) entries.push_back(&entry);
  std::sort(entries.begin(), entries.end(), [](const Entry* a, const Entry* b) {
    const auto rank = [](const Entry& e) {
      return std::tuple(e.clients.size(), e.sessions, e.bytes[kUp] + e.bytes[kDown]);
    };
    const auto key = [](const Entry& e) {
      return std::tuple(e.key.server, e.key.port, e.key.service, e.key.verdict);
    };
    return rank(*a) != rank(*b) ? rank(*a) > rank(*b) : key(*a) < key(*b);
  });
  hour.more_servers = state.hours.more_servers();
  if (entries.size() > Hour::kMost) hour.more_servers += entries.size() - Hour::kMost;
  for (std::size_t i = 0; i < std::min(Hour::kMost, entries.size()); ++i) {
    const Entry& server = *entries[i];
    const HourBook::ServerKey& key = server.key;
    HourServer& row = hour.servers.emplace_back();
    row.server = key.server.address;
    row.encap = net::ToString(state.encaps.Of(key.server.encap_tag));
    row.port = key.port;
    row.service = key.service;
    row.verdict = key.verdict;
    row.internal = server.internal;
    row.name = state.dns.NameOf(key.server);
    row.name_observed = !row.name.empty();
    if (!row.name_observed) row.name = state.names.ServerName(key.server);
    row.sessions = server.sessions;
    std::copy(std::begin(server.bytes), std::end(server.bytes), row.bytes);
    AddClients(state.hours, server, row);
    row.more_clients = server.more_clients;
  }
}

void AddActs(const State& state, Hour& hour) {
  using Entry = std::pair<const HourBook::ActKey, HourBook::Act>;
  std::vector<const Entry*> entries;
  for (const auto& entry : state.hours.acts()) entries.push_back(&entry);
  const auto before = [](const Entry* a, const Entry* b) {
    const auto rank = [](const Entry& e) {
      return std::tuple(e.second.peers.size(), e.second.more_peers, e.second.sessions);
    };
    const auto key = [](const Entry& e) {
      return std::tuple(e.first.host, e.first.role, e.first.service, e.first.external);
    };
    return rank(*a) != rank(*b) ? rank(*a) > rank(*b) : key(*a) < key(*b);
  };
  const std::size_t told = std::min(Hour::kMostActs, entries.size());
  std::partial_sort(entries.begin(), entries.begin() + static_cast<std::ptrdiff_t>(told),
                    entries.end(), before);
  hour.more_acts = state.hours.more_acts() + entries.size() - told;
  for (std::size_t i = 0; i < told; ++i) {
    const auto& [key, act] = *entries[i];
    hour.acts.push_back({key.host.address, net::ToString(state.encaps.Of(key.host.encap_tag)),
                         key.role, key.service, key.external, act.sessions, act.sent,
                         act.received, static_cast<uint32_t>(act.peers.size()),
                         act.more_peers});
  }
}

void AddPeaks(const State& state, Hour& hour) {
  constexpr std::size_t kMostInAll = 2'000, kLeast = 10;
  if (!state.windows.keeps_peaks()) return;
  std::vector<std::vector<uint32_t>> by_rule(state.rules.rules().size());
  state.ForEachLead([&](uint32_t id) {
    if (state.windows.PeakOf(id) > 0) by_rule[state.windows.at(id).rule].push_back(id);
  });
  const std::size_t rules = std::max<std::size_t>(1, state.config->rules.size());
  const std::size_t most = std::clamp(kMostInAll / rules, kLeast, HourPeaks::kMost);
  for (std::size_t i = 0; i < by_rule.size(); ++i) {
    const PreparedRule& rule = state.rules.rules()[i];
    const bool ratio = rule.metric == config::Metric::kSentReceivedRatio;
    if (rule.lead != i || rule.scope != config::Scope::kHost || ratio) continue;
    HourPeaks& row = hour.peaks.emplace_back();
    row.rule = rule.rule->name;
    row.metric = rule.metric;
    row.window_seconds = rule.shape.window_seconds;
    std::vector<uint32_t>& ids = by_rule[i];
    const std::size_t told = std::min(most, ids.size());
    std::partial_sort(ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(told), ids.end(),
                      [&](uint32_t a, uint32_t b) {
                        const double x = state.windows.PeakOf(a), y = state.windows.PeakOf(b);
                        return x != y ? x > y : state.windows.Before(a, b);
                      });
    row.more = ids.size() - told;
    for (std::size_t n = 0; n < told; ++n) {
      const Entity& entity = state.windows.at(ids[n]);
      const HostKey& key = state.hosts.at(entity.host).key;
      row.peaks.push_back({key.address, net::ToString(state.encaps.Of(key.encap_tag)),
                           entity.role, state.windows.PeakOf(ids[n])});
    }
  }
}

}  // namespace

Hour SummarizeHour(const State& state) {
  Hour hour;
  hour.hour = state.hours.hour();
  hour.first_tick = state.hours.first_tick();
  hour.capture = state.hours.capture();
  hour.totals = state.hours.totals();
  AddHosts(state, hour);
  AddServers(state, hour);
  hour.relays = state.relays.OfHour();
  AddActs(state, hour);
  AddPeaks(state, hour);
  return hour;
}

Hour CutDown(const Hour& hour) {
  Hour sums;
  sums.hour = hour.hour;
  sums.first_tick = hour.first_tick;
  sums.capture = hour.capture;
  sums.totals = hour.totals;
  sums.more_hosts = hour.more_hosts + hour.hosts.size();
  sums.others = hour.others;
  for (const HourHost& host : hour.hosts) sums.others += host.counts;
  sums.more_servers = hour.more_servers + hour.servers.size();
  sums.more_acts = hour.more_acts + hour.acts.size();
  sums.cut_down = true;
  return sums;
}

}  // namespace mailtap::control

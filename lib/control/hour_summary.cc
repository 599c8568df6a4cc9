#include "lib/control/hour_summary.h"

#include <algorithm>
#include <tuple>
#include <utility>

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
    row.clients = server.clients;
    row.more_clients = server.more_clients;
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
  return hour;
}

}  // namespace mailtap::control

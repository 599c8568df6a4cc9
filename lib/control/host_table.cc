#include "lib/control/host_table.h"

#include <algorithm>

#include "lib/control/places.h"

namespace mailtap::control {

using config::Verdict;

uint32_t HostTable::Find(const HostKey& key) const {
  const auto found = numbers_.find(key);
  return found == numbers_.end() ? kNone : found->second;
}

uint32_t HostTable::Add(const HostKey& key, uint32_t group_set) {
  const uint32_t id = TakePlace(hosts_, free_hosts_);
  hosts_[id].key = key;
  hosts_[id].group_set = group_set;
  hosts_[id].known = true;
  numbers_.emplace(key, id);
  return id;
}

void HostTable::RemoveHost(uint32_t id) {
  Host& host = hosts_[id];
  for (uint32_t lane = host.first_lane; lane != kNone; lane = lanes_[lane].next_of_host) {
    lanes_[lane].entities.clear();
    free_lanes_.push_back(lane);
  }
  numbers_.erase(host.key);
  by_unapproved_sent_.Set(id, 0, [this](uint32_t a, uint32_t b) { return BeforeByKey(a, b); });
  host.known = false;
  free_hosts_.push_back(id);
}

uint32_t HostTable::FindLane(uint32_t host, const RuleIndex::Kind& kind) const {
  uint32_t id = hosts_[host].first_lane;
  while (id != kNone) {
    const Lane& lane = lanes_[id];
    if (lane.role == kind.role && lane.service == kind.service &&
        lane.verdict == kind.verdict && lane.tls == kind.tls) {
      break;
    }
    id = lane.next_of_host;
  }
  return id;
}

uint32_t HostTable::AddLane(uint32_t host, const RuleIndex::Kind& kind) {
  const uint32_t id = TakePlace(lanes_, free_lanes_);
  Lane& lane = lanes_[id];
  lane.host = host;
  lane.role = kind.role;
  lane.service = kind.service;
  lane.verdict = kind.verdict;
  lane.tls = kind.tls;
  lane.next_of_host = hosts_[host].first_lane;
  hosts_[host].first_lane = id;
  return id;
}

void HostTable::Count(const Lane& lane, int64_t period, int64_t hour) {
  Host& host = hosts_[lane.host];
  host.sight.Add(period, lane.sight);
  if (host.hour != hour) {
    host.hour = static_cast<int32_t>(hour);
    host.in_hour = {};
  }
  for (HostCounts* counts : {&host.totals, &host.in_hour}) {
    switch (lane.verdict) {
      case Verdict::kApproved:
      case Verdict::kInbound:
        counts->approved_sent += lane.sent;
        counts->approved_received += lane.received;
        counts->approved_sessions += lane.sessions;
        break;
      case Verdict::kUnapprovedExternal:
      case Verdict::kUnapprovedInternal:
        counts->unapproved_sent += lane.sent;
        counts->unapproved_received += lane.received;
        counts->unapproved_sessions += lane.sessions;
        break;
      case Verdict::kTransit:
      case Verdict::kUnattributed:
        break;  // neither has an end that is a host of ours
    }
  }
  Rank(lane.host);
}

void HostTable::Rank(uint32_t host) {
  by_unapproved_sent_.Set(host, hosts_[host].totals.unapproved_sent,
                          [this](uint32_t a, uint32_t b) { return BeforeByKey(a, b); });
}

std::vector<uint32_t> HostTable::Top(std::size_t count) const {
  return by_unapproved_sent_.Top(count,
                                 [this](uint32_t a, uint32_t b) { return BeforeByKey(a, b); });
}

std::vector<uint32_t> HostTable::Ranked() const {
  std::vector<uint32_t> ranked;
  for (uint32_t id = 0; id < hosts_.size(); ++id) {
    const HostCounts& t = hosts_[id].totals;
    if (hosts_[id].known &&
        (t.unapproved_sent | t.unapproved_received | t.approved_sent | t.approved_received |
         t.unapproved_sessions | t.approved_sessions) != 0) {
      ranked.push_back(id);
    }
  }
  std::sort(ranked.begin(), ranked.end(), [this](uint32_t a, uint32_t b) {
    const uint64_t x = hosts_[a].totals.unapproved_sent;
    const uint64_t y = hosts_[b].totals.unapproved_sent;
    return x != y ? x > y : BeforeByKey(a, b);
  });
  return ranked;
}

void HostTable::KeepLongestIdle(std::size_t count, std::vector<uint32_t>& ids) const {
  if (count >= ids.size()) return;
  std::nth_element(ids.begin(), ids.begin() + count, ids.end(), [&](uint32_t a, uint32_t b) {
    return hosts_[a].last_tick != hosts_[b].last_tick
               ? hosts_[a].last_tick < hosts_[b].last_tick
               : BeforeByKey(a, b);
  });
  ids.resize(count);
}

}  // namespace mailtap::control

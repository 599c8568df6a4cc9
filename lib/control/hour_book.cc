#include "lib/control/hour_book.h"

namespace mailtap::control {

using config::Verdict;

void HourBook::Begin(int64_t hour) {
  hour_ = hour;
  first_tick_ = next_;
  capture_ = {};
  totals_ = {};
  servers_.clear();
  clients_.clear();
  places_.clear();
  first_number_ += kMostServers + 1;
  more_servers_ = 0;
  acts_.clear();
  more_acts_ = 0;
}

void HourBook::Count(const meter::ConversationKey& key, Verdict verdict,
                     const std::array<bool, kRoleCount>& internal, const TickRow& row,
                     Place& place) {
  HourTotals& totals = totals_[static_cast<int>(key.service)][static_cast<int>(verdict)];
  totals.sessions += row.sessions;
  for (int d = 0; d < kDirectionCount; ++d) totals.bytes[d] += row.bytes[d];
  const bool client = internal[static_cast<int>(Role::kClient)];
  const bool server = internal[static_cast<int>(Role::kServer)];
  if (keep_acts_) {
    if (client) CountAct(key, Role::kClient, !server, row);
    if (server) CountAct(key, Role::kServer, !client, row);
  }
  if (verdict != Verdict::kUnapprovedExternal && verdict != Verdict::kUnapprovedInternal) {
    return;
  }
  if (place.server - first_number_ > kMostServers) place = PlaceOf(key, verdict, server);
  const uint32_t at = place.server - first_number_;
  if (at == kMostServers) return;
  Server& counted = servers_[at];
  counted.sessions += row.sessions;
  for (int d = 0; d < kDirectionCount; ++d) counted.bytes[d] += row.bytes[d];
  if (place.client != kNone) clients_[place.client].sent += row.bytes[kUp];
}

void HourBook::CountUnattributed(const meter::DeltaRecord& delta) {
  HourTotals& totals =
      totals_[static_cast<int>(delta.key.service)][static_cast<int>(Verdict::kUnattributed)];
  totals.sessions += delta.sessions;
  for (int d = 0; d < kDirectionCount; ++d) totals.bytes[d] += delta.bytes[d].volume();
}

HourBook::Place HourBook::PlaceOf(const meter::ConversationKey& key, Verdict verdict,
                                  bool internal) {
  const ServerKey server_key{ServerOf(key), key.server_port, key.service, verdict};
  auto known = places_.find(server_key);
  if (known == places_.end()) {
    if (servers_.size() >= kMostServers) {
      ++more_servers_;
      return {.server = first_number_ + kMostServers};
    }
    known = places_.emplace(server_key, static_cast<uint32_t>(servers_.size())).first;
    servers_.push_back({.key = server_key, .internal = internal});
  }
  Server& server = servers_[known->second];
  Place place = {.server = first_number_ + known->second};
  const auto at =
      std::find_if(server.clients.begin(), server.clients.end(),
                   [&](uint32_t client) { return clients_[client].address == key.client; });
  if (at != server.clients.end()) {
    place.client = *at;
  } else if (server.clients.size() < HourServer::kMostClients) {
    place.client = static_cast<uint32_t>(clients_.size());
    clients_.push_back({.address = key.client});
    server.clients.push_back(place.client);
  } else {
    server.more_clients = true;
  }
  return place;
}

void HourBook::CountAct(const meter::ConversationKey& key, Role role, bool external,
                        const TickRow& row) {
  const ActKey act_key{EndOf(key, role), role, key.service, external};
  const auto known = acts_.find(act_key);
  if (known == acts_.end() && acts_.size() >= kMostActs) {
    ++more_acts_;
    return;
  }
  Act& act = known != acts_.end() ? known->second : acts_[act_key];
  const Direction out = role == Role::kClient ? kUp : kDown;
  act.sessions += row.sessions;
  act.sent += row.bytes[out];
  act.received += row.bytes[Opposite(out)];
  const net::IpAddress& peer = role == Role::kClient ? key.server : key.client;
  const auto at = std::lower_bound(act.peers.begin(), act.peers.end(), peer);
  if (at != act.peers.end() && *at == peer) return;
  if (act.peers.size() < HourAct::kMostPeers) {
    act.peers.insert(at, peer);
  } else {
    act.more_peers = true;
  }
}

void HourBook::Save(ArchiveWriter& out) const {
  out.Put(hour_);
  out.Put(first_tick_);
  out.Put(next_);
  out.Put(capture_);
  out.Put(totals_);
  out.Put(more_servers_);
  out.Put(uint64_t{servers_.size()});
  for (const Server& server : servers_) {
    out.Put(server.key);
    out.Put(server.internal);
    out.Put(server.more_clients);
    out.Put(server.sessions);
    out.Put(server.bytes);
    out.Put(uint64_t{server.clients.size()});
    for (const uint32_t client : server.clients) {
      out.Put(clients_[client].address);
      out.Put(clients_[client].sent);
    }
  }
  out.Put(more_acts_);
  out.Put(uint64_t{acts_.size()});
  for (const auto& [key, act] : acts_) {
    out.Put(key);
    out.Put(act.more_peers);
    out.Put(act.sessions);
    out.Put(act.sent);
    out.Put(act.received);
    out.Put(uint64_t{act.peers.size()});
    for (const net::IpAddress& peer : act.peers) out.Put(peer);
  }
}

void HourBook::Restore(ArchiveReader& in, bool goes_on) {
  goes_on_ = goes_on;
  in.Get(hour_);
  in.Get(first_tick_);
  in.Get(next_);
  in.Get(capture_);
  in.Get(totals_);
  in.Get(more_servers_);
  for (std::size_t n = in.GetCount(sizeof(ServerKey)); n > 0 && in.ok(); --n) {
    Server& server = servers_.emplace_back();
    in.Get(server.key);
    places_.emplace(server.key, static_cast<uint32_t>(servers_.size() - 1));
    in.Get(server.internal);
    in.Get(server.more_clients);
    in.Get(server.sessions);
    for (uint64_t& bytes : server.bytes) in.Get(bytes);
    server.clients.resize(in.GetCount(sizeof(net::IpAddress) + sizeof(uint64_t)));
    for (uint32_t& client : server.clients) {
      client = static_cast<uint32_t>(clients_.size());
      Client& restored = clients_.emplace_back();
      in.Get(restored.address);
      in.Get(restored.sent);
    }
  }
  in.Get(more_acts_);
  for (std::size_t n = in.GetCount(sizeof(ActKey)); n > 0 && in.ok(); --n) {
    Act& act = acts_[in.Get<ActKey>()];
    in.Get(act.more_peers);
    in.Get(act.sessions);
    in.Get(act.sent);
    in.Get(act.received);
    act.peers.resize(in.GetCount(sizeof(net::IpAddress)));
    for (net::IpAddress& peer : act.peers) in.Get(peer);
  }
}

}  // namespace mailtap::control

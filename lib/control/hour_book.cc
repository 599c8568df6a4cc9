#include "lib/control/hour_book.h"

namespace mailtap::control {

using config::Verdict;

void HourBook::Begin(int64_t hour) {
  hour_ = hour;
  first_tick_ = next_;
  capture_ = {};
  totals_ = {};
  servers_.clear();
  places_.clear();
  first_number_ += kMostServers + 1;
  more_servers_ = 0;
}

void HourBook::Count(const meter::ConversationKey& key, Verdict verdict, bool internal,
                     const TickRow& row, uint32_t& server) {
  HourTotals& totals = totals_[static_cast<int>(key.service)][static_cast<int>(verdict)];
  totals.sessions += row.sessions;
  for (int d = 0; d < kDirectionCount; ++d) totals.bytes[d] += row.bytes[d];
  if (verdict != Verdict::kUnapprovedExternal && verdict != Verdict::kUnapprovedInternal) {
    return;
  }
  if (server - first_number_ > kMostServers) {
    server = first_number_ + PlaceOf(key, verdict, internal);
  }
  const uint32_t place = server - first_number_;
  if (place == kMostServers) return;
  Server& counted = servers_[place];
  counted.sessions += row.sessions;
  for (int d = 0; d < kDirectionCount; ++d) counted.bytes[d] += row.bytes[d];
}

uint32_t HourBook::PlaceOf(const meter::ConversationKey& key, Verdict verdict, bool internal) {
  const ServerKey server_key{ServerOf(key), key.server_port, key.service, verdict};
  auto known = places_.find(server_key);
  if (known == places_.end()) {
    if (servers_.size() >= kMostServers) {
      ++more_servers_;
      return kMostServers;
    }
    known = places_.emplace(server_key, static_cast<uint32_t>(servers_.size())).first;
    servers_.push_back({.key = server_key, .internal = internal});
  }
  Server& server = servers_[known->second];
  const auto at = std::lower_bound(server.clients.begin(), server.clients.end(), key.client);
  if (at == server.clients.end() || *at != key.client) {
    if (server.clients.size() < HourServer::kMostClients) {
      server.clients.insert(at, key.client);
    } else {
      server.more_clients = true;
    }
  }
  return known->second;
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
    for (const net::IpAddress& client : server.clients) out.Put(client);
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
    server.clients.resize(in.GetCount(sizeof(net::IpAddress)));
    for (net::IpAddress& client : server.clients) in.Get(client);
  }
}

}  // namespace mailtap::control

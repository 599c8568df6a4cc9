#include "lib/control/hour_book.h"

namespace mailtap::control {

using config::Verdict;

void HourBook::Begin(int64_t hour) {
  hour_ = hour;
  first_tick_ = next_;
  capture_ = {};
  totals_ = {};
  servers_.clear();
  more_servers_ = 0;
}

void HourBook::Count(const meter::ConversationKey& key, Verdict verdict, bool internal,
                     const TickRow& row) {
  HourTotals& totals = totals_[static_cast<int>(key.service)][static_cast<int>(verdict)];
  totals.sessions += row.sessions;
  for (int d = 0; d < kDirectionCount; ++d) totals.bytes[d] += row.bytes[d];
  if (verdict != Verdict::kUnapprovedExternal && verdict != Verdict::kUnapprovedInternal) {
    return;
  }
  const ServerKey server_key{ServerOf(key), key.server_port, key.service, verdict};
  const auto known = servers_.find(server_key);
  if (known == servers_.end() && servers_.size() >= kMostServers) {
    ++more_servers_;
    return;
  }
  Server& server = known != servers_.end() ? known->second : servers_[server_key];
  server.internal = internal;
  server.sessions += row.sessions;
  for (int d = 0; d < kDirectionCount; ++d) server.bytes[d] += row.bytes[d];
  const auto at = std::lower_bound(server.clients.begin(), server.clients.end(), key.client);
  if (at != server.clients.end() && *at == key.client) return;
  if (server.clients.size() < HourServer::kMostClients) {
    server.clients.insert(at, key.client);
  } else {
    server.more_clients = true;
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
  for (const auto& [key, server] : servers_) {
    out.Put(key);
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
    Server& server = servers_[in.Get<ServerKey>()];
    in.Get(server.internal);
    in.Get(server.more_clients);
    in.Get(server.sessions);
    for (uint64_t& bytes : server.bytes) in.Get(bytes);
    server.clients.resize(in.GetCount(sizeof(net::IpAddress)));
    for (net::IpAddress& client : server.clients) in.Get(client);
  }
}

}  // namespace mailtap::control

// The servers on odd ports that have spoken mail, and since when: what the workers are told.
#ifndef MAILTAP_LIB_CONTROL_SERVER_BOOK_H_
#define MAILTAP_LIB_CONTROL_SERVER_BOOK_H_

#include <algorithm>
#include <compare>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "lib/base/archive.h"
#include "lib/base/mail.h"
#include "lib/exchange/known_servers.h"
#include "lib/meter/records.h"

namespace mailtap::control {

// Control thread only.
class ServerBook {
 public:
  // The workers are told through `servers`, which outlives this object.
  void Tell(exchange::KnownServers& servers) { workers_ = &servers; }

  // A conversation on an odd port is new.
  void Add(const meter::ConversationKey& key) {
    fresh_.push_back({key.server, key.encap_tag, key.server_port, key.service});
  }
  // Tells what was added since the last call, and what was restored and learnt up to `tick`,
  // the one that ends. Returns how many found no room.
  uint64_t EndTick(int64_t tick) {
    uint64_t refused = 0;
    for (const Server& server : fresh_) {
      if (since_.contains(server)) continue;
      const bool room = since_.size() < kMost;
      if (room) since_.emplace(server, tick);
      refused += room && TellOne(server) ? 0 : 1;
    }
    fresh_.clear();
    for (; !untold_.empty() && untold_.back().since <= tick; untold_.pop_back()) {
      refused += TellOne(untold_.back().server) ? 0 : 1;
    }
    return refused;
  }

  // All of them; and the way back, into a book that is new: the workers are told by EndTick().
  void Save(ArchiveWriter& out) const {
    out.Put(uint64_t{since_.size()});
    for (const auto& [server, since] : since_) {
      out.Put(server);
      out.Put(since);
    }
  }
  void Restore(ArchiveReader& in) {
    for (std::size_t n = in.GetCount(sizeof(Server)); n > 0 && in.ok(); --n) {
      const auto server = in.Get<Server>();
      untold_.push_back({in.Get<int64_t>(), server});
      since_.emplace(server, untold_.back().since);
    }
    std::sort(untold_.begin(), untold_.end(), std::greater<>());
  }

 private:
  // More find no room at the workers.
  static constexpr std::size_t kMost = exchange::KnownServers::kSlots;

  struct Server {
    net::IpAddress address;
    uint32_t encap_tag = 0;
    uint16_t port = 0;
    Service service = Service::kSmtp;
    friend auto operator<=>(const Server&, const Server&) = default;
    template <typename H>
    friend H AbslHashValue(H h, const Server& s) {
      return H::combine(std::move(h), s.address, s.encap_tag, s.port, s.service);
    }
  };
  struct Untold {
    int64_t since = 0;
    Server server;
    friend auto operator<=>(const Untold&, const Untold&) = default;
  };

  bool TellOne(const Server& server) {
    return workers_ == nullptr ||
           workers_->Add(server.address, server.port, server.encap_tag, server.service);
  }

  exchange::KnownServers* workers_ = nullptr;
  std::vector<Server> fresh_;                   // of the tick being gathered
  absl::flat_hash_map<Server, int64_t> since_;  // the tick at whose end it became known
  std::vector<Untold> untold_;                  // the latest first
};

}  // namespace mailtap::control

#endif  // MAILTAP_LIB_CONTROL_SERVER_BOOK_H_

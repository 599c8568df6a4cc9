// Adds up the hour under way: what Hour says of mail and of the capture.
#ifndef MAILTAP_LIB_CONTROL_HOUR_BOOK_H_
#define MAILTAP_LIB_CONTROL_HOUR_BOOK_H_

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "lib/base/archive.h"
#include "lib/control/host_key.h"
#include "lib/control/hour.h"
#include "lib/control/pause.h"
#include "lib/control/tick_row.h"

namespace mailtap::control {

// Hosts keep their own counts (see Host::in_hour), and so do relay entries. Control thread
// only.
class HourBook {
 public:
  struct ServerKey {
    HostKey server;
    uint16_t port;
    Service service;
    config::Verdict verdict;

    friend bool operator==(const ServerKey&, const ServerKey&) = default;
    template <typename H>
    friend H AbslHashValue(H h, const ServerKey& k) {
      return H::combine(std::move(h), k.server, k.port, k.service, k.verdict);
    }
  };
  struct Server {
    ServerKey key;
    bool internal = false;
    bool more_clients = false;
    uint64_t sessions = 0;
    uint64_t bytes[kDirectionCount] = {};
    std::vector<uint32_t> clients;  // in clients(), in the order that they came
  };
  struct Client {
    net::IpAddress address;
    uint64_t sent = 0;  // bytes, to one server
  };
  // Where a conversation counts in the hour under way.
  struct Place {
    // Its server's place, or that behind the last where there was no room. Those of an hour are
    // counted from a higher number than those of the hours before: what is left of these is no
    // place any more.
    uint32_t server = 0;
    uint32_t client = kNone;  // kNone where the server had no room for it
  };
  struct ActKey {
    HostKey host;
    Role role;
    Service service;
    bool external;

    friend bool operator==(const ActKey&, const ActKey&) = default;
    template <typename H>
    friend H AbslHashValue(H h, const ActKey& k) {
      return H::combine(std::move(h), k.host, k.role, k.service, k.external);
    }
  };
  struct Act {
    bool more_peers = false;
    uint64_t sessions = 0;
    uint64_t sent = 0;
    uint64_t received = 0;
    std::vector<net::IpAddress> peers;  // sorted
  };

  static constexpr int64_t kNoHour = -1;

  // Whether acts are counted from now on.
  void KeepActs(bool keep) { keep_acts_ = keep; }

  // The hour under way, or kNoHour before the first tick.
  int64_t hour() const { return hour_; }
  static int64_t HourOf(int64_t tick) { return tick / kHourSeconds; }

  // What comes counts for `tick`. Calls finish() for each hour that ends before it, with what
  // this object then holds. The time since the last tick is covered, up to kLongestPauseSeconds
  // of it.
  template <typename Finish>
  void StartTick(int64_t tick, Finish&& finish) {
    if (hour_ == kNoHour) hour_ = HourOf(tick);
    if (!goes_on_ || tick - next_ > kLongestPauseSeconds) next_ = tick;
    if (capture_.seconds == 0) first_tick_ = next_;
    goes_on_ = true;
    while (hour_ < HourOf(tick)) {
      const int64_t end = (hour_ + 1) * kHourSeconds;
      capture_.seconds += std::max<int64_t>(0, end - next_);
      next_ = std::max(next_, end);
      finish();
      Begin(HourOf(next_));
    }
    capture_.seconds += tick + 1 - next_;
    next_ = tick + 1;
  }

  // A conversation's sums in a tick; `internal`, by Role: whether that end is. `place` is kept
  // with the conversation from call to call: it spares looking its server up.
  void Count(const meter::ConversationKey& key, config::Verdict verdict,
             const std::array<bool, kRoleCount>& internal, const TickRow& row, Place& place);
  // What lost an end for want of room: nobody's, and yet mail.
  void CountUnattributed(const meter::DeltaRecord& delta);
  // Brings near what Count() will need.
  void Prefetch(const Place& place) const {
    const uint32_t at = place.server - first_number_;
    if (at >= servers_.size()) return;
    __builtin_prefetch(&servers_[at].sessions);
    if (place.client < clients_.size()) __builtin_prefetch(&clients_[place.client]);
  }
  void Count(const HourCapture& growth) { capture_ += growth; }

  int64_t first_tick() const { return first_tick_; }
  const HourCapture& capture() const { return capture_; }
  const HourTotalsTable& totals() const { return totals_; }
  const std::vector<Server>& servers() const { return servers_; }
  const std::vector<Client>& clients() const { return clients_; }
  // Conversations with servers that found no room.
  uint64_t more_servers() const { return more_servers_; }
  const absl::flat_hash_map<ActKey, Act>& acts() const { return acts_; }
  uint64_t more_acts() const { return more_acts_; }

  void Save(ArchiveWriter& out) const;
  // Into a book that is new. `goes_on`: the time up to the next tick is covered.
  void Restore(ArchiveReader& in, bool goes_on);

 private:
  static constexpr uint32_t kMostServers = 65'536;
  static constexpr std::size_t kMostActs = 65'536;

  // What was counted is gone.
  void Begin(int64_t hour);
  // The place of a conversation that has none in this hour.
  Place PlaceOf(const meter::ConversationKey& key, config::Verdict verdict, bool internal);
  void CountAct(const meter::ConversationKey& key, Role role, bool external,
                const TickRow& row);

  int64_t hour_ = kNoHour;
  int64_t first_tick_ = 0;
  int64_t next_ = 0;      // the first tick that is not covered yet
  bool goes_on_ = false;  // else the next tick is the first that is
  HourCapture capture_;
  HourTotalsTable totals_ = {};
  std::vector<Server> servers_;
  std::vector<Client> clients_;                      // of all servers
  absl::flat_hash_map<ServerKey, uint32_t> places_;  // in `servers_`
  uint32_t first_number_ = 1;                        // what Place::server counts from
  uint64_t more_servers_ = 0;
  bool keep_acts_ = false;
  absl::flat_hash_map<ActKey, Act> acts_;
  uint64_t more_acts_ = 0;  // that found no room; one may count several times
};

}  // namespace mailtap::control

#endif  // MAILTAP_LIB_CONTROL_HOUR_BOOK_H_

// Alerts that could not be stored, and wait for a batch that can be.
#ifndef MAILTAP_LIB_STORE_WAITING_ALERTS_H_
#define MAILTAP_LIB_STORE_WAITING_ALERTS_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

#include "lib/store/database.h"

namespace mailtap::store {

// One thread. They take at most `most_bytes`; beyond that the oldest are dropped.
class WaitingAlerts {
 public:
  static constexpr std::size_t kMostBytes = std::size_t{64} << 20;  // some 30,000 alerts

  explicit WaitingAlerts(std::size_t most_bytes = kMostBytes) : most_bytes_(most_bytes) {}

  bool empty() const { return rows_.empty(); }
  std::size_t size() const { return rows_.size(); }

  // Moves those that wait before `alerts`, and returns how many they are.
  std::size_t MoveBefore(std::vector<AlertRow>& alerts);
  // The first `count` of `alerts` could not be stored: they are moved here. Returns how many
  // were dropped to give them room.
  uint64_t TakeFirst(std::size_t count, std::vector<AlertRow>& alerts);

 private:
  const std::size_t most_bytes_;
  std::size_t bytes_ = 0;
  std::deque<AlertRow> rows_;  // the oldest first
};

}  // namespace mailtap::store

#endif  // MAILTAP_LIB_STORE_WAITING_ALERTS_H_

// Hours that could not be stored, and wait for the next checkpoint.
#ifndef MAILTAP_LIB_STORE_WAITING_HOURS_H_
#define MAILTAP_LIB_STORE_WAITING_HOURS_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

#include "lib/store/database.h"

namespace mailtap::store {

// One thread. They take at most `most_bytes` and the newest hour; beyond that the earliest ones
// are cut down to their short_json, so that the state's 400 days of these have room.
class WaitingHours {
 public:
  static constexpr std::size_t kMostBytes = std::size_t{64} << 20;  // weeks of a large site

  explicit WaitingHours(std::size_t most_bytes = kMostBytes) : most_bytes_(most_bytes) {}

  // Moves those that wait to `hours`, except where that has a newer row of the same hour.
  void MoveTo(std::vector<HourRow>& hours);
  // `hours` could not be stored: they wait. Returns how many were cut down to give them room.
  uint64_t Add(std::vector<HourRow> hours);

 private:
  const std::size_t most_bytes_;
  std::map<int64_t, HourRow> rows_;  // by their hour
};

}  // namespace mailtap::store

#endif  // MAILTAP_LIB_STORE_WAITING_HOURS_H_

#include "lib/store/waiting_hours.h"

#include <iterator>
#include <utility>

namespace mailtap::store {

void WaitingHours::MoveTo(std::vector<HourRow>& hours) {
  for (const HourRow& newer : hours) rows_.erase(newer.hour);
  for (auto& [hour, row] : rows_) hours.push_back(std::move(row));
  rows_.clear();
}

uint64_t WaitingHours::Add(std::vector<HourRow> hours) {
  constexpr int64_t kKeepHours = Database::kKeepSeconds / 3'600;
  for (HourRow& row : hours) rows_.insert_or_assign(row.hour, std::move(row));
  if (rows_.empty()) return 0;
  const auto newest = std::prev(rows_.end());
  // The next checkpoint would drop them.
  rows_.erase(rows_.begin(), rows_.lower_bound(newest->first - kKeepHours));
  std::size_t bytes = 0;
  for (const auto& [hour, row] : rows_) bytes += row.json.size() + row.short_json.size();
  uint64_t cut = 0;
  for (auto at = rows_.begin(); at != newest && bytes > most_bytes_; ++at) {
    HourRow& row = at->second;
    if (row.short_json.empty()) continue;  // is cut down already
    bytes -= row.json.size();
    row.json = std::exchange(row.short_json, {});
    ++cut;
  }
  return cut;
}

}  // namespace mailtap::store

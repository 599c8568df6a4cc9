#include "lib/store/waiting_alerts.h"

#include <iterator>
#include <utility>

namespace mailtap::store {
namespace {

std::size_t SizeOf(const AlertRow& row) { return sizeof(row) + row.json.size(); }

}  // namespace

std::size_t WaitingAlerts::MoveBefore(std::vector<AlertRow>& alerts) {
  alerts.insert(alerts.begin(), std::make_move_iterator(rows_.begin()),
                std::make_move_iterator(rows_.end()));
  const std::size_t moved = rows_.size();
  rows_.clear();
  bytes_ = 0;
  return moved;
}

uint64_t WaitingAlerts::TakeFirst(std::size_t count, std::vector<AlertRow>& alerts) {
  const auto end = alerts.begin() + static_cast<std::ptrdiff_t>(count);
  for (auto row = alerts.begin(); row != end; ++row) {
    bytes_ += SizeOf(*row);
    rows_.push_back(std::move(*row));
  }
  alerts.erase(alerts.begin(), end);
  uint64_t dropped = 0;
  for (; bytes_ > most_bytes_; ++dropped) {
    bytes_ -= SizeOf(rows_.front());
    rows_.pop_front();
  }
  return dropped;
}

}  // namespace mailtap::store

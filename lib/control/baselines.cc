#include "lib/control/baselines.h"

#include <algorithm>
#include <utility>

#include "lib/control/median.h"
#include "lib/control/pause.h"

namespace mailtap::control {
namespace {

constexpr int64_t kDayHours = 24;
constexpr int64_t kWeekHours = 7 * kDayHours;
constexpr int64_t kMostUnseenSeconds = 360;  // of an hour that counts

}  // namespace

int64_t Baselines::HourOf(int64_t tick) const {
  const absl::CivilHour hour(absl::ToCivilHour(absl::FromUnixSeconds(tick), zone_));
  return hour - absl::CivilHour(1970, 1, 5, 0);
}

int64_t Baselines::NextHour(int64_t tick) const {
  const absl::CivilHour hour = absl::ToCivilHour(absl::FromUnixSeconds(tick), zone_);
  const int64_t next = absl::ToUnixSeconds(absl::FromCivil(hour + 1, zone_));
  // Where the clock is put back, the hour that follows is the same one again.
  return next > tick ? next : tick + 3600;
}

uint32_t Baselines::NumberOf(const std::string& name) {
  const auto [at, added] = numbers_.try_emplace(name, static_cast<uint32_t>(names_.size()));
  if (added) names_.push_back(name);
  return at->second;
}

std::optional<uint32_t> Baselines::Find(const std::string& name) const {
  const auto found = numbers_.find(name);
  return found == numbers_.end() ? std::nullopt : std::optional(found->second);
}

void Baselines::Resume(int64_t tick) {
  const bool goes_on = std::exchange(goes_on_, true);
  if (tick_ == INT64_MIN || (goes_on && tick - tick_ <= kLongestPauseSeconds)) return;
  // What lies further back is never asked for.
  constexpr int64_t kLongest = (BaselineSlot::kWeeks + 1) * kWeekHours * 3600;
  int64_t from = std::max(tick_ + 1, tick - kLongest);
  while (from < tick) {
    const int64_t to = std::min(tick, NextHour(from));
    unseen_[HourOf(from)] += to - from;
    from = to;
  }
}

bool Baselines::Seen(int64_t hour) const {
  if (unseen_.empty()) return true;
  const auto found = unseen_.find(hour);
  return found == unseen_.end() || found->second <= kMostUnseenSeconds;
}

bool Baselines::StartTick(int64_t tick) {
  tick_ = tick;
  const int64_t hour = HourOf(tick);
  if (hour == hour_) return false;
  if (hour_ != INT64_MIN) {
    if (hour / kDayHours != hour_ / kDayHours) Forget(hour);
    EndHour();
  }
  hour_ = hour;
  for (auto& [rule, since] : since_) since = std::min(since, hour);
  return true;
}

void Baselines::Add(const std::string& rule, Role role, const HostKey& host,
                    const GroupList& groups, uint64_t amount) {
  const auto [at, added] = amounts_.try_emplace(HostSeries(NumberOf(rule), role, host));
  if (added) {
    for (const uint32_t group : groups.indices) {
      at->second.groups.push_back(NumberOf(groups.entries[group].name));
    }
  }
  at->second.sum += static_cast<double>(amount);
}

void Baselines::EndHour() {
  absl::flat_hash_map<Key, std::vector<double>> shared;  // of groups and the site
  for (const auto& [key, amount] : amounts_) {
    Remember(key, amount.sum);
    Key key_of_many = key;
    key_of_many.host = {};
    key_of_many.scope = config::Scope::kGroup;
    for (const uint32_t group : amount.groups) {
      key_of_many.group = group;
      shared[key_of_many].push_back(amount.sum);
    }
    key_of_many.scope = config::Scope::kSite;
    key_of_many.group = 0;
    shared[key_of_many].push_back(amount.sum);
  }
  for (auto& [key, sums] : shared) Remember(key, Median(sums));
  amounts_.clear();
}

void Baselines::Forget(int64_t hour) {
  // The hour before is looked at too.
  const int64_t first = hour - 1 - BaselineSlot::kWeeks * kWeekHours;
  absl::erase_if(unseen_, [&](const auto& entry) { return entry.first < first; });
  absl::erase_if(series_, [&](auto& entry) {
    auto& slots = entry.second.slots;
    slots_ -= absl::erase_if(slots, [&](const auto& of_hour) {
      const std::array<int32_t, BaselineSlot::kWeeks>& weeks = of_hour.second.weeks;
      const int64_t week = *std::max_element(weeks.begin(), weeks.end());
      return week * kWeekHours + of_hour.first < first;
    });
    return slots.empty();
  });
}

void Baselines::Remember(const Key& key, double amount) {
  const auto hour_of_week = static_cast<int32_t>(hour_ % kWeekHours);
  auto found = series_.find(key);
  const bool known = found != series_.end() && found->second.slots.contains(hour_of_week);
  if (!known && key.scope == config::Scope::kHost && slots_ >= bound_) {
    ++refused_;
    if (found == series_.end()) return;
    slots_ -= found->second.slots.size();
    series_.erase(found);
    return;
  }
  if (found == series_.end()) {
    found = series_.emplace(key, Series{.first_hour = hour_}).first;
  }
  if (!known) ++slots_;
  BaselineSlot& slot = found->second.slots[hour_of_week];
  const auto week = static_cast<int32_t>(hour_ / kWeekHours);
  const std::size_t place = static_cast<std::size_t>(week % BaselineSlot::kWeeks);
  // The same hour twice, where the clock was put back, is one.
  slot.amounts[place] = slot.weeks[place] == week ? slot.amounts[place] + amount : amount;
  slot.weeks[place] = week;
}

std::optional<int64_t> Baselines::FirstHour(const Key& key, const Series* series) const {
  if (key.scope == config::Scope::kSite) {
    // A site where nobody had any traffic is known for that.
    const auto since = since_.find(key.rule);
    if (since != since_.end()) return since->second;
  }
  return series == nullptr ? std::nullopt : std::optional(series->first_hour);
}

std::optional<Baseline> Baselines::OfSeries(const Key& key, int64_t hour) const {
  const auto found = series_.find(key);
  const Series* series = found == series_.end() ? nullptr : &found->second;
  const std::optional<int64_t> first = FirstHour(key, series);
  if (!first) return std::nullopt;
  const BaselineSlot* slot = nullptr;
  if (series != nullptr) {
    const auto of_hour = series->slots.find(static_cast<int32_t>(hour % kWeekHours));
    if (of_hour != series->slots.end()) slot = &of_hour->second;
  }
  std::vector<double> amounts;
  for (int back = 1; back <= BaselineSlot::kWeeks; ++back) {
    if (hour - back * kWeekHours < *first) break;
    if (!Seen(hour - back * kWeekHours)) continue;
    const auto week = static_cast<int32_t>(hour / kWeekHours - back);
    const std::size_t place = static_cast<std::size_t>(week % BaselineSlot::kWeeks);
    const bool any = slot != nullptr && slot->weeks[place] == week;
    amounts.push_back(any ? slot->amounts[place] : 0);
  }
  if (static_cast<int>(amounts.size()) < least_weeks_) return std::nullopt;
  Baseline baseline;
  baseline.weeks = static_cast<int>(amounts.size());
  baseline.of = key.scope;
  const Spread spread = SpreadOf(std::move(amounts));
  baseline.expected = spread.median;
  baseline.deviation = spread.deviation;
  return baseline;
}

std::optional<Baseline> Baselines::Of(const std::string& rule, Role role, const HostKey& host,
                                      const GroupList& groups, int64_t hours_ago) const {
  const int64_t hour = hour_ - hours_ago;
  const std::optional<uint32_t> number = Find(rule);
  if (!number) return std::nullopt;
  Key key = HostSeries(*number, role, host);
  if (auto own = OfSeries(key, hour)) return own;
  key.host = {};
  key.scope = config::Scope::kGroup;
  for (const uint32_t group : groups.indices) {
    const std::optional<uint32_t> group_number = Find(groups.entries[group].name);
    if (!group_number) continue;
    key.group = *group_number;
    if (auto of_group = OfSeries(key, hour)) return of_group;
  }
  key.scope = config::Scope::kSite;
  key.group = 0;
  return OfSeries(key, hour);
}

void Baselines::Keep(const std::vector<std::string>& rules) {
  absl::flat_hash_map<uint32_t, int64_t> since;
  for (const std::string& rule : rules) {
    const uint32_t number = NumberOf(rule);
    const auto found = since_.find(number);
    since[number] = found == since_.end() ? INT64_MAX : found->second;
  }
  since_ = std::move(since);
  absl::erase_if(amounts_,
                 [&](const auto& entry) { return !since_.contains(entry.first.rule); });
  absl::erase_if(series_, [&](const auto& entry) {
    if (since_.contains(entry.first.rule)) return false;
    slots_ -= entry.second.slots.size();
    return true;
  });
}

void Baselines::Save(ArchiveWriter& out) const {
  const auto put_key = [&](const Key& key) {
    out.PutText(names_[key.rule]);
    out.Put(key.role);
    out.Put(key.scope);
    out.Put(key.host);
    out.PutText(key.scope == config::Scope::kGroup ? names_[key.group] : "");
  };
  out.PutText(zone_.name());
  out.Put(hour_);
  out.Put(tick_);
  out.Put(refused_);
  out.Put(uint64_t{unseen_.size()});
  for (const auto& [hour, seconds] : unseen_) {
    out.Put(hour);
    out.Put(seconds);
  }
  out.Put(uint64_t{since_.size()});
  for (const auto& [rule, since] : since_) {
    out.PutText(names_[rule]);
    out.Put(since);
  }
  out.Put(uint64_t{series_.size()});
  for (const auto& [key, series] : series_) {
    put_key(key);
    out.Put(series.first_hour);
    out.Put(uint64_t{series.slots.size()});
    for (const auto& [hour, slot] : series.slots) {
      out.Put(hour);
      out.Put(slot);
    }
  }
  out.Put(uint64_t{amounts_.size()});
  for (const auto& [key, amount] : amounts_) {
    put_key(key);
    out.Put(amount.sum);
    out.Put(uint64_t{amount.groups.size()});
    for (const uint32_t group : amount.groups) out.PutText(names_[group]);
  }
}

void Baselines::Restore(ArchiveReader& in, bool goes_on) {
  goes_on_ = goes_on;
  const bool same_hours = in.GetText() == zone_.name();
  const auto get_key = [&] {
    Key key{};
    key.rule = NumberOf(in.GetText());
    in.Get(key.role);
    in.Get(key.scope);
    in.Get(key.host);
    const std::string group = in.GetText();
    if (key.scope == config::Scope::kGroup) key.group = NumberOf(group);
    return key;
  };
  in.Get(hour_);
  in.Get(tick_);
  in.Get(refused_);
  for (std::size_t n = in.GetCount(2 * sizeof(int64_t)); n > 0 && in.ok(); --n) {
    const auto hour = in.Get<int64_t>();
    in.Get(unseen_[hour]);
  }
  for (std::size_t n = in.GetCount(sizeof(int64_t)); n > 0 && in.ok(); --n) {
    const uint32_t rule = NumberOf(in.GetText());
    in.Get(since_[rule]);
  }
  for (std::size_t n = in.GetCount(sizeof(HostKey)); n > 0 && in.ok(); --n) {
    Series& series = series_[get_key()];
    in.Get(series.first_hour);
    for (std::size_t k = in.GetCount(sizeof(BaselineSlot)); k > 0 && in.ok(); --k) {
      const auto hour = in.Get<int32_t>();
      series.slots[hour] = in.Get<BaselineSlot>();
      ++slots_;
    }
  }
  for (std::size_t n = in.GetCount(sizeof(HostKey)); n > 0 && in.ok(); --n) {
    Amount& amount = amounts_[get_key()];
    in.Get(amount.sum);
    amount.groups.resize(in.GetCount(sizeof(uint32_t)));
    for (uint32_t& group : amount.groups) group = NumberOf(in.GetText());
  }
  if (same_hours) return;
  hour_ = INT64_MIN;
  unseen_.clear();
  since_.clear();
  amounts_.clear();
  series_.clear();
  slots_ = 0;
}

}  // namespace mailtap::control

#include "lib/control/suppressions.h"

#include <algorithm>
#include <string>
#include <utility>

namespace mailtap::control {

void Suppressions::Prepare(const config::Config& config) {
  for (const config::Suppression& entry : config.suppressions) {
    const auto index = static_cast<uint32_t>(use_.size());
    use_.push_back({entry});
    std::vector<bool>& rules = rules_.emplace_back();
    for (const config::Rule& rule : config.rules) {
      rules.push_back(entry.rules.empty() || std::find(entry.rules.begin(), entry.rules.end(),
                                                       rule.name) != entry.rules.end());
    }
    for (const net::Prefix& prefix : entry.hosts) by_host_.Add(prefix, index);
  }
}

void Suppressions::Reload(const config::Config& config) {
  const std::vector<SuppressionUse> before = std::exchange(use_, {});
  rules_.clear();
  by_host_ = {};
  Prepare(config);
  for (SuppressionUse& use : use_) {
    const auto known = std::find_if(before.begin(), before.end(), [&](const auto& old) {
      return old.entry.name == use.entry.name;
    });
    if (known == before.end()) continue;
    use.alerts = known->alerts;
    use.last_used = known->last_used;
  }
}

uint32_t Suppressions::Find(uint16_t rule, const net::IpAddress& host, int64_t tick) const {
  uint32_t found = kNone;
  by_host_.ForEachMatch(host, [&](uint32_t index) {
    const int64_t ends = use_[index].entry.ends;
    if (tick >= ends || !rules_[index][rule]) return true;
    const int64_t most = found == kNone ? INT64_MIN : use_[found].entry.ends;
    if (ends > most || (ends == most && index < found)) found = index;
    return true;
  });
  return found;
}

void Suppressions::Count(uint32_t index, UnixNanos time) {
  ++use_[index].alerts;
  use_[index].last_used = std::max(use_[index].last_used, time);
}

void Suppressions::Save(ArchiveWriter& out) const {
  out.Put(uint64_t{use_.size()});
  for (const SuppressionUse& use : use_) {
    out.PutText(use.entry.name);
    out.Put(use.alerts);
    out.Put(use.last_used);
  }
}

void Suppressions::Restore(ArchiveReader& in) {
  for (std::size_t n = in.GetCount(2 * sizeof(uint64_t)); n > 0; --n) {
    const std::string name = in.GetText();
    const auto alerts = in.Get<uint64_t>();
    const auto last_used = in.Get<UnixNanos>();
    for (SuppressionUse& use : use_) {
      if (use.entry.name != name) continue;
      use.alerts = alerts;
      use.last_used = last_used;
    }
  }
}

}  // namespace mailtap::control

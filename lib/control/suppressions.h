// Which alerts are not to be sent, and how many that were.
#ifndef MAILTAP_LIB_CONTROL_SUPPRESSIONS_H_
#define MAILTAP_LIB_CONTROL_SUPPRESSIONS_H_

#include <cstdint>
#include <vector>

#include "lib/base/archive.h"
#include "lib/config/config.h"
#include "lib/control/prefix_map.h"
#include "lib/control/snapshot.h"

namespace mailtap::control {

// Control thread only.
class Suppressions {
 public:
  static constexpr uint32_t kNone = 0xffffffff;

  explicit Suppressions(const config::Config& config) { Prepare(config); }

  // Another configuration is in force; entries of which the name stays keep their counts.
  void Reload(const config::Config& config);

  // The entry that covers alerts of the rule of that number on `host` at `tick`: of several the
  // one that lasts longest, of equals the first; or kNone.
  uint32_t Find(uint16_t rule, const net::IpAddress& host, int64_t tick) const;
  const config::Suppression& entry(uint32_t index) const { return use_[index].entry; }
  bool empty() const { return use_.empty(); }

  // The entry kept back an alert of that time.
  void Count(uint32_t index, UnixNanos time);
  // In configuration order.
  const std::vector<SuppressionUse>& use() const { return use_; }

  // The counts, by the entries' names; and the way back.
  void Save(ArchiveWriter& out) const;
  void Restore(ArchiveReader& in);

 private:
  void Prepare(const config::Config& config);

  std::vector<SuppressionUse> use_;
  std::vector<std::vector<bool>> rules_;  // by entry and rule's number
  PrefixMap by_host_;
};

}  // namespace mailtap::control

#endif  // MAILTAP_LIB_CONTROL_SUPPRESSIONS_H_

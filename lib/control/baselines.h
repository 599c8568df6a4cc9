// What is usual: how much a rule has counted in an hour of the week, for hosts, groups and the
// site.
#ifndef MAILTAP_LIB_CONTROL_BASELINES_H_
#define MAILTAP_LIB_CONTROL_BASELINES_H_

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"
#include "lib/base/archive.h"
#include "lib/base/mail.h"
#include "lib/config/rule.h"
#include "lib/control/host_key.h"

namespace mailtap::control {

// The amounts of one subject in one hour of the week, as far back as they are remembered.
struct BaselineSlot {
  static constexpr int kWeeks = 8;

  std::array<double, kWeeks> amounts = {};  // by week % kWeeks
  std::array<int32_t, kWeeks> weeks = {};   // of which week each is; 0: of none
};

// The groups of a host, the most specific first, by their indices in the configuration.
struct GroupList {
  const std::vector<uint32_t>& indices;
  const std::vector<config::Group>& entries;
};

// What is usual for a subject at some hour of the week.
struct Baseline {
  double expected = 0;                      // the median of its past amounts
  double deviation = 0;                     // 1.4826 * their median absolute deviation from it
  int weeks = 0;                            // so many amounts
  config::Scope of = config::Scope::kHost;  // whose they are
};

// For each rule that asks for it, the amount that each host, group and the site had in each
// hour. An hour without traffic counts as 0: for the site from the hour on in which Keep()
// first named the rule, for others from that on in which they were first seen; of a host or
// group without any for eight weeks nothing is known, nor of an hour of which a tenth passed
// without a sensor. The amount of a group or the site is the median of those of its hosts that
// had any. With amounts of fewer than `least_weeks` a host's baseline is its group's (the first
// of which enough is known), then the site's. Medians don't follow a spike.
// Control thread only.
class Baselines {
 public:
  // `bound`: hour-of-week slots kept; hosts beyond it are judged by their groups. A host that
  // needs one more then loses all of its series, and begins anew where there is room again: of
  // what is left nobody could tell an hour without traffic from one without room.
  Baselines(const absl::TimeZone& zone, int least_weeks, std::size_t bound)
      : zone_(zone), least_weeks_(least_weeks), bound_(bound) {}

  void set_least_weeks(int weeks) { least_weeks_ = weeks; }

  // Hours since Monday 1970-01-05 00:00 by the clock of the time zone.
  int64_t HourOf(int64_t tick) const;
  // The first tick after `tick` at which the hour is another.
  int64_t NextHour(int64_t tick) const;

  // There is a sensor at `tick`: before the StartTick() of each tick of which the traffic was
  // seen. After a restart, or a pause of more than kLongestPauseSeconds, there was none before.
  void Resume(int64_t tick);
  // Starts the hour of `tick`, which ends the one before: the amounts of that are remembered.
  // True where the hour is another than before. Before each Add().
  bool StartTick(int64_t tick);
  // `rule`, by a name that stands for what it counts, counted so much more for `host`.
  void Add(const std::string& rule, Role role, const HostKey& host, const GroupList& groups,
           uint64_t amount);

  // What is usual in the hour under way, or so many hours before it; nothing where not enough
  // is known of anybody.
  std::optional<Baseline> Of(const std::string& rule, Role role, const HostKey& host,
                             const GroupList& groups, int64_t hours_ago = 0) const;

  // These are the rules there are; of others all is forgotten.
  void Keep(const std::vector<std::string>& rules);

  std::size_t slots() const { return slots_; }
  uint64_t refused() const { return refused_; }  // hosts' amounts that found no room

  // All that is known, the hour under way too; and the way back, into an object that is new.
  // `goes_on`: the time up to the next tick was seen. By the clock of another time zone the
  // hours are others: all is forgotten.
  void Save(ArchiveWriter& out) const;
  void Restore(ArchiveReader& in, bool goes_on);

 private:
  struct Key {
    uint32_t rule;  // in rules_
    Role role;
    config::Scope scope;
    HostKey host;
    uint32_t group;  // in names_
    friend bool operator==(const Key&, const Key&) = default;
    template <typename H>
    friend H AbslHashValue(H h, const Key& k) {
      return H::combine(std::move(h), k.rule, k.role, k.scope, k.host, k.group);
    }
  };
  // Whole from its first hour on, or not there.
  struct Series {
    int64_t first_hour = 0;
    absl::flat_hash_map<int32_t, BaselineSlot> slots;  // by hour of the week
  };
  struct Amount {
    double sum = 0;
    std::vector<uint32_t> groups;  // in names_
  };

  Key HostSeries(uint32_t rule, Role role, const HostKey& host) const {
    return {rule, role, config::Scope::kHost, host, 0};
  }
  uint32_t NumberOf(const std::string& name);
  std::optional<uint32_t> Find(const std::string& name) const;
  void EndHour();
  // What no hour from `hour` on looks back to.
  void Forget(int64_t hour);
  void Remember(const Key& key, double amount);
  // Whether the hour was seen, but for a part that hardly counts.
  bool Seen(int64_t hour) const;
  // The first hour of which an amount is known, be it 0; none where `series` is null.
  std::optional<int64_t> FirstHour(const Key& key, const Series* series) const;
  std::optional<Baseline> OfSeries(const Key& key, int64_t hour) const;

  absl::TimeZone zone_;
  int least_weeks_;
  std::size_t bound_;
  int64_t hour_ = INT64_MIN;
  int64_t tick_ = INT64_MIN;                      // the last that was started
  bool goes_on_ = true;                           // else the time from there on was not seen
  absl::flat_hash_map<int64_t, int64_t> unseen_;  // seconds without a sensor, by hour
  absl::flat_hash_map<std::string, uint32_t> numbers_;  // of rules and groups
  std::vector<std::string> names_;
  absl::flat_hash_map<Key, Amount> amounts_;  // of hosts, in the hour under way
  absl::flat_hash_map<Key, Series> series_;
  // Since which hour each of the rules is there: of names_, INT64_MAX until an hour starts.
  absl::flat_hash_map<uint32_t, int64_t> since_;
  std::size_t slots_ = 0;
  uint64_t refused_ = 0;
};

}  // namespace mailtap::control

#endif  // MAILTAP_LIB_CONTROL_BASELINES_H_

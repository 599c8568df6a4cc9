// What the configured resolvers answered: which names lead to which addresses, and for how
// long that is believed.
#ifndef MAILTAP_LIB_CONTROL_DNS_BOOK_H_
#define MAILTAP_LIB_CONTROL_DNS_BOOK_H_

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/btree_set.h"
#include "absl/container/flat_hash_map.h"
#include "absl/container/inlined_vector.h"
#include "absl/strings/string_view.h"
#include "lib/base/archive.h"
#include "lib/control/host_key.h"
#include "lib/meter/records.h"

namespace mailtap::control {

// Names that a relay entry lists are `relevant`: they hold until their time is over, and longer
// where the owner Extend()s them. Any name labels its address for as long as it is kept.
// Control thread only. What is known at the end of a tick does not depend on the order of its
// answers, as long as no bound is reached.
class DnsBook {
 public:
  // The relay entries that a name fits; asked for names that come, and for all by Reload().
  using EntriesOf = std::function<std::vector<uint32_t>(absl::string_view name)>;

  // `most`: names of addresses that are kept; those whose time ends first go first.
  // `grace_seconds`: for how long they hold after their time to live.
  DnsBook(std::size_t most, int64_t grace_seconds, EntriesOf entries_of);

  // The configuration is another.
  void Reload(std::size_t most, int64_t grace_seconds);

  // Takes in an answer of a resolver that is believed.
  void Learn(const meter::AnswerRecord& answer);

  // Adds the entries that the relevant names of `server` fit that hold in `tick`.
  void AddEntries(const HostKey& server, int64_t tick, std::vector<uint32_t>& entries) const;
  // A name of `server` that fits the relay entry and held up to a tick before `tick`, the last
  // one of those that are kept. Empty where there is none, or one that holds.
  struct Lapsed {
    std::string name;
    int64_t until = INT64_MIN;
  };
  Lapsed LapsedOf(const HostKey& server, uint32_t entry, int64_t tick) const;
  // The name that fits best for people: one that was asked for rather than an alias, then the
  // one that holds longest, then the first by letters. Empty where none is known.
  const std::string& NameOf(const HostKey& server) const;

  // The servers for which a relevant name has begun to hold since the last call.
  std::vector<HostKey> TakeLearnt();
  // Servers with a relevant name whose last tick is `tick` or an earlier one, or that a bound
  // has taken since the last call; each once, sorted. For each name whose time is over the
  // owner says in the call for how long it is still needed: a tick up to which it shall hold,
  // or one that is over.
  using Needed = std::function<int64_t(const HostKey&, const std::vector<uint32_t>& entries)>;
  std::vector<HostKey> TakeExpired(int64_t tick, const Needed& needed);
  // The earliest tick for which TakeExpired() has something to do, or INT64_MAX.
  int64_t NextExpiry() const { return timers_.empty() ? INT64_MAX : timers_.begin()->first; }

  // Forgets what is over the bound. Returns how much. Before TakeExpired().
  std::size_t Trim();
  // Names of addresses that are kept.
  std::size_t size() const { return size_; }

  // All of them, between TakeExpired() and the next Learn(); and the way back, into a book that
  // is new, by the entries in force now. `tick` is the one that had ended then. No server is
  // newly learnt.
  void Save(ArchiveWriter& out) const;
  void Restore(ArchiveReader& in, int64_t tick);

 private:
  static constexpr std::size_t kMostOfServer = 64;

  struct Name {
    std::string text;
    std::vector<uint32_t> entries;  // of relays; empty: not relevant
    uint32_t users = 0;
  };
  struct Binding {
    uint32_t name = 0;
    bool alias = false;  // answers led to it from other names, and none began with it
    bool timed = false;  // relevant, and holds: a timer will look at it
    int64_t until = INT64_MIN;
  };
  using Bindings = absl::InlinedVector<Binding, 2>;
  struct Server {
    Bindings bindings;
    int64_t timer = INT64_MAX;  // in timers_, or INT64_MAX
  };

  uint32_t Intern(absl::string_view text);
  void Release(uint32_t name);
  void Bind(const HostKey& address, absl::string_view name, bool alias, int64_t until);
  Binding& BindingOf(Bindings& bindings, absl::string_view name, bool alias);
  void KeepBest(const HostKey& address, Bindings& bindings);
  void Forget(const HostKey& address, Bindings& bindings, Bindings::iterator binding);
  void SetTimer(const HostKey& address, Server& server, int64_t tick);
  // Whether `a` goes before `b` when one must go.
  bool GoesFirst(const Binding& a, const Binding& b) const;
  bool relevant(const Binding& binding) const { return !names_[binding.name].entries.empty(); }

  std::size_t most_;
  int64_t grace_seconds_;
  const EntriesOf entries_of_;
  std::size_t size_ = 0;
  std::vector<Name> names_;
  std::vector<uint32_t> free_names_;
  absl::flat_hash_map<std::string, uint32_t> numbers_;
  absl::flat_hash_map<HostKey, Server> servers_;
  std::vector<HostKey> learnt_;
  std::vector<HostKey> lost_;  // where a bound took a relevant name
  // Of each server with relevant names one. What comes too early is set again when it ends.
  absl::btree_set<std::pair<int64_t, HostKey>> timers_;
};

}  // namespace mailtap::control

#endif  // MAILTAP_LIB_CONTROL_DNS_BOOK_H_

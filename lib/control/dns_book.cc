#include "lib/control/dns_book.h"

#include <algorithm>
#include <tuple>

#include "lib/control/places.h"
#include "lib/control/trim.h"

namespace mailtap::control {
namespace {

std::vector<HostKey> EachOnce(std::vector<HostKey> servers) {
  std::sort(servers.begin(), servers.end());
  servers.erase(std::unique(servers.begin(), servers.end()), servers.end());
  return servers;
}

}  // namespace

DnsBook::DnsBook(std::size_t most, int64_t grace_seconds, EntriesOf entries_of)
    : most_(most), grace_seconds_(grace_seconds), entries_of_(std::move(entries_of)) {}

void DnsBook::Reload(std::size_t most, int64_t grace_seconds) {
  most_ = most;
  grace_seconds_ = grace_seconds;
  for (Name& name : names_) {
    if (name.users != 0) name.entries = entries_of_(name.text);
  }
  timers_.clear();
  for (auto& [address, server] : servers_) {
    server.timer = INT64_MAX;
    for (Binding& binding : server.bindings) {
      binding.timed = relevant(binding);
      if (binding.timed) SetTimer(address, server, binding.until);
    }
  }
}

// Unless there is an earlier one.
void DnsBook::SetTimer(const HostKey& address, Server& server, int64_t tick) {
  if (tick >= server.timer) return;
  timers_.erase({server.timer, address});
  timers_.emplace(tick, address);
  server.timer = tick;
}

uint32_t DnsBook::Intern(absl::string_view text) {
  const auto known = numbers_.find(text);
  if (known != numbers_.end()) return known->second;
  const uint32_t number = TakePlace(names_, free_names_);
  names_[number] = {std::string(text), entries_of_(text), 0};
  numbers_.emplace(names_[number].text, number);
  return number;
}

void DnsBook::Release(uint32_t name) {
  --size_;
  if (--names_[name].users != 0) return;
  numbers_.erase(names_[name].text);
  names_[name] = {};
  free_names_.push_back(name);
}

void DnsBook::Learn(const meter::AnswerRecord& answer) {
  const int64_t until = TickOf(answer.time) + answer.ttl + grace_seconds_;
  for (int i = 0; i < answer.address_count; ++i) {
    Bind({answer.addresses[i], answer.encap_tag}, {answer.name, answer.length}, answer.alias,
         until);
  }
}

DnsBook::Binding& DnsBook::BindingOf(Bindings& bindings, absl::string_view name, bool alias) {
  const uint32_t number = Intern(name);
  const auto known = std::find_if(bindings.begin(), bindings.end(),
                                  [&](const Binding& b) { return b.name == number; });
  if (known != bindings.end()) return *known;
  ++names_[number].users;
  ++size_;
  bindings.push_back({.name = number, .alias = alias});
  return bindings.back();
}

void DnsBook::Bind(const HostKey& address, absl::string_view name, bool alias, int64_t until) {
  Server& server = servers_[address];
  Binding& binding = BindingOf(server.bindings, name, alias);
  binding.until = std::max(binding.until, until);
  binding.alias = binding.alias && alias;
  if (relevant(binding) && !binding.timed) {
    binding.timed = true;
    SetTimer(address, server, binding.until);
    learnt_.push_back(address);
  }
  if (server.bindings.size() > kMostOfServer) KeepBest(address, server.bindings);
}

bool DnsBook::GoesFirst(const Binding& a, const Binding& b) const {
  const auto rank = [&](const Binding& binding) {
    return std::tuple(relevant(binding), binding.until,
                      absl::string_view(names_[binding.name].text));
  };
  return rank(a) < rank(b);
}

// A relay entry needs one name of the address. So what has another one that fits the same
// entries goes before what has none, however many tenants of a cloud have names there.
void DnsBook::KeepBest(const HostKey& address, Bindings& bindings) {
  const auto needed = [&](const Binding& binding) {
    const std::vector<uint32_t>& entries = names_[binding.name].entries;
    return !entries.empty() &&
           std::none_of(bindings.begin(), bindings.end(), [&](const Binding& b) {
             return &b != &binding && names_[b.name].entries == entries;
           });
  };
  auto worst = bindings.begin();
  bool worst_needed = needed(*worst);
  for (auto at = worst + 1; at != bindings.end(); ++at) {
    const bool at_needed = needed(*at);
    if (at_needed != worst_needed ? at_needed : !GoesFirst(*at, *worst)) continue;
    worst = at;
    worst_needed = at_needed;
  }
  Forget(address, bindings, worst);
}

void DnsBook::Forget(const HostKey& address, Bindings& bindings, Bindings::iterator binding) {
  if (binding->timed) lost_.push_back(address);
  Release(binding->name);
  bindings.erase(binding);
}

void DnsBook::AddEntries(const HostKey& server, int64_t tick,
                         std::vector<uint32_t>& entries) const {
  const auto known = servers_.find(server);
  if (known == servers_.end()) return;
  for (const Binding& binding : known->second.bindings) {
    if (binding.until < tick) continue;
    const std::vector<uint32_t>& more = names_[binding.name].entries;
    entries.insert(entries.end(), more.begin(), more.end());
  }
}

DnsBook::Lapsed DnsBook::LapsedOf(const HostKey& server, uint32_t entry, int64_t tick) const {
  Lapsed lapsed;
  const auto known = servers_.find(server);
  if (known == servers_.end()) return lapsed;
  for (const Binding& binding : known->second.bindings) {
    const Name& name = names_[binding.name];
    if (std::find(name.entries.begin(), name.entries.end(), entry) == name.entries.end()) {
      continue;
    }
    if (binding.until >= tick) return {};
    if (std::tie(binding.until, name.text) > std::tie(lapsed.until, lapsed.name)) {
      lapsed = {name.text, binding.until};
    }
  }
  return lapsed;
}

const std::string& DnsBook::NameOf(const HostKey& server) const {
  static const std::string* const kUnnamed = new std::string;
  const auto known = servers_.find(server);
  if (known == servers_.end()) return *kUnnamed;
  const auto better = [this](const Binding& a, const Binding& b) {
    if (a.alias != b.alias) return b.alias;
    if (a.until != b.until) return a.until > b.until;
    return names_[a.name].text < names_[b.name].text;
  };
  const Bindings& bindings = known->second.bindings;
  return names_[std::min_element(bindings.begin(), bindings.end(), better)->name].text;
}

std::vector<HostKey> DnsBook::TakeLearnt() { return EachOnce(std::exchange(learnt_, {})); }

std::vector<HostKey> DnsBook::TakeExpired(int64_t tick, const Needed& needed) {
  std::vector<HostKey> expired = std::exchange(lost_, {});
  while (!timers_.empty() && timers_.begin()->first <= tick) {
    const HostKey address = timers_.begin()->second;
    timers_.erase(timers_.begin());
    Server& server = servers_.find(address)->second;
    server.timer = INT64_MAX;
    for (Binding& binding : server.bindings) {
      if (!binding.timed) continue;
      if (binding.until <= tick) {
        const int64_t until = needed(address, names_[binding.name].entries);
        binding.timed = until > tick;
        if (binding.timed) {
          binding.until = until;
        } else {
          expired.push_back(address);
        }
      }
      if (binding.timed) SetTimer(address, server, binding.until);
    }
  }
  return EachOnce(std::move(expired));
}

std::size_t DnsBook::Trim() {
  const std::size_t excess = Excess(size_, most_);
  if (excess == 0) return 0;
  struct Candidate {
    Binding binding;
    HostKey server;
  };
  std::vector<Candidate> all;
  all.reserve(size_);
  for (const auto& [address, server] : servers_) {
    for (const Binding& binding : server.bindings) all.push_back({binding, address});
  }
  std::nth_element(all.begin(), all.begin() + (excess - 1), all.end(),
                   [this](const Candidate& a, const Candidate& b) {
                     if (GoesFirst(a.binding, b.binding)) return true;
                     return !GoesFirst(b.binding, a.binding) && a.server < b.server;
                   });
  for (std::size_t i = 0; i < excess; ++i) {
    const auto server = servers_.find(all[i].server);
    Bindings& bindings = server->second.bindings;
    Forget(all[i].server, bindings,
           std::find_if(bindings.begin(), bindings.end(),
                        [&](const Binding& b) { return b.name == all[i].binding.name; }));
    if (!bindings.empty()) continue;
    timers_.erase({server->second.timer, all[i].server});
    servers_.erase(server);
  }
  return excess;
}

void DnsBook::Save(ArchiveWriter& out) const {
  out.Put(uint64_t{servers_.size()});
  for (const auto& [address, server] : servers_) {
    out.Put(address);
    out.Put(uint64_t{server.bindings.size()});
    for (const Binding& binding : server.bindings) {
      out.PutText(names_[binding.name].text);
      out.Put(binding.alias);
      out.Put(binding.until);
    }
  }
}

void DnsBook::Restore(ArchiveReader& in, int64_t tick) {
  for (std::size_t n = in.GetCount(sizeof(HostKey)); n > 0 && in.ok(); --n) {
    const auto address = in.Get<HostKey>();
    for (std::size_t k = in.GetCount(sizeof(int64_t)); k > 0 && in.ok(); --k) {
      const std::string name = in.GetText();
      const auto alias = in.Get<bool>();
      const auto until = in.Get<int64_t>();
      if (!in.ok()) return;
      Server& server = servers_[address];
      Binding& binding = BindingOf(server.bindings, name, alias);
      binding.until = until;
      // Of the others TakeExpired() has told.
      binding.timed = relevant(binding) && until > tick;
      if (binding.timed) SetTimer(address, server, until);
    }
  }
}

}  // namespace mailtap::control

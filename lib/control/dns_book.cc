#include "lib/control/dns_book.h"

#include <algorithm>
#include <tuple>

#include "lib/control/places.h"
#include "lib/control/trim.h"

namespace mailtap::control {

DnsBook::DnsBook(std::size_t most, int64_t grace_seconds, EntriesOf entries_of)
    : most_(most), grace_seconds_(grace_seconds), entries_of_(std::move(entries_of)) {}

void DnsBook::Reload(std::size_t most, int64_t grace_seconds) {
  most_ = most;
  grace_seconds_ = grace_seconds;
  for (Name& name : names_) {
    if (name.users != 0) name.entries = entries_of_(name.text);
  }
  timers_ = {};
  for (auto& [server, bindings] : servers_) {
    for (Binding& binding : bindings) {
      binding.timed = relevant(binding);
      if (binding.timed) timers_.emplace(binding.until, server);
    }
  }
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

void DnsBook::Bind(const HostKey& server, absl::string_view name, bool alias, int64_t until) {
  Bindings& bindings = servers_[server];
  Binding& binding = BindingOf(bindings, name, alias);
  binding.until = std::max(binding.until, until);
  binding.alias = binding.alias && alias;
  if (relevant(binding) && !binding.timed) {
    binding.timed = true;
    timers_.emplace(binding.until, server);
    learnt_.push_back(server);
  }
  if (bindings.size() > kMostOfServer) KeepBest(bindings);
}

bool DnsBook::GoesFirst(const Binding& a, const Binding& b) const {
  const auto rank = [&](const Binding& binding) {
    return std::tuple(relevant(binding), binding.until,
                      absl::string_view(names_[binding.name].text));
  };
  return rank(a) < rank(b);
}

void DnsBook::KeepBest(Bindings& bindings) {
  const auto worst =
      std::min_element(bindings.begin(), bindings.end(),
                       [this](const Binding& a, const Binding& b) { return GoesFirst(a, b); });
  Release(worst->name);
  bindings.erase(worst);
}

void DnsBook::AddEntries(const HostKey& server, int64_t tick,
                         std::vector<uint32_t>& entries) const {
  const auto known = servers_.find(server);
  if (known == servers_.end()) return;
  for (const Binding& binding : known->second) {
    if (binding.until < tick) continue;
    const std::vector<uint32_t>& more = names_[binding.name].entries;
    entries.insert(entries.end(), more.begin(), more.end());
  }
}

DnsBook::Lapsed DnsBook::LapsedOf(const HostKey& server, uint32_t entry, int64_t tick) const {
  Lapsed lapsed;
  const auto known = servers_.find(server);
  if (known == servers_.end()) return lapsed;
  for (const Binding& binding : known->second) {
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
  return names_[std::min_element(known->second.begin(), known->second.end(), better)->name]
      .text;
}

std::vector<HostKey> DnsBook::TakeLearnt() {
  std::vector<HostKey> servers = std::exchange(learnt_, {});
  std::sort(servers.begin(), servers.end());
  servers.erase(std::unique(servers.begin(), servers.end()), servers.end());
  return servers;
}

std::vector<HostKey> DnsBook::TakeExpired(int64_t tick, const Needed& needed) {
  std::vector<HostKey> due;
  while (!timers_.empty() && timers_.top().first <= tick) {
    due.push_back(timers_.top().second);
    timers_.pop();
  }
  std::sort(due.begin(), due.end());
  due.erase(std::unique(due.begin(), due.end()), due.end());
  std::vector<HostKey> expired;
  for (const HostKey& server : due) {
    const auto known = servers_.find(server);
    if (known == servers_.end()) continue;
    bool over = false;
    int64_t next = INT64_MAX;
    for (Binding& binding : known->second) {
      if (!binding.timed) continue;
      if (binding.until <= tick) {
        const int64_t until = needed(server, names_[binding.name].entries);
        binding.timed = until > tick;
        if (binding.timed) binding.until = until;
        over = over || !binding.timed;
      }
      if (binding.timed) next = std::min(next, binding.until);
    }
    if (next != INT64_MAX) timers_.emplace(next, server);
    if (over) expired.push_back(server);
  }
  return expired;
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
  for (const auto& [server, bindings] : servers_) {
    for (const Binding& binding : bindings) all.push_back({binding, server});
  }
  std::nth_element(all.begin(), all.begin() + (excess - 1), all.end(),
                   [this](const Candidate& a, const Candidate& b) {
                     if (GoesFirst(a.binding, b.binding)) return true;
                     return !GoesFirst(b.binding, a.binding) && a.server < b.server;
                   });
  for (std::size_t i = 0; i < excess; ++i) {
    Bindings& bindings = servers_.find(all[i].server)->second;
    bindings.erase(std::find_if(bindings.begin(), bindings.end(), [&](const Binding& b) {
      return b.name == all[i].binding.name;
    }));
    Release(all[i].binding.name);
    if (bindings.empty()) servers_.erase(all[i].server);
  }
  return excess;
}

void DnsBook::Save(ArchiveWriter& out) const {
  out.Put(uint64_t{servers_.size()});
  for (const auto& [server, bindings] : servers_) {
    out.Put(server);
    out.Put(uint64_t{bindings.size()});
    for (const Binding& binding : bindings) {
      out.PutText(names_[binding.name].text);
      out.Put(binding.alias);
      out.Put(binding.until);
    }
  }
}

void DnsBook::Restore(ArchiveReader& in, int64_t tick) {
  for (std::size_t n = in.GetCount(sizeof(HostKey)); n > 0 && in.ok(); --n) {
    const auto server = in.Get<HostKey>();
    for (std::size_t k = in.GetCount(sizeof(int64_t)); k > 0 && in.ok(); --k) {
      const std::string name = in.GetText();
      const auto alias = in.Get<bool>();
      const auto until = in.Get<int64_t>();
      if (!in.ok()) return;
      Binding& binding = BindingOf(servers_[server], name, alias);
      binding.until = until;
      // Of the others TakeExpired() has told.
      binding.timed = relevant(binding) && until > tick;
      if (binding.timed) timers_.emplace(until, server);
    }
  }
}

}  // namespace mailtap::control

#include "lib/control/approvals.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "lib/control/alert_id.h"

namespace mailtap::control {

void Approvals::Apply(const meter::AnswerRecord& answer) {
  if (!state_.policy.IsResolver(answer.server)) {
    ++answers_ignored_;
    return;
  }
  ++answers_learnt_;
  state_.dns.Learn(answer);
}

void Approvals::Apply(const meter::NameRecord& name) {
  state_.names.Add(name);
  const RelayMatcher& relays = state_.policy.relays();
  if (!relays.uses_claims() || name.key.attribution != meter::Attribution::kFull) return;
  if (!relays.NamedBy({name.text, name.length}, /*claimed=*/true).empty()) {
    state_.claims.Add(name);
  }
}

void Approvals::Settle(int64_t tick) {
  for (const HostKey& server : state_.dns.TakeLearnt()) {
    state_.conversations.ForEachAt(server, [&](uint32_t id) { intake_.RejudgeFrom(tick, id); });
  }
  for (const meter::ConversationKey& key : state_.claims.TakeFresh()) {
    const uint32_t id = state_.conversations.Find(ConversationTable::HashOf(key), key);
    if (id != kNone) intake_.RejudgeFrom(tick, id);
  }
}

void Approvals::EndTick(int64_t tick) {
  EndNames(tick);
  EndEntries(tick);
}

int64_t Approvals::NextEvent() const {
  const int64_t name = std::max(state_.dns.NextExpiry(), state_.last_tick + 1);
  if (ended_ == INT64_MIN) return name;
  const int64_t end = state_.policy.NextEnd(ended_);
  return end == INT64_MAX ? name : std::min(name, end - 1);
}

int64_t Approvals::Needed(const HostKey& server, const std::vector<uint32_t>& entries) const {
  int64_t until = INT64_MIN;
  state_.conversations.ForEachAt(server, [&](uint32_t id) {
    const Conversation& conversation = state_.conversations.at(id);
    if (!IsApproved(conversation.verdict) ||
        !std::binary_search(entries.begin(), entries.end(), conversation.relay)) {
      return;
    }
    const int64_t last = state_.first_tick + conversation.last_tick;
    until = std::max(until, last + state_.config->timeouts.established);
  });
  return until;
}

void Approvals::EndNames(int64_t tick) {
  const auto needed = [this](const HostKey& server, const std::vector<uint32_t>& entries) {
    return Needed(server, entries);
  };
  state_.forgotten += state_.dns.Trim();
  for (const HostKey& server : state_.dns.TakeExpired(tick, needed)) {
    state_.conversations.ForEachAt(server,
                                   [&](uint32_t id) { intake_.RejudgeFrom(tick + 1, id); });
  }
}

void Approvals::EndEntries(int64_t tick) {
  // What was over before the sensor began covers nobody.
  const int64_t before = ended_ == INT64_MIN ? tick : ended_;
  ended_ = std::max(before, tick + 1);
  if (state_.policy.NextEnd(before) > ended_) return;
  const std::vector<config::Relay>& relays = state_.config->relays;
  std::vector<bool> over(relays.size());
  for (uint32_t i = 0; i < relays.size(); ++i) {
    over[i] = before < relays[i].ends && relays[i].ends <= ended_;
    if (over[i] && relays[i].mode == config::RelayMode::kEnforce) Raise(i, tick);
  }
  state_.conversations.ForEach([&](uint32_t id) {
    const Conversation& conversation = state_.conversations.at(id);
    const absl::Span<const uint32_t> entries = state_.relay_sets.Of(conversation);
    const auto ended = [&over](uint32_t entry) { return over[entry]; };
    if (conversation.retired || std::none_of(entries.begin(), entries.end(), ended)) return;
    intake_.RejudgeFrom(tick + 1, id);
  });
}

Alert Approvals::Compose(const config::Relay& relay, AlertState state) const {
  Alert alert;
  alert.state = state;
  alert.rule = std::string(config::kRelayExpired);
  alert.relay = relay.name;
  alert.config_version = state_.config->version;
  return alert;
}

void Approvals::Raise(uint32_t entry, int64_t tick) {
  const config::Relay& relay = state_.config->relays[entry];
  const RelayUse& use = state_.relays.use()[entry];
  Alert alert = Compose(relay, AlertState::kRaised);
  alert.time = StartOfTick(tick + 1);
  alert.value = alert.highest = static_cast<double>(use.hosts);
  alert.first_seen = alert.last_seen = use.last_used != 0 ? use.last_used : alert.time;
  const std::vector<HostKey> hosts = state_.relays.ClientsOf(entry);
  const auto most = static_cast<std::size_t>(state_.config->alerts.top_peers);
  std::string shown;
  for (std::size_t i = 0; i < std::min(most, hosts.size()); ++i) {
    alert.hosts.push_back(hosts[i].address);
    absl::StrAppend(&shown, i == 0 ? "" : ", ", net::ToString(hosts[i].address));
  }
  const std::string owner =
      relay.owner.empty() ? "who is in charge of it" : absl::StrCat("its owner, ", relay.owner);
  const std::string of = relay.ticket.empty() ? "" : absl::StrCat(" (", relay.ticket, ")");
  alert.summary = absl::StrCat(
      "Relay entry \"", relay.name, "\"", of, " expired with ",
      config::ToString(*relay.expires), " and approves nothing any more: ",
      use.hosts == 0 ? "nobody used it, so remove it."
                     : absl::StrCat("ask ", owner, ", whether to renew it for ", use.hosts,
                                    use.hosts == 1 ? " host" : " hosts", " (", shown,
                                    hosts.size() > most ? ", ..." : "", ") or to remove it."));
  alert.id = AlertId(state_.config->sensor.name, alert);
  open_[relay.name] = {alert.id, *relay.expires, alert.first_seen};
  ++count_.raised;
  ++count_.active;
  output_.OnAlert(alert);
}

void Approvals::Reload() {
  const std::vector<config::Relay>& relays = state_.config->relays;
  for (auto at = open_.begin(); at != open_.end();) {
    const auto same = std::find_if(relays.begin(), relays.end(), [&](const config::Relay& r) {
      return r.name == at->first && r.expires == at->second.expired;
    });
    if (same != relays.end()) {
      ++at;
      continue;
    }
    config::Relay gone;
    gone.name = at->first;
    Alert alert = Compose(gone, AlertState::kCleared);
    alert.time = alert.last_seen = StartOfTick(state_.last_tick + 1);
    alert.first_seen = at->second.first_seen;
    alert.id = at->second.id;
    alert.summary = absl::StrCat("Relay entry \"", gone.name,
                                 "\", which had expired, was renewed or removed.");
    ++count_.cleared;
    --count_.active;
    output_.OnAlert(alert);
    at = open_.erase(at);
  }
}

void Approvals::SaveAlerts(ArchiveWriter& out) const {
  out.Put(ended_);
  out.Put(count_.raised);
  out.Put(count_.cleared);
  out.Put(uint64_t{open_.size()});
  for (const auto& [name, open] : open_) {
    out.PutText(name);
    out.PutText(open.id);
    out.Put(open.expired);
    out.Put(open.first_seen);
  }
}

void Approvals::RestoreAlerts(ArchiveReader& in) {
  in.Get(ended_);
  in.Get(count_.raised);
  in.Get(count_.cleared);
  for (std::size_t n = in.GetCount(sizeof(Open::expired)); n > 0 && in.ok(); --n) {
    Open& open = open_[in.GetText()];
    open.id = in.GetText();
    in.Get(open.expired);
    in.Get(open.first_seen);
  }
  count_.active = open_.size();
}

void Approvals::Save(ArchiveWriter& out) const {
  out.Put(answers_learnt_);
  out.Put(answers_ignored_);
}

void Approvals::Restore(ArchiveReader& in) {
  in.Get(answers_learnt_);
  in.Get(answers_ignored_);
}

}  // namespace mailtap::control

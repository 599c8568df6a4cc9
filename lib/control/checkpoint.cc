#include "lib/control/checkpoint.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_map.h"

namespace mailtap::control {
namespace {

constexpr uint32_t kMagic = 0x4d54'4350;
constexpr uint32_t kAlertsMagic = 0x4d54'414c;
// To be raised with each change of what is written. The sizes of the structs that are written
// whole go with it.
constexpr uint32_t kVersion = 4;
constexpr uint64_t kLayout = kVersion | sizeof(Totals) << 8 | sizeof(HostCounts) << 20 |
                             sizeof(RecentSight) << 32 | sizeof(meter::ConversationKey) << 44;

// What one conversation did in one bucket, but for the chain.
TickRow RowOf(const EvidenceRow& row) {
  TickRow out;
  out.sessions = row.sessions;
  out.messages = row.messages;
  out.rejected = row.rejected;
  out.seen = row.seen;
  std::copy(std::begin(row.bytes), std::end(row.bytes), out.bytes);
  out.inferred = row.inferred;
  out.repeated = row.repeated;
  out.duplicate = row.duplicate;
  out.first_seen = row.first_seen;
  return out;
}

void PutShape(const RuleShape& shape, ArchiveWriter& out) {
  out.PutText(shape.name);
  out.Put(shape.scope);
  out.Put(uint64_t{shape.conditions.size()});
  for (const auto& [metric, window] : shape.conditions) {
    out.Put(metric);
    out.Put(window);
  }
}

RuleShape GetShape(ArchiveReader& in) {
  RuleShape shape;
  shape.name = in.GetText();
  in.Get(shape.scope);
  shape.conditions.resize(in.GetCount(sizeof(int64_t)));
  for (auto& [metric, window] : shape.conditions) {
    in.Get(metric);
    in.Get(window);
  }
  return shape;
}

// Whom an entity is about: a host by its key, a group by its name.
struct Subject {
  config::Scope scope = config::Scope::kHost;
  Role role = Role::kClient;
  HostKey host;
  std::string group;
};

void PutSubject(const State& state, const Entity& entity, ArchiveWriter& out) {
  const config::Scope scope = state.windows.rule_of(entity).scope;
  out.Put(scope);
  out.Put(entity.role);
  if (scope == config::Scope::kHost) out.Put(state.hosts.at(entity.host).key);
  if (scope == config::Scope::kGroup) out.PutText(state.config->groups[entity.host].name);
}

Subject GetSubject(ArchiveReader& in) {
  Subject subject;
  in.Get(subject.scope);
  in.Get(subject.role);
  if (subject.scope == config::Scope::kHost) in.Get(subject.host);
  if (subject.scope == config::Scope::kGroup) subject.group = in.GetText();
  return subject;
}

// The first entity of `rule` and `subject`; kNone where the rule or the group is gone.
uint32_t EntityOf(const State& state, Intake& intake, uint16_t rule, const Subject& subject) {
  if (rule == Windows::kNoRule) return kNone;
  uint32_t number = 0;
  if (subject.scope == config::Scope::kHost) number = intake.HostOf(subject.host);
  if (subject.scope == config::Scope::kGroup) {
    const auto& groups = state.config->groups;
    const auto found = std::find_if(groups.begin(), groups.end(), [&](const auto& group) {
      return group.name == subject.group;
    });
    if (found == groups.end()) return kNone;
    number = static_cast<uint32_t>(found - groups.begin());
  }
  return intake.EntityOf(rule, number, subject.role);
}

// Numbers of hosts, conversations and entities in the bytes: dense, in the order written.
class Saver {
 public:
  explicit Saver(const State& state) : state_(state) {}

  std::string Save(const Approvals& approvals, const BlindSpots& blind_spots) {
    out_.Put(kMagic);
    out_.Put(kLayout);
    out_.Put(state_.first_tick);
    out_.Put(state_.last_tick);
    out_.Put(state_.first_packet);
    out_.Put(state_.ticks);
    out_.Put(state_.forgotten);
    out_.Put(state_.totals);
    state_.encaps.Save(out_);
    state_.names.Save(out_);
    state_.dns.Save(out_);
    state_.claims.Save(out_);
    state_.servers.Save(out_);
    approvals.Save(out_);
    state_.relays.Save(out_);
    state_.hours.Save(out_);
    state_.baselines.Save(out_);
    SaveRules();
    SaveHosts();
    SaveEntities();
    SaveConversations();
    SavePeers();
    SaveRows();
    SaveEvidence();
    blind_spots.Save(out_);
    return out_.Take();
  }

 private:
  void SaveRules() {
    uint64_t leads = 0;
    for (uint16_t i = 0; i < state_.rules.rules().size(); ++i) {
      leads += state_.rules.rules()[i].lead == i;
    }
    out_.Put(leads);
    for (uint16_t i = 0; i < state_.rules.rules().size(); ++i) {
      if (state_.rules.rules()[i].lead == i) PutShape(state_.rules.ShapeOf(i), out_);
    }
  }

  void SaveHosts() {
    out_.Put(uint64_t{state_.hosts.size()});
    state_.hosts.ForEach([&](uint32_t id) {
      const Host& host = state_.hosts.at(id);
      hosts_.emplace(id, static_cast<uint32_t>(hosts_.size()));
      out_.Put(host.key);
      out_.Put(host.totals);
      out_.Put(host.in_hour);
      out_.Put(host.hour);
      out_.Put(host.sight);
      out_.Put(host.last_tick);
    });
  }

  void SaveEntities() {
    std::vector<uint32_t> leads;
    state_.ForEachLead([&](uint32_t lead) { leads.push_back(lead); });
    out_.Put(uint64_t{leads.size()});
    for (const uint32_t lead : leads) {
      out_.Put(state_.windows.at(lead).rule);
      PutSubject(state_, state_.windows.at(lead), out_);
      for (uint32_t e = lead; e != kNone; e = state_.windows.at(e).next_condition) {
        entities_.emplace(e, static_cast<uint32_t>(entities_.size()));
        out_.Put(state_.windows.at(e).last_seen);
      }
    }
  }

  void SavePeers() {
    const PeerTable& peers = state_.windows.peers();
    out_.Put(uint64_t{peers.size()});
    peers.ForEach([&](uint32_t peer, uint32_t owner, Role role, const net::IpAddress& address) {
      peers_.emplace(peer, static_cast<uint32_t>(peers_.size()));
      const bool shared = PeerTable::IsEntity(owner);
      out_.Put(shared);
      out_.Put(shared ? entities_.at(PeerTable::EntityOf(owner)) : hosts_.at(owner));
      out_.Put(role);
      out_.Put(address);
      out_.Put(peers.Met(peer));
    });
  }

  void SaveConversations() {
    out_.Put(uint64_t{state_.conversations.size()});
    for (const uint32_t id : state_.retired) {
      if (state_.conversations.at(id).known && state_.conversations.at(id).retired) {
        SaveConversation(id);
      }
    }
    state_.conversations.ForEach([&](uint32_t id) { SaveConversation(id); });
  }
  void SaveConversation(uint32_t id) {
    if (!conversations_.emplace(id, static_cast<uint32_t>(conversations_.size())).second)
      return;
    const Conversation& conversation = state_.conversations.at(id);
    out_.Put(conversation.key);
    out_.Put(conversation.verdict);
    out_.Put(conversation.relay);
    out_.Put(conversation.lanes[0] != kNone);
    out_.Put(conversation.lanes[1] != kNone);
    out_.Put(conversation.last_tick);
    out_.Put(static_cast<uint8_t>(conversation.seen | conversation.seen_before << 2));
    out_.Put(bool{conversation.retired});
  }

  void SaveRows() {
    for (uint16_t rule = 0; rule < state_.rules.rules().size(); ++rule) {
      const bool peers = config::CountsPeers(state_.rules.rules()[rule].metric);
      uint64_t count = 0;
      state_.windows.ForEachRow(rule, [&](auto&&...) { ++count; });
      out_.Put(count);
      state_.windows.ForEachRow(
          rule, [&](int64_t bucket, uint32_t entity, uint64_t a, uint64_t b, uint32_t peer) {
            out_.Put(bucket);
            out_.Put(entities_.at(entity));
            if (peers) {
              out_.Put(peers_.at(peer));
            } else {
              out_.Put(a);
              out_.Put(b);
            }
          });
    }
  }

  void SaveEvidence() {
    out_.Put(uint64_t{state_.evidence.size()});
    for (const EvidenceLog& log : state_.evidence) {
      out_.Put(log.shape().width);
      uint64_t count = 0;
      log.ForEachRow([&](auto&&...) { ++count; });
      out_.Put(count);
      log.ForEachRow([&](uint32_t conversation, int64_t bucket, const EvidenceRow& row) {
        TickRow saved = RowOf(row);
        saved.conversation = conversations_.at(conversation);
        out_.Put(bucket);
        out_.Put(saved);
      });
    }
  }

  const State& state_;
  ArchiveWriter out_;
  absl::flat_hash_map<uint32_t, uint32_t> hosts_, conversations_, entities_, peers_;
};

class Restorer {
 public:
  Restorer(absl::string_view checkpoint, State& state, Intake& intake)
      : in_(checkpoint), state_(state), intake_(intake) {}

  // Up to the hosts: what open alerts refer to. False where the bytes are no checkpoint.
  bool RestoreHosts(bool same_capture, Approvals& approvals) {
    if (in_.Get<uint32_t>() != kMagic || in_.Get<uint64_t>() != kLayout) return false;
    in_.Get(state_.first_tick);
    in_.Get(state_.last_tick);
    in_.Get(state_.first_packet);
    in_.Get(state_.ticks);
    in_.Get(state_.forgotten);
    in_.Get(state_.totals);
    state_.encaps.Restore(in_);
    state_.names.Restore(in_);
    state_.dns.Restore(in_, state_.last_tick);
    state_.claims.Restore(in_);
    state_.servers.Restore(in_);
    approvals.Restore(in_);
    relay_to_ = state_.relays.Restore(in_);
    state_.hours.Restore(in_, same_capture);
    state_.baselines.Restore(in_);
    RestoreRules();
    for (std::size_t n = in_.GetCount(sizeof(HostKey)); n > 0 && in_.ok(); --n) RestoreHost();
    for (std::size_t n = in_.GetCount(sizeof(UnixNanos)); n > 0 && in_.ok(); --n) {
      RestoreEntity();
    }
    return in_.ok();
  }

  bool RestoreRest(bool same_capture, BlindSpots& blind_spots) {
    for (std::size_t n = in_.GetCount(sizeof(meter::ConversationKey)); n > 0 && in_.ok(); --n) {
      RestoreConversation();
    }
    for (std::size_t n = in_.GetCount(sizeof(net::IpAddress)); n > 0 && in_.ok(); --n) {
      RestorePeer();
    }
    for (const SavedRule& rule : rules_) RestoreRows(rule);
    for (const uint32_t peer : peers_) {
      if (peer != kNone) state_.windows.peers().Release(peer);
    }
    for (std::size_t n = in_.GetCount(2 * sizeof(int64_t)); n > 0 && in_.ok(); --n) {
      RestoreEvidence();
    }
    blind_spots.Restore(in_, same_capture);
    return in_.ok() && in_.at_end();
  }

 private:
  // A condition of a rule.
  struct SavedRule {
    uint16_t lead = Windows::kNoRule;  // in force; kNoRule: gone
    uint16_t to = Windows::kNoRule;
    uint16_t conditions = 1;  // of the rule
    config::Metric metric = config::Metric::kSentBytes;
  };

  void RestoreRules() {
    for (std::size_t n = in_.GetCount(sizeof(uint64_t)); n > 0 && in_.ok(); --n) {
      const RuleShape shape = GetShape(in_);
      const uint16_t lead = state_.rules.Find(shape);
      for (std::size_t i = 0; i < shape.conditions.size(); ++i) {
        const bool gone = lead == Windows::kNoRule;
        rules_.push_back({lead, static_cast<uint16_t>(gone ? lead : lead + i),
                          static_cast<uint16_t>(shape.conditions.size()),
                          shape.conditions[i].first});
      }
    }
  }

  void RestoreHost() {
    const uint32_t id = intake_.HostOf(in_.Get<HostKey>());
    Host& host = state_.hosts.at(id);
    in_.Get(host.totals);
    in_.Get(host.in_hour);
    in_.Get(host.hour);
    in_.Get(host.sight);
    in_.Get(host.last_tick);
    state_.hosts.Rank(id);
    hosts_.push_back(id);
  }

  void RestoreEntity() {
    const std::size_t rule = in_.Get<uint16_t>();
    const Subject subject = GetSubject(in_);
    if (!in_.ok() || rule >= rules_.size()) return in_.Fail();
    uint32_t entity = EntityOf(state_, intake_, rules_[rule].lead, subject);
    for (int i = 0; i < rules_[rule].conditions; ++i) {
      const auto last_seen = in_.Get<UnixNanos>();
      entities_.push_back(entity);
      if (entity == kNone) continue;
      state_.windows.at(entity).last_seen = last_seen;
      entity = state_.windows.at(entity).next_condition;
    }
  }

  void RestorePeer() {
    const bool shared = in_.Get<bool>();
    const std::size_t at = in_.GetIndex(shared ? entities_.size() : hosts_.size());
    const auto role = in_.Get<Role>();
    const auto address = in_.Get<net::IpAddress>();
    const auto met = in_.Get<int64_t>();
    if (!in_.ok()) return;
    peers_.push_back(kNone);
    if (shared && entities_[at] == kNone) return;
    PeerTable& peers = state_.windows.peers();
    peers_.back() =
        peers.Acquire(shared ? PeerTable::OwnerOf(entities_[at]) : hosts_[at], role, address);
    peers.Met(peers_.back()) = met;
  }

  void RestoreConversation() {
    const auto key = in_.Get<meter::ConversationKey>();
    Judgement judgement;
    in_.Get(judgement.verdict);
    uint32_t& relay = IsApproved(judgement.verdict) ? judgement.relay : judgement.observed;
    in_.Get(relay);
    in_.Get(judgement.internal[0]);
    in_.Get(judgement.internal[1]);
    const auto last_tick = in_.Get<uint32_t>();
    const auto seen = in_.Get<uint8_t>();
    const bool retired = in_.Get<bool>();
    const bool by_relay = relay != kNoRelay;
    if (!in_.ok() || (by_relay && relay >= relay_to_.size())) return in_.Fail();
    if (by_relay) relay = relay_to_[relay];
    const uint32_t id = intake_.Restore(key, judgement, retired);
    Conversation& conversation = state_.conversations.at(id);
    conversation.last_tick = last_tick;
    conversation.seen = seen & 3;
    conversation.seen_before = seen >> 2 & 3;
    conversations_.push_back(id);
  }

  void RestoreRows(const SavedRule& rule) {
    const bool counts_peers = config::CountsPeers(rule.metric);
    for (std::size_t n = in_.GetCount(2 * sizeof(int64_t)); n > 0 && in_.ok(); --n) {
      const auto bucket = in_.Get<int64_t>();
      const std::size_t at = in_.GetIndex(entities_.size());
      uint64_t a = 0, b = 0;
      std::size_t peer = 0;
      if (counts_peers) {
        peer = in_.GetIndex(peers_.size());
      } else {
        in_.Get(a);
        in_.Get(b);
      }
      if (!in_.ok() || rule.to == Windows::kNoRule || entities_[at] == kNone) continue;
      const int64_t tick = bucket * state_.rules.rules()[rule.to].shape.width;
      if (!counts_peers) {
        state_.windows.Add(entities_[at], tick, a, b);
      } else if (peers_[peer] != kNone) {
        state_.windows.AddPeer(entities_[at], tick, peers_[peer]);
      }
    }
  }

  void RestoreEvidence() {
    const auto width = in_.Get<int64_t>();
    EvidenceLog* log = nullptr;
    for (EvidenceLog& one : state_.evidence) {
      if (one.shape().width == width) log = &one;
    }
    for (std::size_t n = in_.GetCount(sizeof(TickRow)); n > 0 && in_.ok(); --n) {
      const auto bucket = in_.Get<int64_t>();
      auto row = in_.Get<TickRow>();
      if (row.conversation >= conversations_.size()) return in_.Fail();
      row.conversation = conversations_[row.conversation];
      if (log != nullptr) log->Add(row, bucket * width);
    }
  }

  ArchiveReader in_;
  State& state_;
  Intake& intake_;
  std::vector<uint32_t> relay_to_;
  // As they were numbered when they were saved; kNone: gone.
  std::vector<SavedRule> rules_;
  std::vector<uint32_t> hosts_, entities_, peers_;
  std::vector<uint32_t> conversations_;
};

bool RestoreOpenAlerts(ArchiveReader& in, const CheckpointTarget& target) {
  State& state = target.state;
  if (in.Get<uint32_t>() != kAlertsMagic || in.Get<uint64_t>() != kLayout) return false;
  const auto tick = in.Get<int64_t>();
  state.last_tick = std::max(state.last_tick, tick);
  state.first_tick = std::min(state.first_tick, tick);
  state.alerts.RestoreCounts(in);
  state.suppressions.Restore(in);
  for (std::size_t n = in.GetCount(sizeof(HostKey)); n > 0 && in.ok(); --n) {
    const uint16_t rule = state.rules.Find(GetShape(in));
    const Subject subject = GetSubject(in);
    const OpenAlert open = GetOpenAlert(in);
    if (!in.ok()) return false;
    const uint32_t id = EntityOf(state, target.intake, rule, subject);
    if (id == kNone) continue;
    state.alerts.Reopen(open, id, state.rules.rules()[rule].number, state.windows.at(id).alert,
                        tick);
  }
  target.approvals.RestoreAlerts(in);
  target.blind_spots.RestoreAlerts(in);
  return in.ok() && in.at_end();
}

}  // namespace

std::string SaveCheckpoint(const State& state, const Approvals& approvals,
                           const BlindSpots& blind_spots) {
  return Saver(state).Save(approvals, blind_spots);
}

std::string SaveOpenAlerts(const State& state, const Approvals& approvals,
                           const BlindSpots& blind_spots) {
  ArchiveWriter out;
  out.Put(kAlertsMagic);
  out.Put(kLayout);
  out.Put(state.last_tick);
  state.alerts.SaveCounts(out);
  state.suppressions.Save(out);
  std::vector<uint32_t> open;
  state.ForEachLead([&](uint32_t id) {
    if (state.windows.at(id).alert != kNone) open.push_back(id);
  });
  out.Put(uint64_t{open.size()});
  for (const uint32_t id : open) {
    const Entity& entity = state.windows.at(id);
    PutShape(state.rules.ShapeOf(entity.rule), out);
    PutSubject(state, entity, out);
    PutOpenAlert(state.alerts.open(entity.alert), out);
  }
  approvals.SaveAlerts(out);
  blind_spots.SaveAlerts(out);
  return out.Take();
}

absl::Status RestoreCheckpoint(absl::string_view checkpoint, absl::string_view alerts,
                               bool same_capture, const CheckpointTarget& target) {
  Restorer restorer(checkpoint, target.state, target.intake);
  ArchiveReader open(alerts);
  // Alerts before windows: a window is judged only if its entity's alert is known to be open.
  if (restorer.RestoreHosts(same_capture, target.approvals) &&
      RestoreOpenAlerts(open, target) &&
      restorer.RestoreRest(same_capture, target.blind_spots)) {
    return absl::OkStatus();
  }
  return absl::DataLossError("the checkpoint is damaged, or of another version of mailtap");
}

}  // namespace mailtap::control

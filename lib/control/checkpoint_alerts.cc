// Open alerts as bytes of their own, and how these and checkpoints say whom a rule judges.
#include <algorithm>
#include <vector>

#include "lib/control/checkpoint.h"
#include "lib/control/checkpoint_format.h"

namespace mailtap::control {

void PutShape(const RuleShape& shape, ArchiveWriter& out) {
  out.PutText(shape.name);
  out.Put(shape.scope);
  out.Put(uint64_t{shape.conditions.size()});
  for (const auto& [metric, window] : shape.conditions) {
    out.Put(metric);
    out.Put(window);
  }
}

void PutSubject(const State& state, const Entity& entity, ArchiveWriter& out) {
  const config::Scope scope = state.windows.rule_of(entity).scope;
  out.Put(scope);
  out.Put(entity.role);
  if (scope == config::Scope::kHost) out.Put(state.hosts.at(entity.host).key);
  if (scope == config::Scope::kGroup) out.PutText(state.config->groups[entity.host].name);
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

Subject GetSubject(ArchiveReader& in) {
  Subject subject;
  in.Get(subject.scope);
  in.Get(subject.role);
  if (subject.scope == config::Scope::kHost) in.Get(subject.host);
  if (subject.scope == config::Scope::kGroup) subject.group = in.GetText();
  return subject;
}

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

std::string SaveOpenAlerts(const State& state, const Approvals& approvals,
                           const BlindSpots& blind_spots) {
  ArchiveWriter out;
  out.Put(kOpenAlertsMagic);
  out.Put(kCheckpointLayout);
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
  return Sealed(out.Take());
}

bool RestoreOpenAlerts(ArchiveReader& in, const CheckpointTarget& target) {
  State& state = target.state;
  if (in.Get<uint32_t>() != kOpenAlertsMagic) return false;
  if (in.Get<uint64_t>() != kCheckpointLayout) return false;
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
    if (id == kNone) {
      state.alerts.Lose(open);
      continue;
    }
    state.alerts.Reopen(open, id, state.rules.rules()[rule].number, state.windows.at(id).alert,
                        tick);
  }
  target.approvals.RestoreAlerts(in);
  target.blind_spots.RestoreAlerts(in);
  return in.ok() && in.at_end();
}

}  // namespace mailtap::control

// Control's implementation: the parts in their order.
#ifndef MAILTAP_LIB_CONTROL_ENGINE_H_
#define MAILTAP_LIB_CONTROL_ENGINE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lib/control/approvals.h"
#include "lib/control/blind_spots.h"
#include "lib/control/checkpoint.h"
#include "lib/control/control.h"
#include "lib/control/explainer.h"
#include "lib/control/hour_summary.h"
#include "lib/control/intake.h"
#include "lib/control/janitor.h"
#include "lib/control/judge.h"
#include "lib/control/relay_review.h"
#include "lib/control/renumbering.h"
#include "lib/control/session_book.h"
#include "lib/control/state.h"

namespace mailtap::control {

class Engine {
 public:
  Engine(std::shared_ptr<const config::Config> config, Output& output, const Bounds& bounds)
      : state_(std::move(config), bounds),
        intake_(state_),
        approvals_(state_, intake_, output),
        sessions_(state_, intake_, output),
        judge_(state_, output),
        blind_spots_(state_, output),
        janitor_(state_) {}

  void Tell(exchange::KnownServers& servers) { state_.servers.Tell(servers); }
  void PassTick(int64_t tick) { state_.forgotten += state_.servers.EndTick(tick); }
  void Apply(const meter::DeltaRecord& delta) { intake_.Apply(delta); }
  void Apply(const meter::NameRecord& name) { approvals_.Apply(name); }
  void Apply(const meter::AnswerRecord& answer) { approvals_.Apply(answer); }
  void Apply(const meter::SessionRecord& session) { sessions_.Apply(session); }

  void Apply(const meter::EncapRecord& encap) {
    if (!state_.encaps.Add(encap)) ++state_.forgotten;
  }
  void Apply(const meter::SampleRecord& sample) { state_.samples.Add(sample); }
  void Observe(const CaptureSample& sample) { blind_spots_.Observe(sample); }

  void EndTick(int64_t tick);
  void Reload(std::shared_ptr<const config::Config> config);
  std::string Save() const { return SaveCheckpoint(state_, approvals_, blind_spots_); }
  std::string SaveOpenAlerts() const {
    return control::SaveOpenAlerts(state_, approvals_, blind_spots_);
  }
  absl::Status Restore(absl::string_view checkpoint, absl::string_view open_alerts,
                       bool same_capture) {
    const absl::Status restored = RestoreCheckpoint(
        checkpoint, open_alerts, same_capture, {state_, intake_, approvals_, blind_spots_});
    if (!restored.ok()) return restored;
    approvals_.Reload();
    // Open alerts may be newer than the windows: what left these before then is not judged.
    state_.windows.Expire(state_.last_tick);
    // What waits for another hour of its baseline waits again.
    if (same_capture) judge_.EndTick(state_.last_tick);
    return restored;
  }
  std::vector<std::string> TakeLostAlerts() {
    std::vector<std::string> lost = state_.alerts.TakeLost();
    for (std::string& id : blind_spots_.TakeLostAlerts()) lost.push_back(std::move(id));
    return lost;
  }
  int64_t NextEventTick() const;
  std::shared_ptr<const Snapshot> MakeSnapshot(bool every_relay) const;
  std::vector<HostTotals> RankedHosts() const;
  std::vector<OpenPeak> OpenPeaks() const {
    std::vector<OpenPeak> peaks;
    state_.alerts.AddPeaks(peaks);
    blind_spots_.AddPeaks(peaks);
    return peaks;
  }
  std::vector<RelayUse> RelayUses() const { return state_.relays.use(); }
  std::vector<RelayNote> ReviewedRelays() const {
    if (state_.ticks == 0) return {};
    return ReviewRelays(state_.config->relays, state_.config->networks.internal,
                        state_.last_tick + 1);
  }
  std::vector<SuppressionUse> SuppressionUses() const { return state_.suppressions.use(); }
  std::vector<Hour> TakeHours();
  std::vector<Explanation> Explain(const net::IpAddress& host,
                                   const std::optional<net::IpAddress>& peer) const {
    return Explainer(state_, intake_, judge_).Explain(host, peer);
  }

 private:
  void RunTick(int64_t tick);
  void StartHour(int64_t tick);
  void JudgeAll(int64_t tick);
  // Gives entities the numbers that their rules and groups have now.
  void RenumberEntities(const Renumbering& to);
  void RenumberShared();
  void DropGone(const Renumbering& to);
  HostTotals TotalsOf(uint32_t host) const;
  void AddHostGauges(std::size_t most, Snapshot& snapshot) const;

  State state_;
  Intake intake_;
  Approvals approvals_;
  SessionBook sessions_;
  Judge judge_;
  BlindSpots blind_spots_;
  Janitor janitor_;
  std::vector<Hour> hours_;  // that have ended and were not taken
  // What the last tick and all of them took; of the process, never of the traffic.
  double last_tick_seconds_ = 0;
  double total_tick_seconds_ = 0;
};

}  // namespace mailtap::control

#endif  // MAILTAP_LIB_CONTROL_ENGINE_H_

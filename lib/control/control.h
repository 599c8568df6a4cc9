// The control core: sole owner of policy, windows and alerts. Knows no packets and no clock of
// its own; time is what the caller says, so a replay and a live run judge alike.
#ifndef MAILTAP_LIB_CONTROL_CONTROL_H_
#define MAILTAP_LIB_CONTROL_CONTROL_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "lib/config/config.h"
#include "lib/control/bounds.h"
#include "lib/control/capture_sample.h"
#include "lib/control/explanation.h"
#include "lib/control/hour.h"
#include "lib/control/output.h"
#include "lib/control/snapshot.h"
#include "lib/exchange/known_servers.h"
#include "lib/meter/records.h"

namespace mailtap::control {

class Engine;

// One thread (the control core's) calls everything here. Records of one tick may come in any
// order and from any number of workers: what is put out depends on their sum alone.
class Control {
 public:
  // `output` must outlive this object.
  Control(std::shared_ptr<const config::Config> config, Output& output,
          const Bounds& bounds = {});
  ~Control();

  // Where to tell the workers which servers on odd ports have spoken mail; outlives this
  // object. What a tick showed is told at its end, so that it holds from the next one on.
  void Tell(exchange::KnownServers& servers);

  // Records of the tick that is being gathered.
  void Apply(const meter::DeltaRecord& delta);
  void Apply(const meter::NameRecord& name);
  void Apply(const meter::SessionRecord& session);
  // Counts where [dns] resolvers lists who answered; else it is passed over.
  void Apply(const meter::AnswerRecord& answer);

  // What an encap_tag stands for, before the first record with that tag. A tag means the same
  // on every worker.
  void Apply(const meter::EncapRecord& encap);
  // The start of a frame that can't be decoded; the first few of each reason are kept.
  void Apply(const meter::SampleRecord& sample);

  // The capture's counters at the end of the tick that is being gathered: before each
  // EndTick(). Without it only blind spots that show in the mail itself are judged.
  void Observe(const CaptureSample& sample);

  // Ends `tick`: everything applied since the last call counts as its traffic. Puts out the
  // sessions, then the alert changes, each sorted, those of blind spots last. Ticks must grow;
  // those skipped were idle, and alerts that change within them are put out first and carry
  // their own times.
  void EndTick(int64_t tick);

  // In place of EndTick() for a tick that a checkpoint knows, of which nothing was applied: the
  // workers are told what that tick showed of servers.
  void PassTick(int64_t tick);

  // Puts another configuration in force, all of it that control looks at. Between EndTick() and
  // the next Apply(); what comes is judged by it, what was counted stays. A rule that keeps its
  // name and scope, and metric and window of all its conditions, keeps its windows and open
  // alerts, and judges them by its new thresholds at the next tick; the open alerts of any
  // other are cleared, with the end of the last tick as their time. Keys that only a restart
  // can change must be the same as before (see config::TakeOver).
  void Reload(std::shared_ptr<const config::Config> config);

  // All that is known, and the alerts that are open, as bytes for Restore(). Between EndTick()
  // and the next Apply(). Takes time in proportion to what is known; the second, to the hosts.
  std::string Save() const;
  std::string SaveOpenAlerts() const;
  // Goes on from what another control core saved; before the first Apply(). See
  // RestoreCheckpoint() in checkpoint.h. After an error this object must not be used.
  absl::Status Restore(absl::string_view checkpoint, absl::string_view open_alerts,
                       bool same_capture);
  // The ids of alerts that were open in what it goes on from, and that this configuration has
  // no rule, group or port for: nothing more is put out of them. Since the last call; those of
  // ports are known after the first EndTick().
  std::vector<std::string> TakeLostAlerts();

  // The earliest tick after the last one at which something can change without new traffic
  // (an alert that clears or updates, a ratio that rises), or INT64_MAX. A replay may skip to
  // it or to the next packet; at some such ticks it then turns out that nothing changes.
  int64_t NextEventTick() const;

  // The state at the end of the last tick. Never null. The builder's thread is the caller's;
  // the result may be handed to other threads. `every_relay`: not only metrics.top_relays.
  std::shared_ptr<const Snapshot> MakeSnapshot(bool every_relay = false) const;

  // Every host with unapproved or approved traffic, by unapproved sent bytes, then by address
  // and tag.
  std::vector<HostTotals> RankedHosts() const;

  // Of every alert of a rule or a blind spot that is open, in no certain order.
  std::vector<OpenPeak> OpenPeaks() const;

  // Every relay entry, in configuration order.
  std::vector<RelayUse> RelayUses() const;
  // What is worth a look among them, at the end of the last tick.
  std::vector<RelayNote> ReviewRelays() const;

  // Every [[suppress]] entry, in configuration order.
  std::vector<SuppressionUse> SuppressionUses() const;

  // The hours that have ended since the last call, and the one under way so far. Before Save():
  // a checkpoint holds the one under way only.
  std::vector<Hour> TakeHours();

  // Why mail of `host` is approved or not, and where it stands against each rule, as of the end
  // of the last tick. With `peer`: the conversations with that one alone, with the relay
  // entries that were looked at; where there was none, what the policy would say of each
  // service. One for each address space in which the host is known, or a single one of a host
  // that isn't.
  std::vector<Explanation> Explain(const net::IpAddress& host,
                                   const std::optional<net::IpAddress>& peer) const;

 private:
  std::unique_ptr<Engine> engine_;
};

}  // namespace mailtap::control

#endif  // MAILTAP_LIB_CONTROL_CONTROL_H_

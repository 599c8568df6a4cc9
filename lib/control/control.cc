#include "lib/control/control.h"

#include <utility>

#include "lib/control/engine.h"

namespace mailtap::control {

Control::Control(std::shared_ptr<const config::Config> config, Output& output,
                 const Bounds& bounds)
    : engine_(std::make_unique<Engine>(std::move(config), output, bounds)) {}
Control::~Control() = default;

void Control::Tell(exchange::KnownServers& servers) { engine_->Tell(servers); }
void Control::Apply(const meter::DeltaRecord& delta) { engine_->Apply(delta); }
void Control::Apply(const meter::NameRecord& name) { engine_->Apply(name); }
void Control::Apply(const meter::AnswerRecord& answer) { engine_->Apply(answer); }
void Control::Apply(const meter::SessionRecord& session) { engine_->Apply(session); }
void Control::Apply(const meter::EncapRecord& encap) { engine_->Apply(encap); }
void Control::Apply(const meter::SampleRecord& sample) { engine_->Apply(sample); }
void Control::Observe(const CaptureSample& sample) { engine_->Observe(sample); }
void Control::EndTick(int64_t tick) { engine_->EndTick(tick); }
void Control::PassTick(int64_t tick) { engine_->PassTick(tick); }
void Control::Reload(std::shared_ptr<const config::Config> config) {
  engine_->Reload(std::move(config));
}
std::string Control::Save() const { return engine_->Save(); }
std::string Control::SaveOpenAlerts() const { return engine_->SaveOpenAlerts(); }
absl::Status Control::Restore(absl::string_view checkpoint, absl::string_view open_alerts,
                              bool same_capture) {
  return engine_->Restore(checkpoint, open_alerts, same_capture);
}
std::vector<std::string> Control::TakeLostAlerts() { return engine_->TakeLostAlerts(); }
int64_t Control::NextEventTick() const { return engine_->NextEventTick(); }
std::shared_ptr<const Snapshot> Control::MakeSnapshot(bool every_relay) const {
  return engine_->MakeSnapshot(every_relay);
}
std::vector<HostTotals> Control::RankedHosts() const { return engine_->RankedHosts(); }

std::vector<OpenPeak> Control::OpenPeaks() const { return engine_->OpenPeaks(); }
std::vector<RelayUse> Control::RelayUses() const { return engine_->RelayUses(); }
std::vector<RelayNote> Control::ReviewRelays() const { return engine_->ReviewedRelays(); }
std::vector<SuppressionUse> Control::SuppressionUses() const {
  return engine_->SuppressionUses();
}
std::vector<Hour> Control::TakeHours() { return engine_->TakeHours(); }
std::vector<Explanation> Control::Explain(const net::IpAddress& host,
                                          const std::optional<net::IpAddress>& peer) const {
  return engine_->Explain(host, peer);
}

}  // namespace mailtap::control

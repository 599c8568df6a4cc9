#include "lib/control/blind_spots.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "lib/control/alert_id.h"
#include "lib/control/blind_spot_summary.h"
#include "lib/control/summary.h"

namespace mailtap::control {
namespace {

using config::BlindSpotKind;

bool IsOfPorts(BlindSpotKind kind) {
  return kind == BlindSpotKind::kSilentPort || kind == BlindSpotKind::kDrops;
}

// Of the kinds that are enabled, in their order.
std::vector<AlertTerms> TermsOf(const config::Config& config) {
  std::vector<AlertTerms> terms;
  for (int i = 0; i < config::kBlindSpotCount; ++i) {
    const config::BlindSpot& spot = config.blind_spots[i];
    if (!spot.enabled) continue;
    terms.push_back({absl::StrCat(config::kBlindSpotPrefix, config::kBlindSpotNames[i]),
                     spot.severity, spot.raise, spot.clear, spot.hold_seconds});
  }
  return terms;
}

}  // namespace

uint64_t BlindSpot::part() const {
  uint64_t sum = 0;
  for (std::size_t i = 1; i < window.size(); ++i) sum += window.sum(i);
  return sum;
}

double BlindSpot::share() const { return std::min(1.0, Share(part(), whole())); }

BlindSpots::BlindSpots(const State& state, Output& output)
    : state_(state),
      output_(output),
      alerts_(TermsOf(*state.config), state.config->alerts.update_seconds),
      recent_(state.config->metrics.capture_window_seconds) {}

std::vector<BlindSpot> BlindSpots::MakeSpots() const {
  std::vector<BlindSpot> spots;
  uint16_t rule = 0;
  for (int i = 0; i < config::kBlindSpotCount; ++i) {
    const auto kind = static_cast<BlindSpotKind>(i);
    const config::BlindSpot& config = state_.config->blind_spot(kind);
    if (!config.enabled) continue;
    if (IsOfPorts(kind)) {
      for (std::size_t port = 0; port < sample_.ports.size(); ++port) {
        spots.emplace_back(kind, rule, config.window_seconds, static_cast<int>(port),
                           sample_.ports[port].name);
      }
    } else {
      spots.emplace_back(kind, rule, config.window_seconds);
    }
    ++rule;
  }
  return spots;
}

// Takes out what is no longer judged.
void BlindSpots::DropStale() {
  std::vector<BlindSpot> stay;
  for (BlindSpot& spot : spots_) {
    const config::BlindSpot& config = state_.config->blind_spot(spot.kind);
    if (config.enabled && config.window_seconds == spot.window.seconds()) {
      stay.push_back(std::move(spot));
    } else if (spot.alert != kNone) {
      Alert alert = Compose(spot, AlertState::kCleared, tick_);
      alert.summary = SummarizeReload(alert);
      output_.OnAlert(alert);
      alerts_.Clear(spot.rule);
      alerts_.Close(spot.alert);
    }
  }
  spots_ = std::move(stay);
}

void BlindSpots::Reload() {
  DropStale();
  alerts_.Reload(TermsOf(*state_.config), state_.config->alerts.update_seconds);
  const int64_t window = state_.config->metrics.capture_window_seconds;
  if (recent_.seconds() != window) recent_ = CounterWindow(window);
  if (tick_ == INT64_MIN) return;  // they are made when the ports are known
  std::vector<BlindSpot> spots = MakeSpots();
  for (BlindSpot& fresh : spots) {
    for (BlindSpot& known : spots_) {
      if (known.kind != fresh.kind || known.port != fresh.port) continue;
      known.rule = fresh.rule;
      fresh = std::move(known);
      break;
    }
  }
  spots_ = std::move(spots);
}

double BlindSpots::Value(const BlindSpot& spot, int64_t tick) const {
  const auto minimum = static_cast<uint64_t>(state_.config->blind_spot(spot.kind).minimum);
  switch (spot.kind) {
    case BlindSpotKind::kSilentPort:
      // A port that was never busy may rest. One with an open alert has to show packets.
      if (spot.ended || (spot.alert == kNone && spot.whole() < minimum)) return 0;
      return static_cast<double>(tick - spot.last);
    case BlindSpotKind::kTableFull:
      return static_cast<double>(spot.part());
    default:
      return spot.whole() < minimum ? 0 : spot.share();
  }
}

// A silence that a packet ended was longest in the second before that, which may have been
// skipped as idle.
void BlindSpots::NoteSilence(BlindSpot& spot) {
  const int64_t before = std::exchange(spot.judged, spot.last);
  if (spot.kind != BlindSpotKind::kSilentPort || !alerts_.raised(spot.alert)) return;
  if (before != INT64_MIN && before != spot.last) {
    alerts_.NoteValue(spot.alert, static_cast<double>(spot.last - 1 - before));
  }
}

void BlindSpots::EndTick(int64_t tick) {
  tick_ = tick;
  recent_.Expire(tick);
  alerts_.TakeDue(tick);  // there are so few that all are judged each time
  for (std::size_t i = 0; i < spots_.size(); ++i) {
    BlindSpot& spot = spots_[i];
    if (spot.kind != BlindSpotKind::kSilentPort) spot.window.Expire(tick);
    NoteSilence(spot);
    const double value = Value(spot, tick);
    const auto state =
        alerts_.Judge(static_cast<uint32_t>(i), spot.rule, spot.alert, value, tick);
    if (!state.has_value()) continue;
    output_.OnAlert(Compose(spot, *state, tick));
    if (*state == AlertState::kCleared) alerts_.Close(spot.alert);
  }
}

int64_t BlindSpots::NextEvent() const {
  int64_t next = alerts_.NextTimer();
  for (const BlindSpot& spot : spots_) {
    next = std::min(next, spot.kind == BlindSpotKind::kSilentPort ? NextSilence(spot)
                          : MayChange(spot)                       ? spot.window.NextExpiry()
                                                                  : INT64_MAX);
  }
  return next;
}

// Whether a bucket that leaves may raise, clear or keep an alert. Without a part nothing can
// rise, and what is too little to be judged only gets less: so a clean capture has no such
// ticks.
bool BlindSpots::MayChange(const BlindSpot& spot) const {
  if (spot.alert != kNone) return spot.window.NextExpiry() != INT64_MAX;
  const auto minimum = static_cast<uint64_t>(state_.config->blind_spot(spot.kind).minimum);
  return config::IsShare(spot.kind) && spot.part() > 0 && spot.whole() >= minimum;
}

// The tick at which the port will have been silent for long enough to raise, or for too long to
// clear.
int64_t BlindSpots::NextSilence(const BlindSpot& spot) const {
  const config::BlindSpot& config = state_.config->blind_spot(spot.kind);
  if (spot.ended || spot.last == INT64_MIN) return INT64_MAX;
  const bool open = spot.alert != kNone;
  if (!open && spot.whole() < static_cast<uint64_t>(config.minimum)) return INT64_MAX;
  const int64_t at = spot.last + static_cast<int64_t>(open ? config.clear : config.raise);
  return at > tick_ ? at : INT64_MAX;
}

Confidence BlindSpots::Recent() const {
  const Sight sight{recent_.sum(0), recent_.sum(1), recent_.sum(2),
                    recent_.sum(3), recent_.sum(4), recent_.sum(5)};
  return sight.confidence();
}

Alert BlindSpots::Compose(BlindSpot& spot, AlertState state, int64_t tick) {
  const AlertTerms& terms = alerts_.terms(spot.rule);
  Alert alert;
  alert.state = state;
  alert.time = StartOfTick(tick + 1);
  alert.rule = terms.rule;
  alert.severity = terms.severity;
  alert.blind_spot = spot.kind;
  alert.port = spot.name;
  alert.value = Value(spot, tick);
  alert.threshold = state == AlertState::kCleared ? terms.clear : terms.raise;
  alert.window_seconds = spot.window.seconds();
  alert.last_seen = StartOfTick(spot.last + 1);
  alert.confidence = Recent();
  alert.config_version = state_.config->version;
  OpenAlert& open = alerts_.open(spot.alert);
  alert.highest = open.highest;
  if (state == AlertState::kRaised) {
    open.id = AlertId(state_.config->sensor.name, alert);
    open.first_seen = StartOfTick(spot.since);
  }
  alert.id = open.id;
  alert.first_seen = open.first_seen;
  alert.summary = Summarize(alert, spot, counted_, terms.hold_seconds);
  return alert;
}

}  // namespace mailtap::control

#include "app/mailtap/worker_status.h"

#include <string>

#include "absl/strings/str_cat.h"

namespace mailtap::app {

exporting::WorkerStatus StatusOf(int number, const pipeline::WorkerCounters& counters,
                                 const exchange::RecordRing& ring,
                                 const config::Limits& limits) {
  exporting::WorkerStatus status;
  status.worker = number;
  status.packets = counters.packets.value();
  status.bytes = counters.bytes.value();
  status.mail_packets = counters.mail_packets.value();
  for (int i = net::kFirstDropOutcome; i < net::kOutcomeCount; ++i) {
    status.drops.push_back({std::string(net::kOutcomeNames[i]), counters.outcomes[i].value()});
  }
  for (int i = 0; i < pipeline::kShortageCount; ++i) {
    status.drops.push_back(
        {absl::StrCat(exporting::kFullTablePrefix, pipeline::kShortageNames[i]),
         counters.shortages[i].value()});
  }
  for (int i = 0; i < pipeline::kMismatchCount; ++i) {
    status.mismatches.push_back(
        {std::string(pipeline::kMismatchNames[i]), counters.port_content_mismatch[i].value()});
  }
  status.tables = {
      {"sessions", counters.sessions.value(), static_cast<uint64_t>(limits.sessions)},
      {"conversations", counters.conversations.value(),
       static_cast<uint64_t>(limits.conversations)},
      {"dialogues", counters.dialogues.value(), static_cast<uint64_t>(limits.dialogues)},
      {"openings", counters.openings.value(), pipeline::DialoguePool::Openings(limits)},
      {"holes", counters.holes.value(), static_cast<uint64_t>(limits.holes)},
  };
  status.ring_used_bytes = ring.used();
  status.ring_capacity_bytes = ring.capacity();
  status.ring_full = counters.ring_full.value();
  status.snapped_packets = counters.snapped.value();
  status.cut_packets = counters.cut.value();
  const auto last_tick = static_cast<int64_t>(counters.last_tick.value());
  status.last_tick = last_tick == 0 ? 0 : StartOfTick(last_tick + 1);
  return status;
}

void AddTo(const pipeline::WorkerCounters& counters, control::CaptureSample& sample) {
  sample.undecodable.resize(net::kOutcomeCount - net::kFirstDropOutcome);
  for (std::size_t i = 0; i < sample.undecodable.size(); ++i) {
    const std::size_t outcome = net::kFirstDropOutcome + i;
    sample.undecodable[i].name = net::kOutcomeNames[outcome];
    sample.undecodable[i].count += counters.outcomes[outcome].value();
  }
  sample.shortages.resize(pipeline::kShortageCount);
  for (std::size_t i = 0; i < sample.shortages.size(); ++i) {
    sample.shortages[i].name = pipeline::kShortageNames[i];
    sample.shortages[i].limit = pipeline::kShortageLimits[i];
    sample.shortages[i].count += counters.shortages[i].value();
  }
  sample.snapped += counters.cut.value();
}

void AddDrops(const std::vector<exporting::DropCount>& more,
              std::vector<exporting::DropCount>& sum) {
  if (sum.empty()) {
    sum = more;
    return;
  }
  for (std::size_t i = 0; i < more.size(); ++i) sum[i].packets += more[i].packets;
}

exporting::SensorStatus BuildStatus() {
  exporting::SensorStatus status;
  status.version = MAILTAP_VERSION;
  status.compiler = MAILTAP_COMPILER;
  status.dpdk = MAILTAP_DPDK;
  return status;
}

}  // namespace mailtap::app

// A worker with its ring, fed with frames as a replay would, and everything that came out.
#ifndef MAILTAP_TESTS_UNIT_PIPELINE_SENSOR_H_
#define MAILTAP_TESTS_UNIT_PIPELINE_SENSOR_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lib/config/config.h"
#include "lib/exchange/known_servers.h"
#include "lib/exchange/ring.h"
#include "lib/meter/records.h"
#include "lib/pipeline/worker.h"
#include "tests/unit/pipeline/conversation.h"

namespace mailtap::pipeline {

// Small tables, so that a test starts at once.
config::Config SmallConfig();

std::shared_ptr<const classify::PatternDatabase> SharedPatterns();

class Sensor {
 public:
  explicit Sensor(const config::Config& config = SmallConfig());

  // Processes the frames in bursts, closing each tick that their stamps leave behind.
  Sensor& Play(const Frames& frames, std::size_t burst = 32);
  // Closes ticks until `seconds` have gone by.
  Sensor& Idle(int64_t seconds);
  // Ends everything that is still alive.
  Sensor& Finish();

  // Closes the tick under way; false where the ring was full.
  bool EndTick();
  // Takes everything out of the ring. Called by the others unless `hold_ring`.
  void Drain();
  // The control core no longer drains: the ring fills up.
  bool hold_ring = false;
  // What the control core has told of servers on odd ports.
  exchange::KnownServers known_servers;

  Worker& worker() { return *worker_; }
  const WorkerCounters& counters() const { return worker_->counters(); }
  uint64_t shortages(Shortage what) const {
    return counters().shortages[static_cast<int>(what)].value();
  }

  uint64_t mismatches(Mismatch what) const {
    return counters().port_content_mismatch[static_cast<int>(what)].value();
  }

  const std::vector<meter::SessionRecord>& sessions() const { return sessions_; }
  const std::vector<meter::DeltaRecord>& deltas() const { return deltas_; }
  const std::vector<meter::NameRecord>& names() const { return names_; }
  const std::vector<meter::AnswerRecord>& answers() const { return answers_; }
  const std::vector<meter::EncapRecord>& encaps() const { return encaps_; }
  const std::vector<meter::SampleRecord>& samples() const { return samples_; }
  const std::vector<exchange::TickRecord>& ticks() const { return ticks_; }
  // All deltas in one.
  meter::DeltaRecord Total() const;
  // The SNI of a session, or of whichever session carried one.
  std::string Sni() const;
  std::string BannerName() const;
  // Every record in words, sorted: for comparing two runs.
  std::string Transcript() const;

 private:
  exchange::RecordRing ring_;
  std::unique_ptr<Worker> worker_;
  std::optional<int64_t> tick_;
  std::vector<meter::SessionRecord> sessions_;
  std::vector<meter::DeltaRecord> deltas_;
  std::vector<meter::NameRecord> names_;
  std::vector<meter::AnswerRecord> answers_;
  std::vector<meter::EncapRecord> encaps_;
  std::vector<meter::SampleRecord> samples_;
  std::vector<exchange::TickRecord> ticks_;
};

// One line about a session: service, evidence, tls, bytes up/down (observed+inferred),
// messages, rejected. For expectations that read well.
std::string Describe(const meter::SessionRecord& session);
// Of a sensor's only session; "none" or "N sessions" otherwise.
std::string Only(const Sensor& sensor);

}  // namespace mailtap::pipeline

#endif  // MAILTAP_TESTS_UNIT_PIPELINE_SENSOR_H_

// What the sensor knows of itself, beside what the control core knows of the traffic: filled by
// the application for each scrape, from counters that their owners write.
#ifndef MAILTAP_LIB_EXPORT_SENSOR_STATUS_H_
#define MAILTAP_LIB_EXPORT_SENSOR_STATUS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "lib/base/time.h"

namespace mailtap::exporting {

// Of what was left out because there was no room for it, though its packets were looked into.
inline constexpr absl::string_view kFullTablePrefix = "full_";

// Packets that were read and not metered, for one reason; or how often a table had no room.
struct DropCount {
  std::string reason;  // lower case with underscores, from a fixed list
  uint64_t packets = 0;
};

// A receive queue of a port.
struct QueueStatus {
  int queue = 0;
  uint64_t packets = 0;  // since start
  uint64_t bytes = 0;
  uint64_t dropped = 0;  // by the hardware, where it counts by queue
};

// A mirror port, or one capture of a replay.
struct PortStatus {
  int port = 0;                     // unique; the label of its series
  std::string device;               // "0000:03:00.0", "net_af_packet0", or the capture's path
  uint64_t packets = 0;             // received, since start
  uint64_t bytes = 0;               // as the driver counts them; of a capture, as on the wire
  uint64_t missed = 0;              // lost by the port because no descriptor was free (imissed)
  uint64_t missed_at_start = 0;     // lost before the workers ran; not among the missed
  uint64_t no_mbuf = 0;             // attempts to receive with an empty mbuf pool (rx_nombuf)
  uint64_t errors = 0;              // damaged frames (ierrors)
  bool link_up = true;              // false: the mirror is silent
  std::vector<QueueStatus> queues;  // empty for a capture
  bool gone = false;                // its interface was deleted
};

// A table of fixed size.
struct TableStatus {
  std::string name;  // "sessions", "conversations", ... as in [limits]; and "openings"
  uint64_t used = 0;
  uint64_t capacity = 0;
};

// Flows whose content contradicts their port.
struct MismatchCount {
  std::string kind;  // lower case with underscores, from a fixed list
  uint64_t flows = 0;
};

struct WorkerStatus {
  int worker = 0;
  uint64_t packets = 0;  // seen, since start
  uint64_t bytes = 0;
  uint64_t mail_packets = 0;              // of these, belonging to mail sessions
  std::vector<DropCount> drops;           // every reason, those at zero included
  std::vector<MismatchCount> mismatches;  // every kind
  std::vector<TableStatus> tables;
  uint64_t ring_used_bytes = 0;
  uint64_t ring_capacity_bytes = 0;
  uint64_t ring_full = 0;        // ticks of which some records had to wait
  uint64_t snapped_packets = 0;  // of which only a part was captured
  uint64_t cut_packets = 0;      // others, of which frame or tunnel held only the start
  UnixNanos last_tick = 0;       // end of the last tick it closed; 0: none yet
};

// A destination of alerts.
struct SinkStatus {
  std::string name;
  uint64_t queued = 0;  // now
  uint64_t queue_capacity = 0;
  uint64_t written = 0;  // delivered, since start
  uint64_t dropped = 0;  // lost: queue full, or not deliverable
  uint64_t errors = 0;   // failed attempts
};

// How the configuration in force came about. Times are wall clock.
struct ReloadStatus {
  uint64_t attempts = 0;  // since start
  uint64_t failures = 0;
  UnixNanos last_success = 0;  // of the start too
  std::string fault;           // why the last attempt failed; empty where it did not
  std::string config_version;  // in force
  // Keys that the last good attempt found changed, and that only a restart puts in force.
  std::vector<std::string> awaits_restart;
  uint64_t relay_reads = 0;  // of the relay files, because one had changed
  uint64_t relay_failures = 0;
  std::string relay_fault;  // why the last one left a file's entries as they were, or empty
};

// What keeps the state on disk. Batches: the alerts of a tick, or a checkpoint.
struct StateStatus {
  uint64_t stored = 0;   // batches, since start
  uint64_t errors = 0;   // attempts to store one that failed
  uint64_t late = 0;     // batches whose alerts went out before they were stored
  uint64_t skipped = 0;  // checkpoints left out, as the one before was still being stored
  uint64_t dropped_checkpoints = 0;  // for want of room in the queue
  uint64_t dropped_alerts = 0;       // the same; they went out all the same
  uint64_t queued = 0;               // batches, now
  uint64_t hours_cut = 0;            // of which only sums are kept, as too much waited
};

// How far the learning mode is.
struct LearningStatus {
  int64_t seconds = 0;         // of traffic that it has learnt from
  int64_t after_seconds = 0;   // that it takes before anything is proposed
  uint64_t written = 0;        // proposals, since start
  uint64_t errors = 0;         // attempts that came to nothing
  UnixNanos last_written = 0;  // the end of the traffic that they were made from; 0: none yet
};

struct SensorStatus {
  std::string version;   // of mailtap
  std::string compiler;  // "gcc 12.2.0"
  std::string dpdk;      // "22.11.11"; empty without DPDK
  // Wall clock; 0 leaves the family out, so that a replay's metrics are the same on every run.
  UnixNanos start_time = 0;
  int64_t clock_offset = 0;  // of the system's clock from the sensor's, in nanoseconds; with it
  std::vector<PortStatus> ports;
  std::vector<WorkerStatus> workers;
  std::vector<SinkStatus> sinks;
  std::optional<ReloadStatus> reload;      // of a live sensor
  std::optional<StateStatus> state;        // of one that keeps state
  std::optional<LearningStatus> learning;  // where [learning] is on
};

// Unavailable, naming the first worker that has not closed a tick since `limit_seconds` before
// `now` (or never did); OK when all have.
absl::Status CheckWorkersAlive(const std::vector<WorkerStatus>& workers, UnixNanos now,
                               int64_t limit_seconds);

// The same of the control core: `last_tick` is the end of the last tick it closed, 0 for none.
absl::Status CheckControlAlive(UnixNanos last_tick, UnixNanos now, int64_t limit_seconds);

// Unavailable, naming the first port whose interface was deleted: even made anew it takes a
// restart.
absl::Status CheckPortsThere(const std::vector<PortStatus>& ports);

}  // namespace mailtap::exporting

#endif  // MAILTAP_LIB_EXPORT_SENSOR_STATUS_H_

// The report of a replay: everything that is the same on every run and for every number of
// workers, and nothing else. It holds no worker, no duration and no time of day but the
// packets' own.
#ifndef MAILTAP_LIB_EXPORT_REPORT_H_
#define MAILTAP_LIB_EXPORT_REPORT_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "lib/base/time.h"
#include "lib/control/snapshot.h"
#include "lib/export/alert_log.h"
#include "lib/export/sensor_status.h"

namespace mailtap::exporting {

// One capture that was read.
struct CaptureRead {
  std::string path;  // as the user gave it
  uint64_t packets = 0;
  uint64_t bytes = 0;    // as on the wire
  uint64_t snapped = 0;  // packets captured short
  std::string damage;    // why reading stopped early; empty: read to its end
  std::string clock;     // what was wrong with its time stamps; empty: nothing
};

// The facts of a replay, for the report and for the summary.
struct ReportInput {
  uint64_t packets = 0;        // read, from all captures
  uint64_t bytes = 0;          // as on the wire
  uint64_t cut_packets = 0;    // of which frame or tunnel held only the start; not in `snapped`
  uint64_t missed = 0;         // live: lost before they could be read; not in `packets`
  UnixNanos first_packet = 0;  // 0 where there was no packet
  UnixNanos last_packet = 0;
  std::vector<CaptureRead> captures;
  std::vector<DropCount> drops;                       // every reason, those at zero included
  std::shared_ptr<const control::Snapshot> snapshot;  // the last one; never null
  std::vector<control::HostTotals> hosts;             // as Control::RankedHosts() gives them
  std::vector<control::RelayUse> relays;              // as Control::RelayUses() gives them
  std::vector<control::RelayNote> relay_notes;        // as Control::ReviewRelays() gives them
  std::vector<control::SuppressionUse> suppressions;  // as Control::SuppressionUses() does
  std::vector<AlertHistory> alerts;
  std::vector<control::OpenPeak> open_peaks;  // as Control::OpenPeaks() gives them
  std::vector<control::Alert> suppressed;     // would have been raised, in their order
};

// The report as indented JSON, with a newline at its end. Any thread.
std::string ReportJson(const ReportInput& input);

// Writes it to `path` (see WriteWholeFile).
absl::Status WriteReport(const std::string& path, const ReportInput& input);

}  // namespace mailtap::exporting

#endif  // MAILTAP_LIB_EXPORT_REPORT_H_

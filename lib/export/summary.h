// What a person reads at the end of a replay.
#ifndef MAILTAP_LIB_EXPORT_SUMMARY_H_
#define MAILTAP_LIB_EXPORT_SUMMARY_H_

#include <cstddef>
#include <ostream>
#include <string>
#include <vector>

#include "lib/export/report.h"
#include "lib/export/table.h"

namespace mailtap::exporting {

struct SummaryInput {
  ReportInput report;
  double seconds = 0;                 // what reading and judging took
  std::vector<std::string> warnings;  // shown at the end, one line each
  std::size_t top_hosts = 10;         // hosts shown at most
  std::size_t top_alerts = 20;        // alerts shown at most, in the order they were raised
};

// Packets and speed, mail by service and verdict, hosts by unapproved sent bytes, alerts, what
// was dropped, and warnings. Any thread.
void WriteSummary(std::ostream& out, const SummaryInput& input, const TextStyle& style);

}  // namespace mailtap::exporting

#endif  // MAILTAP_LIB_EXPORT_SUMMARY_H_

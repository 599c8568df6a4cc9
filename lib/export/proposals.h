// The learning mode's proposals as configuration text to review.
#ifndef MAILTAP_LIB_EXPORT_PROPOSALS_H_
#define MAILTAP_LIB_EXPORT_PROPOSALS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "lib/control/proposals.h"
#include "lib/export/period.h"

namespace mailtap::exporting {

// What `hours` (the earliest first) suggest for `config`. Hosts and servers in `alerts`, up to
// the hours' end and in their order, are left out where the alert was open in these hours.
// DataLoss where an alert is not what mailtap writes. Any thread, as the next.
absl::StatusOr<control::Proposals> ProposeFrom(const config::Config& config,
                                               const std::vector<control::Hour>& hours,
                                               const std::vector<StoredAlert>& alerts);

// TOML that is valid behind the rest of `config`, each entry below its evidence as comments.
// Nothing off the wire can end a comment or a string.
std::string ProposalsToml(const control::Proposals& proposals, const config::Config& config);

// "2 groups, 1 threshold and 3 relay entries"
std::string CountProposals(const control::Proposals& proposals);

}  // namespace mailtap::exporting

#endif  // MAILTAP_LIB_EXPORT_PROPOSALS_H_

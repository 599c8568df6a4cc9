// Proposals out of what a state or a replay knows, and into their file.
#ifndef MAILTAP_APP_MAILTAP_LEARNING_H_
#define MAILTAP_APP_MAILTAP_LEARNING_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "lib/base/time.h"
#include "lib/config/config.h"
#include "lib/control/hour.h"
#include "lib/export/period.h"
#include "lib/store/database.h"

namespace mailtap::app {

// How far back is looked from `until`: four weeks, or half as long again as [learning] asks for
// where that is more.
UnixNanos LearnSince(const config::Learning& learning, UnixNanos until);

// Where the proposals go: learning.file, or proposals.toml in `state_directory`. Empty where
// there is neither.
std::string ProposalsPath(const config::Learning& learning, const std::string& state_directory);

struct LearningResult {
  int64_t seconds = 0;   // of traffic that was learnt from
  UnixNanos until = 0;   // its end
  std::string proposed;  // "2 groups, ..."; empty where too little is known, or nothing written
  absl::Status status;   // why not, where it is an error
};

// Writes what `hours` and `alerts` suggest for `config` to `path`, whole or not at all, if they
// hold as much traffic as [learning] asks for.
LearningResult WriteProposals(const config::Config& config,
                              const std::vector<control::Hour>& hours,
                              const std::vector<exporting::StoredAlert>& alerts,
                              const std::string& path);

// "3d of 7d"
std::string ProgressText(const config::Learning& learning, int64_t seconds);

}  // namespace mailtap::app

#endif  // MAILTAP_APP_MAILTAP_LEARNING_H_

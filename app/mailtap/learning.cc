#include "app/mailtap/learning.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "lib/export/file_writer.h"
#include "lib/export/proposals.h"

namespace mailtap::app {

UnixNanos LearnSince(const config::Learning& learning, UnixNanos until) {
  constexpr int64_t kLeastSeconds = 28 * 86'400;
  const int64_t seconds = std::max(kLeastSeconds, learning.after_seconds * 3 / 2);
  return std::max<UnixNanos>(0, until - seconds * kNanosPerSecond);
}

std::string ProposalsPath(const config::Learning& learning,
                          const std::string& state_directory) {
  if (!learning.file.empty() || state_directory.empty()) return learning.file;
  return absl::StrCat(state_directory, "/proposals.toml");
}

LearningResult WriteProposals(const config::Config& config,
                              const std::vector<control::Hour>& hours,
                              const std::vector<exporting::StoredAlert>& alerts,
                              const std::string& path) {
  LearningResult result;
  for (const control::Hour& hour : hours) result.seconds += hour.learnt_seconds();
  if (result.seconds < config.learning.after_seconds) return result;
  if (path.empty()) {
    result.status = absl::FailedPreconditionError(
        "[learning] has proposals and no place for them: give learning.file or --state");
    return result;
  }
  const auto proposals = exporting::ProposeFrom(config, hours, alerts);
  if (!proposals.ok()) {
    result.status = proposals.status();
    return result;
  }
  result.until = StartOfTick(proposals->end_tick);
  result.status = exporting::WriteWholeFile(path, exporting::ProposalsToml(*proposals, config));
  if (result.status.ok()) result.proposed = exporting::CountProposals(*proposals);
  return result;
}

std::string ProgressText(const config::Learning& learning, int64_t seconds) {
  return absl::StrCat(FormatDuration(seconds), " of ", FormatDuration(learning.after_seconds));
}

}  // namespace mailtap::app

#include "app/mailtap/propose.h"

#include <iostream>
#include <vector>

#include "absl/strings/str_cat.h"
#include "app/mailtap/learning.h"
#include "app/mailtap/overwriting.h"
#include "app/mailtap/stored_state.h"
#include "lib/base/log.h"
#include "lib/base/status.h"
#include "lib/export/file_writer.h"
#include "lib/export/proposals.h"

namespace mailtap::app {
namespace {

absl::StatusOr<std::string> TextOf(const ProposeOptions& options,
                                   const config::Config& config) {
  const std::vector<NamedFile> outputs = {{"--output", options.output}};
  MAILTAP_RETURN_IF_ERROR(RefuseOverwriting(FilesOf(options.config, config), outputs));
  MAILTAP_ASSIGN_OR_RETURN(
      const StoredState state,
      ReadState(options.state.empty() ? config.state.directory : options.state));
  MAILTAP_RETURN_IF_ERROR(RefuseOverwriting(StateFiles(state.folder), outputs));
  UnixNanos until = state.time();
  if (!options.until.empty()) {
    MAILTAP_ASSIGN_OR_RETURN(until, TimeOf("--until", options.until, state.time()));
  }
  UnixNanos since = LearnSince(config.learning, until);
  if (!options.since.empty()) {
    MAILTAP_ASSIGN_OR_RETURN(since, TimeOf("--since", options.since, until));
  }
  MAILTAP_ASSIGN_OR_RETURN(const auto hours, HoursOf(*state.database, since, until));
  if (hours.empty()) {
    return absl::NotFoundError(absl::StrCat("nothing is known from ", FormatRfc3339(since),
                                            " to ", FormatRfc3339(until)));
  }
  MAILTAP_ASSIGN_OR_RETURN(const auto alerts, AlertsOf(*state.database, until));
  MAILTAP_ASSIGN_OR_RETURN(const auto proposals, exporting::ProposeFrom(config, hours, alerts));
  return exporting::ProposalsToml(proposals, config);
}

}  // namespace

int Propose(const ProposeOptions& options, std::shared_ptr<const config::Config> config) {
  const auto fail = [](const absl::Status& status) {
    LogError(absl::string_view(status.message().data(), status.message().size()));
    return 1;
  };
  const auto text = TextOf(options, *config);
  if (!text.ok()) return fail(text.status());
  if (!options.output.empty()) {
    const absl::Status written = exporting::WriteWholeFile(options.output, *text);
    return written.ok() ? 0 : fail(written);
  }
  std::cout << *text;
  return 0;
}

}  // namespace mailtap::app

#include "app/mailtap/stored_state.h"

#include <filesystem>
#include <optional>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "lib/base/status.h"

namespace mailtap::app {

absl::StatusOr<StoredState> ReadState(const std::string& path) {
  if (path.empty()) {
    return absl::InvalidArgumentError(
        "there is no state: state.directory is empty, and no --state is given");
  }
  std::filesystem::path folder(path);
  std::error_code ignored;
  if (folder.filename() == "state.db" && !std::filesystem::is_directory(folder, ignored)) {
    folder = folder.has_parent_path() ? folder.parent_path() : ".";
  } else if (std::filesystem::exists(folder, ignored) &&
             !std::filesystem::is_directory(folder, ignored)) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": is neither a state folder nor a file state.db"));
  }
  StoredState state;
  auto database = store::Database::OpenToRead(folder.string());
  if (absl::IsNotFound(database.status())) {
    return absl::NotFoundError(
        absl::StrCat("there is no state: ", std::string(database.status().message())));
  }
  MAILTAP_RETURN_IF_ERROR(database.status());
  state.database = *std::move(database);
  MAILTAP_ASSIGN_OR_RETURN(auto checkpoint, state.database->Checkpoint());
  if (!checkpoint.has_value()) {
    return absl::NotFoundError(absl::StrCat(
        path, ": holds no checkpoint yet; one is taken each minute, and at the end"));
  }
  state.checkpoint = *std::move(checkpoint);
  MAILTAP_ASSIGN_OR_RETURN(state.source, state.database->Source());
  MAILTAP_ASSIGN_OR_RETURN(state.report, state.database->Report());
  return state;
}

}  // namespace mailtap::app

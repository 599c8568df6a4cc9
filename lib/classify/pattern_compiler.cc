#include "lib/classify/pattern_compiler.h"

#include <hs/hs.h>

#include <vector>

#include "absl/strings/str_cat.h"

namespace mailtap::classify {

void DatabaseDeleter::operator()(hs_database* database) const { hs_free_database(database); }

absl::StatusOr<DatabasePtr> CompilePatterns(Side side) {
  std::vector<const char*> expressions;
  std::vector<unsigned> flags;
  std::vector<unsigned> ids;
  for (unsigned id = 0; id < Patterns().size(); ++id) {
    if (Patterns()[id].side != side) continue;
    expressions.push_back(Patterns()[id].expression);
    flags.push_back(HS_FLAG_CASELESS | HS_FLAG_DOTALL | HS_FLAG_SINGLEMATCH);
    ids.push_back(id);
  }
  // No features beyond the baseline: a few kilobytes of anchored patterns gain nothing by them.
  const hs_platform_info_t any_cpu = {};
  hs_database_t* database = nullptr;
  hs_compile_error_t* error = nullptr;
  if (hs_compile_multi(expressions.data(), flags.data(), ids.data(),
                       static_cast<unsigned>(ids.size()), HS_MODE_BLOCK, &any_cpu, &database,
                       &error) != HS_SUCCESS) {
    absl::Status status = absl::InternalError(
        absl::StrCat("Hyperscan refuses ",
                     error->expression < 0 ? "the patterns" : expressions[error->expression],
                     ": ", error->message));
    hs_free_compile_error(error);
    return status;
  }
  return DatabasePtr(database);
}

}  // namespace mailtap::classify

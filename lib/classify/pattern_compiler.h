// The pattern table as Hyperscan databases: compiled where mailtap is built, and again at the
// start only where that build's databases do not fit.
#ifndef MAILTAP_LIB_CLASSIFY_PATTERN_COMPILER_H_
#define MAILTAP_LIB_CLASSIFY_PATTERN_COMPILER_H_

#include <memory>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "lib/classify/pattern_table.h"

struct hs_database;

namespace mailtap::classify {

struct DatabaseDeleter {
  void operator()(hs_database* database) const;
};
using DatabasePtr = std::unique_ptr<hs_database, DatabaseDeleter>;

// Compiles one side's patterns, for every CPU that Hyperscan runs on; takes a quarter of a
// second for both sides. Internal where Hyperscan refuses a pattern.
absl::StatusOr<DatabasePtr> CompilePatterns(Side side);

// The bytes of CompilePatterns' databases, as hs_serialize_database writes them, from the
// build. Empty in a build for another machine, which cannot run the compiler that it builds.
absl::string_view BuiltPatterns(Side side);

}  // namespace mailtap::classify

#endif  // MAILTAP_LIB_CLASSIFY_PATTERN_COMPILER_H_

// The asset inventory: a CSV file that says what the addresses of the site are.
#ifndef MAILTAP_LIB_CONFIG_ASSETS_H_
#define MAILTAP_LIB_CONFIG_ASSETS_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "lib/config/config.h"
#include "lib/config/parse.h"

namespace mailtap::config {

struct AssetsContent {
  std::vector<Asset> assets;         // in the file's order; none where there are faults
  std::vector<Fault> faults;         // the first of them
  std::vector<Fault> warnings = {};  // none where there are faults
};

// Reads CSV (lib/config/csv.h) with the columns `address` (required: an address or a network,
// each once), `name`, `owner`, `unit`, `role` and `tags` (several are separated by spaces or
// semicolons), in any order. `file` is for messages. Pure function, any thread.
AssetsContent ParseAssets(absl::string_view text, absl::string_view file);

// Reads it from a file. One that can't be read is a fault at 1:1, that tells which `line` of
// the configuration asks for it.
AssetsContent ReadAssets(const std::string& path, int line);

}  // namespace mailtap::config

#endif  // MAILTAP_LIB_CONFIG_ASSETS_H_

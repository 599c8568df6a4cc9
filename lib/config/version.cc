#include "lib/config/version.h"

#include <cstdint>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "lib/config/parse.h"

namespace mailtap::config {
namespace {

// FNV-1a, 64 bits (draft-eastlake-fnv): the version has to be the same in every process and on
// every machine, which absl::Hash is not.
uint64_t StableHash(absl::string_view text) {
  uint64_t hash = 0xcbf29ce484222325;
  for (const char c : text) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  }
  return hash;
}

// The inventory, which ToToml() only names.
std::string AssetsToText(const Config& config) {
  std::string text;
  for (const Asset& asset : config.assets.rows) {
    absl::StrAppend(&text, net::ToString(asset.prefix), "\x1f", asset.name, "\x1f", asset.owner,
                    "\x1f", asset.unit, "\x1f", asset.role, "\x1f",
                    absl::StrJoin(asset.tags, " "), "\n");
  }
  return text;
}

}  // namespace

std::string VersionOf(Config config) {
  config.sensor.name.clear();
  // What stands in a file counts, not where it lies: that may be told from any folder.
  config.assets.file.clear();
  for (RelayFile& file : config.relay_files) file.path.clear();
  const std::string text = ToToml(config) + FileRelaysToToml(config) + AssetsToText(config);
  return absl::StrFormat("%012x", StableHash(text) >> 16);
}

}  // namespace mailtap::config

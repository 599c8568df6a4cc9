#include "lib/config/parse.h"

#include <algorithm>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "lib/config/assets.h"
#include "lib/config/findings.h"
#include "lib/config/key_depth.h"
#include "lib/config/sections.h"
#include "lib/config/table_reader.h"
#include "lib/config/text_file.h"
#include "lib/config/version.h"

namespace mailtap::config {
namespace {

// Reads the inventory that the configuration names; its faults are the configuration's.
void AddAssets(const std::filesystem::path& folder, ParseResult& result) {
  Assets& assets = result.config->assets;
  if (assets.file.empty()) return;
  assets.file = (folder / assets.file).lexically_normal().string();
  AssetsContent content = ReadAssets(assets.file, result.assets_line);
  assets.rows = std::move(content.assets);
  result.faults = std::move(content.faults);
  result.warnings.insert(result.warnings.end(), content.warnings.begin(),
                         content.warnings.end());
}

ParseResult OneFault(absl::string_view file, std::string message, int line = 1,
                     int column = 1) {
  return {std::nullopt, {{std::string(file), line, column, std::move(message)}}, {}};
}

ParseResult TooDeep(absl::string_view text, absl::string_view file, size_t offset) {
  const absl::string_view before = text.substr(0, offset);
  const auto lines = std::count(before.begin(), before.end(), '\n');
  const size_t start = before.rfind('\n') + 1;  // npos + 1 is 0
  return OneFault(file, absl::StrCat("a key has more than ", kMostKeyParts, " parts"),
                  static_cast<int>(lines) + 1, static_cast<int>(offset - start) + 1);
}

}  // namespace

std::string ToString(const Fault& fault) {
  return absl::StrCat(fault.file, ":", fault.line, ":", fault.column, ": ", fault.message);
}

ParseResult Parse(absl::string_view text, absl::string_view file) {
  if (const auto offset = FindTooDeepKey(text)) return TooDeep(text, file, *offset);
  Findings findings(file);
  Config config;
  int assets_line = 0;
  try {
    const toml::table root = toml::parse(ToStd(text));
    if (const toml::node* assets = root["assets"]["file"].node()) {
      assets_line = static_cast<int>(assets->source().begin.line);
    }
    TableReader reader(root, "", findings);
    ReadSettings(reader, findings, config);
    ReadPolicy(reader, config);
    ReadRules(reader, findings, config);
    ReadSuppressions(reader, config);
    reader.Finish();
    Validate(root, findings, config);
  } catch (const toml::parse_error& error) {
    findings.Error(error.source(),
                   absl::StrCat("not valid TOML: ", ToAbsl(error.description())));
  }
  ParseResult result{std::nullopt, findings.TakeErrors(), findings.TakeWarnings(), assets_line};
  if (result.faults.empty()) {
    config.version = VersionOf(config);
    result.config = std::move(config);
  }
  return result;
}

ParseResult ParseFile(const std::string& path) {
  const auto text = ReadTextFile(path);
  if (!text.ok()) return OneFault(path, std::string(text.status().message()));
  ParseResult result = Parse(*text, path);
  if (!result.config.has_value()) return result;
  // Relative paths start at the configuration's own folder, wherever mailtap is started.
  const std::filesystem::path folder = std::filesystem::path(path).parent_path();
  AddAssets(folder, result);
  for (RelayFile& file : result.config->relay_files) {
    file.path = (folder / file.path).lexically_normal().string();
  }
  if (result.faults.empty()) {
    result.config->version = VersionOf(*result.config);
  } else {
    result.config.reset();
  }
  return result;
}

}  // namespace mailtap::config

#include "lib/config/assets.h"

#include <algorithm>
#include <array>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "lib/base/status.h"
#include "lib/config/csv.h"
#include "lib/config/findings.h"
#include "lib/config/text_file.h"

namespace mailtap::config {
namespace {

constexpr size_t kMostFaults = 20;
constexpr size_t kLongestText = 128;

const std::vector<std::string>& Columns() {
  static const std::vector<std::string> columns = {"address", "name", "owner",
                                                   "unit",    "role", "tags"};
  return columns;
}

// Stores the field of `column`. An error where it makes no sense there.
absl::Status Store(const std::string& column, const std::string& text, Asset& asset) {
  if (column == "address") {
    MAILTAP_ASSIGN_OR_RETURN(asset.prefix, net::ParsePrefix(text));
    return absl::OkStatus();
  }
  const auto is_control = [](unsigned char c) { return absl::ascii_iscntrl(c); };
  if (text.size() > kLongestText || std::any_of(text.begin(), text.end(), is_control)) {
    return absl::InvalidArgumentError(absl::StrCat(column, " must be a text of at most ",
                                                   kLongestText,
                                                   " bytes without control characters"));
  }
  if (column == "name") asset.name = text;
  if (column == "owner") asset.owner = text;
  if (column == "unit") asset.unit = text;
  if (column == "role") asset.role = text;
  if (column == "tags") {
    asset.tags =
        absl::StrSplit(absl::AsciiStrToLower(text), absl::ByAnyChar(" ;"), absl::SkipEmpty());
  }
  return absl::OkStatus();
}

}  // namespace

bool Asset::shared() const {
  return std::find(tags.begin(), tags.end(), kShared) != tags.end();
}

AssetsContent ParseAssets(absl::string_view text, absl::string_view file) {
  AssetsContent content;
  const CsvTable table = ParseCsv(SkipByteOrderMark(text), file, Columns(), content.faults);
  const auto fault = [&](int line, std::string message) {
    content.faults.push_back({std::string(file), line, 1, std::move(message)});
  };
  const auto& columns = table.columns;
  const bool has_address =
      std::find(columns.begin(), columns.end(), "address") != columns.end();
  if (content.faults.empty() && !has_address) fault(1, "the column address is missing");
  absl::flat_hash_map<std::pair<net::IpAddress, uint8_t>, int> lines;
  for (const CsvRow& row : table.rows) {
    Asset asset;
    const std::size_t before = content.faults.size();
    for (size_t i = 0; i < columns.size(); ++i) {
      const absl::Status stored = Store(columns[i], row.fields[i], asset);
      if (!stored.ok()) fault(row.line, std::string(stored.message()));
    }
    if (content.faults.size() != before || !has_address) continue;
    const auto [earlier, added] =
        lines.try_emplace({asset.prefix.address, asset.prefix.length}, row.line);
    if (!added) {
      fault(row.line, absl::StrCat(net::ToString(asset.prefix), " stands already in line ",
                                   earlier->second));
    }
    content.assets.push_back(std::move(asset));
  }
  if (!content.faults.empty()) {
    content.assets.clear();
    content.faults = InFileOrder(std::move(content.faults));
    if (content.faults.size() > kMostFaults) content.faults.resize(kMostFaults);
  } else if (content.assets.empty()) {
    content.warnings.push_back({std::string(file), 1, 1, "holds no asset"});
  }
  return content;
}

AssetsContent ReadAssets(const std::string& path, int line) {
  const auto text = ReadReferredFile(path, "assets.file", line);
  if (!text.ok()) return {{}, {{path, 1, 1, std::string(text.status().message())}}};
  if (const int bad = LineOfInvalidUtf8(*text))
    return {{}, {{path, bad, 1, "not valid UTF-8"}}};
  return ParseAssets(*text, path);
}

}  // namespace mailtap::config

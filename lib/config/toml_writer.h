// Writes the configuration's structs as TOML; the parts of ToToml().
#ifndef MAILTAP_LIB_CONFIG_TOML_WRITER_H_
#define MAILTAP_LIB_CONFIG_TOML_WRITER_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "lib/base/time.h"
#include "lib/config/config.h"
#include "lib/config/findings.h"
#include "lib/config/quantity.h"

namespace mailtap::config {

// Appends "key = value" lines under a heading.
class TomlWriter {
 public:
  void Heading(absl::string_view heading) {
    absl::StrAppend(&out_, out_.empty() ? "" : "\n", heading, "\n");
  }
  void Raw(absl::string_view key, absl::string_view value) {
    absl::StrAppend(&out_, key, " = ", value, "\n");
  }
  void Comment(absl::string_view text) { absl::StrAppend(&out_, "# ", text, "\n"); }
  void Bool(absl::string_view key, bool value) { Raw(key, value ? "true" : "false"); }
  void Text(absl::string_view key, absl::string_view value) { Raw(key, Quoted(value)); }
  void Integer(absl::string_view key, int64_t value) { Raw(key, absl::StrCat(value)); }
  void Duration(absl::string_view key, int64_t seconds) { Text(key, FormatDuration(seconds)); }
  void Size(absl::string_view key, int64_t bytes) { Text(key, FormatSize(bytes)); }
  void Threshold(absl::string_view key, bool is_bytes, double value) {
    if (is_bytes) return Size(key, static_cast<int64_t>(value));
    Raw(key, FormatNumber(value));
  }

  void List(absl::string_view key, const std::vector<std::string>& items) {
    constexpr size_t kWidest = 96;
    const std::string line = absl::StrCat("[", absl::StrJoin(items, ", "), "]");
    if (line.size() + key.size() <= kWidest) return Raw(key, line);
    Raw(key, absl::StrCat("[\n  ", absl::StrJoin(items, ",\n  "), ",\n]"));
  }
  // As List; an empty list means "any" and is what leaving the key out means.
  template <typename T, typename Format>
  void AnyOrList(absl::string_view key, const std::vector<T>& values, Format format) {
    if (values.empty()) {
      Comment(absl::StrCat(key, ": any"));
    } else {
      List(key, Each(values, format));
    }
  }

  template <typename T, typename Format>
  static std::vector<std::string> Each(const std::vector<T>& values, Format format) {
    std::vector<std::string> items;
    items.reserve(values.size());
    for (const T& value : values) items.push_back(format(value));
    return items;
  }

  std::string Take() { return std::move(out_); }

 private:
  std::string out_;
};

inline std::string PrefixItem(const net::Prefix& prefix) {
  return Quoted(net::ToString(prefix));
}
inline std::string PortItem(uint16_t port) { return absl::StrCat(port); }
inline std::string TextItem(const std::string& text) { return Quoted(text); }
template <typename Enum>
std::string NameItem(Enum value) {
  return Quoted(Name(value));
}

// One entry each, under its heading.
void WriteRelay(TomlWriter& w, const Relay& relay);
void WriteRelayFile(TomlWriter& w, const RelayFile& file);
void WriteGroup(TomlWriter& w, const Group& group);
void WriteRule(TomlWriter& w, const Rule& rule);
void WriteSuppression(TomlWriter& w, const Suppression& entry);

}  // namespace mailtap::config

#endif  // MAILTAP_LIB_CONFIG_TOML_WRITER_H_

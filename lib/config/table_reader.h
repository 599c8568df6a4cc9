// Reads one TOML table key by key into plain fields.
//
// A key that is missing leaves its field at the default that config.h gave it. A value of the
// wrong type or out of range is reported and leaves the field alone. Finish() then reports
// every key that nobody asked for. One thread.
#ifndef MAILTAP_LIB_CONFIG_TABLE_READER_H_
#define MAILTAP_LIB_CONFIG_TABLE_READER_H_

#include <toml++/toml.h>

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "lib/base/mail.h"
#include "lib/config/findings.h"
#include "lib/config/relay.h"
#include "lib/config/rule.h"
#include "lib/net/address.h"

namespace mailtap::config {

// Of a list that is given, but holds nothing: kRefuse where a key left out means any, kRequire
// where none can be left out.
enum class IfEmpty { kAllow, kRefuse, kRequire };

class TableReader {
 public:
  // `path` is the table's name in messages ("http", "services.smtp"), empty for the root.
  // `table` and `findings` must outlive the reader.
  TableReader(const toml::table& table, absl::string_view path, Findings& findings)
      : table_(table), path_(path), findings_(findings) {}

  // The key's node, or null. Marks the key as known, as each reader below does.
  const toml::node* Find(absl::string_view key);
  // As Find; a missing key is an error that says what `what` ("a size such as \"50MB\"") to
  // give.
  const toml::node* Require(absl::string_view key, absl::string_view what);

  // Text of `least` to `most` bytes without control characters; where `least` is 1, not blank.
  void Text(absl::string_view key, size_t least, size_t most, std::string& out);
  // The required key `name` of an entry.
  void Name(std::string& out);
  void Bool(absl::string_view key, bool& out);
  void Integer(absl::string_view key, int64_t least, int64_t most, int64_t& out);
  // A duration string; `out` and the limits in seconds.
  void Duration(absl::string_view key, int64_t least, int64_t most, int64_t& out);
  // A size string, or an integer of bytes.
  void Size(absl::string_view key, int64_t least, int64_t most, int64_t& out);
  // A rule's threshold: a size where `is_bytes`, else a number; greater than 0.
  void Threshold(absl::string_view key, bool is_bytes, double& out);
  // A part of the day such as "08:00-18:00".
  void TimeOfDay(absl::string_view key, Hours& out);
  // A part of a whole: above 0, at most 1.
  void Share(absl::string_view key, double& out);

  void Strings(absl::string_view key, IfEmpty if_empty, std::vector<std::string>& out);
  // Texts in which case means nothing, in lower case.
  void LowerStrings(absl::string_view key, IfEmpty if_empty, std::vector<std::string>& out);
  void Prefixes(absl::string_view key, IfEmpty if_empty, std::vector<net::Prefix>& out);
  void Ports(absl::string_view key, IfEmpty if_empty, std::vector<uint16_t>& out);
  // Patterns of host names, normalised.
  void Patterns(absl::string_view key, IfEmpty if_empty, std::vector<std::string>& out);
  // A date without a time.
  void Day(absl::string_view key, std::optional<Date>& out);

  // One of `names`, the enumerators' spellings in order.
  template <typename Enum, size_t N>
  void Choice(absl::string_view key, const std::array<absl::string_view, N>& names, Enum& out) {
    if (const toml::node* node = Find(key)) ChooseFrom(key, *node, names, out);
  }
  template <typename Enum, size_t N>
  void Choices(absl::string_view key, const std::array<absl::string_view, N>& names,
               IfEmpty if_empty, std::vector<Enum>& out) {
    List(key, if_empty, [&](const toml::node& node) {
      Enum value;
      if (ChooseFrom(key, node, names, value)) AddOnce(key, node, value, out);
    });
  }

  // Calls `read` with a reader for each [[key]] table of the file.
  template <typename Read>
  void Tables(absl::string_view key, Read read) {
    const toml::node* node = Find(key);
    if (node == nullptr) return;
    const toml::array* entries = node->as_array();
    const std::string path = PathOf(key);
    if (entries == nullptr || !entries->is_array_of_tables()) {
      return Error(
          *node, absl::StrCat(path, " must be written as [[", path, "]], once for each entry"));
    }
    for (const toml::node& entry : *entries) {
      TableReader reader(*entry.as_table(), path, findings_);
      read(reader);
      reader.Finish();
    }
  }

  // Reports each key that no call above has named, with the nearest one that was.
  void Finish();

  const toml::table& table() const { return table_; }
  // "http.port"
  std::string PathOf(absl::string_view key) const;
  void Error(const toml::node& node, std::string message) {
    findings_.Error(node.source(), std::move(message));
  }

 private:
  // Calls `read` for each element; another type than an array is an error.
  void List(absl::string_view key, IfEmpty if_empty,
            const std::function<void(const toml::node&)>& read);
  // "http.port must be WHAT, not 70000"
  void Expected(absl::string_view key, const toml::node& node, absl::string_view what);
  // The size that `node` spells. False where it spells none, or one outside the limits.
  static bool SizeOf(const toml::node& node, int64_t least, int64_t most, int64_t& out);

  template <typename Enum, size_t N>
  bool ChooseFrom(absl::string_view key, const toml::node& node,
                  const std::array<absl::string_view, N>& names, Enum& out) {
    if (const auto text = node.value<std::string>(); text && node.is_string()) {
      if (const auto value = FromName<Enum>(names, *text)) {
        out = *value;
        return true;
      }
    }
    Expected(key, node, absl::StrCat("one of ", absl::StrJoin(names, ", ")));
    return false;
  }
  template <typename T>
  void AddOnce(absl::string_view key, const toml::node& node, T value, std::vector<T>& out) {
    for (const T& earlier : out) {
      if (earlier == value) {
        findings_.Warn(node.source(),
                       absl::StrCat(PathOf(key), " lists ", Describe(node), " a second time"));
        return;
      }
    }
    out.push_back(std::move(value));
  }

  const toml::table& table_;
  std::string path_;
  Findings& findings_;
  std::vector<std::string> known_;
};

}  // namespace mailtap::config

#endif  // MAILTAP_LIB_CONFIG_TABLE_READER_H_

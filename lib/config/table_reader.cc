#include "lib/config/table_reader.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/ascii.h"
#include "lib/base/time.h"
#include "lib/config/name_pattern.h"
#include "lib/config/quantity.h"

namespace mailtap::config {
namespace {

bool HasControlCharacter(absl::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7f;
  });
}

// A key as TOML has it: what isn't bare stands in quotes.
std::string KeyText(absl::string_view key) {
  const bool bare = !key.empty() && std::all_of(key.begin(), key.end(), [](unsigned char c) {
    return absl::ascii_isalnum(c) || c == '_' || c == '-';
  });
  return bare ? std::string(key) : Quoted(key);
}

}  // namespace

std::string TableReader::PathOf(absl::string_view key) const {
  return path_.empty() ? std::string(key) : absl::StrCat(path_, ".", key);
}

const toml::node* TableReader::Find(absl::string_view key) {
  known_.emplace_back(key);
  return table_.get(ToStd(key));
}

const toml::node* TableReader::Require(absl::string_view key, absl::string_view what) {
  const toml::node* node = Find(key);
  if (node == nullptr) {
    findings_.Error(table_.source(), absl::StrCat(PathOf(key), " is missing: give ", what));
  }
  return node;
}

void TableReader::Expected(absl::string_view key, const toml::node& node,
                           absl::string_view what) {
  Error(node, absl::StrCat(PathOf(key), " must be ", what, ", not ", Describe(node)));
}

void TableReader::Text(absl::string_view key, size_t least, size_t most, std::string& out) {
  const toml::node* node = Find(key);
  if (node == nullptr) return;
  const auto* text = node->as_string();
  const std::string what = absl::StrCat("a text of ", least, " to ", most, " bytes");
  if (text == nullptr) return Expected(key, *node, what);
  const std::string& value = text->get();
  if (value.size() > most || absl::StripAsciiWhitespace(value).size() < least) {
    return Expected(key, *node, what);
  }
  if (HasControlCharacter(value)) {
    return Expected(key, *node, "a text without control characters");
  }
  out = value;
}

void TableReader::Name(std::string& out) {
  constexpr size_t kLongest = 128;
  Require("name", "a name");
  Text("name", 1, kLongest, out);
}

void TableReader::Bool(absl::string_view key, bool& out) {
  const toml::node* node = Find(key);
  if (node == nullptr) return;
  const auto* value = node->as_boolean();
  if (value == nullptr) return Expected(key, *node, "true or false");
  out = value->get();
}

void TableReader::Integer(absl::string_view key, int64_t least, int64_t most, int64_t& out) {
  const toml::node* node = Find(key);
  if (node == nullptr) return;
  const auto* value = node->as_integer();
  if (value == nullptr || value->get() < least || value->get() > most) {
    return Expected(key, *node, absl::StrCat("an integer from ", least, " to ", most));
  }
  out = value->get();
}

void TableReader::Duration(absl::string_view key, int64_t least, int64_t most, int64_t& out) {
  const toml::node* node = Find(key);
  if (node == nullptr) return;
  const auto* text = node->as_string();
  const auto seconds = text == nullptr ? std::nullopt : ParseDuration(text->get());
  if (!seconds || *seconds < least || *seconds > most) {
    return Expected(key, *node,
                    absl::StrCat("a duration such as \"5m\" (units s m h d) from ",
                                 FormatDuration(least), " to ", FormatDuration(most)));
  }
  out = *seconds;
}

bool TableReader::SizeOf(const toml::node& node, int64_t least, int64_t most, int64_t& out) {
  std::optional<int64_t> bytes;
  if (const auto* text = node.as_string()) bytes = ParseSize(text->get());
  if (const auto* integer = node.as_integer()) bytes = integer->get();
  if (!bytes || *bytes < least || *bytes > most) return false;
  out = *bytes;
  return true;
}

void TableReader::Size(absl::string_view key, int64_t least, int64_t most, int64_t& out) {
  const toml::node* node = Find(key);
  if (node == nullptr || SizeOf(*node, least, most, out)) return;
  Expected(key, *node,
           absl::StrCat("a size such as \"16MiB\" (units B kB MB GB KiB MiB GiB) from ",
                        FormatSize(least), " to ", FormatSize(most)));
}

void TableReader::Threshold(absl::string_view key, bool is_bytes, double& out) {
  const toml::node* node = Find(key);
  if (node == nullptr) return;
  if (is_bytes) {
    int64_t bytes = 0;
    if (!SizeOf(*node, 1, kMaxSize, bytes)) {
      return Expected(
          key, *node,
          absl::StrCat("a size such as \"50MB\" (units B kB MB GB KiB MiB GiB) from ", "1B to ",
                       FormatSize(kMaxSize)));
    }
    out = static_cast<double>(bytes);
    return;
  }
  constexpr double kMost = 1e15;
  const auto number = node->is_number() ? node->value<double>() : std::nullopt;
  if (!number || !(*number > 0) || *number > kMost) {
    return Expected(key, *node, "a number above 0, at most 1e15");
  }
  out = *number;
}

void TableReader::TimeOfDay(absl::string_view key, Hours& out) {
  const toml::node* node = Find(key);
  if (node == nullptr) return;
  const auto* text = node->as_string();
  const auto hours = text == nullptr ? std::nullopt : ParseHours(text->get());
  if (!hours) {
    return Expected(key, *node, "a part of the day such as \"08:00-18:00\" or \"22:00-06:00\"");
  }
  out = *hours;
}

void TableReader::Share(absl::string_view key, double& out) {
  const toml::node* node = Find(key);
  if (node == nullptr) return;
  const auto number = node->is_number() ? node->value<double>() : std::nullopt;
  if (!number || !(*number > 0) || *number > 1) {
    return Expected(key, *node, "a share above 0, at most 1 (0.01 is 1 %)");
  }
  out = *number;
}

void TableReader::List(absl::string_view key, IfEmpty if_empty,
                       const std::function<void(const toml::node&)>& read) {
  const toml::node* node = Find(key);
  if (node == nullptr) return;
  const toml::array* array = node->as_array();
  if (array == nullptr) return Expected(key, *node, "an array");
  if (array->empty() && if_empty != IfEmpty::kAllow) {
    // An emptied list must not come to mean "any": that would approve or watch everything.
    return Error(
        *node, absl::StrCat(PathOf(key), " must not be empty",
                            if_empty == IfEmpty::kRefuse ? "; leave the key out for any" : ""));
  }
  for (const toml::node& element : *array) read(element);
}

void TableReader::Strings(absl::string_view key, IfEmpty if_empty,
                          std::vector<std::string>& out) {
  List(key, if_empty, [&](const toml::node& node) {
    const auto* text = node.as_string();
    if (text == nullptr) return Expected(key, node, "an array of texts");
    AddOnce(key, node, text->get(), out);
  });
}

void TableReader::LowerStrings(absl::string_view key, IfEmpty if_empty,
                               std::vector<std::string>& out) {
  List(key, if_empty, [&](const toml::node& node) {
    const auto* text = node.as_string();
    if (text == nullptr) return Expected(key, node, "an array of texts");
    AddOnce(key, node, absl::AsciiStrToLower(text->get()), out);
  });
}

void TableReader::Prefixes(absl::string_view key, IfEmpty if_empty,
                           std::vector<net::Prefix>& out) {
  // Lists may hold very many prefixes: remember the ones seen rather than search the list.
  absl::flat_hash_set<std::pair<net::IpAddress, uint8_t>> seen;
  List(key, if_empty, [&](const toml::node& node) {
    const auto* text = node.as_string();
    if (text == nullptr) {
      return Expected(key, node, "an array of networks such as \"10.0.0.0/8\"");
    }
    const auto prefix = net::ParsePrefix(text->get());
    if (!prefix.ok()) {
      return Error(node, absl::StrCat(PathOf(key), ": ", prefix.status().message()));
    }
    if (seen.emplace(prefix->address, prefix->length).second) {
      out.push_back(*prefix);
    } else {
      findings_.Warn(node.source(),
                     absl::StrCat(PathOf(key), " lists ", Describe(node), " a second time"));
    }
  });
}

void TableReader::Ports(absl::string_view key, IfEmpty if_empty, std::vector<uint16_t>& out) {
  std::vector<uint16_t> ports;
  List(key, if_empty, [&](const toml::node& node) {
    const auto* port = node.as_integer();
    if (port == nullptr || port->get() < 1 || port->get() > 65'535) {
      return Expected(key, node, "an array of ports from 1 to 65535");
    }
    AddOnce(key, node, static_cast<uint16_t>(port->get()), ports);
  });
  if (table_.contains(ToStd(key))) out = std::move(ports);
}

void TableReader::Patterns(absl::string_view key, IfEmpty if_empty,
                           std::vector<std::string>& out) {
  absl::flat_hash_set<std::string> seen;  // lists may be long, as those of prefixes
  List(key, if_empty, [&](const toml::node& node) {
    const auto* text = node.as_string();
    if (text == nullptr) {
      return Expected(key, node, "an array of names such as \"*.mail.example.com\"");
    }
    auto pattern = NormalizePattern(text->get());
    if (!pattern.ok()) {
      return Error(node, absl::StrCat(PathOf(key), ": ", pattern.status().message()));
    }
    if (seen.insert(*pattern).second) {
      out.push_back(*std::move(pattern));
    } else {
      findings_.Warn(node.source(),
                     absl::StrCat(PathOf(key), " lists ", Describe(node), " a second time"));
    }
  });
}

void TableReader::Day(absl::string_view key, std::optional<Date>& out) {
  const toml::node* node = Find(key);
  if (node == nullptr) return;
  const auto* date = node->as_date();
  if (date == nullptr) return Expected(key, *node, "a date such as 2027-06-30");
  out = Date{date->get().year, date->get().month, date->get().day};
}

void TableReader::Finish() {
  for (const auto& [key, node] : table_) {
    const absl::string_view name = ToAbsl(key.str());
    if (std::find(known_.begin(), known_.end(), name) != known_.end()) continue;
    findings_.Error(key.source(), absl::StrCat("unknown key ", PathOf(KeyText(name)),
                                               Suggestion(name, known_)));
  }
}

}  // namespace mailtap::config

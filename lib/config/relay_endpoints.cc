// Relay entries from the JSON of Microsoft's 365 endpoints.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "lib/config/relay_file_reader.h"

namespace mailtap::config {
namespace {

// The line of each element of the top-level array of sound JSON.
std::vector<int> LinesOfElements(absl::string_view text) {
  std::vector<int> lines;
  int line = 1, depth = 0;
  bool quoted = false, awaited = false;  // an element
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\n') ++line;
    if (quoted) {
      if (c == '\\') ++i;
      quoted = c != '"';
      continue;
    }
    if (awaited && !absl::ascii_isspace(static_cast<unsigned char>(c))) {
      lines.push_back(line);
      awaited = false;
    }
    quoted = c == '"';
    if (c == '{' || c == '[') awaited = depth++ == 0;
    if (c == '}' || c == ']') --depth;
    if (c == ',' && depth == 1) awaited = true;
  }
  return lines;
}

// The texts of a member that is an array of them, or one text with commas. False where it is
// something else.
bool TextsOf(const nlohmann::json& object, const char* key, std::vector<std::string>& out) {
  const auto member = object.find(key);
  if (member == object.end() || member->is_null()) return true;
  if (member->is_string()) {
    out = absl::StrSplit(member->get<std::string>(), absl::ByAnyChar(", "), absl::SkipEmpty());
    return true;
  }
  if (!member->is_array()) return false;
  for (const nlohmann::json& item : *member) {
    if (!item.is_string()) return false;
    out.push_back(item.get<std::string>());
  }
  return true;
}

void ReadEndpoints(const nlohmann::json& object, int line, RelayFileReader& reader) {
  std::vector<std::string> urls, ips, ports, area;
  const bool sound = object.is_object() && object.contains("id") &&
                     object["id"].is_number_integer() && TextsOf(object, "urls", urls) &&
                     TextsOf(object, "ips", ips) && TextsOf(object, "tcpPorts", ports) &&
                     TextsOf(object, "serviceArea", area) && area.size() == 1;
  if (!sound) {
    return reader.Fault(line,
                        "must be an object with an integer id, a text serviceArea, "
                        "arrays of texts urls and ips, and a text tcpPorts");
  }
  const std::vector<std::string>& areas = reader.file().service_areas;
  const bool asked =
      areas.empty() || std::find(areas.begin(), areas.end(), area[0]) != areas.end();
  if (!asked || ports.empty() || (urls.empty() && ips.empty())) return;
  Relay relay = reader.Entry(line);
  relay.either = true;
  absl::StrAppend(&relay.name, ": ", area[0], " ", object["id"].get<int64_t>());
  relay.ports.clear();
  for (const std::string& text : ports) reader.AddPorts(line, text, relay.ports);
  for (const std::string& text : ips) reader.AddPrefix(line, text, relay.destinations);
  for (const std::string& text : urls) reader.AddPattern(line, text, relay.names);
  reader.Keep(std::move(relay));
}

}  // namespace

void ReadMicrosoft365(absl::string_view text, RelayFileReader& reader) {
  nlohmann::json endpoints;
  try {
    endpoints = nlohmann::json::parse(text.begin(), text.end());
  } catch (const nlohmann::json::parse_error& error) {
    const absl::string_view before = text.substr(0, error.byte - 1);
    const auto line = 1 + std::count(before.begin(), before.end(), '\n');
    const size_t column = before.size() - (before.rfind('\n') + 1) + 1;
    return reader.Fault(static_cast<int>(line), "not valid JSON", static_cast<int>(column));
  } catch (const nlohmann::json::out_of_range&) {
    return reader.Fault(1, "holds a number that is too large");
  }
  if (!endpoints.is_array()) return reader.Fault(1, "the JSON must be an array of objects");
  const std::vector<int> lines = LinesOfElements(text);
  for (size_t i = 0; i < endpoints.size(); ++i) {
    reader.SetPart(absl::StrCat("element ", i + 1, ": "));
    ReadEndpoints(endpoints[i], lines.at(i), reader);
  }
  reader.SetPart("");
}

}  // namespace mailtap::config

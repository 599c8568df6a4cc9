#include "lib/config/relay_file.h"

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "lib/config/csv.h"
#include "lib/config/findings.h"
#include "lib/config/name_pattern.h"
#include "lib/config/text_file.h"
#include "lib/config/version.h"

namespace mailtap::config {
namespace {

constexpr size_t kLongestName = 128;
constexpr size_t kLongestText = 1'024;

// Collects entries and faults of one file.
class Reader {
 public:
  Reader(const RelayFile& file, const std::string& timezone)
      : file_(file), timezone_(timezone) {}

  void Fault(int line, std::string message) {
    content_.faults.push_back({file_.path, line, 1, std::move(message)});
  }
  // A new entry of the file, as the [[relay_file]] has it.
  Relay Entry(int line) const {
    Relay relay = file_.entry;
    relay.file = file_.path;
    relay.line = line;
    return relay;
  }
  void Keep(Relay relay) { content_.relays.push_back(std::move(relay)); }

  // A server by address, or by name.
  void AddServer(int line, absl::string_view text, Relay& relay) {
    if (LooksLikeAddress(text)) {
      AddPrefix(line, text, relay.destinations);
    } else {
      AddPattern(line, text, relay.names);
    }
  }
  void AddPrefix(int line, absl::string_view text, std::vector<net::Prefix>& out) {
    const auto prefix = net::ParsePrefix(text);
    if (!prefix.ok()) return Fault(line, std::string(prefix.status().message()));
    out.push_back(*prefix);
  }
  void AddPattern(int line, absl::string_view text, std::vector<std::string>& out) {
    auto pattern = NormalizePattern(text);
    if (!pattern.ok()) return Fault(line, std::string(pattern.status().message()));
    out.push_back(*std::move(pattern));
  }
  // "25" or "1024-65535".
  void AddPorts(int line, absl::string_view text, std::vector<uint16_t>& out) {
    const std::vector<absl::string_view> ends = absl::StrSplit(text, absl::MaxSplits('-', 1));
    int first = 0, last = 0;
    if (!absl::SimpleAtoi(ends.front(), &first) || !absl::SimpleAtoi(ends.back(), &last) ||
        first < 1 || last > 65'535 || first > last) {
      return Fault(line, absl::StrCat("ports must be from 1 to 65535, not ", Quoted(text)));
    }
    for (int port = first; port <= last; ++port) out.push_back(static_cast<uint16_t>(port));
  }

  const RelayFile& file() const { return file_; }
  const std::string& timezone() const { return timezone_; }

  RelayFileContent Take(bool may_be_empty) {
    if (content_.faults.empty() && content_.relays.empty() && !may_be_empty) {
      Fault(1, "holds no entry; what it held before stays in force");
    }
    if (!content_.faults.empty()) content_.relays.clear();
    if (content_.faults.size() > kMostFaults) content_.faults.resize(kMostFaults);
    return std::move(content_);
  }

 private:
  // No host's name ends in a label of digits, or holds a colon or slash.
  static bool LooksLikeAddress(absl::string_view text) {
    if (text.find_first_of(":/") != absl::string_view::npos) return true;
    text = text.substr(0, text.find_last_not_of('.') + 1);
    const size_t dot = text.rfind('.');
    const absl::string_view last = dot == absl::string_view::npos ? text : text.substr(dot + 1);
    return !last.empty() && last.find_first_not_of("0123456789") == absl::string_view::npos;
  }

  const RelayFile& file_;
  const std::string& timezone_;
  RelayFileContent content_;
};

void ReadList(absl::string_view text, Reader& reader) {
  Relay relay = reader.Entry(1);
  relay.either = true;
  int line = 0;
  for (absl::string_view at : absl::StrSplit(text, '\n')) {
    ++line;
    at = absl::StripAsciiWhitespace(at.substr(0, at.find('#')));
    if (!at.empty()) reader.AddServer(line, at, relay);
  }
  if (!relay.destinations.empty() || !relay.names.empty()) reader.Keep(std::move(relay));
}

// One field of a CSV row: sets what it says, and leaves the rest as it is.
class FieldReader {
 public:
  FieldReader(Reader& reader, int line, Relay& relay)
      : reader_(reader), line_(line), relay_(relay) {}

  void Read(absl::string_view column, absl::string_view field) {
    if (column == "name") return Text(field, kLongestName, relay_.name);
    if (column == "owner") return Text(field, kLongestText, relay_.owner);
    if (column == "reason") return Text(field, kLongestText, relay_.reason);
    if (column == "ticket") return Text(field, kLongestText, relay_.ticket);
    if (column == "expires") return ReadDate(field);
    if (column == "mode") return Choice(column, field, kRelayModeNames, relay_.mode);
    if (column == "trust") return Choice(column, field, kRelayTrustNames, relay_.trust);
    if (column == "direction") {
      MailFlow direction{};
      Choice(column, field, kMailFlowNames, direction);
      relay_.direction = direction;
      return;
    }
    ReadList(column, field);
  }

 private:
  void Text(absl::string_view field, size_t most, std::string& out) {
    const bool control = std::any_of(field.begin(), field.end(),
                                     [](unsigned char c) { return absl::ascii_iscntrl(c); });
    if (control || field.size() > most) {
      return reader_.Fault(line_, absl::StrCat("a text must have at most ", most,
                                               " bytes and no control characters"));
    }
    out = std::string(field);
  }
  template <typename Enum, size_t N>
  void Choice(absl::string_view column, absl::string_view field,
              const std::array<absl::string_view, N>& names, Enum& out) {
    if (const auto value = FromName<Enum>(names, field)) {
      out = *value;
    } else {
      reader_.Fault(line_, absl::StrCat(column, " must be one of ", absl::StrJoin(names, ", "),
                                        ", not ", Quoted(field)));
    }
  }
  void ReadDate(absl::string_view field) {
    const std::vector<absl::string_view> parts = absl::StrSplit(field, '-');
    Date date;
    const bool numbers =
        parts.size() == 3 && parts[0].size() == 4 && absl::SimpleAtoi(parts[0], &date.year) &&
        absl::SimpleAtoi(parts[1], &date.month) && absl::SimpleAtoi(parts[2], &date.day);
    if (!numbers || !IsDay(date)) {
      return reader_.Fault(
          line_,
          absl::StrCat("expires must be a date such as 2027-06-30, not ", Quoted(field)));
    }
    relay_.expires = date;
    relay_.ends = EndOfDay(date, reader_.timezone());
  }
  void ReadList(absl::string_view column, absl::string_view field) {
    // What the field lists takes the place of what the [[relay_file]] does.
    bool first = true;
    const auto start = [&](auto& list) {
      if (std::exchange(first, false)) list.clear();
    };
    for (const absl::string_view item :
         absl::StrSplit(field, absl::ByAnyChar(" ;"), absl::SkipEmpty())) {
      if (column == "sources") {
        start(relay_.sources);
        reader_.AddPrefix(line_, item, relay_.sources);
      } else if (column == "destinations") {
        start(relay_.destinations);
        reader_.AddPrefix(line_, item, relay_.destinations);
      } else if (column == "names") {
        start(relay_.names);
        reader_.AddPattern(line_, item, relay_.names);
      } else if (column == "ports") {
        start(relay_.ports);
        reader_.AddPorts(line_, item, relay_.ports);
      } else {
        start(relay_.services);
        Service service{};
        Choice(column, item, kServiceNames, service);
        relay_.services.push_back(service);
      }
    }
  }

  Reader& reader_;
  const int line_;
  Relay& relay_;
};

void ReadCsv(absl::string_view text, Reader& reader) {
  static const std::vector<std::string> kColumns = {
      "name",      "sources", "destinations", "names",  "trust",   "services", "ports",
      "direction", "owner",   "reason",       "ticket", "expires", "mode"};
  std::vector<Fault> faults;
  const CsvTable table = ParseCsv(text, reader.file().path, kColumns, faults);
  for (Fault& fault : faults) reader.Fault(fault.line, std::move(fault.message));
  const auto& columns = table.columns;
  if (!faults.empty()) return;
  if (std::find(columns.begin(), columns.end(), "name") == columns.end()) {
    return reader.Fault(1, "there is no column name");
  }
  for (const CsvRow& row : table.rows) {
    Relay relay = reader.Entry(row.line);
    const std::string prefix = std::exchange(relay.name, "");
    FieldReader fields(reader, row.line, relay);
    for (size_t i = 0; i < columns.size(); ++i) {
      const absl::string_view field = absl::StripAsciiWhitespace(row.fields[i]);
      if (!field.empty()) fields.Read(columns[i], field);
    }
    if (relay.name.empty()) reader.Fault(row.line, "the entry has no name");
    if (relay.sources.empty() && relay.destinations.empty() && relay.names.empty()) {
      reader.Fault(row.line,
                   "the entry would approve everything: give sources, destinations or names");
    }
    relay.name = absl::StrCat(prefix, ": ", relay.name);
    reader.Keep(std::move(relay));
  }
}

// The line of each element of the top-level array, by the order of their opening braces.
std::vector<int> LinesOfObjects(absl::string_view text) {
  std::vector<int> lines;
  int line = 1, depth = 0;
  bool quoted = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\n') ++line;
    if (quoted) {
      if (c == '\\') ++i;
      quoted = c != '"';
    } else if (c == '"') {
      quoted = true;
    } else if (c == '{' || c == '[') {
      if (depth++ == 1) lines.push_back(line);
    } else if (c == '}' || c == ']') {
      --depth;
    }
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

void ReadEndpoints(const nlohmann::json& object, int line, Reader& reader) {
  std::vector<std::string> urls, ips, ports, area;
  const bool sound = object.is_object() && object.contains("id") &&
                     object["id"].is_number_integer() && TextsOf(object, "urls", urls) &&
                     TextsOf(object, "ips", ips) && TextsOf(object, "tcpPorts", ports) &&
                     TextsOf(object, "serviceArea", area) && area.size() == 1;
  if (!sound) {
    return reader.Fault(line,
                        "an element must be an object with an integer id, a text serviceArea, "
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

void ReadMicrosoft(absl::string_view text, Reader& reader) {
  nlohmann::json endpoints;
  try {
    endpoints = nlohmann::json::parse(text.begin(), text.end());
  } catch (const nlohmann::json::parse_error& error) {
    const absl::string_view before = text.substr(0, error.byte);
    const auto line = 1 + std::count(before.begin(), before.end(), '\n');
    return reader.Fault(static_cast<int>(line), "not valid JSON");
  }
  if (!endpoints.is_array()) return reader.Fault(1, "the JSON must be an array of objects");
  const std::vector<int> lines = LinesOfObjects(text);
  for (size_t i = 0; i < endpoints.size(); ++i) {
    ReadEndpoints(endpoints[i], i < lines.size() ? lines[i] : 1, reader);
  }
}

}  // namespace

RelayFileContent ParseRelayFile(const RelayFile& file, absl::string_view text,
                                const std::string& timezone) {
  Reader reader(file, timezone);
  if (absl::StartsWith(text, "\xef\xbb\xbf")) text.remove_prefix(3);  // a byte order mark
  switch (file.format) {
    case RelayFormat::kList:
      ReadList(text, reader);
      break;
    case RelayFormat::kCsv:
      ReadCsv(text, reader);
      break;
    case RelayFormat::kMicrosoft365:
      ReadMicrosoft(text, reader);
      break;
  }
  return reader.Take(/*may_be_empty=*/file.format == RelayFormat::kCsv);
}

RelayFileContent ReadRelayFile(const RelayFile& file, const std::string& timezone) {
  const auto text = ReadTextFile(file.path);
  if (!text.ok()) return {{}, {{file.path, 1, 1, std::string(text.status().message())}}};
  return ParseRelayFile(file, *text, timezone);
}

std::vector<Fault> AddRelays(const std::vector<RelayFileContent>& contents, Config& config) {
  for (const RelayFileContent& content : contents) {
    config.relays.insert(config.relays.end(), content.relays.begin(), content.relays.end());
  }
  std::vector<Fault> faults;
  absl::flat_hash_map<absl::string_view, const Relay*> first;
  for (const Relay& relay : config.relays) {
    const auto [known, is_new] = first.emplace(relay.name, &relay);
    if (is_new || relay.file.empty() || faults.size() == kMostFaults) continue;
    const Relay& other = *known->second;
    faults.push_back({relay.file, relay.line, 1,
                      absl::StrCat("relay name ", Quoted(relay.name), " is used already, ",
                                   other.file.empty() ? "in the configuration" : other.file,
                                   " line ", other.line)});
  }
  config.version = VersionOf(config);
  return faults;
}

RefreshedRelays RefreshRelays(const Config& running) {
  std::vector<RelayFileContent> contents;
  std::vector<Fault> faults;
  for (const RelayFile& file : running.relay_files) {
    RelayFileContent content = ReadRelayFile(file, running.sensor.timezone);
    if (!content.faults.empty()) {
      faults.insert(faults.end(), content.faults.begin(), content.faults.end());
      std::copy_if(running.relays.begin(), running.relays.end(),
                   std::back_inserter(content.relays),
                   [&](const Relay& relay) { return relay.file == file.path; });
    }
    contents.push_back(std::move(content));
  }
  RefreshedRelays refreshed{running, std::move(faults)};
  std::vector<Relay>& relays = refreshed.config.relays;
  relays.erase(std::remove_if(relays.begin(), relays.end(),
                              [](const Relay& relay) { return !relay.file.empty(); }),
               relays.end());
  const std::vector<Fault> clashes = AddRelays(contents, refreshed.config);
  if (!clashes.empty()) return {running, clashes};
  return refreshed;
}

ParseResult LoadFile(const std::string& path) {
  ParseResult result = ParseFile(path);
  if (!result.config.has_value() || result.config->relay_files.empty()) return result;
  Config& config = *result.config;
  std::vector<RelayFileContent> contents;
  for (RelayFile& file : config.relay_files) {
    contents.push_back(ReadRelayFile(file, config.sensor.timezone));
    const std::vector<Fault>& faults = contents.back().faults;
    result.faults.insert(result.faults.end(), faults.begin(), faults.end());
  }
  if (result.faults.empty()) result.faults = AddRelays(contents, config);
  if (!result.faults.empty()) result.config.reset();
  return result;
}

}  // namespace mailtap::config

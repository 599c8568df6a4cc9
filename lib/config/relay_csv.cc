// Relay entries from CSV.
#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "lib/config/csv.h"
#include "lib/config/findings.h"
#include "lib/config/relay_file_reader.h"

namespace mailtap::config {
namespace {

constexpr size_t kLongestName = 128;
constexpr size_t kLongestText = 1'024;

// One field of a CSV row: sets what it says, and leaves the rest as it is.
class FieldReader {
 public:
  FieldReader(RelayFileReader& reader, int line, Relay& relay)
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

  RelayFileReader& reader_;
  const int line_;
  Relay& relay_;
};

}  // namespace

void ReadRelayCsv(absl::string_view text, RelayFileReader& reader) {
  static const std::vector<std::string> kColumns = {
      "name",      "sources", "destinations", "names",  "trust",   "services", "ports",
      "direction", "owner",   "reason",       "ticket", "expires", "mode"};
  std::vector<Fault> faults;
  const CsvTable table = ParseCsv(text, reader.file().path, kColumns, faults);
  for (Fault& fault : faults) reader.Fault(fault.line, std::move(fault.message));
  const auto& columns = table.columns;
  if (table.rows.empty()) return;
  if (std::find(columns.begin(), columns.end(), "name") == columns.end()) {
    return reader.Fault(1, "there is no column name");
  }
  for (const CsvRow& row : table.rows) {
    Relay relay = reader.Entry(row.line);
    const std::string prefix = std::exchange(relay.name, "");
    const std::size_t faults_before = reader.faults();
    FieldReader fields(reader, row.line, relay);
    for (size_t i = 0; i < columns.size(); ++i) {
      const absl::string_view field = absl::StripAsciiWhitespace(row.fields[i]);
      if (!field.empty()) fields.Read(columns[i], field);
    }
    const bool read = reader.faults() == faults_before;
    if (relay.name.empty()) reader.Fault(row.line, "the entry has no name");
    // What was refused is not missing.
    if (read && relay.sources.empty() && relay.destinations.empty() && relay.names.empty()) {
      reader.Fault(row.line,
                   "the entry would approve everything: give sources, destinations or names");
    }
    relay.name = absl::StrCat(prefix, ": ", relay.name);
    reader.Keep(std::move(relay));
  }
}

}  // namespace mailtap::config

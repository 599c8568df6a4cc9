// Relay entries out of files: lists, CSV, and the JSON of Microsoft's 365 endpoints.
#ifndef MAILTAP_LIB_CONFIG_RELAY_FILE_H_
#define MAILTAP_LIB_CONFIG_RELAY_FILE_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "lib/config/config.h"
#include "lib/config/parse.h"

namespace mailtap::config {

struct RelayFileContent {
  std::vector<Relay> relays;         // in the file's order; none where there are faults
  std::vector<Fault> faults;         // all of them, but no more than kMostFaults
  std::vector<Fault> warnings = {};  // none where there are faults
};
inline constexpr std::size_t kMostFaults = 20;

// The entries that `text` holds. `timezone` is the sensor's. Any fault makes all of it faulty,
// and so does a list or JSON without a single entry: an emptied file must not take back what it
// approved. Of CSV the row of column names tells that the file is whole: one without exceptions
// is accepted, with a warning.
//   list: a prefix, an address or a name pattern a line; # starts a comment. All of them are
//     one entry, whose server fits by address or by name.
//   csv: columns of the names of a [[relay]]'s keys, in any order; `name` is required. Lists
//     within a field are separated by blanks or semicolons. An entry a row; an empty field says
//     what the [[relay_file]] says.
//   microsoft365: an array of objects with id, serviceArea, urls, ips and tcpPorts, as
//     endpoints.office.com gives it. An entry for each object with TCP ports that has a service
//     area asked for; its server fits by address or by name.
RelayFileContent ParseRelayFile(const RelayFile& file, absl::string_view text,
                                const std::string& timezone);

// Reads it from file.path. A file that can't be read is a fault at 1:1, that tells which line
// of the configuration asks for it.
RelayFileContent ReadRelayFile(const RelayFile& file, const std::string& timezone);

// Puts the contents of its relay files, in their order, behind the entries that stand in the
// configuration itself, and makes the version tell them: `config` as Parse() gave it. Returns
// faults where names are then not unique; `config` is to be thrown away then.
std::vector<Fault> AddRelays(const std::vector<RelayFileContent>& contents, Config& config);

// A configuration in force with its relay files read anew. The entries of a file that is faulty
// stay as they are.
struct RefreshedRelays {
  Config config;
  std::vector<Fault> faults;
  std::vector<Fault> warnings;  // of the files, and of entries that approve everything
};
RefreshedRelays RefreshRelays(const Config& running);

// ParseFile(), and the relay files with it: their faults are the configuration's.
ParseResult LoadFile(const std::string& path);

}  // namespace mailtap::config

#endif  // MAILTAP_LIB_CONFIG_RELAY_FILE_H_

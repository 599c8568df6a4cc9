// TOML in; a Config, or every fault with its place, out.
#ifndef MAILTAP_LIB_CONFIG_PARSE_H_
#define MAILTAP_LIB_CONFIG_PARSE_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "lib/config/config.h"

namespace mailtap::config {

// One finding. Lines and columns count from 1.
struct Fault {
  std::string file;
  int line = 1;
  int column = 1;
  std::string message;  // names the key and the allowed range
};
// "file:line:column: message"
std::string ToString(const Fault& fault);

struct ParseResult {
  std::optional<Config> config;  // set exactly when `faults` is empty
  std::vector<Fault> faults;     // the first syntax fault, or all semantic ones in file order
  std::vector<Fault> warnings;  // accepted, but worth a look (no relay, a rule that can't fire)
  int assets_line = 0;          // of assets.file, 0 without one
};

// Parses `text`; `file` is only for messages.
ParseResult Parse(absl::string_view text, absl::string_view file);

// Reads and parses a file. One that can't be read is a fault at 1:1.
ParseResult ParseFile(const std::string& path);

// Makes `next` what may come into force while a sensor runs by `running`: the keys that only a
// restart can change (sensor, services, tls, alerts.file, state, http, diagnostics, limits,
// timeouts, tunnels, dataplane) stay as they are, and `next` gets the version that this makes.
// Returns the names of those that `next` meant to change, as "[limits]" or "alerts.file".
std::vector<std::string> TakeOver(const Config& running, Config& next);

// The effective configuration as TOML: every key with its value, in the order of the annotated
// default. Parse(ToToml(c)) gives c again.
std::string ToToml(const Config& config);

// The same configuration, whose files of assets and relays are named so that ToToml() can be
// read from any folder: relative names start at the file that holds them.
Config WithAbsolutePaths(Config config);

// One entry of it, with its heading.
std::string ToToml(const Group& group);
std::string ToToml(const Rule& rule);
std::string ToToml(const Relay& relay);

// The same of the entries that came out of relay files, which ToToml() leaves to these.
std::string FileRelaysToToml(const Config& config);

}  // namespace mailtap::config

#endif  // MAILTAP_LIB_CONFIG_PARSE_H_

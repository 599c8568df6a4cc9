// What the readers of relay files share.
#ifndef MAILTAP_LIB_CONFIG_RELAY_FILE_READER_H_
#define MAILTAP_LIB_CONFIG_RELAY_FILE_READER_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "lib/config/relay_file.h"

namespace mailtap::config {

// Collects entries and faults of one file. What is given outlives it.
class RelayFileReader {
 public:
  RelayFileReader(const RelayFile& file, const std::string& timezone)
      : file_(file), timezone_(timezone) {}

  void Fault(int line, absl::string_view message, int column = 1) {
    content_.faults.push_back({file_.path, line, column, absl::StrCat(part_, message)});
  }
  std::size_t faults() const { return content_.faults.size(); }
  // Begins the messages of faults from here on, where lines say too little: "element 7: ".
  void SetPart(std::string part) { part_ = std::move(part); }
  // A new entry of the file, as the [[relay_file]] has it.
  Relay Entry(int line) const;
  void Keep(Relay relay) { content_.relays.push_back(std::move(relay)); }

  // Each adds what `text` says, or a fault at `line`. A server stands by address or by name.
  void AddServer(int line, absl::string_view text, Relay& relay);
  void AddPrefix(int line, absl::string_view text, std::vector<net::Prefix>& out);
  void AddPattern(int line, absl::string_view text, std::vector<std::string>& out);
  // "25" or "1024-65535".
  void AddPorts(int line, absl::string_view text, std::vector<uint16_t>& out);

  const RelayFile& file() const { return file_; }
  const std::string& timezone() const { return timezone_; }

  // What was read; nothing but the faults where there are any.
  RelayFileContent Take(bool may_be_empty);

 private:
  const RelayFile& file_;
  const std::string& timezone_;
  std::string part_;
  RelayFileContent content_;
};

// The formats: see ParseRelayFile().
void ReadRelayList(absl::string_view text, RelayFileReader& reader);
void ReadRelayCsv(absl::string_view text, RelayFileReader& reader);
void ReadMicrosoft365(absl::string_view text, RelayFileReader& reader);

}  // namespace mailtap::config

#endif  // MAILTAP_LIB_CONFIG_RELAY_FILE_READER_H_

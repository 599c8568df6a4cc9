#include "lib/config/relay_file_reader.h"

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "lib/config/findings.h"
#include "lib/config/name_pattern.h"

namespace mailtap::config {
namespace {

// No host's name ends in a label of digits, or holds a colon or slash.
bool LooksLikeAddress(absl::string_view text) {
  if (text.find_first_of(":/") != absl::string_view::npos) return true;
  text = text.substr(0, text.find_last_not_of('.') + 1);
  const size_t dot = text.rfind('.');
  const absl::string_view last = dot == absl::string_view::npos ? text : text.substr(dot + 1);
  return !last.empty() && last.find_first_not_of("0123456789") == absl::string_view::npos;
}

}  // namespace

Relay RelayFileReader::Entry(int line) const {
  Relay relay = file_.entry;
  relay.file = file_.path;
  relay.line = line;
  return relay;
}

void RelayFileReader::AddServer(int line, absl::string_view text, Relay& relay) {
  if (LooksLikeAddress(text)) {
    AddPrefix(line, text, relay.destinations);
  } else {
    AddPattern(line, text, relay.names);
  }
}

void RelayFileReader::AddPrefix(int line, absl::string_view text,
                                std::vector<net::Prefix>& out) {
  const auto prefix = net::ParsePrefix(text);
  if (!prefix.ok()) return Fault(line, prefix.status().message());
  out.push_back(*prefix);
}

void RelayFileReader::AddPattern(int line, absl::string_view text,
                                 std::vector<std::string>& out) {
  auto pattern = NormalizePattern(text);
  if (!pattern.ok()) return Fault(line, pattern.status().message());
  out.push_back(*std::move(pattern));
}

void RelayFileReader::AddPorts(int line, absl::string_view text, std::vector<uint16_t>& out) {
  const std::vector<absl::string_view> ends = absl::StrSplit(text, absl::MaxSplits('-', 1));
  int first = 0, last = 0;
  if (!absl::SimpleAtoi(ends.front(), &first) || !absl::SimpleAtoi(ends.back(), &last) ||
      first < 1 || last > 65'535 || first > last) {
    return Fault(line, absl::StrCat("ports must be from 1 to 65535, not ", Quoted(text)));
  }
  for (int port = first; port <= last; ++port) out.push_back(static_cast<uint16_t>(port));
}

RelayFileContent RelayFileReader::Take(bool may_be_empty) {
  if (content_.faults.empty() && content_.relays.empty()) {
    if (may_be_empty) {
      content_.warnings.push_back(
          {file_.path, 1, 1, "holds no entry, and so approves nothing"});
    } else {
      Fault(1, "holds no entry");
    }
  }
  if (!content_.faults.empty()) content_.relays.clear();
  content_.faults = InFileOrder(std::move(content_.faults));
  if (content_.faults.size() > kMostFaults) content_.faults.resize(kMostFaults);
  return std::move(content_);
}

void ReadRelayList(absl::string_view text, RelayFileReader& reader) {
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

}  // namespace mailtap::config

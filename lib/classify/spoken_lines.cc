#include "lib/classify/spoken_lines.h"

#include <algorithm>
#include <cstdint>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"

namespace mailtap::classify {
namespace {

bool GoesOn(absl::string_view line) { return line.size() > 3 && line[3] == '-'; }

// The first line of a text; what is behind it stays in `text`.
absl::string_view TakeLine(absl::string_view& text) {
  const absl::string_view line = text.substr(0, text.find('\n'));
  text.remove_prefix(std::min(line.size() + 1, text.size()));
  return line;
}

}  // namespace

bool IsText(absl::string_view text) {
  const auto odd = std::count_if(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<uint8_t>(c);
    return byte < 0x20 && byte != '\r' && byte != '\n' && byte != '\t';
  });
  return odd * 16 <= static_cast<std::ptrdiff_t>(text.size());
}

bool Refuses(absl::string_view line) {
  const bool code = line.size() > 3 && line[0] == '5' && absl::ascii_isdigit(line[1]);
  const absl::string_view status = line.substr(std::min(line.find(' '), line.size()));
  return code || absl::StartsWithIgnoreCase(line, "-ERR") ||
         absl::StartsWithIgnoreCase(status, " BAD");
}

bool Accepts(absl::string_view line, Service service) {
  switch (service) {
    case Service::kSmtp: {
      constexpr absl::string_view kCodes[] = {"220", "235", "250", "251", "252", "334", "354"};
      const bool coded =
          line.size() > 3 && (line[3] == ' ' || line[3] == '-' || line[3] == '\r');
      return coded && std::find(std::begin(kCodes), std::end(kCodes), line.substr(0, 3)) !=
                          std::end(kCodes);
    }
    case Service::kImap: {
      const absl::string_view status = line.substr(std::min(line.find(' '), line.size()));
      return absl::StartsWith(line, "* ") || absl::StartsWith(line, "+ ") ||
             absl::StartsWithIgnoreCase(status, " OK") ||
             absl::StartsWithIgnoreCase(status, " NO");
    }
    case Service::kPop3:
      return absl::StartsWithIgnoreCase(line, "+OK") || absl::StartsWith(line, "+ ");
  }
  return false;
}

bool IsOfManyServers(absl::string_view line) {
  return Refuses(line) || absl::StartsWith(line, "4") || absl::StartsWith(line, "214");
}

bool KnowsNoSuchCommand(absl::string_view line) {
  const bool enhanced = line.size() > 5 && line[4] == '5' && line[5] == '.';
  return Refuses(line) && (line[0] != '5' || line[1] == '0' || enhanced);
}

bool AnswersTag(absl::string_view server, absl::string_view client) {
  const auto ends = [](absl::string_view status) {
    return absl::StartsWithIgnoreCase(status, "ok") ||
           absl::StartsWithIgnoreCase(status, "no") ||
           absl::StartsWithIgnoreCase(status, "bad");
  };
  while (!server.empty()) {
    const absl::string_view line = TakeLine(server);
    const absl::string_view tag = line.substr(0, line.find(' ') + 1);
    if (tag == "* " || !ends(line.substr(tag.size()))) continue;
    for (absl::string_view commands = client; !tag.empty() && !commands.empty();) {
      if (absl::StartsWith(TakeLine(commands), tag)) return true;
    }
  }
  return false;
}

bool HasOthersTag(absl::string_view line) {
  constexpr std::size_t kCode = 3;
  const absl::string_view tag = line.substr(0, line.find(' '));
  const bool code =
      tag.size() == kCode && std::all_of(tag.begin(), tag.end(), absl::ascii_isdigit);
  return code || absl::EndsWith(tag, ":");
}

bool Echo(absl::string_view server, absl::string_view client) {
  const std::size_t common = std::min(server.size(), client.size());
  return server.substr(0, common) == client.substr(0, common) &&
         client.substr(0, common).find('\n') != absl::string_view::npos;
}

Exchange ExchangeIn(absl::string_view text) {
  std::size_t begin = 0;
  for (bool more = true; more && begin < text.size();) {
    const std::size_t end = text.find('\n', begin);
    more = GoesOn(text.substr(begin));
    begin = end == text.npos ? text.size() : end + 1;
  }
  const absl::string_view rest = text.substr(begin);
  return {text.substr(0, begin), rest.substr(0, rest.find('\n'))};
}

}  // namespace mailtap::classify

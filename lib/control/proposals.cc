#include "lib/control/proposals.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "lib/config/name_pattern.h"
#include "lib/control/proposal_parts.h"

namespace mailtap::control {

Proposals Propose(const ProposalInput& input) {
  const Policy policy(input.config);
  Proposals proposals;
  Learnt learnt{input, policy};
  for (const Hour& hour : input.hours) {
    learnt.seconds += hour.learnt_seconds();
    learnt.hours += hour.learnt_seconds() > 0;
  }
  proposals.seconds = learnt.seconds;
  if (!input.hours.empty()) {
    const Hour& last = input.hours.back();
    proposals.first_tick = input.hours.front().first_tick;
    proposals.end_tick = last.first_tick + last.capture.seconds;
  }
  ProposeGroups(learnt, proposals);
  ProposeRules(learnt, proposals);
  ProposeRelays(learnt, proposals);
  return proposals;
}

net::Prefix HostPrefix(const net::IpAddress& address) { return {address, 128}; }

net::Prefix NetworkOf(const net::IpAddress& address) {
  const uint8_t length = address.is_v4() ? 96 + 24 : 64;
  return {net::Masked(address, length), length};
}

bool HoldsSuspect(const Learnt& learnt, const net::Prefix& network) {
  const auto& suspects = learnt.input.suspects;
  const auto first = suspects.lower_bound(network.address);
  return first != suspects.end() && network.Contains(*first);
}

std::string UniqueName(absl::string_view name, std::set<std::string>& taken) {
  constexpr std::size_t kLongest = 120;  // leaves room for the number
  std::size_t length = std::min(name.size(), kLongest);
  // Not within a character of UTF-8.
  while (length < name.size() && length > 0 && (name[length] & 0xc0) == 0x80) --length;
  const std::string cut(name.substr(0, length));
  std::string unique = cut;
  for (int n = 2; !taken.insert(unique).second; ++n) unique = absl::StrCat(cut, " ", n);
  return unique;
}

std::string PlainHostName(absl::string_view name) {
  const auto plain = config::NormalizePattern(name);
  const bool wild = name.find_first_of("*?") != absl::string_view::npos;
  if (!plain.ok() || wild || plain->find('.') == std::string::npos) return "";
  return *plain;
}

std::string Counted(uint64_t count, absl::string_view noun) {
  return absl::StrCat(count, " ", noun, count == 1 ? "" : "s");
}

std::string Percent(double part, double whole) {
  const int percent = whole > 0 ? static_cast<int>(100 * part / whole + 0.5) : 0;
  return absl::StrCat(percent, " %");
}

std::string HourText(int64_t hour) {
  return absl::FormatTime("%Y-%m-%d %H:%M UTC", absl::FromUnixSeconds(hour * kHourSeconds),
                          absl::UTCTimeZone());
}

void CutNotes(std::size_t most, std::vector<std::string>& notes) {
  if (notes.size() <= most) return;
  const std::size_t more = notes.size() - most;
  notes.resize(most);
  notes.push_back(absl::StrCat("and ", more, " more like these"));
}

}  // namespace mailtap::control

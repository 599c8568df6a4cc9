// The parts of Propose(), and what they share.
#ifndef MAILTAP_LIB_CONTROL_PROPOSAL_PARTS_H_
#define MAILTAP_LIB_CONTROL_PROPOSAL_PARTS_H_

#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "lib/control/policy.h"
#include "lib/control/proposals.h"

namespace mailtap::control {

// Less than this shows no habit.
inline constexpr int64_t kLeastHours = 3;

struct Learnt {
  const ProposalInput& input;
  const Policy& policy;  // of input.config
  int64_t hours = 0;     // of which some part was judged
  int64_t seconds = 0;
};

// Each adds to `proposals`; rules after groups, of which they may speak.
void ProposeGroups(const Learnt& learnt, Proposals& proposals);
void ProposeRules(const Learnt& learnt, Proposals& proposals);
void ProposeRelays(const Learnt& learnt, Proposals& proposals);

// "10.1.2.0/24" or a /64: what stands for an address's neighbourhood.
net::Prefix NetworkOf(const net::IpAddress& address);
net::Prefix HostPrefix(const net::IpAddress& address);
// Whether some host in it had alerts, so that it must not stand for all of them.
bool HoldsSuspect(const Learnt& learnt, const net::Prefix& network);

// `name`, cut to what a configuration takes and with a number behind it while `taken` has it;
// and then `taken` has this one.
std::string UniqueName(absl::string_view name, std::set<std::string>& taken);

// A host name that may stand in a text: letters, digits, hyphens, dots, underscores. Empty
// where `name`, which is the other side's choice, is anything else.
std::string PlainHostName(absl::string_view name);

// "1 host", "3 hosts"
std::string Counted(uint64_t count, absl::string_view noun);
// "37 %"
std::string Percent(double part, double whole);
// "2026-01-05 09:00 UTC"
std::string HourText(int64_t hour);

// Keeps the first `most` lines, and says how many there were.
void CutNotes(std::size_t most, std::vector<std::string>& notes);

}  // namespace mailtap::control

#endif  // MAILTAP_LIB_CONTROL_PROPOSAL_PARTS_H_

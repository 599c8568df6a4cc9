// Puts together what Explanation says, from the control core's tables.
#ifndef MAILTAP_LIB_CONTROL_EXPLAINER_H_
#define MAILTAP_LIB_CONTROL_EXPLAINER_H_

#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "lib/control/explanation.h"
#include "lib/control/intake.h"
#include "lib/control/judge.h"
#include "lib/control/state.h"

namespace mailtap::control {

// Control thread only, between ticks. Takes time in proportion to all conversations, and to the
// relay entries for each conversation with a peer that is asked for.
class Explainer {
 public:
  static constexpr std::size_t kMostConversations = 50;
  static constexpr std::size_t kMostEntries = 10;

  // All outlive this object.
  Explainer(const State& state, const Intake& intake, const Judge& judge)
      : state_(state), intake_(intake), judge_(judge), tick_(state.last_tick) {}

  // See Control::Explain().
  std::vector<Explanation> Explain(const net::IpAddress& host,
                                   const std::optional<net::IpAddress>& peer) const;

 private:
  Explanation Whom(const net::IpAddress& host) const;
  // What the state has of a host.
  struct Found {
    uint32_t host = kNone;  // kNone: it isn't judged, or was never met
    std::vector<std::pair<uint32_t, Role>> conversations;
  };
  std::map<HostKey, Found> Find(const net::IpAddress& host) const;
  void AddConversations(const std::vector<std::pair<uint32_t, Role>>& found,
                        const std::optional<net::IpAddress>& peer,
                        Explanation& explanation) const;
  void AddUnseen(const net::IpAddress& peer, Explanation& explanation) const;
  ExplainedConversation OfKey(const meter::ConversationKey& key, Role role) const;
  void AddEntries(const meter::ConversationKey& key, ExplainedConversation& of) const;
  void AddRules(uint32_t host, const std::vector<uint32_t>& groups,
                Explanation& explanation) const;
  void AddRule(uint16_t lead, uint32_t entity, ExplainedRule rule,
               Explanation& explanation) const;
  uint32_t EntityOf(uint16_t rule, uint32_t host, Role role) const;

  const State& state_;
  const Intake& intake_;
  const Judge& judge_;
  const int64_t tick_;
};

}  // namespace mailtap::control

#endif  // MAILTAP_LIB_CONTROL_EXPLAINER_H_

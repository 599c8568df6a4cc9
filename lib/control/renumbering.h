// Where rules and groups of one configuration stand in the next.
#ifndef MAILTAP_LIB_CONTROL_RENUMBERING_H_
#define MAILTAP_LIB_CONTROL_RENUMBERING_H_

#include <cstdint>
#include <vector>

#include "lib/control/rule_index.h"
#include "lib/control/windows.h"

namespace mailtap::control {

struct Renumbering {
  // Of each condition of a rule. RuleIndex::kNoRule: the rule is gone, or counts something else
  // or over another time, so that what it has counted says nothing any more.
  std::vector<uint16_t> rules;
  // Of each group, by its name; kNone: gone.
  std::vector<uint32_t> groups;

  bool RuleGoes(const Entity& entity) const { return rules[entity.rule] == RuleIndex::kNoRule; }
  // Whether the entity's rule goes, of which it has the number and `scope`, or its group does.
  bool Goes(const Entity& entity, config::Scope scope) const {
    return RuleGoes(entity) || (scope == config::Scope::kGroup && groups[entity.host] == kNone);
  }
};

}  // namespace mailtap::control

#endif  // MAILTAP_LIB_CONTROL_RENUMBERING_H_

// What those who write and read checkpoints share.
#ifndef MAILTAP_LIB_CONTROL_CHECKPOINT_FORMAT_H_
#define MAILTAP_LIB_CONTROL_CHECKPOINT_FORMAT_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "lib/base/archive.h"
#include "lib/base/mail.h"
#include "lib/config/rule.h"
#include "lib/control/confidence.h"
#include "lib/control/host_key.h"
#include "lib/control/host_table.h"
#include "lib/control/intake.h"
#include "lib/control/rule_index.h"
#include "lib/control/snapshot.h"
#include "lib/control/state.h"
#include "lib/meter/records.h"

namespace mailtap::control {

inline constexpr uint32_t kCheckpointMagic = 0x4d54'4350;
inline constexpr uint32_t kOpenAlertsMagic = 0x4d54'414c;
// To be raised with each change of what is written. The sizes of the structs that are written
// whole go with it.
constexpr uint64_t LayoutOf(uint32_t version) {
  return version | sizeof(Totals) << 8 | sizeof(HostCounts) << 20 | sizeof(RecentSight) << 32 |
         sizeof(meter::ConversationKey) << 44;
}
inline constexpr uint64_t kCheckpointLayout = LayoutOf(12);

// Bytes that end in their checksum, by which a disk's flipped bit is seen; and what stands
// before that, or nothing where the checksum isn't that of the bytes.
std::string Sealed(std::string bytes);
std::optional<absl::string_view> Unsealed(absl::string_view sealed);

struct CheckpointTarget;

// Whom an entity is about: a host by its key, a group by its name.
struct Subject {
  config::Scope scope = config::Scope::kHost;
  Role role = Role::kClient;
  HostKey host;
  std::string group;
};

void PutShape(const RuleShape& shape, ArchiveWriter& out);
RuleShape GetShape(ArchiveReader& in);
void PutSubject(const State& state, const Entity& entity, ArchiveWriter& out);
Subject GetSubject(ArchiveReader& in);
// The first entity of `rule` and `subject`; kNone where the rule or the group is gone.
uint32_t EntityOf(const State& state, Intake& intake, uint16_t rule, const Subject& subject);

// What SaveOpenAlerts() wrote. False where the bytes are none of that.
bool RestoreOpenAlerts(ArchiveReader& in, const CheckpointTarget& target);

}  // namespace mailtap::control

#endif  // MAILTAP_LIB_CONTROL_CHECKPOINT_FORMAT_H_

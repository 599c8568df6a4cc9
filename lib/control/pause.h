// How long nothing may be captured that still counts as time in which nothing happened.
#ifndef MAILTAP_LIB_CONTROL_PAUSE_H_
#define MAILTAP_LIB_CONTROL_PAUSE_H_

#include <cstdint>

namespace mailtap::control {

// A replay skips ticks without packets, which are as good as seen: captures of mail alone have
// quiet nights. Where not a single packet came for longer, nobody captured.
inline constexpr int64_t kLongestPauseSeconds = 7 * 86'400;

}  // namespace mailtap::control

#endif  // MAILTAP_LIB_CONTROL_PAUSE_H_

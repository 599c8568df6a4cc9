// What a session's state says, in words.
#ifndef MAILTAP_LIB_PIPELINE_SESSION_STATE_H_
#define MAILTAP_LIB_PIPELINE_SESSION_STATE_H_

#include <cstdint>

#include "lib/classify/pattern_table.h"
#include "lib/flow/session.h"

namespace mailtap::pipeline {

inline flow::End ClientEnd(const flow::HotSession& hot) {
  return static_cast<flow::End>(hot.state.client_end);
}

inline classify::Side SideOf(const flow::HotSession& hot, flow::End end) {
  return end == ClientEnd(hot) ? classify::Side::kClient : classify::Side::kServer;
}

// Nobody has decided about it yet.
inline bool IsCandidate(const flow::HotSession& hot) {
  return hot.state.stage == static_cast<uint32_t>(flow::Stage::kCandidate);
}

inline bool IsMail(const flow::HotSession& hot) {
  return hot.state.stage == static_cast<uint32_t>(flow::Stage::kMail);
}

// Nothing of it is counted.
inline bool IsOther(const flow::HotSession& hot) {
  return hot.state.stage == static_cast<uint32_t>(flow::Stage::kOther);
}

inline bool IsClosed(const flow::HotSession& hot) {
  return hot.state.reset != 0 || hot.state.fin == 3;
}

// One of those whose number is bounded by itself.
inline bool IsUndecided(const flow::HotSession& hot) {
  return hot.state.standard_port == 0 && IsCandidate(hot);
}

// On a mail port and maybe mail, and neither end has shown that it has heard the other.
inline bool IsHalfOpen(const flow::HotSession& hot) {
  return hot.state.standard_port != 0 && hot.state.established == 0 && !IsOther(hot);
}

}  // namespace mailtap::pipeline

#endif  // MAILTAP_LIB_PIPELINE_SESSION_STATE_H_

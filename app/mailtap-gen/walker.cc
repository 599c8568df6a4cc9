#include "app/mailtap-gen/walker.h"

#include <algorithm>

namespace mailtap::gen {
namespace {

constexpr uint64_t kMicrosecond = 1'000;
constexpr uint64_t kSecond = 1'000'000'000;
// A receiver waits this long for an answer to carry its acknowledgment (RFC 9293, 3.8.6.3).
constexpr uint32_t kDelayedAckUs = 40'000;
constexpr int kSynTries = 3;
// Pauses from here on have a keep-alive in their middle (RFC 9293, 3.8.4).
constexpr uint32_t kKeepAliveUs = 5'000'000;

Step Make(Side side, uint8_t flags, uint64_t delay_ns) {
  Step step;
  step.side = side;
  step.flags = flags;
  step.delay_ns = delay_ns;
  return step;
}

}  // namespace

bool Walker::Next(const Plan& plan, Step& step) {
  const uint64_t half_trip_ns = plan.rtt_us * kMicrosecond / 2;
  switch (state_) {
    case State::kStart:
      if (plan.transport != Transport::kTcp) {
        state_ = State::kTalk;
        return Talk(plan, step);
      }
      // Doubling pauses: RFC 6298, 2.1 and 5.5.
      step = Make(Side::kClient, kSyn, tries_ == 0 ? 0 : kSecond << (tries_ - 1));
      if (plan.ending != Ending::kSilent) {
        state_ = State::kSynAck;
      } else if (++tries_ == kSynTries) {
        state_ = State::kEnd;
      }
      return true;
    case State::kSynAck:
      if (plan.ending == Ending::kRefused) {
        step = Make(Side::kServer, kRst | kAck, half_trip_ns);
        state_ = State::kEnd;
      } else {
        step = Make(Side::kServer, kSyn | kAck, half_trip_ns);
        state_ = State::kHandshakeAck;
      }
      return true;
    case State::kHandshakeAck:
      step = Make(Side::kClient, kAck, half_trip_ns);
      state_ = State::kTalk;
      return true;
    case State::kTalk:
      return Talk(plan, step);
    case State::kEnd:
      return false;
    default:
      return Close(plan, step);
  }
}

uint32_t Walker::Count(const Plan& plan) const {
  Walker copy = *this;
  Step step;
  uint32_t count = 0;
  while (copy.Next(plan, step)) ++count;
  return count;
}

bool Walker::Talk(const Plan& plan, Step& step) {
  if (ack_due_) {
    ack_due_ = false;
    unacknowledged_ = 0;
    const bool between = !burst_start_;
    step = Make(ack_side_, kAck, between ? plan.gap_ns : plan.rtt_us * kMicrosecond / 2);
    return true;
  }
  if (part_ == plan.parts.size()) {
    if (plan.transport != Transport::kTcp) {
      state_ = State::kEnd;
      return false;
    }
    state_ = State::kClose;
    return Close(plan, step);
  }
  if (KeepAlive(plan, step)) return true;
  TakeSegment(plan, step);
  if (plan.transport != Transport::kTcp) return true;
  ++unacknowledged_;
  ack_side_ = Other(step.side);
  if (!burst_start_) {
    ack_due_ = unacknowledged_ == 2;  // RFC 9293, 3.8.6.3: at least every second segment
    return true;
  }
  // The burst is over. A quick answer carries the acknowledgment.
  const Part* next = part_ < plan.parts.size() ? &plan.parts[part_] : nullptr;
  const bool answered =
      next != nullptr && next->side != step.side && next->delay_us < kDelayedAckUs;
  if (answered) {
    unacknowledged_ = 0;
  } else {
    ack_due_ = true;
  }
  return true;
}

// A probe and its answer, in the middle of a long pause. False where there is none to be sent.
bool Walker::KeepAlive(const Plan& plan, Step& step) {
  const uint32_t pause_us = plan.parts[part_].delay_us;
  if (!burst_start_ || pause_us < kKeepAliveUs || plan.transport != Transport::kTcp)
    return false;
  if (probes_ == 0) {
    step = Make(plan.closer, kAck, pause_us / 2 * kMicrosecond);
    step.probe = true;
    // Some send a byte that the other side has, some none.
    step.length = plan.closer == Side::kClient ? 1 : 0;
  } else if (probes_ == 1) {
    step = Make(Other(plan.closer), kAck, plan.rtt_us * kMicrosecond);
  } else {
    probes_ = 0;
    return false;
  }
  ++probes_;
  return true;
}

void Walker::TakeSegment(const Plan& plan, Step& step) {
  const Part* part = &plan.parts[part_];
  step = Make(part->side, kAck, plan.gap_ns);
  if (burst_start_) {
    const bool half = part->delay_us >= kKeepAliveUs && plan.transport == Transport::kTcp;
    step.delay_ns = part->delay_us * kMicrosecond / (half ? 2 : 1);
    burst_start_ = false;
  }
  step.part = part_;
  step.from = from_;
  while (step.length < segment_ && !burst_start_) {
    const uint32_t take = std::min(segment_ - step.length, part->length - from_);
    step.length += take;
    from_ += take;
    if (from_ < part->length) break;
    from_ = 0;
    ++part_;
    burst_start_ = part->last || part_ == plan.parts.size();
    if (!burst_start_) part = &plan.parts[part_];
  }
  if (burst_start_) step.flags |= kPsh;
}

bool Walker::Close(const Plan& plan, Step& step) {
  const uint64_t half_trip_ns = plan.rtt_us * kMicrosecond / 2;
  const Side other = Other(plan.closer);
  switch (state_) {
    case State::kClose:
      if (plan.ending == Ending::kReset) {
        step = Make(plan.closer, kRst | kAck, half_trip_ns);
        state_ = State::kEnd;
      } else {
        step = Make(plan.closer, kFin | kAck, half_trip_ns);
        state_ = plan.ending == Ending::kFinAck ? State::kCloseAck : State::kCloseOther;
      }
      return true;
    case State::kCloseAck:
      step = Make(other, kAck, half_trip_ns);
      state_ = State::kCloseOther;
      return true;
    case State::kCloseOther:
      step = Make(other, kFin | kAck, half_trip_ns);
      state_ = State::kLastAck;
      return true;
    default:
      step = Make(plan.closer, kAck, half_trip_ns);
      state_ = State::kEnd;
      return true;
  }
}

}  // namespace mailtap::gen

// Walks a plan packet by packet: what TCP (or UDP, or ICMP) would send next. It knows no
// addresses and no bytes, so that walking a copy to the end tells how many packets a session
// will take.
#ifndef MAILTAP_APP_MAILTAP_GEN_WALKER_H_
#define MAILTAP_APP_MAILTAP_GEN_WALKER_H_

#include <cstdint>

#include "app/mailtap-gen/plan.h"

namespace mailtap::gen {

// RFC 9293, 3.1
enum TcpFlag : uint8_t { kFin = 0x01, kSyn = 0x02, kRst = 0x04, kPsh = 0x08, kAck = 0x10 };

// The next packet.
struct Step {
  uint64_t delay_ns = 0;  // since the packet before
  uint32_t part = 0;      // where its payload starts
  uint32_t from = 0;      // byte of that part
  uint32_t length = 0;    // payload
  Side side = Side::kClient;
  uint8_t flags = 0;   // TcpFlag bits
  bool probe = false;  // a keep-alive: one below the next number, and no part of the stream
};

class Walker {
 public:
  // `segment`: payload bytes that a packet holds at most.
  explicit Walker(uint32_t segment = 1448) : segment_(segment) {}

  // False at the end of the session; `step` is then unchanged.
  bool Next(const Plan& plan, Step& step);
  // How many packets are left.
  uint32_t Count(const Plan& plan) const;

 private:
  enum class State : uint8_t {
    kStart,
    kSynAck,
    kHandshakeAck,
    kTalk,
    kClose,
    kCloseAck,
    kCloseOther,
    kLastAck,
    kEnd
  };

  bool KeepAlive(const Plan& plan, Step& step);
  bool Talk(const Plan& plan, Step& step);
  void TakeSegment(const Plan& plan, Step& step);
  bool Close(const Plan& plan, Step& step);

  uint32_t segment_;
  uint32_t part_ = 0;
  uint32_t from_ = 0;
  State state_ = State::kStart;
  uint8_t unacknowledged_ = 0;  // segments of the present burst
  uint8_t tries_ = 0;           // SYNs without an answer
  uint8_t probes_ = 0;          // packets of the keep-alive in the present pause
  bool ack_due_ = false;
  bool burst_start_ = true;
  Side ack_side_ = Side::kServer;
};

}  // namespace mailtap::gen

#endif  // MAILTAP_APP_MAILTAP_GEN_WALKER_H_

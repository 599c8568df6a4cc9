// The state of one mail session (or of a candidate that may turn out to be one).
//
// Two records: a hot line of exactly 64 bytes that lies in the hash table itself and is all
// that a packet needs to be placed; and a cold record of 128 bytes, of which a packet touches
// the first line. One worker owns both; nobody else reads them.
#ifndef MAILTAP_LIB_FLOW_SESSION_H_
#define MAILTAP_LIB_FLOW_SESSION_H_

#include <cstdint>

#include "lib/base/cache_line.h"
#include "lib/base/mail.h"
#include "lib/base/time.h"
#include "lib/net/address.h"

namespace mailtap::flow {

inline constexpr uint32_t kNone = 0xffffffff;     // no index
inline constexpr uint32_t kNotBegun = kNone - 1;  // of a dialogue: there is nothing to read yet
inline constexpr uint16_t kOffWheel = 0xffff;     // a timer slot: not in TimerWheel

// The two ends of a session in the order in which the sensor met them. Which of them is the
// client may become clear only later (`client_end`). A direction is named by its sender.
using End = int;  // 0 or 1
constexpr End Other(End end) { return end ^ 1; }

// Undecided; mail; or a flow that turned out to be something else, kept so that the rest of it
// is not taken for mail met under way.
enum class Stage : uint32_t { kCandidate, kMail, kOther };

// One bit per end where the field's type is two bits wide.
struct SessionState {
  uint32_t occupied : 1 = 0;
  uint32_t stage : 2 = 0;       // Stage
  uint32_t service : 2 = 0;     // Service; valid for mail
  uint32_t evidence : 2 = 0;    // Evidence; valid for mail
  uint32_t tls : 2 = 0;         // Tls
  uint32_t client_end : 1 = 0;  // End that opened the connection
  uint32_t client_known : 1 = 0;
  uint32_t standard_port : 1 =
      0;  // found by its port; others took up room in the suspicion array
  uint32_t established : 1 = 0;
  uint32_t counted : 1 = 0;  // reported to the conversation as a session
  uint32_t dirty : 1 = 0;    // on the worker's list of sessions with pending counts
  uint32_t reset : 1 = 0;
  uint32_t seen : 2 = 0;     // sent a packet
  uint32_t based : 2 = 0;    // base and mark are set
  uint32_t synced : 2 = 0;   // the base comes from the handshake, so it can't move down
  uint32_t payload : 2 = 0;  // sent payload that was seen
  uint32_t acked : 2 = 0;    // sent payload that the other side acknowledged
  uint32_t fin : 2 = 0;      // sent a FIN; its mark is the FIN's number
  uint32_t gap : 2 = 0;      // has had a hole
  uint32_t via : 2 = 0;      // Via
};
static_assert(sizeof(SessionState) == 4);

constexpr bool TestEnd(uint32_t bits, End end) { return (bits >> end & 1) != 0; }
constexpr uint32_t EndBit(End end) { return 1u << end; }

struct alignas(kCacheLine) HotSession {
  net::IpAddress address[2];
  uint16_t port[2];  // host order
  uint32_t encap_tag;
  uint32_t mark[2];  // first sequence number not yet accounted for
  uint32_t base[2];  // first sequence number that counts
  uint32_t cold;     // index of the cold record
  SessionState state;
};
static_assert(sizeof(HotSession) == 64);

// Kinds of total.
inline constexpr int kObserved = 0;
inline constexpr int kInferred = 1;
inline constexpr int kRepeated = 2;

struct alignas(kCacheLine) ColdSession {
  // First line: touched by every packet.
  UnixNanos last_seen;
  uint32_t pending_observed[2];  // since the last fold, in bytes
  uint32_t pending_inferred[2];
  uint32_t pending_repeated[2];
  uint32_t pending_packets[2];
  uint32_t slot;      // of the hot line, which may move; kNone while free
  uint32_t holes[2];  // head of the list of holes, lowest number first
  uint32_t dialogue;  // text being read; kNotBegun before there is any, kNone after the last
  // Second line: touched at ticks and at the session's end.
  uint32_t timer_next;  // neighbours in the timer wheel
  uint32_t timer_prev;
  UnixNanos first_seen;
  uint32_t total_low[2][3];   // observed, inferred, repeated: low 32 bits,
  uint16_t total_high[2][3];  // and the next 16: 256 TiB a direction
  uint32_t packets[2];
  uint32_t conversation;  // row of the meter, or kNone
  uint32_t name;          // SNI, or kNone
  uint16_t timer_slot;
  uint16_t encap;  // number of the encapsulation stack, 0 for none

  bool has_dialogue() const { return dialogue < kNotBegun; }
  bool has_pending() const {
    return (pending_observed[0] | pending_observed[1] | pending_inferred[0] |
            pending_inferred[1] | pending_repeated[0] | pending_repeated[1] |
            pending_packets[0] | pending_packets[1]) != 0;
  }
  uint64_t total(End end, int kind) const {
    return total_low[end][kind] | static_cast<uint64_t>(total_high[end][kind]) << 32;
  }
  // What an end is known to have sent, in bytes.
  uint64_t Sent(End end) const {
    return total(end, kObserved) + total(end, kInferred) + pending_observed[end] +
           pending_inferred[end];
  }
  void AddTotal(End end, int kind, uint32_t bytes) {
    const uint64_t sum = total(end, kind) + bytes;
    total_low[end][kind] = static_cast<uint32_t>(sum);
    total_high[end][kind] = static_cast<uint16_t>(sum >> 32);
  }
};
static_assert(sizeof(ColdSession) == 128);

}  // namespace mailtap::flow

#endif  // MAILTAP_LIB_FLOW_SESSION_H_

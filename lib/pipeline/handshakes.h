// Handshakes that are remembered until somebody speaks: on odd ports; where mail ports are
// flooded; and those in place of a session that is there already.
#ifndef MAILTAP_LIB_PIPELINE_HANDSHAKES_H_
#define MAILTAP_LIB_PIPELINE_HANDSHAKES_H_

#include <cstdint>

#include "lib/base/time.h"
#include "lib/flow/handshake_table.h"
#include "lib/pipeline/pending.h"

namespace mailtap::pipeline {

// How a payload goes with the handshake that was seen of its flow.
struct Beginning {
  flow::Handshake* handshake = nullptr;  // the one that it continues
  bool from_client = false;              // where one was seen at all
  bool at_start = false;                 // the first that its side says
  bool contradicts = false;              // another one is under way
};

// A worker's; nothing is allocated after the constructor. Every packet is to be located before
// it is asked about.
class Handshakes {
 public:
  // A mirror of both sides of a firewall that rewrites sequence numbers shows two handshakes
  // where there is one: another SYN within this time is the same connection's. The first of
  // them counts.
  static constexpr int64_t kFirewallDelay = 100 * kNanosPerMilli;

  // Room for `capacity` handshakes; a newer one takes an older one's place.
  explicit Handshakes(uint32_t capacity) : table_(capacity) {}

  void Locate(Pending& pending) const {
    pending.handshake_slot = table_.SlotOf(pending.segment.address_hash, pending.flow_hash);
  }
  void Prefetch(const Pending& pending) const { table_.Prefetch(pending.handshake_slot); }

  // The handshake of the packet's flow, or null.
  flow::Handshake* Find(const Pending& pending) {
    return table_.Find(pending.handshake_slot, pending.flow_hash);
  }
  // The same, if the packet, a SYN or the answer to one, belongs to it.
  flow::Handshake* FindOf(const Pending& pending);
  // Notes a SYN, or the answer to one. Whether by now both ends have opened the connection, by
  // the answer's account too, and have said nothing with it.
  bool Remember(const Pending& pending);
  // The first payload of a side continues the handshake, and so does a known word (`word`) or a
  // ServerHello near it: the mirror may deliver them out of order, or lose what came before,
  // unless that was seen and dismissed.
  Beginning BeginningOf(const Pending& pending, bool word);
  // A packet without payload goes with it.
  void Count(const Pending& pending);
  // Whether a payload shows that something was said before it. Of a connection on which nobody
  // was heard yet.
  bool Misses(const Pending& pending);
  // A payload, the first of its connection, is no mail's.
  void Dismiss(const Pending& pending);
  void Erase(flow::Handshake* handshake) { table_.Erase(handshake); }

  // Whether a packet is the client's next after its SYN.
  static bool IsFollowedBy(const net::Segment& segment, const flow::Handshake& handshake);
  // Whether a packet shows that the other end has taken part in `handshake`. `hidden`: the
  // other end is not in the mirror's sight.
  static bool IsConfirmedBy(const net::Segment& segment, const flow::Handshake& handshake,
                            bool hidden);

 private:
  // What fits no handshake under way waits for its end.
  static constexpr int64_t kHandshakeTime = kNanosPerSecond;

  flow::HandshakeTable table_;
};

}  // namespace mailtap::pipeline

#endif  // MAILTAP_LIB_PIPELINE_HANDSHAKES_H_

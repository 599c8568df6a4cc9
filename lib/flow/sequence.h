// Sequence accounting: how much of each direction's byte stream there was, from whatever part
// of it a mirror delivered.
//
// Volume is the advance of the sequence space, not a sum of frame lengths. Each direction has a
// base (first number that counts), a mark (first number not yet accounted for) and, only while
// something is missing, a bounded list of holes below the mark. Payload that advances the mark
// or fills a hole is observed; payload seen again is repeated; a hole that stays is inferred.
//
// Sequence numbers are compared in serial arithmetic (RFC 1982; RFC 9293, 3.4).
#ifndef MAILTAP_LIB_FLOW_SEQUENCE_H_
#define MAILTAP_LIB_FLOW_SEQUENCE_H_

#include <cstdint>

#include "lib/base/counter.h"
#include "lib/flow/hole_pool.h"
#include "lib/flow/session.h"

namespace mailtap::flow {

// Signed distance from `b` to `a`.
constexpr int32_t Distance(uint32_t a, uint32_t b) { return static_cast<int32_t>(a - b); }

// A segment off the mark that would move it by more than this is believed only once something
// confirms it, so that a forged one can't inflate a volume by more.
inline constexpr int32_t kTrustedJump = 65'536;
// What only one end claims, where the other is seen too, is believed after this time, in which
// nothing contradicted it. A new numbering takes as long without the old one: two at once are
// two copies of a connection, from both sides of a firewall that rewrites the numbers.
inline constexpr int64_t kClaimAge = kNanosPerSecond;
// Acknowledgments that claim more and more, with nothing against them in between, are believed
// after so many, however fast they come.
inline constexpr int kAckSteps = 4;
// What may be lost at once, and on top for each nanosecond that nothing has come, at 100
// Gbit/s. More is a new numbering.
inline constexpr int64_t kLossAtOnce = 1 << 20;
inline constexpr double kLossRate = 12.5;
// A confirmed jump further than this, or backwards, is a new numbering rather than loss.
inline constexpr int32_t kPlausibleLoss = 1 << 30;
// Payload further below the mark than this is no late copy. RFC 7323 caps windows at 1 GiB, but
// a copy that is late by a quarter of that is not seen.
inline constexpr int32_t kLateCopy = 1 << 28;
// Whether `at` is neither a little ahead of `mark` nor behind it like a late copy: what lies
// there is a jump.
constexpr bool IsFar(uint32_t at, uint32_t mark) {
  constexpr uint32_t kBehind = kLateCopy, kAhead = kTrustedJump;
  return at - mark + kBehind > kBehind + kAhead;
}
// A hole further below the mark than this is settled at once: past 2^31 it would seem above it.
inline constexpr uint32_t kMaxHoleDepth = 1u << 30;
// Holes that lie side by side become one where no more time than this lies between them, so
// that a direction of which only the acknowledgments are seen needs no more holes than a list
// holds.
inline constexpr int64_t kMergeAge = 100 * kNanosPerMilli;
// Holes a direction may have at once.
inline constexpr int kMaxHoles = 32;

struct SequenceCounters {
  SingleWriterCounter hole_overflows;  // a hole inferred early: list or pool full, or too deep
  SingleWriterCounter jumps_confirmed;
  SingleWriterCounter jumps_dropped;  // never confirmed
  SingleWriterCounter resyncs;        // confirmed, but not as loss: numbering restarted
  SingleWriterCounter out_of_window;  // payload from before the base or after the FIN
};

// One worker's accounting; works on that worker's sessions and pool.
class Sequencer {
 public:
  Sequencer(HolePool& holes, SequenceCounters& counters) : holes_(holes), counters_(counters) {}

  // The handshake says which number the first payload byte of `end` has. Sets the base, or
  // moves a base that was guessed from later payload down to it; what empty segments and
  // acknowledgments said before is forgotten. `answers`: it is said in answer to the other
  // end's part, and so whatever contradicts it is not the connection's.
  void Synchronize(HotSession& hot, ColdSession& cold, End end, uint32_t first_byte,
                   UnixNanos now, bool answers = false);

  // Nearly all segments: without SYN, FIN or RST, the next bytes of what `end` sends (or none),
  // with an acknowledgment of what was seen, where nothing is missing or closed. Accounts both,
  // or says false of any other.
  bool OnNext(HotSession& hot, ColdSession& cold, End end, uint32_t seq, uint32_t length,
              uint32_t ack);
  // Accounts a segment that `end` sent: `length` bytes of payload from `seq`, and a FIN after
  // them. An empty segment also tells how far its sender had got.
  void OnSegment(HotSession& hot, ColdSession& cold, End end, uint32_t seq, uint32_t length,
                 bool fin, UnixNanos now);
  // Accounts the acknowledgment of what `end` sent, up to `ack`.
  void OnAck(HotSession& hot, ColdSession& cold, End end, uint32_t ack, UnixNanos now);

  // Turns one hole into inferred bytes (or drops one unconfirmed jump) and frees its node. A
  // single missing number right below the mark may be a FIN that the mirror lost, unless that
  // was seen: it is not counted, and the mark goes back to it, so that it becomes a hole again
  // if more follows.
  void Settle(HotSession& hot, ColdSession& cold, uint32_t hole);
  // Settles all that is open, at the session's end.
  void SettleAll(HotSession& hot, ColdSession& cold);

 private:
  void Advance(HotSession& hot, ColdSession& cold, End end, uint32_t seq, uint32_t length,
               UnixNanos now);
  void BelowMark(HotSession& hot, ColdSession& cold, End end, uint32_t seq, uint32_t length,
                 UnixNanos now);
  void LowerBase(HotSession& hot, ColdSession& cold, End end, uint32_t seq, uint32_t length,
                 UnixNanos now);
  uint32_t Fill(HotSession& hot, ColdSession& cold, End end, uint32_t seq, uint32_t length);
  void Shrink(ColdSession& cold, End end, uint32_t hole, uint32_t from, uint32_t to, int count);
  void OnFin(HotSession& hot, ColdSession& cold, End end, uint32_t fin);
  static bool FollowsKeepAlive(const HotSession& hot, End end, uint32_t seq, uint32_t length);
  void Rebase(HotSession& hot, ColdSession& cold, End end, uint32_t seq);
  void Forget(ColdSession& cold, End end);
  void Open(HotSession& hot, ColdSession& cold, End end, uint32_t start, uint32_t length,
            UnixNanos now);
  void SettleDeep(HotSession& hot, ColdSession& cold, End end);
  uint32_t Lowest(const ColdSession& cold, End end) const;

  // Jumps (sequence_jumps.cc)
  bool Jump(HotSession& hot, ColdSession& cold, End end, uint32_t at, uint32_t length,
            bool by_ack, UnixNanos now);
  uint32_t Claim(HotSession& hot, ColdSession& cold, End end, uint32_t at, uint32_t length,
                 bool by_ack, UnixNanos now, bool& grown);
  void Believe(HotSession& hot, ColdSession& cold, End end, bool renumbered, UnixNanos now);
  void Join(HotSession& hot, ColdSession& cold, End end);
  void Refute(HotSession& hot, ColdSession& cold, End end);
  void Witness(HotSession& hot, ColdSession& cold, End end, bool beyond_mark);
  uint32_t FindJump(const ColdSession& cold, End end, bool by_ack) const;
  bool HasJump(const ColdSession& cold, End end) const {
    return FindJump(cold, end, false) != kNone || FindJump(cold, end, true) != kNone;
  }

  uint32_t* LinkTo(ColdSession& cold, End end, uint32_t hole);
  // Takes a hole off its direction's list and gives its node back, uncounted.
  void Drop(ColdSession& cold, End end, uint32_t hole);

  // Of what `end` sent in a connection met under way nothing but acknowledgments is known. Its
  // own packet that is being accounted is not among what was seen yet.
  static bool BasedByAcks(const HotSession& hot, End end) {
    return hot.state.synced == 0 && TestEnd(hot.state.based & ~hot.state.seen, end);
  }
  // Notes that what `end` sent was acknowledged, up to `ack` below or at its mark. One number
  // past the base may be a FIN that the mirror lost, unless payload was seen.
  static void NoteAck(HotSession& hot, End end, uint32_t ack) {
    const int32_t least = TestEnd(hot.state.payload, end) ? 1 : 2;
    hot.state.acked |= Distance(ack, hot.base[end]) >= least ? EndBit(end) : 0;
  }

  HolePool& holes_;
  SequenceCounters& counters_;
};

inline bool Sequencer::OnNext(HotSession& hot, ColdSession& cold, End end, uint32_t seq,
                              uint32_t length, uint32_t ack) {
  const End other = Other(end);
  const bool next = hot.state.based == 3 && (hot.state.fin | hot.state.reset) == 0 &&
                    seq == hot.mark[end] && Distance(ack, hot.mark[other]) <= 0 &&
                    (cold.holes[0] & cold.holes[1]) == kNone;
  if (!next) return false;
  hot.mark[end] += length;
  cold.pending_observed[end] += length;
  hot.state.payload |= length != 0 ? EndBit(end) : 0;
  NoteAck(hot, other, ack);
  return true;
}

}  // namespace mailtap::flow

#endif  // MAILTAP_LIB_FLOW_SEQUENCE_H_

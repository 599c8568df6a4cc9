// The suspicion array: 8-bit counters, indexed by flow hash, of the sessions on odd ports. A
// packet on such a port looks into the session table only where its counter is not zero.
// Packets ask a bit for each counter, of which eight times as many stay in a cache.
#ifndef MAILTAP_LIB_FLOW_SUSPICION_H_
#define MAILTAP_LIB_FLOW_SUSPICION_H_

#include <cstdint>
#include <vector>

namespace mailtap::flow {

class SuspicionArray {
 public:
  static constexpr uint32_t kSize = 1 << 16;

  SuspicionArray() : raised_(kSize / 64), counters_(kSize) {}

  bool Test(uint64_t flow_hash) const { return (Word(flow_hash) & Bit(flow_hash)) != 0; }
  // A counter that has reached its limit stays there: it can no longer be lowered rightly, and
  // says so until the array is rebuilt from the table.
  void Raise(uint64_t flow_hash) {
    uint8_t& counter = counters_[Index(flow_hash)];
    Word(flow_hash) |= Bit(flow_hash);
    if (counter < kLimit && ++counter == kLimit) saturated_ = true;
  }
  void Lower(uint64_t flow_hash) {
    uint8_t& counter = counters_[Index(flow_hash)];
    if (counter != 0 && counter < kLimit) --counter;
    Release(flow_hash);
  }

  // As if raised, for packets that wait for their turn: without a look at the counter, which is
  // asked for. Nobody is to Test() between the Release()s of several that were held.
  void Hold(uint64_t flow_hash) {
    Word(flow_hash) |= Bit(flow_hash);
    __builtin_prefetch(&counters_[Index(flow_hash)]);
  }
  void Release(uint64_t flow_hash) {
    if (counters_[Index(flow_hash)] == 0) Word(flow_hash) &= ~Bit(flow_hash);
  }

  bool saturated() const { return saturated_; }
  // Before a rebuild: the caller raises for every session again.
  void Clear() {
    raised_.assign(kSize / 64, 0);
    counters_.assign(kSize, 0);
    saturated_ = false;
  }

 private:
  static constexpr uint8_t kLimit = 255;
  static uint32_t Index(uint64_t flow_hash) { return flow_hash & (kSize - 1); }
  static uint64_t Bit(uint64_t flow_hash) { return uint64_t{1} << (flow_hash & 63); }
  uint64_t& Word(uint64_t flow_hash) { return raised_[Index(flow_hash) / 64]; }
  uint64_t Word(uint64_t flow_hash) const { return raised_[Index(flow_hash) / 64]; }

  std::vector<uint64_t> raised_;  // a bit a counter
  std::vector<uint8_t> counters_;
  bool saturated_ = false;
};

}  // namespace mailtap::flow

#endif  // MAILTAP_LIB_FLOW_SUSPICION_H_

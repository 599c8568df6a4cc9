// The suspicion array: 8-bit counters, indexed by rough hash, of the sessions on odd ports. A
// packet on such a port looks into the session table only where its counter is not zero.
// Packets ask a bit for each counter, of which eight times as many stay in a cache.
#ifndef MAILTAP_LIB_FLOW_SUSPICION_H_
#define MAILTAP_LIB_FLOW_SUSPICION_H_

#include <cstdint>
#include <vector>

namespace mailtap::flow {

class SuspicionArray {
 public:
  static constexpr uint32_t kSize = 1 << 16;  // an index each

  SuspicionArray() : raised_(kSize / 64), counters_(kSize) {}

  bool Test(uint16_t index) const { return (Word(index) >> (index & 63) & 1) != 0; }
  // A counter that has reached its limit stays there: it can no longer be lowered rightly, and
  // says so until the array is rebuilt from the table.
  void Raise(uint16_t index) {
    uint8_t& counter = counters_[index];
    Word(index) |= Bit(index);
    if (counter < kLimit && ++counter == kLimit) saturated_ = true;
  }
  void Lower(uint16_t index) {
    uint8_t& counter = counters_[index];
    if (counter != 0 && counter < kLimit) --counter;
    Release(index);
  }

  // As if raised, for packets that wait for their turn: without a look at the counter, which is
  // asked for. Nobody is to Test() between the Release()s of several that were held.
  void Hold(uint16_t index) {
    Word(index) |= Bit(index);
    __builtin_prefetch(&counters_[index]);
  }
  void Release(uint16_t index) {
    if (counters_[index] == 0) Word(index) &= ~Bit(index);
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
  static uint64_t Bit(uint16_t index) { return uint64_t{1} << (index & 63); }
  uint64_t& Word(uint16_t index) { return raised_[index / 64]; }
  uint64_t Word(uint16_t index) const { return raised_[index / 64]; }

  std::vector<uint64_t> raised_;  // a bit a counter
  std::vector<uint8_t> counters_;
  bool saturated_ = false;
};

}  // namespace mailtap::flow

#endif  // MAILTAP_LIB_FLOW_SUSPICION_H_

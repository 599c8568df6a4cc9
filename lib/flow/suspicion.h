// The suspicion array: counters, indexed by rough hash, of the sessions on odd ports. A packet
// on such a port looks into the session table only where its counter is not zero. Packets ask
// a bit for each counter; these are touched only where a session comes or goes, and so may be
// wide enough never to be full.
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
  void Raise(uint16_t index) {
    ++counters_[index];
    Word(index) |= Bit(index);
  }
  // Once for each Raise().
  void Lower(uint16_t index) {
    --counters_[index];
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

 private:
  static uint64_t Bit(uint16_t index) { return uint64_t{1} << (index & 63); }
  uint64_t& Word(uint16_t index) { return raised_[index / 64]; }
  uint64_t Word(uint16_t index) const { return raised_[index / 64]; }

  std::vector<uint64_t> raised_;  // a bit a counter
  std::vector<uint32_t> counters_;
};

}  // namespace mailtap::flow

#endif  // MAILTAP_LIB_FLOW_SUSPICION_H_

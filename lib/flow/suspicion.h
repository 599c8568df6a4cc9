// The suspicion array: 8-bit counters, indexed by flow hash, of the sessions on odd ports. A
// packet on such a port looks into the session table only where its counter is not zero.
#ifndef MAILTAP_LIB_FLOW_SUSPICION_H_
#define MAILTAP_LIB_FLOW_SUSPICION_H_

#include <cstdint>
#include <vector>

namespace mailtap::flow {

class SuspicionArray {
 public:
  static constexpr uint32_t kSize = 1 << 16;

  SuspicionArray() : counters_(kSize) {}

  bool Test(uint64_t flow_hash) const { return counters_[Index(flow_hash)] != 0; }
  // A counter that has reached its limit stays there: it can no longer be lowered rightly, and
  // says so until the array is rebuilt from the table.
  void Raise(uint64_t flow_hash) {
    uint8_t& counter = counters_[Index(flow_hash)];
    if (counter < kLimit && ++counter == kLimit) saturated_ = true;
  }
  void Lower(uint64_t flow_hash) {
    uint8_t& counter = counters_[Index(flow_hash)];
    if (counter != 0 && counter < kLimit) --counter;
  }

  bool saturated() const { return saturated_; }
  // Before a rebuild: the caller raises for every session again.
  void Clear() {
    counters_.assign(kSize, 0);
    saturated_ = false;
  }

 private:
  static constexpr uint8_t kLimit = 255;
  static uint32_t Index(uint64_t flow_hash) { return flow_hash & (kSize - 1); }

  std::vector<uint8_t> counters_;
  bool saturated_ = false;
};

}  // namespace mailtap::flow

#endif  // MAILTAP_LIB_FLOW_SUSPICION_H_

// Commands that a client has said and its server has not answered yet (RFC 2920; RFC
// 2449, 6.6).
#ifndef MAILTAP_LIB_CLASSIFY_COMMAND_QUEUE_H_
#define MAILTAP_LIB_CLASSIFY_COMMAND_QUEUE_H_

#include <cstdint>

namespace mailtap::classify {

// First in, first out. Holds runs of the same command, so that a thousand recipients at once
// take one place of `kRuns`. `Command` is an enumeration of at most 16 values.
template <typename Command, int kRuns>
class CommandQueue {
 public:
  // False where there is no room.
  bool Push(Command command) {
    if (size_ != 0) {
      uint16_t& last = runs_[(head_ + size_ - 1) % kRuns];
      if ((last & kKind) == command && last <= UINT16_MAX - kOne) {
        last = static_cast<uint16_t>(last + kOne);
        return true;
      }
    }
    if (size_ == kRuns) return false;
    runs_[(head_ + size_++) % kRuns] = static_cast<uint16_t>(kOne | command);
    return true;
  }

  // Takes the oldest; false where there is none.
  bool Pop(Command& command) {
    if (size_ == 0) return false;
    uint16_t& first = runs_[head_];
    command = static_cast<Command>(first & kKind);
    first = static_cast<uint16_t>(first - kOne);
    if (first < kOne) {
      head_ = static_cast<uint8_t>((head_ + 1) % kRuns);
      --size_;
    }
    return true;
  }

  bool empty() const { return size_ == 0; }
  void Clear() { size_ = 0; }

 private:
  static constexpr uint16_t kKind = 0xf, kOne = kKind + 1;

  // A ring of runs: the command in the low bits, how many of them in the others.
  uint16_t runs_[kRuns] = {};
  uint8_t head_ = 0;
  uint8_t size_ = 0;
};

}  // namespace mailtap::classify

#endif  // MAILTAP_LIB_CLASSIFY_COMMAND_QUEUE_H_

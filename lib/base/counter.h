// A counter that one thread writes and any thread may read.
#ifndef MAILTAP_LIB_BASE_COUNTER_H_
#define MAILTAP_LIB_BASE_COUNTER_H_

#include <atomic>
#include <cstdint>

namespace mailtap {

// The single writer needs no locked instruction: it is the only one to change the value, so a
// relaxed load and a relaxed store compile to a plain add. Readers on other threads see each
// value whole, never torn, and possibly a little late.
class SingleWriterCounter {
 public:
  SingleWriterCounter() = default;
  SingleWriterCounter(const SingleWriterCounter&) = delete;
  SingleWriterCounter& operator=(const SingleWriterCounter&) = delete;

  // Writer thread only.
  void Add(uint64_t n) {
    value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  void Set(uint64_t n) { value_.store(n, std::memory_order_relaxed); }

  // Any thread.
  uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_{0};
};

}  // namespace mailtap

#endif  // MAILTAP_LIB_BASE_COUNTER_H_

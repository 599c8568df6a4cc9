// A stretch of a file in memory, where the kernel holds it anyway: nothing is copied.
//
// Where the file loses bytes that are mapped, or its disk can't give them, the kernel ends the
// process at the next look at them (SIGBUS; mmap(2)). Here they read as zeros from then on, up
// to the stretch's end, and lost() tells.
#ifndef MAILTAP_LIB_BASE_MAPPED_RANGE_H_
#define MAILTAP_LIB_BASE_MAPPED_RANGE_H_

#include <cstddef>
#include <cstdint>
#include <memory>

namespace mailtap {

class MappedRange {
 public:
  // So many at once in a process, of the 65,530 mappings that Linux allows one by default.
  static constexpr std::size_t kMost = 8'192;

  // `size` bytes of the open file `fd` from `offset` on, a multiple of the page's size. Null
  // where the system refuses, the file doesn't have them, or there are kMost already. Any
  // thread.
  static std::unique_ptr<MappedRange> Map(int fd, uint64_t offset, std::size_t size);
  // Any thread, once no other one looks at the bytes.
  ~MappedRange();
  MappedRange(const MappedRange&) = delete;
  MappedRange& operator=(const MappedRange&) = delete;

  const uint8_t* data() const { return data_; }
  std::size_t size() const { return size_; }
  // Whether bytes were found to be gone. Any thread.
  bool lost() const;

 private:
  MappedRange(const uint8_t* data, std::size_t size, std::size_t watch)
      : data_(data), size_(size), watch_(watch) {}

  const uint8_t* data_;
  std::size_t size_;
  std::size_t watch_;  // which of those that the signal's handler knows
};

}  // namespace mailtap

#endif  // MAILTAP_LIB_BASE_MAPPED_RANGE_H_

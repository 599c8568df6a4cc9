// The records of a plain capture file, used where they lie: in the memory in which the kernel
// keeps the file. libpcap asks for every packet by itself and copies it twice on its way, which
// costs more than all that mailtap does with it; a single copy in large pieces costs as much
// as the rest, and most of what it copies is message text that nobody reads.
//
// libpcap stays in charge: it opens the file, and takes over at the first record that is out of
// the ordinary, so that what is wrong with a capture is said in one place.
#ifndef MAILTAP_APP_MAILTAP_PLAIN_CAPTURE_H_
#define MAILTAP_APP_MAILTAP_PLAIN_CAPTURE_H_

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>
#include <vector>

#include "lib/base/mapped_range.h"
#include "lib/pipeline/packet_view.h"

namespace mailtap::app {

// A piece of a capture. It goes once nobody uses it.
class CapturePiece {
 public:
  explicit CapturePiece(std::unique_ptr<MappedRange> range) : range_(std::move(range)) {}

  // The reader's thread, while it gives packets from this piece.
  void Use() { users_.fetch_add(1, std::memory_order_relaxed); }
  // Any thread, once it has no more need of the bytes.
  void Release() { users_.fetch_sub(1, std::memory_order_release); }

 private:
  friend class PlainCapture;
  bool free() const { return users_.load(std::memory_order_acquire) == 0; }

  std::atomic<uint32_t> users_{0};
  std::unique_ptr<MappedRange> range_;
};

// One thread.
class PlainCapture {
 public:
  // Of a file of which libpcap has read the header. Null where it is no regular file in pcap's
  // format 2.4 and this machine's byte order (draft-ietf-opsawg-pcap). Records longer than
  // `snapshot` are libpcap's. The file stays the caller's.
  static std::unique_ptr<PlainCapture> Open(std::FILE* file, uint32_t snapshot);

  // Sets `view`'s bytes, lengths and time to the next record's. The bytes stay until the next
  // call, and as long as somebody uses piece(). False at the file's end, and at a record that
  // libpcap has to read.
  bool Next(pipeline::PacketView& view) {
    Record record;
    if (!Have(sizeof(record))) return false;
    AskAhead();
    std::memcpy(&record, at_, sizeof(record));
    if (record.captured > snapshot_ || !Have(sizeof(record) + record.captured)) return false;
    if (record.captured == 0 && IsGone()) return false;
    view.data = at_ + sizeof(record);
    view.captured = record.captured;
    view.wire_length = record.length;
    view.time = record.seconds * kNanosPerSecond + record.fraction * nanos_per_fraction_;
    at_ = view.data + record.captured;
    return true;
  }
  // Where the present packet's bytes are.
  CapturePiece* piece() { return piece_; }
  // Where the next record starts in the file.
  uint64_t offset() const { return piece_at_ + static_cast<uint64_t>(at_ - start_); }

 private:
  struct Record {
    uint32_t seconds;
    int32_t fraction;   // micro- or nanoseconds
    uint32_t captured;  // bytes that follow
    uint32_t length;    // bytes that the frame had
  };
  static_assert(sizeof(Record) == 16);

  PlainCapture(int fd, uint32_t snapshot, int64_t nanos_per_fraction);

  // Whether there are so many bytes, at most a record, from at_ on.
  bool Have(std::size_t size) {
    return static_cast<std::size_t>(end_ - at_) >= size || ReadOn(size);
  }
  bool ReadOn(std::size_t size);
  // Asks for the lines to come: where the next record starts is known only once this one was
  // read, and each would be waited for.
  void AskAhead() {
    constexpr std::ptrdiff_t kAhead = 4096;
    constexpr std::ptrdiff_t kLine = 64;
    const uint8_t* const to = end_ - at_ < kAhead ? end_ : at_ + kAhead;
    for (; asked_ < to; asked_ += kLine) __builtin_prefetch(asked_, 0, 2);
  }
  // Whether the file has no longer what was mapped of it; see MappedRange.
  bool IsGone() const;

  const int fd_;
  const uint32_t snapshot_;
  const int64_t nanos_per_fraction_;
  std::vector<std::unique_ptr<CapturePiece>> pieces_;
  CapturePiece* piece_ = nullptr;   // used by this object too
  uint64_t piece_at_;               // where it lies in the file
  const uint8_t* start_ = nullptr;  // of piece_
  const uint8_t* at_ = nullptr;     // the next record
  const uint8_t* end_ = nullptr;    // of piece_
  const uint8_t* asked_ = nullptr;  // the first line not asked for
};

}  // namespace mailtap::app

#endif  // MAILTAP_APP_MAILTAP_PLAIN_CAPTURE_H_

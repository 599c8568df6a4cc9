// The records of a plain capture file, read in large pieces and used where they lie. libpcap
// asks for every packet by itself and copies it twice on its way, which costs more than all
// that mailtap does with it.
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

#include "lib/pipeline/packet_view.h"

namespace mailtap::app {

// A piece of a capture. It is read anew once nobody uses it.
class CapturePiece {
 public:
  // The reader's thread, while it gives packets from this piece.
  void Use() { users_.fetch_add(1, std::memory_order_relaxed); }
  // Any thread, once it has no more need of the bytes.
  void Release() { users_.fetch_sub(1, std::memory_order_release); }

 private:
  friend class PlainCapture;
  bool free() const { return users_.load(std::memory_order_acquire) == 0; }

  std::atomic<uint32_t> users_{0};
  std::unique_ptr<uint8_t[]> bytes_;
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
    std::memcpy(&record, at_, sizeof(record));
    if (record.captured > snapshot_ || !Have(sizeof(record) + record.captured)) return false;
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
  uint64_t offset() const { return read_ - static_cast<uint64_t>(end_ - at_); }

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
  CapturePiece& FreePiece();

  const int fd_;
  const uint32_t snapshot_;
  const int64_t nanos_per_fraction_;
  std::vector<std::unique_ptr<CapturePiece>> pieces_;
  CapturePiece* piece_ = nullptr;  // used by this object too
  const uint8_t* at_ = nullptr;    // the next record
  const uint8_t* end_ = nullptr;   // of the bytes in piece_
  uint64_t read_;                  // of the file
};

}  // namespace mailtap::app

#endif  // MAILTAP_APP_MAILTAP_PLAIN_CAPTURE_H_

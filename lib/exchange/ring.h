// A lock-free single-producer/single-consumer ring of records: where a worker and the control
// core meet. One ring a worker; the worker pushes, the control core drains.
#ifndef MAILTAP_LIB_EXCHANGE_RING_H_
#define MAILTAP_LIB_EXCHANGE_RING_H_

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <memory>
#include <numeric>
#include <type_traits>
#include <utility>

#include "lib/base/cache_line.h"
#include "lib/exchange/messages.h"

namespace mailtap::exchange {

class RecordRing {
 public:
  // Allocates at least `capacity_bytes`, rounded up to a power of two, minimum 4 KiB.
  explicit RecordRing(std::size_t capacity_bytes);
  RecordRing(const RecordRing&) = delete;
  RecordRing& operator=(const RecordRing&) = delete;

  // Producer thread only. False when there is no room: nothing was written, and the caller
  // keeps the record for the next tick.
  template <typename Record>
  bool Push(const Record& record) {
    static_assert(std::is_trivially_copyable_v<Record>);
    constexpr std::size_t kSize = Padded(sizeof(Header) + sizeof(Record));
    std::byte* slot = Reserve(kSize);
    if (slot == nullptr) return false;
    const Header header{kSize, KindOf<Record>::value};
    std::memcpy(slot, &header, sizeof(header));
    std::memcpy(slot + sizeof(header), &record, sizeof(record));
    Commit(kSize);
    return true;
  }

  // Producer thread only. Whether Push() of these will find room, in any order.
  template <typename... Records>
  bool HasRoomFor() {
    constexpr std::size_t kSizes[] = {Padded(sizeof(Header) + sizeof(Records))...};
    // The end of the ring may fall into any of them.
    constexpr std::size_t kMost =
        std::accumulate(std::begin(kSizes), std::end(kSizes),
                        *std::max_element(std::begin(kSizes), std::end(kSizes)));
    return HasRoom(kMost);
  }

  // Consumer thread only. Calls visitor(const Record&) for each record that was in the ring at
  // the time of the call, oldest first, and frees them; kinds that the visitor has no overload
  // for are passed over. The reference is valid during the call only. A visitor that returns
  // bool stops the drain with false, behind the record it was given. Returns how many records
  // were visited.
  template <typename Visitor>
  std::size_t Drain(Visitor&& visitor) {
    const uint64_t end = tail_.load(std::memory_order_acquire);
    uint64_t at = head_.load(std::memory_order_relaxed);
    std::size_t count = 0;
    bool more = true;
    while (more && at != end) {
      const std::byte* slot = data_.get() + (at & mask_);
      Header header;
      std::memcpy(&header, slot, sizeof(header));
      if (header.kind != Kind::kPadding) {
        more = Dispatch(header.kind, slot + sizeof(header), visitor);
        ++count;
      }
      at += header.size;
      // Freed one by one, so that a producer waiting for room goes on while this drains.
      head_.store(at, std::memory_order_release);
    }
    return count;
  }

  std::size_t capacity() const { return mask_ + 1; }
  // Bytes in use, at most capacity(); any thread, approximate while the others are running.
  std::size_t used() const {
    // The head first: read after the tail it could have passed it.
    const uint64_t head = head_.load(std::memory_order_acquire);
    const uint64_t used = tail_.load(std::memory_order_relaxed) - head;
    return used < capacity() ? used : capacity();
  }

 private:
  struct Header {
    uint32_t size;  // of header, record and padding together
    Kind kind;
  };
  static constexpr std::size_t Padded(std::size_t n) { return (n + 7) & ~std::size_t{7}; }

  bool HasRoom(std::size_t size);        // producer
  std::byte* Reserve(std::size_t size);  // producer
  void Commit(std::size_t size) {        // producer
    tail_.store(write_ + size, std::memory_order_release);
  }

  template <typename Record, typename Visitor>
  static bool Visit(const std::byte* payload, Visitor& visitor) {
    if constexpr (std::is_invocable_v<Visitor&, const Record&>) {
      Record record;
      std::memcpy(&record, payload, sizeof(record));
      if constexpr (std::is_invocable_r_v<bool, Visitor&, const Record&>) {
        return visitor(std::as_const(record));
      } else {
        visitor(std::as_const(record));
      }
    }
    return true;
  }
  template <typename Visitor>
  static bool Dispatch(Kind kind, const std::byte* payload, Visitor& visitor) {
    switch (kind) {
      case Kind::kDelta:
        return Visit<meter::DeltaRecord>(payload, visitor);
      case Kind::kName:
        return Visit<meter::NameRecord>(payload, visitor);
      case Kind::kAnswer:
        return Visit<meter::AnswerRecord>(payload, visitor);
      case Kind::kSession:
        return Visit<meter::SessionRecord>(payload, visitor);
      case Kind::kEncap:
        return Visit<meter::EncapRecord>(payload, visitor);
      case Kind::kSample:
        return Visit<meter::SampleRecord>(payload, visitor);
      case Kind::kTick:
        return Visit<TickRecord>(payload, visitor);
      case Kind::kPadding:
        break;
    }
    return true;
  }

  const uint64_t mask_;
  const std::unique_ptr<std::byte[]> data_;

  // Producer's line: its own position, and the last head it saw, so that it reads the
  // consumer's line only when the ring looks full.
  alignas(kCacheLine) std::atomic<uint64_t> tail_{0};  // producer writes, consumer reads
  uint64_t write_ = 0;                                 // producer only
  uint64_t seen_head_ = 0;                             // producer only
  // Consumer's line.
  alignas(kCacheLine) std::atomic<uint64_t> head_{0};  // consumer writes, producer reads
};

}  // namespace mailtap::exchange

#endif  // MAILTAP_LIB_EXCHANGE_RING_H_

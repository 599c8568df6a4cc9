#include "lib/base/mapped_range.h"

#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>

namespace mailtap {
namespace {

// What the handler knows of a range. A free one has no end.
struct Watch {
  std::atomic<bool> taken;
  std::atomic<bool> lost;
  std::atomic<uintptr_t> start;
  std::atomic<uintptr_t> end;
};
static_assert(std::atomic<uintptr_t>::is_always_lock_free);  // as a handler wants it

std::array<Watch, MappedRange::kMost> watches;
struct sigaction handler_before;

// Puts zeros where a range lost its file's bytes. That of another address is handled as before.
void OnBusError(int number, siginfo_t* info, void*) {
  const int error = errno;
  const auto at = reinterpret_cast<uintptr_t>(info->si_addr);
  for (Watch& watch : watches) {
    const uintptr_t end = watch.end.load(std::memory_order_acquire);
    if (at >= end || at < watch.start.load(std::memory_order_relaxed)) continue;
    const uintptr_t page = at & ~(static_cast<uintptr_t>(::sysconf(_SC_PAGESIZE)) - 1);
    watch.lost.store(true, std::memory_order_relaxed);
    void* zeros = ::mmap(reinterpret_cast<void*>(page), end - page, PROT_READ,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    if (zeros == MAP_FAILED) break;
    errno = error;
    return;
  }
  // The same access again, handled by whoever did before.
  ::sigaction(number, &handler_before, nullptr);
}

void HandleBusErrors() {
  struct sigaction action = {};
  action.sa_sigaction = OnBusError;
  action.sa_flags = SA_SIGINFO;
  ::sigaction(SIGBUS, &action, &handler_before);
}

// The place of a free one, or kMost.
std::size_t TakeWatch() {
  for (std::size_t i = 0; i < watches.size(); ++i) {
    if (!watches[i].taken.exchange(true, std::memory_order_acquire)) return i;
  }
  return MappedRange::kMost;
}

}  // namespace

std::unique_ptr<MappedRange> MappedRange::Map(int fd, uint64_t offset, std::size_t size) {
  static const bool handled = (HandleBusErrors(), true);
  const std::size_t place = handled ? TakeWatch() : kMost;
  if (place == kMost) return nullptr;
  Watch& watch = watches[place];
  void* data = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, fd, static_cast<off_t>(offset));
  // Asked for at once, pages cost a fraction of a fault each; and what can't be had is told.
  // EINVAL is that of a kernel before 5.14, which does not know the advice.
  if (data != MAP_FAILED && ::madvise(data, size, MADV_POPULATE_READ) != 0 && errno != EINVAL) {
    ::munmap(data, size);
    data = MAP_FAILED;
  }
  if (data == MAP_FAILED) {
    watch.taken.store(false, std::memory_order_release);
    return nullptr;
  }
  const auto start = reinterpret_cast<uintptr_t>(data);
  watch.lost.store(false, std::memory_order_relaxed);
  watch.start.store(start, std::memory_order_relaxed);
  watch.end.store(start + size, std::memory_order_release);
  return std::unique_ptr<MappedRange>(
      new MappedRange(static_cast<const uint8_t*>(data), size, place));
}

MappedRange::~MappedRange() {
  Watch& watch = watches[watch_];
  watch.end.store(0, std::memory_order_relaxed);
  ::munmap(const_cast<uint8_t*>(data_), size_);
  watch.taken.store(false, std::memory_order_release);
}

bool MappedRange::lost() const { return watches[watch_].lost.load(std::memory_order_relaxed); }

}  // namespace mailtap

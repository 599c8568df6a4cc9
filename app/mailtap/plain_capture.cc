#include "app/mailtap/plain_capture.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

namespace mailtap::app {
namespace {

struct FileHeader {
  uint32_t magic;
  uint16_t major_version;
  uint16_t minor_version;
  uint32_t zone, accuracy, snapshot, link;
};
static_assert(sizeof(FileHeader) == 24);

constexpr uint32_t kMicroseconds = 0xa1b2c3d4;
constexpr uint32_t kNanoseconds = 0xa1b23c4d;

// Few enough pieces that mapping them costs nothing, and small enough that little of a large
// capture is held while its packets are under way. The first is smaller: all captures are
// begun before any is read on, and each may lie on a disk yet.
constexpr std::size_t kPieceBytes = 4 << 20;
constexpr std::size_t kFirstPieceBytes = 512 << 10;
// libpcap's own bound for the link types that mailtap reads (MAXIMUM_SNAPLEN).
constexpr std::size_t kMaxRecord = 16 + (256 << 10);
static_assert(kFirstPieceBytes >= kMaxRecord + (64 << 10));  // which begins within a page

}  // namespace

PlainCapture::PlainCapture(int fd, uint32_t snapshot, int64_t nanos_per_fraction)
    : fd_(fd),
      snapshot_(snapshot),
      nanos_per_fraction_(nanos_per_fraction),
      piece_at_(sizeof(FileHeader)) {}

std::unique_ptr<PlainCapture> PlainCapture::Open(std::FILE* file, uint32_t snapshot) {
  const int fd = ::fileno(file);
  struct stat info = {};
  FileHeader header = {};
  if (::fstat(fd, &info) != 0 || !S_ISREG(info.st_mode) || ::ftello(file) != sizeof(header) ||
      ::pread(fd, &header, sizeof(header), 0) != sizeof(header)) {
    return nullptr;
  }
  const bool known = header.magic == kMicroseconds || header.magic == kNanoseconds;
  if (!known || header.major_version != 2 || header.minor_version != 4 ||
      snapshot > kMaxRecord - sizeof(Record)) {
    return nullptr;
  }
  return std::unique_ptr<PlainCapture>(
      new PlainCapture(fd, snapshot, header.magic == kMicroseconds ? 1'000 : 1));
}

// Maps the file from the next record on. False where the file ends before its `size` bytes.
bool PlainCapture::ReadOn(std::size_t size) {
  struct stat info = {};
  const uint64_t next = offset();
  if (::fstat(fd_, &info) != 0 || static_cast<uint64_t>(info.st_size) < next + size)
    return false;
  const uint64_t in_page = next % static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
  const uint64_t from = next - in_page;
  const uint64_t bytes = std::min<uint64_t>(piece_ == nullptr ? kFirstPieceBytes : kPieceBytes,
                                            static_cast<uint64_t>(info.st_size) - from);
  auto range = MappedRange::Map(fd_, from, bytes);
  if (range == nullptr) return false;
  if (piece_ != nullptr) piece_->Release();
  std::erase_if(pieces_, [](const auto& piece) { return piece->free(); });
  start_ = range->data();
  end_ = start_ + range->size();
  at_ = start_ + in_page;
  asked_ = at_;
  piece_at_ = from;
  // Of a file that is not in memory yet, the disk brings what comes next meanwhile.
  ::posix_fadvise(fd_, static_cast<off_t>(from + bytes), static_cast<off_t>(2 * bytes),
                  POSIX_FADV_WILLNEED);
  piece_ = pieces_.emplace_back(std::make_unique<CapturePiece>(std::move(range))).get();
  piece_->Use();
  return true;
}

bool PlainCapture::IsGone() const {
  struct stat info = {};
  return piece_->range_->lost() || ::fstat(fd_, &info) != 0 ||
         static_cast<uint64_t>(info.st_size) < offset() + sizeof(Record);
}

}  // namespace mailtap::app

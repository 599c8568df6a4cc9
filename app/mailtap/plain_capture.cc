#include "app/mailtap/plain_capture.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

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

// Few enough bytes that the worker finds them in a cache.
constexpr std::size_t kPieceBytes = 256 << 10;
// libpcap's own bound for the link types that mailtap reads (MAXIMUM_SNAPLEN).
constexpr std::size_t kMaxRecord = 16 + (256 << 10);
constexpr std::size_t kPage = 4096;

}  // namespace

PlainCapture::PlainCapture(int fd, uint32_t snapshot, int64_t nanos_per_fraction)
    : fd_(fd),
      snapshot_(snapshot),
      nanos_per_fraction_(nanos_per_fraction),
      read_(sizeof(FileHeader)) {}

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

// There are as many pieces as batches of packets are under way, and one more.
CapturePiece& PlainCapture::FreePiece() {
  const auto free = std::find_if(pieces_.begin(), pieces_.end(),
                                 [](const auto& piece) { return piece->free(); });
  if (free != pieces_.end()) return **free;
  pieces_.push_back(std::make_unique<CapturePiece>());
  pieces_.back()->bytes_ =
      std::make_unique_for_overwrite<uint8_t[]>(kMaxRecord + kPage + kPieceBytes);
  return *pieces_.back();
}

// Moves the start of a record that was cut to the next piece, and reads on behind it.
bool PlainCapture::ReadOn(std::size_t size) {
  CapturePiece& next = FreePiece();
  next.Use();
  const auto left = static_cast<std::size_t>(end_ - at_);
  // Whole pages are read to whole pages: the kernel's copy takes several times as long
  // otherwise (rep movs on Zen 3). The first read makes up for the file's header.
  const std::size_t in_page = read_ % kPage;
  const auto earliest = reinterpret_cast<uintptr_t>(next.bytes_.get()) + kMaxRecord;
  uint8_t* to = next.bytes_.get() + kMaxRecord + (kPage - earliest % kPage) % kPage + in_page;
  uint8_t* start = to - left;
  if (left != 0) std::memcpy(start, at_, left);
  if (piece_ != nullptr) piece_->Release();
  piece_ = &next;
  const ssize_t got = ::pread(fd_, to, kPieceBytes - in_page, static_cast<off_t>(read_));
  const auto bytes = static_cast<std::size_t>(std::max<ssize_t>(got, 0));
  read_ += bytes;
  at_ = start;
  end_ = to + bytes;
  return left + bytes >= size;
}

}  // namespace mailtap::app

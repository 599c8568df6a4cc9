#include "app/mailtap-gen/capture_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace mailtap::gen {
namespace {

constexpr std::size_t kBufferBytes = 1 << 20;
constexpr uint32_t kLinkEthernet = 1;
constexpr uint32_t kMagicMicro = 0xa1b2c3d4;
constexpr uint32_t kMagicNano = 0xa1b23c4d;
constexpr uint32_t kShortestFrame = 60;  // IEEE 802.3, without the check sequence
constexpr int64_t kSecond = 1'000'000'000;

}  // namespace

absl::StatusOr<CaptureFile> CaptureFile::Create(const std::string& path, CaptureFormat format,
                                                uint32_t snap_length) {
  const int fd =
      path == "-" ? STDOUT_FILENO : open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
  if (fd < 0) return absl::UnavailableError(path + ": " + std::strerror(errno));
  CaptureFile file(fd, format, snap_length);
  file.WriteHeader();
  return file;
}

CaptureFile::CaptureFile(int fd, CaptureFormat format, uint32_t snap_length)
    : fd_(fd), format_(format), snap_length_(snap_length), buffer_(kBufferBytes) {}

CaptureFile::CaptureFile(CaptureFile&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      format_(other.format_),
      snap_length_(other.snap_length_),
      buffer_(std::move(other.buffer_)),
      used_(other.used_),
      packets_(other.packets_),
      bytes_(other.bytes_),
      failed_(other.failed_),
      error_(other.error_) {}

CaptureFile::~CaptureFile() {
  if (fd_ >= 0) close(fd_);
}

void CaptureFile::WriteHeader() {
  constexpr uint16_t kPcapVersion[2] = {2, 4};
  if (format_ != CaptureFormat::kPcapng) {
    PutWord(format_ == CaptureFormat::kPcapNano ? kMagicNano : kMagicMicro);
    Put(kPcapVersion, sizeof(kPcapVersion));
    PutWord(0);
    PutWord(0);
    PutWord(snap_length_);
    PutWord(kLinkEthernet);
    return;
  }
  constexpr uint16_t kPcapngVersion[2] = {1, 0};
  constexpr uint64_t kUnknownLength = ~uint64_t{0};
  PutWord(0x0a0d0d0a);  // section header
  PutWord(28);
  PutWord(0x1a2b3c4d);
  Put(kPcapngVersion, sizeof(kPcapngVersion));
  Put(&kUnknownLength, sizeof(kUnknownLength));
  PutWord(28);
  constexpr uint8_t kNanosecondsOption[8] = {9, 0, 1, 0, 9, 0, 0, 0};  // if_tsresol
  PutWord(1);                                                          // interface description
  PutWord(32);
  PutWord(kLinkEthernet);
  PutWord(snap_length_);
  Put(kNanosecondsOption, sizeof(kNanosecondsOption));
  PutWord(0);  // end of options
  PutWord(32);
}

void CaptureFile::Write(const FrameView& frame) {
  if (frame.wire_length < kShortestFrame) {
    uint8_t padded[kShortestFrame] = {};
    std::memcpy(padded, frame.data, frame.length);
    const bool cut = frame.length < frame.wire_length;
    const uint32_t captured = cut ? frame.length : std::min(kShortestFrame, snap_length_);
    WriteRecord({frame.time_ns, padded, captured, kShortestFrame});
  } else {
    WriteRecord(frame);
  }
}

int64_t CaptureFile::LastStamp(CaptureFormat format) {
  return format == CaptureFormat::kPcapng ? INT64_MAX : int64_t{UINT32_MAX} * kSecond;
}

void CaptureFile::WriteRecord(const FrameView& frame) {
  ++packets_;
  if (frame.time_ns < 0 || frame.time_ns > LastStamp(format_)) {
    failed_ = true;
    error_ = EOVERFLOW;
  }
  if (format_ == CaptureFormat::kPcapng) {
    const uint32_t padding = -frame.length & 3;
    const uint32_t total = 32 + frame.length + padding;
    const auto stamp = static_cast<uint64_t>(frame.time_ns);
    const uint32_t header[7] = {6,  // enhanced packet
                                total,
                                0,
                                static_cast<uint32_t>(stamp >> 32),
                                static_cast<uint32_t>(stamp),
                                frame.length,
                                frame.wire_length};
    Put(header, sizeof(header));
    Put(frame.data, frame.length);
    constexpr uint32_t kZero = 0;
    Put(&kZero, padding);
    PutWord(total);
    return;
  }
  const int64_t fraction = frame.time_ns % kSecond;
  const uint32_t header[4] = {
      static_cast<uint32_t>(frame.time_ns / kSecond),
      static_cast<uint32_t>(format_ == CaptureFormat::kPcapNano ? fraction : fraction / 1'000),
      frame.length, frame.wire_length};
  Put(header, sizeof(header));
  Put(frame.data, frame.length);
}

void CaptureFile::Put(const void* data, std::size_t size) {
  if (used_ + size > buffer_.size()) Flush();
  std::memcpy(buffer_.data() + used_, data, size);  // one frame always fits the empty buffer
  used_ += size;
}

void CaptureFile::Flush() {
  const uint8_t* at = buffer_.data();
  while (used_ != 0 && !failed_) {
    const ssize_t written = write(fd_, at, used_);
    if (written < 0) {
      if (errno == EINTR) continue;
      failed_ = true;
      error_ = errno;
      break;
    }
    at += written;
    used_ -= static_cast<std::size_t>(written);
    bytes_ += static_cast<uint64_t>(written);
  }
  used_ = 0;
}

absl::Status CaptureFile::Close() {
  Flush();
  if (close(std::exchange(fd_, -1)) != 0 && !failed_) {
    failed_ = true;
    error_ = errno;
  }
  if (error_ == EOVERFLOW) {
    return absl::OutOfRangeError("a packet's time lies beyond what the format can say");
  }
  if (failed_) return absl::UnavailableError(std::strerror(error_));
  return absl::OkStatus();
}

}  // namespace mailtap::gen

#include "app/mailtap/capture_reader.h"

#include <pcap/pcap.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace mailtap::app {
namespace {

std::optional<net::LinkType> LinkTypeOf(int datalink) {
  switch (datalink) {
    case DLT_EN10MB:
      return net::LinkType::kEthernet;
    case DLT_RAW:
    case DLT_IPV4:
    case DLT_IPV6:
      return net::LinkType::kRawIp;
    case DLT_NULL:
    case DLT_LOOP:
      return net::LinkType::kNull;
    case DLT_PPP:
    case DLT_PPP_SERIAL:
      return net::LinkType::kPpp;
    case DLT_LINUX_SLL:
      return net::LinkType::kSll;
    case DLT_LINUX_SLL2:
      return net::LinkType::kSll2;
    default:
      return std::nullopt;
  }
}

std::string LinkName(int datalink) {
  const char* name = pcap_datalink_val_to_name(datalink);
  return name != nullptr ? name : absl::StrCat("number ", datalink);
}

// libpcap takes seconds of pcap for signed where it need not swap them; those of pcapng may be
// anything.
UnixNanos StampOf(const timeval& stamp) {
  constexpr int64_t kPastLast = int64_t{1} << 32;
  int64_t seconds = stamp.tv_sec;
  if (seconds < 0) seconds += kPastLast;
  seconds = std::clamp<int64_t>(seconds, 0, kPastLast - 1);
  // With nanosecond precision asked for, libpcap puts nanoseconds into tv_usec.
  return seconds * kNanosPerSecond + stamp.tv_usec;
}

// Whether a pcapng section begins behind the eight bytes of a block's header that were read
// last: its byte-order magic tells. Of one whose order is not the first one's, libpcap takes
// the length for damage.
bool IsAtSection(FILE* file) {
  uint32_t magic = 0;
  if (std::fread(&magic, sizeof(magic), 1, file) != 1) return false;
  return magic == 0x1a2b3c4d || magic == 0x4d3c2b1a;
}

// Whether a file has fewer bytes than when it was opened.
bool HasShrunk(FILE* file, uint64_t size) {
  struct stat info = {};
  return ::fstat(::fileno(file), &info) == 0 && static_cast<uint64_t>(info.st_size) < size;
}

bool IsGzip(FILE* file) {
  const int first = std::getc(file);
  if (first == EOF) return false;
  std::ungetc(first, file);
  constexpr int kGzipMagic = 0x1f;  // no capture format starts with it
  return first == kGzipMagic;
}

// All captures are open at once: the earliest packet may be in any. What the system allows by
// default is too little for a day in files of a minute.
void AllowManyFiles() {
  rlimit files = {};
  if (::getrlimit(RLIMIT_NOFILE, &files) != 0) return;
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
}

}  // namespace

absl::StatusOr<std::unique_ptr<CaptureReader>> CaptureReader::Open(const std::string& path,
                                                                   uint16_t port) {
  std::unique_ptr<CaptureReader> reader(new CaptureReader(path, port));
  FILE* file =
      path == "-" ? ::fdopen(::dup(STDIN_FILENO), "rb") : std::fopen(path.c_str(), "rb");
  if (file == nullptr) {
    return absl::NotFoundError(absl::StrCat(path, ": ", std::strerror(errno)));
  }
  struct stat info = {};
  if (::fstat(::fileno(file), &info) == 0) {
    if (S_ISDIR(info.st_mode)) {
      std::fclose(file);
      return absl::InvalidArgumentError(absl::StrCat(path, ": is a directory"));
    }
    if (S_ISREG(info.st_mode)) reader->size_ = static_cast<uint64_t>(info.st_size);
  }
  // Where libpcap reads the packets, few large reads cost half of many small ones.
  constexpr std::size_t kBuffer = 1 << 20;
  std::setvbuf(file, nullptr, _IOFBF, kBuffer);
  if (IsGzip(file)) {
    std::fclose(file);
    if (path == "-") {
      return absl::InvalidArgumentError(
          "standard input is gzip-compressed; unpack it on the way: ... | zcat | mailtap "
          "replay -");
    }
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": is gzip-compressed; unpack it on the way: zcat ", path,
                     " | mailtap replay -"));
  }
  char error[PCAP_ERRBUF_SIZE] = "";
  reader->pcap_ =
      pcap_fopen_offline_with_tstamp_precision(file, PCAP_TSTAMP_PRECISION_NANO, error);
  if (reader->pcap_ == nullptr) {
    std::fclose(file);
    return absl::InvalidArgumentError(absl::StrCat(path, ": not a readable capture: ", error));
  }
  const int datalink = pcap_datalink(reader->pcap_);
  const auto link = LinkTypeOf(datalink);
  if (!link.has_value()) {
    return absl::UnimplementedError(
        absl::StrCat(path, ": link type ", LinkName(datalink),
                     " is not supported; supported are Ethernet, raw IP, null/loopback, PPP, "
                     "Linux SLL and SLL2"));
  }
  reader->view_.link = *link;
  reader->plain_ =
      PlainCapture::Open(file, static_cast<uint32_t>(pcap_snapshot(reader->pcap_)));
  reader->is_plain_ = reader->plain_ != nullptr;
  return reader;
}

CaptureReader::~CaptureReader() {
  if (pcap_ != nullptr) pcap_close(pcap_);
}

bool CaptureReader::ReadByLibpcap() {
  if (ended_) return false;
  if (is_plain_) {
    ::fseeko(pcap_file(pcap_), static_cast<off_t>(plain_->offset()), SEEK_SET);
    is_plain_ = false;
  }
  pcap_pkthdr* header = nullptr;
  const uint8_t* data = nullptr;
  const int result = pcap_next_ex(pcap_, &header, &data);
  if (result != 1) {
    if (HasShrunk(pcap_file(pcap_), size_)) {
      damage_ = "the file has become shorter while it was read";
    } else if (result != PCAP_ERROR_BREAK) {
      damage_ = pcap_geterr(pcap_);
      if (IsAtSection(pcap_file(pcap_))) {
        damage_ = "a section of another byte order follows, which is not supported";
      }
    }
    ended_ = true;
    return false;
  }
  view_.data = data;
  view_.captured = header->caplen;
  view_.wire_length = header->len;
  view_.time = StampOf(header->ts);
  return true;
}

bool CaptureReader::TakeLookedAt() {
  view_ = looked_at_.front().view;
  copy_ = std::move(looked_at_.front().bytes);  // which moves none of them
  looked_at_.pop_front();
  is_copy_ = true;
  return true;
}

void CaptureReader::JudgeTime() {
  Copy present(view_);
  while (looked_at_.size() < CaptureClock::kWitnesses && Read()) looked_at_.emplace_back(view_);
  std::vector<UnixNanos> following;
  for (const Copy& next : looked_at_) following.push_back(next.view.time);
  view_ = present.view;
  copy_ = std::move(present.bytes);
  is_copy_ = true;
  view_.time = clock_.Judge(view_.time, following);
}

uint64_t CaptureReader::position() const {
  if (size_ == 0) return 0;
  if (is_plain_) return plain_->offset();
  const long at = std::ftell(pcap_file(pcap_));
  return at < 0 ? 0 : static_cast<uint64_t>(at);
}

absl::StatusOr<CaptureMerge> CaptureMerge::Open(const std::vector<std::string>& paths) {
  if (paths.size() > UINT16_MAX) {
    return absl::InvalidArgumentError(absl::StrCat(paths.size(), " captures are more than ",
                                                   UINT16_MAX, "; merge some of them first"));
  }
  AllowManyFiles();
  CaptureMerge merge;
  for (const std::string& path : paths) {
    auto reader = CaptureReader::Open(path, static_cast<uint16_t>(merge.captures_.size()));
    if (!reader.ok()) return reader.status();
    merge.captures_.push_back(*std::move(reader));
  }
  for (const auto& capture : merge.captures_) {
    if (capture->Next()) merge.waiting_.push_back(capture.get());
  }
  std::make_heap(merge.waiting_.begin(), merge.waiting_.end(), IsLater);
  return merge;
}

const pipeline::PacketView* CaptureMerge::Next() {
  if (given_ == nullptr || !given_->Next()) {
    if (waiting_.empty()) return nullptr;
    std::pop_heap(waiting_.begin(), waiting_.end(), IsLater);
    given_ = waiting_.back();
    waiting_.pop_back();
  } else if (!waiting_.empty() && IsLater(given_, waiting_.front())) {
    std::pop_heap(waiting_.begin(), waiting_.end(), IsLater);
    std::swap(given_, waiting_.back());
    std::push_heap(waiting_.begin(), waiting_.end(), IsLater);
  }
  return &given_->packet();
}

uint64_t CaptureMerge::position() const {
  uint64_t sum = 0;
  for (const auto& capture : captures_) sum += capture->position();
  return sum;
}

uint64_t CaptureMerge::size() const {
  uint64_t sum = 0;
  for (const auto& capture : captures_) {
    if (capture->size() == 0) return 0;  // one of unknown size leaves the sum unknown
    sum += capture->size();
  }
  return sum;
}

}  // namespace mailtap::app

// Reads packets from capture files, merged by time.
#ifndef MAILTAP_APP_MAILTAP_CAPTURE_READER_H_
#define MAILTAP_APP_MAILTAP_CAPTURE_READER_H_

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "app/mailtap/capture_clock.h"
#include "app/mailtap/plain_capture.h"
#include "lib/pipeline/packet_view.h"

struct pcap;

namespace mailtap::app {

// One capture: pcap or pcapng, a file or "-" for standard input.
class CaptureReader {
 public:
  // `port` goes into each packet's view. Fails, with a message that names the file, where it
  // can't be opened, is no capture, or has a link type that is not supported.
  static absl::StatusOr<std::unique_ptr<CaptureReader>> Open(const std::string& path,
                                                             uint16_t port);
  ~CaptureReader();

  // Moves to the next packet, whose time is never earlier than that of the one before; see
  // CaptureClock. False at the capture's end, or where it is damaged.
  bool Next() {
    if (!(looked_at_.empty() ? Read() : TakeLookedAt())) return false;
    if (clock_.Expects(view_.time)) {
      view_.time = clock_.Advance(view_.time);
    } else {
      JudgeTime();
    }
    // Some writers leave the original length out.
    view_.wire_length = std::max(view_.wire_length, view_.captured);
    ++packets_;
    bytes_ += view_.wire_length;
    if (view_.captured < view_.wire_length) ++snapped_;
    return true;
  }
  // The present packet; its bytes are valid until the next call of Next(), or, where they have
  // a piece, as long as somebody uses that.
  const pipeline::PacketView& packet() const { return view_; }
  CapturePiece* piece() { return is_plain_ && !is_copy_ ? plain_->piece() : nullptr; }

  const std::string& path() const { return path_; }
  uint64_t packets() const { return packets_; }
  uint64_t bytes() const { return bytes_; }
  uint64_t snapped() const { return snapped_; }  // packets captured short
  // Why reading stopped before the capture's end; empty otherwise.
  const std::string& damage() const { return damage_; }
  // What was wrong with the packets' stamps so far; empty: nothing.
  std::string clock_faults() const { return clock_.Faults(); }
  // No packet is left, or none that can be read.
  bool ended() const { return ended_ && looked_at_.empty(); }
  // Bytes of the file read so far, and its size; 0 where it is not a regular file.
  uint64_t position() const;
  uint64_t size() const { return size_; }

 private:
  // A packet whose bytes have to outlast the reading of others.
  struct Copy {
    explicit Copy(const pipeline::PacketView& packet)
        : view(packet), bytes(packet.data, packet.data + packet.captured) {
      view.data = bytes.data();
    }
    pipeline::PacketView view;
    std::vector<uint8_t> bytes;
  };

  bool Read() {
    is_copy_ = false;
    return (is_plain_ && plain_->Next(view_)) || ReadByLibpcap();
  }
  bool ReadByLibpcap();
  bool TakeLookedAt();
  void JudgeTime();

  CaptureReader(std::string path, uint16_t port) : path_(std::move(path)) { view_.port = port; }

  const std::string path_;
  pcap* pcap_ = nullptr;
  std::unique_ptr<PlainCapture> plain_;  // null where libpcap reads every record
  bool is_plain_ = false;                // so far, libpcap had to read none
  uint64_t size_ = 0;
  uint64_t packets_ = 0;
  uint64_t bytes_ = 0;
  uint64_t snapped_ = 0;
  std::string damage_;
  bool ended_ = false;
  CaptureClock clock_;
  std::deque<Copy> looked_at_;  // the packets that come next, where they were looked at already
  std::vector<uint8_t> copy_;   // the present packet's bytes, where it is a copy
  bool is_copy_ = false;
  pipeline::PacketView view_;
};

// Several captures as one stream. Of packets with the same stamp, the capture named first goes
// first.
class CaptureMerge {
 public:
  // At most 65,535. Raises the process's limit on open files.
  static absl::StatusOr<CaptureMerge> Open(const std::vector<std::string>& paths);

  // The next packet by time, or null at the end of all. Valid until the next call; its bytes
  // longer, where it has a piece (see CaptureReader).
  const pipeline::PacketView* Next();
  CapturePiece* piece() { return given_->piece(); }

  const std::vector<std::unique_ptr<CaptureReader>>& captures() const { return captures_; }
  uint64_t position() const;
  uint64_t size() const;

 private:
  CaptureMerge() = default;
  // Whether `a` gives its packet after `b` gives its own. Ports are numbered in the user's
  // order.
  static bool IsLater(const CaptureReader* a, const CaptureReader* b) {
    const pipeline::PacketView& x = a->packet();
    const pipeline::PacketView& y = b->packet();
    return x.time != y.time ? x.time > y.time : x.port > y.port;
  }

  std::vector<std::unique_ptr<CaptureReader>> captures_;
  // Whose packet was given last. It stays out of the heap: most often the next one is its too,
  // as where captures follow each other.
  CaptureReader* given_ = nullptr;
  std::vector<CaptureReader*> waiting_;  // the others with a packet to give: a heap by IsLater
};

}  // namespace mailtap::app

#endif  // MAILTAP_APP_MAILTAP_CAPTURE_READER_H_

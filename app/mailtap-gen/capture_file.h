// Writes captures: pcap with micro- or nanosecond stamps, or pcapng.
//
// draft-ietf-opsawg-pcap, draft-ietf-opsawg-pcapng.
#ifndef MAILTAP_APP_MAILTAP_GEN_CAPTURE_FILE_H_
#define MAILTAP_APP_MAILTAP_GEN_CAPTURE_FILE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "app/mailtap-gen/frame_writer.h"

namespace mailtap::gen {

enum class CaptureFormat { kPcapMicro, kPcapNano, kPcapng };

class CaptureFile final : public FrameWriter {
 public:
  // "-" is standard output. `snap_length` goes into the header. Unavailable where the file
  // can't be made.
  static absl::StatusOr<CaptureFile> Create(const std::string& path, CaptureFormat format,
                                            uint32_t snap_length);
  CaptureFile(CaptureFile&& other) noexcept;
  CaptureFile& operator=(CaptureFile&&) = delete;
  ~CaptureFile() override;

  // The latest stamp that a capture can hold, in nanoseconds since 1970, which is the earliest.
  static int64_t LastStamp(CaptureFormat format);

  // Frames that are too short for Ethernet are padded as a sender would.
  void Write(const FrameView& frame) override;
  bool failed() const override { return failed_; }
  // Flushes and closes. Unavailable where any write failed; nothing is written after the first
  // that did.
  absl::Status Close();

  uint64_t packets() const { return packets_; }
  uint64_t bytes() const { return bytes_; }  // of the file

 private:
  CaptureFile(int fd, CaptureFormat format, uint32_t snap_length);
  void WriteRecord(const FrameView& frame);
  void WriteHeader();
  void Put(const void* data, std::size_t size);
  void PutWord(uint32_t value) { Put(&value, sizeof(value)); }
  void Flush();

  int fd_;
  CaptureFormat format_;
  uint32_t snap_length_;
  std::vector<uint8_t> buffer_;
  std::size_t used_ = 0;
  uint64_t packets_ = 0;
  uint64_t bytes_ = 0;
  bool failed_ = false;
  int error_ = 0;
};

}  // namespace mailtap::gen

#endif  // MAILTAP_APP_MAILTAP_GEN_CAPTURE_FILE_H_

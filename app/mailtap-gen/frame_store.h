// The generated frames in memory, in the order of their times.
#ifndef MAILTAP_APP_MAILTAP_GEN_FRAME_STORE_H_
#define MAILTAP_APP_MAILTAP_GEN_FRAME_STORE_H_

#include <algorithm>
#include <cstdint>
#include <vector>

#include "app/mailtap-gen/frame_writer.h"

namespace mailtap::gen {

class FrameStore final : public FrameWriter {
 public:
  struct Frame {
    const uint8_t* data;
    uint32_t length;
  };

  void Write(const FrameView& frame) override {
    offsets_.push_back(bytes_.size());
    bytes_.insert(bytes_.end(), frame.data, frame.data + frame.length);
    longest_ = std::max(longest_, frame.length);
  }

  std::size_t size() const { return offsets_.size(); }
  std::size_t bytes() const { return bytes_.size(); }
  uint32_t longest() const { return longest_; }
  // Valid until the next Write().
  Frame at(std::size_t i) const {
    const std::size_t end = i + 1 < offsets_.size() ? offsets_[i + 1] : bytes_.size();
    return {bytes_.data() + offsets_[i], static_cast<uint32_t>(end - offsets_[i])};
  }

 private:
  std::vector<uint8_t> bytes_;
  std::vector<std::size_t> offsets_;
  uint32_t longest_ = 0;
};

}  // namespace mailtap::gen

#endif  // MAILTAP_APP_MAILTAP_GEN_FRAME_STORE_H_

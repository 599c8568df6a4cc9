// The last bytes of a line that comes in pieces.
#ifndef MAILTAP_LIB_CLASSIFY_LINE_TAIL_H_
#define MAILTAP_LIB_CLASSIFY_LINE_TAIL_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "absl/strings/string_view.h"

namespace mailtap::classify {

template <std::size_t kKept>
class LineTail {
 public:
  void Add(absl::string_view piece) {
    piece.remove_prefix(piece.size() - std::min(piece.size(), kKept));
    const std::size_t before = std::min<std::size_t>(length_, kKept - piece.size());
    std::memmove(bytes_, bytes_ + length_ - before, before);
    std::memcpy(bytes_ + before, piece.data(), piece.size());
    length_ = static_cast<uint8_t>(before + piece.size());
  }
  void Clear() { length_ = 0; }

  absl::string_view text() const { return {bytes_, length_}; }

 private:
  static_assert(kKept <= UINT8_MAX);

  char bytes_[kKept] = {};
  uint8_t length_ = 0;
};

}  // namespace mailtap::classify

#endif  // MAILTAP_LIB_CLASSIFY_LINE_TAIL_H_

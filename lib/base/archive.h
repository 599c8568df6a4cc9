// Plain values in one run of bytes, for this machine and this layout to read back.
#ifndef MAILTAP_LIB_BASE_ARCHIVE_H_
#define MAILTAP_LIB_BASE_ARCHIVE_H_

#include <cstdint>
#include <cstring>
#include <string>
#include <type_traits>
#include <utility>

#include "absl/strings/string_view.h"

namespace mailtap {

// One thread.
class ArchiveWriter {
 public:
  template <typename T>
  void Put(const T& value) {
    static_assert(std::is_trivially_copyable_v<T> && !std::is_pointer_v<T>);
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof(value));
  }
  void PutText(absl::string_view text) {
    Put(static_cast<uint32_t>(text.size()));
    bytes_.append(text.data(), text.size());
  }
  std::string Take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

// Never reads past the end: once something was missing, ok() is false and all that follows is
// zero or empty. One thread.
class ArchiveReader {
 public:
  // `bytes` outlives the reader.
  explicit ArchiveReader(absl::string_view bytes) : rest_(bytes) {}

  template <typename T>
  T Get() {
    static_assert(std::is_trivially_copyable_v<T> && !std::is_pointer_v<T>);
    T value{};
    const absl::string_view part = Part(sizeof(T));
    if (ok_) std::memcpy(&value, part.data(), sizeof(T));
    return value;
  }
  template <typename T>
  void Get(T& value) {
    value = Get<T>();
  }
  std::string GetText() { return std::string(Part(Get<uint32_t>())); }
  // A count of entries of which each takes at least `least` bytes; 0 where so many can't
  // follow.
  std::size_t GetCount(std::size_t least) {
    const auto count = Get<uint64_t>();
    if (count > rest_.size() / least) ok_ = false;
    return ok_ ? static_cast<std::size_t>(count) : 0;
  }
  // An index below `bound`.
  std::size_t GetIndex(std::size_t bound) {
    const auto index = Get<uint32_t>();
    if (index >= bound) ok_ = false;
    return ok_ ? index : 0;
  }
  void Fail() { ok_ = false; }
  bool ok() const { return ok_; }
  bool at_end() const { return rest_.empty(); }

 private:
  absl::string_view Part(std::size_t size) {
    if (!ok_ || size > rest_.size()) {
      ok_ = false;
      return {};
    }
    const absl::string_view part = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return part;
  }

  absl::string_view rest_;
  bool ok_ = true;
};

}  // namespace mailtap

#endif  // MAILTAP_LIB_BASE_ARCHIVE_H_

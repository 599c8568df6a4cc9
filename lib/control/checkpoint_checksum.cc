// The checksum at the end of checkpoints and open alerts.
#include <algorithm>
#include <bit>
#include <cstring>

#include "lib/control/checkpoint_format.h"

namespace mailtap::control {
namespace {

// Each step can be undone, so that no change within one word goes unseen; eight bytes a step,
// since a checkpoint may have hundreds of megabytes. The multiplier is that of MurmurHash3's
// finalizer.
uint64_t ChecksumOf(absl::string_view bytes) {
  constexpr uint64_t kOdd = 0xff51afd7ed558ccd;
  uint64_t sum = bytes.size();
  while (!bytes.empty()) {
    uint64_t word = 0;
    const std::size_t size = std::min(bytes.size(), sizeof(word));
    std::memcpy(&word, bytes.data(), size);
    bytes.remove_prefix(size);
    sum = std::rotl((sum ^ word) * kOdd, 31);
  }
  return sum;
}

}  // namespace

std::string Sealed(std::string bytes) {
  const uint64_t sum = ChecksumOf(bytes);
  bytes.append(reinterpret_cast<const char*>(&sum), sizeof(sum));
  return bytes;
}

std::optional<absl::string_view> Unsealed(absl::string_view sealed) {
  uint64_t sum = 0;
  if (sealed.size() < sizeof(sum)) return std::nullopt;
  const absl::string_view bytes = sealed.substr(0, sealed.size() - sizeof(sum));
  std::memcpy(&sum, sealed.data() + bytes.size(), sizeof(sum));
  return sum == ChecksumOf(bytes) ? std::optional(bytes) : std::nullopt;
}

}  // namespace mailtap::control

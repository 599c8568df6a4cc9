// Bytes that stand for contents: mail text, downloads, ciphertext.
#ifndef MAILTAP_APP_MAILTAP_GEN_FILL_H_
#define MAILTAP_APP_MAILTAP_GEN_FILL_H_

#include <cstdint>
#include <vector>

#include "app/mailtap-gen/plan.h"

namespace mailtap::gen {

// What `length` plain bytes measure in full TLS 1.3 records (RFC 8446, 5.2: five bytes of
// header, one of inner type and sixteen of tag for each 2^14 bytes).
uint32_t SealedLength(uint32_t length);

// Two pools of bytes that parts cut their contents from. Immutable.
class FillPool {
 public:
  FillPool();

  // Writes bytes [from, from + length) of `part` of `plan` to `out`.
  void Copy(const Plan& plan, const Part& part, uint32_t from, uint32_t length,
            uint8_t* out) const;

 private:
  void CopyRecords(const Part& part, uint32_t from, uint32_t length, uint8_t* out) const;

  // Each pool goes on for kTail bytes with its own beginning, so that a copy never wraps.
  static constexpr uint32_t kTail = 1 << 16;
  static constexpr uint32_t kLines = 8'000;
  static constexpr uint32_t kRandomBytes = 1 << 19;
  std::vector<uint8_t> lines_;
  std::vector<uint8_t> random_;
};

}  // namespace mailtap::gen

#endif  // MAILTAP_APP_MAILTAP_GEN_FILL_H_

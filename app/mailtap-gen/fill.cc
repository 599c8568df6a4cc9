#include "app/mailtap-gen/fill.h"

#include <algorithm>
#include <cstring>

#include "app/mailtap-gen/random.h"
#include "app/mailtap-gen/wire.h"

namespace mailtap::gen {
namespace {

constexpr uint32_t kRecordPlain = 1 << 14;
constexpr uint32_t kRecordHeader = 5;
constexpr uint32_t kRecordOverhead = kRecordHeader + 1 + 16;
constexpr uint32_t kRecordFull = kRecordPlain + kRecordOverhead;

}  // namespace

uint32_t SealedLength(uint32_t length) {
  return length + (length + kRecordPlain - 1) / kRecordPlain * kRecordOverhead;
}

FillPool::FillPool() : lines_(kLines * kLineBytes + kTail), random_(kRandomBytes + kTail) {
  constexpr char kBase64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  Random chance(1);  // contents are the same for all seeds; where a part starts is not
  for (std::size_t i = 0; i < lines_.size(); ++i) {
    const std::size_t column = i % (kLines * kLineBytes) % kLineBytes;
    lines_[i] = column == kLineBytes - 2   ? '\r'
                : column == kLineBytes - 1 ? '\n'
                                           : static_cast<uint8_t>(kBase64[chance.Below(64)]);
  }
  std::memcpy(lines_.data() + kLines * kLineBytes, lines_.data(), kTail);
  for (uint32_t i = 0; i < kRandomBytes; i += 8) {
    const uint64_t word = chance.Next();
    std::memcpy(random_.data() + i, &word, 8);
  }
  std::memcpy(random_.data() + kRandomBytes, random_.data(), kTail);
}

void FillPool::Copy(const Plan& plan, const Part& part, uint32_t from, uint32_t length,
                    uint8_t* out) const {
  switch (part.fill) {
    case Fill::kText:
      std::memcpy(out, plan.text.data() + part.offset + from, length);
      break;
    case Fill::kLines: {
      const uint64_t start = uint64_t{part.offset % kLines} * kLineBytes + from;
      std::memcpy(out, lines_.data() + start % (kLines * kLineBytes), length);
      break;
    }
    case Fill::kRandom:
      std::memcpy(out, random_.data() + (part.offset + from) % kRandomBytes, length);
      break;
    case Fill::kRecords:
      CopyRecords(part, from, length, out);
      break;
  }
}

void FillPool::CopyRecords(const Part& part, uint32_t from, uint32_t length,
                           uint8_t* out) const {
  std::memcpy(out, random_.data() + (part.offset + from) % kRandomBytes, length);
  for (uint32_t start = from / kRecordFull * kRecordFull; start < from + length;
       start += kRecordFull) {
    uint8_t header[kRecordHeader] = {23, 3, 3};
    Put16(header + 3, std::min(kRecordFull, part.length - start) - kRecordHeader);
    for (uint32_t i = 0; i < kRecordHeader; ++i) {
      if (start + i >= from && start + i < from + length) out[start + i - from] = header[i];
    }
  }
}

}  // namespace mailtap::gen

// What travels from a worker to the control core.
#ifndef MAILTAP_LIB_EXCHANGE_MESSAGES_H_
#define MAILTAP_LIB_EXCHANGE_MESSAGES_H_

#include <cstdint>

#include "lib/meter/records.h"

namespace mailtap::exchange {

// Closes a worker's tick: every record of ticks up to and including `tick` went before it.
struct TickRecord {
  int64_t tick = 0;       // see TickOf()
  uint32_t sessions = 0;  // established mail sessions alive at its end
  uint32_t reserved = 0;
};

enum class Kind : uint32_t {
  kPadding,
  kDelta,
  kName,
  kAnswer,
  kSession,
  kEncap,
  kSample,
  kTick
};

template <typename Record>
struct KindOf;
template <>
struct KindOf<meter::DeltaRecord> {
  static constexpr Kind value = Kind::kDelta;
};
template <>
struct KindOf<meter::NameRecord> {
  static constexpr Kind value = Kind::kName;
};
template <>
struct KindOf<meter::AnswerRecord> {
  static constexpr Kind value = Kind::kAnswer;
};
template <>
struct KindOf<meter::SessionRecord> {
  static constexpr Kind value = Kind::kSession;
};
template <>
struct KindOf<meter::EncapRecord> {
  static constexpr Kind value = Kind::kEncap;
};
template <>
struct KindOf<meter::SampleRecord> {
  static constexpr Kind value = Kind::kSample;
};
template <>
struct KindOf<TickRecord> {
  static constexpr Kind value = Kind::kTick;
};

}  // namespace mailtap::exchange

#endif  // MAILTAP_LIB_EXCHANGE_MESSAGES_H_

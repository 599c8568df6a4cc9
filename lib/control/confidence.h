// How well the capture shows the mail that is in it.
#ifndef MAILTAP_LIB_CONTROL_CONFIDENCE_H_
#define MAILTAP_LIB_CONTROL_CONFIDENCE_H_

#include <bit>
#include <cstdint>

namespace mailtap::control {

// Each between 0 and 1.
struct Confidence {
  double loss_ratio = 0;       // inferred / (observed + inferred)
  double repeat_ratio = 0;     // repeated / (observed + repeated)
  double duplicate_ratio = 0;  // duplicate / (observed + repeated); part of the repeats
  double one_way_ratio = 0;    // volume seen in one direction only / volume
};

constexpr double Share(uint64_t part, uint64_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

// Bytes of mail, both directions, as the ratios need them.
struct Sight {
  uint64_t volume = 0;  // observed + inferred
  uint64_t inferred = 0;
  uint64_t repeated = 0;
  uint64_t duplicate = 0;
  uint64_t followed = 0;  // volume of conversations whose directions are told apart
  uint64_t one_way = 0;   // of this, seen in one direction only

  Sight& operator+=(const Sight& o) {
    volume += o.volume;
    inferred += o.inferred;
    repeated += o.repeated;
    duplicate += o.duplicate;
    followed += o.followed;
    one_way += o.one_way;
    return *this;
  }
  // What has come since `before`, an earlier state of the same.
  Sight Since(const Sight& before) const {
    return {volume - before.volume,     inferred - before.inferred,
            repeated - before.repeated, duplicate - before.duplicate,
            followed - before.followed, one_way - before.one_way};
  }
  Confidence confidence() const {
    const uint64_t seen = volume - inferred + repeated;
    return {Share(inferred, volume), Share(repeated, seen), Share(duplicate, seen),
            Share(one_way, followed)};
  }
};

// How much of a conversation's `volume` is seen in one direction only. `seen` has a bit for
// each direction that any packet went lately: with a single one that is all. With both it is
// what sessions were that lack a direction (see DeltaRecord::one_way).
constexpr uint64_t OneWay(uint8_t seen, uint64_t volume, uint64_t of_sessions) {
  return std::has_single_bit(seen) ? volume : of_sessions;
}

// A host's sight, lately: over the period of [metrics] capture_window that is under way and the
// one before it. Costs nothing while the host is idle.
class RecentSight {
 public:
  // Periods must not fall.
  void Add(int64_t period, const Sight& sight) {
    if (period != period_) {
      before_ = period == period_ + 1 ? now_ : Sight{};
      now_ = {};
      period_ = period;
    }
    now_ += sight;
  }
  Sight At(int64_t period) const {
    if (period > period_ + 1) return {};
    Sight sum = now_;
    if (period == period_) sum += before_;
    return sum;
  }

 private:
  int64_t period_ = 0;
  Sight now_;
  Sight before_;
};

}  // namespace mailtap::control

#endif  // MAILTAP_LIB_CONTROL_CONFIDENCE_H_

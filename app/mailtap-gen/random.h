// The generator's only source of chance: the same seed gives the same capture on every machine,
// which the standard library's distributions do not promise.
#ifndef MAILTAP_APP_MAILTAP_GEN_RANDOM_H_
#define MAILTAP_APP_MAILTAP_GEN_RANDOM_H_

#include <cstddef>
#include <cstdint>
#include <initializer_list>

namespace mailtap::gen {

// SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014).
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}

  uint64_t Next() {
    uint64_t z = (state_ += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  // 0 .. bound - 1; `bound` is not 0.
  uint32_t Below(uint32_t bound) {
    return static_cast<uint32_t>((Next() >> 32) * uint64_t{bound} >> 32);
  }
  // low .. high, both included.
  uint32_t Between(uint32_t low, uint32_t high) { return low + Below(high - low + 1); }
  // 0 up to, but not including, 100.
  double Percentile() { return static_cast<double>(Next() >> 11) * 0x1p-53 * 100.0; }
  // True in `percent` of 100 cases.
  bool Chance(double percent) { return Percentile() < percent; }
  // Spread evenly over the orders of magnitude between `low` (not 0) and `high`.
  uint32_t Magnitude(uint32_t low, uint32_t high) {
    uint32_t top = low;
    int doublings = 0;
    while (top < high / 2) {
      top *= 2;
      ++doublings;
    }
    const uint32_t start = low << Below(static_cast<uint32_t>(doublings) + 1);
    return Between(start, start < high / 2 ? start * 2 : high);
  }

 private:
  uint64_t state_;
};

// The index of one of `weights`, as likely as its weight.
inline std::size_t Pick(Random& random, std::initializer_list<uint32_t> weights) {
  uint32_t sum = 0;
  for (uint32_t w : weights) sum += w;
  uint32_t at = random.Below(sum);
  std::size_t index = 0;
  for (uint32_t w : weights) {
    if (at < w) break;
    at -= w;
    ++index;
  }
  return index;
}

}  // namespace mailtap::gen

#endif  // MAILTAP_APP_MAILTAP_GEN_RANDOM_H_

// The middle of some values and how far they lie from it, neither of which follows a spike.
#ifndef MAILTAP_LIB_CONTROL_MEDIAN_H_
#define MAILTAP_LIB_CONTROL_MEDIAN_H_

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

namespace mailtap::control {

struct Spread {
  double median = 0;
  double deviation = 0;  // 1.4826 * the median absolute deviation from it
};

// Of an even number of values the mean of the two in the middle. Reorders them; not empty.
inline double Median(std::vector<double>& values) {
  const std::size_t half = values.size() / 2;
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(half),
                   values.end());
  const double upper = values[half];
  if (values.size() % 2 == 1) return upper;
  const double lower =
      *std::max_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(half));
  return (lower + upper) / 2;
}

// `values` must not be empty. Any thread, as above.
inline Spread SpreadOf(std::vector<double> values) {
  // Makes the median absolute deviation of normal values their standard deviation.
  constexpr double kNormal = 1.4826;
  Spread spread;
  spread.median = Median(values);
  for (double& value : values) value = std::abs(value - spread.median);
  spread.deviation = kNormal * Median(values);
  return spread;
}

}  // namespace mailtap::control

#endif  // MAILTAP_LIB_CONTROL_MEDIAN_H_

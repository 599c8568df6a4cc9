// Keeping tables within their bounds.
#ifndef MAILTAP_LIB_CONTROL_TRIM_H_
#define MAILTAP_LIB_CONTROL_TRIM_H_

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

namespace mailtap::control {

// How many to take out of a table of `size`: none up to `bound`, and then an eighth of the
// bound more than need be, so that the search for the oldest is rare.
inline std::size_t Excess(std::size_t size, std::size_t bound) {
  return size <= bound ? 0 : size - (bound - bound / 8);
}

// Takes out the excess of `map`: the entries with the smallest age_of(value), of equals the
// smaller key. Returns how many.
template <typename Map, typename AgeOf>
std::size_t TrimMap(Map& map, std::size_t bound, AgeOf&& age_of) {
  const std::size_t excess = Excess(map.size(), bound);
  if (excess == 0) return 0;
  using Age = decltype(age_of(map.begin()->second));
  std::vector<std::pair<Age, typename Map::key_type>> ages;
  ages.reserve(map.size());
  for (const auto& [key, value] : map) ages.emplace_back(age_of(value), key);
  std::nth_element(ages.begin(), ages.begin() + (excess - 1), ages.end());
  for (std::size_t i = 0; i < excess; ++i) map.erase(ages[i].second);
  return excess;
}

}  // namespace mailtap::control

#endif  // MAILTAP_LIB_CONTROL_TRIM_H_

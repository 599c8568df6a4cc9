// Tables whose entries have dense numbers that are used again.
#ifndef MAILTAP_LIB_CONTROL_PLACES_H_
#define MAILTAP_LIB_CONTROL_PLACES_H_

#include <cstdint>
#include <memory>
#include <vector>

namespace mailtap::control {

// A place of `table` with an entry as new: the last of `free`, which the caller fills with what
// it gives up, else one more at the end.
template <typename Table>
uint32_t TakePlace(Table& table, std::vector<uint32_t>& free) {
  if (free.empty()) {
    table.emplace_back();
    return static_cast<uint32_t>(table.size() - 1);
  }
  const uint32_t place = free.back();
  free.pop_back();
  std::destroy_at(&table[place]);
  std::construct_at(&table[place]);
  return place;
}

}  // namespace mailtap::control

#endif  // MAILTAP_LIB_CONTROL_PLACES_H_

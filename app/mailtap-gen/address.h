// IP addresses, as the generator puts them on the wire.
#ifndef MAILTAP_APP_MAILTAP_GEN_ADDRESS_H_
#define MAILTAP_APP_MAILTAP_GEN_ADDRESS_H_

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>

namespace mailtap::gen {

struct Address {
  bool v6 = false;
  std::array<uint8_t, 16> bytes = {};  // network order; IPv4 uses the first four

  friend auto operator<=>(const Address&, const Address&) = default;
};

Address V4(uint8_t a, uint8_t b, uint8_t c, uint8_t d);
// `high` and `low` are the address's halves as numbers.
Address V6(uint64_t high, uint64_t low);
// The address `offset` after `first` in numeric order.
Address Plus(Address first, uint32_t offset);

std::string ToString(const Address& address);
// Nothing where `text` is not one address.
std::optional<Address> ParseAddress(const std::string& text);

}  // namespace mailtap::gen

#endif  // MAILTAP_APP_MAILTAP_GEN_ADDRESS_H_

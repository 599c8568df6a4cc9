#include "app/mailtap-gen/address.h"

#include <arpa/inet.h>

namespace mailtap::gen {

Address V4(uint8_t a, uint8_t b, uint8_t c, uint8_t d) {
  Address address;
  address.bytes = {a, b, c, d};
  return address;
}

Address V6(uint64_t high, uint64_t low) {
  Address address;
  address.v6 = true;
  for (std::size_t i = 0; i < 8; ++i) {
    address.bytes[i] = static_cast<uint8_t>(high >> (56 - 8 * i));
    address.bytes[8 + i] = static_cast<uint8_t>(low >> (56 - 8 * i));
  }
  return address;
}

Address Plus(Address first, uint32_t offset) {
  uint64_t carry = offset;
  for (int i = first.v6 ? 15 : 3; i >= 0 && carry != 0; --i) {
    uint8_t& byte = first.bytes[static_cast<std::size_t>(i)];
    carry += byte;
    byte = static_cast<uint8_t>(carry);
    carry >>= 8;
  }
  return first;
}

std::string ToString(const Address& address) {
  char text[INET6_ADDRSTRLEN];
  inet_ntop(address.v6 ? AF_INET6 : AF_INET, address.bytes.data(), text, sizeof(text));
  return text;
}

std::optional<Address> ParseAddress(const std::string& text) {
  Address address;
  if (inet_pton(AF_INET, text.c_str(), address.bytes.data()) == 1) return address;
  address.v6 = true;
  if (inet_pton(AF_INET6, text.c_str(), address.bytes.data()) == 1) return address;
  return std::nullopt;
}

}  // namespace mailtap::gen

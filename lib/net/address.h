// IP addresses and prefixes.
#ifndef MAILTAP_LIB_NET_ADDRESS_H_
#define MAILTAP_LIB_NET_ADDRESS_H_

#include <bit>
#include <compare>
#include <cstdint>
#include <cstring>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace mailtap::net {

// An IPv4 or IPv6 address: 16 bytes in network order, IPv4 in the mapped form ::ffff:a.b.c.d
// (RFC 4291, 2.5.5.2). Trivially copyable, so it may stand in records that cross threads.
// Ordered as numbers: every IPv4 address compares below global IPv6 ones.
struct IpAddress {
  uint8_t bytes[16] = {};

  // From four bytes in network order.
  static IpAddress FromV4(const uint8_t* network_order) {
    IpAddress address;
    address.bytes[10] = address.bytes[11] = 0xff;
    std::memcpy(address.bytes + 12, network_order, 4);
    return address;
  }
  // From sixteen bytes in network order.
  static IpAddress FromV6(const uint8_t* network_order) {
    IpAddress address;
    std::memcpy(address.bytes, network_order, 16);
    return address;
  }

  bool is_v4() const {
    static constexpr uint8_t kMapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    return std::memcmp(bytes, kMapped, sizeof(kMapped)) == 0;
  }
  // The two halves as they lie in memory; for hashing and equality, not for arithmetic.
  uint64_t raw_high() const { return std::bit_cast<Halves>(*this).first; }
  uint64_t raw_low() const { return std::bit_cast<Halves>(*this).second; }

  friend bool operator==(const IpAddress& a, const IpAddress& b) {
    return a.raw_low() == b.raw_low() && a.raw_high() == b.raw_high();
  }
  friend std::strong_ordering operator<=>(const IpAddress& a, const IpAddress& b) {
    return std::memcmp(a.bytes, b.bytes, sizeof(a.bytes)) <=> 0;
  }
  template <typename H>
  friend H AbslHashValue(H h, const IpAddress& a) {
    return H::combine(std::move(h), a.raw_high(), a.raw_low());
  }

 private:
  struct Halves {
    uint64_t first, second;
  };
};
static_assert(sizeof(IpAddress) == 16);

// "192.0.2.1", "2001:db8::1" (RFC 5952 form for IPv6).
std::string ToString(const IpAddress& address);
// InvalidArgument where `text` is not one address; no names, no zones, no ports.
absl::StatusOr<IpAddress> ParseAddress(absl::string_view text);

// A network: an address whose bits past `length` are zero. `length` counts in the 128-bit form,
// so 10.0.0.0/8 has length 104.
struct Prefix {
  IpAddress address;
  uint8_t length = 128;

  bool Contains(const IpAddress& other) const;

  friend bool operator==(const Prefix&, const Prefix&) = default;
  friend auto operator<=>(const Prefix&, const Prefix&) = default;
};

// `address` with all bits past `length` (0..128) cleared.
IpAddress Masked(const IpAddress& address, int length);

// Whether it holds every IPv4 address (0.0.0.0/0), or every address (::/0).
bool CoversFamily(const Prefix& prefix);

// "10.0.0.0/8", "2001:db8::/32"; a single address prints without its length.
std::string ToString(const Prefix& prefix);
// A prefix or a single address. IPv4 may be in the mapped form (::ffff:10.0.0.0/104).
// InvalidArgument says what is wrong; set host bits are an error (10.1.2.3/8), since they mean
// that the writer meant something else.
absl::StatusOr<Prefix> ParsePrefix(absl::string_view text);

}  // namespace mailtap::net

#endif  // MAILTAP_LIB_NET_ADDRESS_H_

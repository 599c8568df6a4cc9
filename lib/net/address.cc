#include "lib/net/address.h"

#include <arpa/inet.h>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "lib/base/quoted.h"

namespace mailtap::net {
namespace {

constexpr int kV4Offset = 96;  // a v4 prefix's length in the mapped form is this much longer

}  // namespace

std::string ToString(const IpAddress& address) {
  char text[INET6_ADDRSTRLEN];
  const bool v4 = address.is_v4();
  inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? address.bytes + 12 : address.bytes, text,
            sizeof(text));
  return text;
}

absl::StatusOr<IpAddress> ParseAddress(absl::string_view text) {
  const std::string terminated(text);
  // inet_pton would read no further than a NUL inside.
  const bool whole = terminated.find('\0') == std::string::npos;
  uint8_t raw[16];
  if (whole && inet_pton(AF_INET, terminated.c_str(), raw) == 1) return IpAddress::FromV4(raw);
  if (whole && inet_pton(AF_INET6, terminated.c_str(), raw) == 1) return IpAddress::FromV6(raw);
  return absl::InvalidArgumentError(absl::StrCat(Quoted(text), " is not an IP address"));
}

IpAddress Masked(const IpAddress& address, int length) {
  IpAddress out = address;
  for (int i = 0; i < 16; ++i) {
    const int kept = length - i * 8;
    if (kept >= 8) continue;
    out.bytes[i] &= kept <= 0 ? 0 : static_cast<uint8_t>(0xff << (8 - kept));
  }
  return out;
}

bool Prefix::Contains(const IpAddress& other) const { return Masked(other, length) == address; }

bool CoversFamily(const Prefix& prefix) {
  return prefix.length == 0 || (prefix.length == kV4Offset && prefix.address.is_v4());
}

std::string ToString(const Prefix& prefix) {
  if (prefix.length == 128) return ToString(prefix.address);
  const bool v4 = prefix.address.is_v4() && prefix.length >= kV4Offset;
  return absl::StrCat(ToString(prefix.address), "/", prefix.length - (v4 ? kV4Offset : 0));
}

absl::StatusOr<Prefix> ParsePrefix(absl::string_view text) {
  const size_t slash = text.find('/');
  auto address = ParseAddress(text.substr(0, slash));
  if (!address.ok()) return address.status();
  if (slash == absl::string_view::npos) return Prefix{*address, 128};

  // The mapped form counts all 128 bits, as everywhere else.
  const bool mapped = address->is_v4() && text.find(':') != text.npos;
  const int bits = address->is_v4() && !mapped ? 32 : 128;
  const int least = mapped ? kV4Offset : 0;
  const absl::string_view digits = text.substr(slash + 1);
  int length = 0;
  if (digits.empty() || digits.find_first_not_of("0123456789") != digits.npos ||
      !absl::SimpleAtoi(digits, &length) || length > bits || length < least) {
    return absl::InvalidArgumentError(
        absl::StrCat(Quoted(text), " ", mapped ? "is an IPv4 network in IPv6's form and " : "",
                     "needs a prefix length from ", least, " to ", bits));
  }
  if (bits == 32) length += kV4Offset;
  const Prefix prefix{Masked(*address, length), static_cast<uint8_t>(length)};
  if (prefix.address != *address) {
    return absl::InvalidArgumentError(
        absl::StrCat(Quoted(text), " has bits set past its prefix length; did you mean ",
                     ToString(prefix), "?"));
  }
  return prefix;
}

}  // namespace mailtap::net

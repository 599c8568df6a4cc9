// Answers of the Domain Name System: which names lead to which addresses (RFC 1035, 4; RFC
// 3596). A pure function on bytes: no state, no allocation.
#ifndef MAILTAP_LIB_NET_DNS_H_
#define MAILTAP_LIB_NET_DNS_H_

#include <cstdint>

#include "absl/strings/string_view.h"
#include "lib/net/address.h"

namespace mailtap::net {

inline constexpr uint16_t kDnsPort = 53;

// What a response says of its one question. Only the first `name_count` and `address_count`
// places mean anything.
struct DnsAnswer {
  // The question's and those that its aliases led to; of more, the first ones and the last.
  static constexpr int kMaxNames = 8;
  static constexpr int kMaxAddresses = 32;  // more are passed over
  static constexpr int kMaxLength = 253;    // of a name as text (RFC 1035, 2.3.4)

  // Leads to all addresses. Lower case, without the root's dot: letters, digits, hyphens,
  // underscores and dots.
  struct Name {
    char text[kMaxLength];
    uint8_t length;
    // Seconds for which the name may be taken to lead there: the least of all records between
    // them. At most kLongestTtl.
    uint32_t ttl;

    absl::string_view view() const { return {text, length}; }
  };
  static constexpr uint32_t kLongestTtl = 7 * 86'400;

  Name names[kMaxNames];
  IpAddress addresses[kMaxAddresses];
  int name_count = 0;
  int address_count = 0;
};

enum class DnsResult : uint8_t {
  kAnswer,     // `answer` holds at least one name and one address
  kNoAnswer,   // a query, an error, another type of record, or a name that no host has
  kMalformed,  // not a message of the DNS
};

// Reads a message of `size` bytes, without the length that goes before it over TCP. Of one that
// is cut short, the records that are whole count. Aliases (CNAME) are followed in the order in
// which they stand, as RFC 1034, 4.3.2 gives it; the addresses may stand before or behind them.
// Takes time in proportion to `size`; reads nothing outside.
DnsResult ReadDnsAnswer(const uint8_t* message, uint32_t size, DnsAnswer& answer);

}  // namespace mailtap::net

#endif  // MAILTAP_LIB_NET_DNS_H_

// Messages of the DNS for tests, as they lie on the wire (RFC 1035, 4).
#ifndef MAILTAP_TESTS_UNIT_NET_DNS_MESSAGE_H_
#define MAILTAP_TESTS_UNIT_NET_DNS_MESSAGE_H_

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "lib/net/address.h"

namespace mailtap::net {

// A resource record. The data of an alias (type 5) is a name, of an address (1, 28) its text.
struct DnsRecord {
  std::string owner;
  uint16_t type = 1;
  uint32_t ttl = 300;
  std::string data;
  uint16_t dns_class = 1;
};

inline std::string DnsNumber(uint32_t value, int bytes) {
  std::string out;
  while (bytes-- > 0) out += static_cast<char>(value >> (8 * bytes));
  return out;
}

// Labels behind their lengths, without compression.
inline std::string DnsName(const std::string& name) {
  std::string out;
  for (std::size_t at = 0; at < name.size();) {
    const std::size_t dot = std::min(name.find('.', at), name.size());
    out += static_cast<char>(dot - at);
    out += name.substr(at, dot - at);
    at = dot + 1;
  }
  return out + '\0';
}

inline std::string DnsAddress(const std::string& text) {
  const IpAddress address = ParseAddress(text).value();
  const auto* bytes = reinterpret_cast<const char*>(address.bytes);
  return address.is_v4() ? std::string(bytes + 12, 4) : std::string(bytes, 16);
}

// A response to the question for `name`. An owner that is the question's name, letter by
// letter, is written as a pointer to it.
struct DnsMessage {
  std::string name = "mail.example.com";
  uint16_t type = 1;
  uint16_t flags = 0x8180;
  std::vector<DnsRecord> records;
  uint16_t questions = 1;

  std::string Bytes() const {
    std::string out = DnsNumber(0x1234, 2) + DnsNumber(flags, 2) + DnsNumber(questions, 2) +
                      DnsNumber(static_cast<uint32_t>(records.size()), 2) + DnsNumber(0, 4);
    out += DnsName(name) + DnsNumber(type, 2) + DnsNumber(1, 2);
    for (const DnsRecord& record : records) {
      out += record.owner == name ? DnsNumber(0xc00c, 2) : DnsName(record.owner);
      std::string data = record.data;
      if (record.type == 5) data = DnsName(record.data);
      if (record.type == 1 || record.type == 28) data = DnsAddress(record.data);
      out += DnsNumber(record.type, 2) + DnsNumber(record.dns_class, 2) +
             DnsNumber(record.ttl, 4) + DnsNumber(static_cast<uint32_t>(data.size()), 2) + data;
    }
    return out;
  }
};

// Behind its length, as over TCP.
inline std::string OverTcp(const std::string& message) {
  return DnsNumber(static_cast<uint32_t>(message.size()), 2) + message;
}

}  // namespace mailtap::net

#endif  // MAILTAP_TESTS_UNIT_NET_DNS_MESSAGE_H_

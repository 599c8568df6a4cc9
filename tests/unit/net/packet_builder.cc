#include "tests/unit/net/packet_builder.h"

namespace mailtap::net {
namespace {

void Put16(Bytes& out, uint32_t value) {
  out.push_back(static_cast<uint8_t>(value >> 8));
  out.push_back(static_cast<uint8_t>(value));
}

void Put32(Bytes& out, uint32_t value) {
  Put16(out, value >> 16);
  Put16(out, value & 0xffff);
}

void PutAddress(Bytes& out, const std::string& text, int first) {
  const IpAddress address = *ParseAddress(text);
  out.insert(out.end(), address.bytes + first, address.bytes + 16);
}

}  // namespace

Bytes Join(Bytes head, const Bytes& tail) {
  head.insert(head.end(), tail.begin(), tail.end());
  return head;
}

Bytes Tcp(const TcpFields& fields, const std::string& payload) {
  Bytes out;
  Put16(out, fields.source_port);
  Put16(out, fields.destination_port);
  Put32(out, fields.seq);
  Put32(out, fields.ack);
  const auto words = static_cast<uint8_t>(5 + fields.options.size() / 4);
  out.push_back(static_cast<uint8_t>(fields.header_words.value_or(words) << 4));
  out.push_back(fields.flags);
  Put16(out, 65'535);  // window
  Put32(out, 0);       // checksum, urgent pointer
  return Join(Join(out, fields.options), Bytes(payload.begin(), payload.end()));
}

Bytes Ipv4(const Ipv4Fields& fields, const Bytes& payload) {
  const std::size_t header = 20 + fields.options.size();
  Bytes out;
  out.push_back(fields.first_byte.value_or(static_cast<uint8_t>(0x40 | header / 4)));
  out.push_back(0);
  const auto total = static_cast<uint16_t>(header + payload.size());
  Put16(out, fields.total_length.value_or(total));
  Put16(out, 0x1234);  // identification
  Put16(out, fields.fragment);
  out.push_back(64);  // time to live
  out.push_back(fields.protocol);
  Put16(out, 0);  // checksum
  PutAddress(out, fields.source, 12);
  PutAddress(out, fields.destination, 12);
  return Join(Join(out, fields.options), payload);
}

Bytes Ipv6(const Ipv6Fields& fields, const Bytes& payload) {
  Bytes out = {fields.first_byte, 0, 0, 0};
  Put16(out, fields.payload_length.value_or(static_cast<uint16_t>(payload.size())));
  out.push_back(fields.next_header);
  out.push_back(64);  // hop limit
  PutAddress(out, fields.source, 0);
  PutAddress(out, fields.destination, 0);
  return Join(out, payload);
}

Bytes Extension(uint8_t next_header, uint8_t units, const Bytes& payload) {
  Bytes out((units + 1u) * 8, 0);
  out[0] = next_header;
  out[1] = units;
  return Join(out, payload);
}

Bytes FragmentHeader(uint8_t next_header, uint16_t offset_and_more, const Bytes& payload) {
  Bytes out = {next_header, 0};
  Put16(out, offset_and_more);
  Put32(out, 0xabcd1234);  // identification
  return Join(out, payload);
}

Bytes Vlan(uint16_t tci, uint16_t type, const Bytes& payload) {
  Bytes out;
  Put16(out, tci);
  Put16(out, type);
  return Join(out, payload);
}

Bytes Ethernet(uint16_t type, const Bytes& payload) {
  Bytes out = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2};
  Put16(out, type);
  return Join(out, payload);
}

}  // namespace mailtap::net

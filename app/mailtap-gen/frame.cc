#include "app/mailtap-gen/frame.h"

#include <algorithm>
#include <cstring>

#include "app/mailtap-gen/wire.h"

namespace mailtap::gen {
namespace {

constexpr uint8_t kIcmpProtocol = 1;
constexpr uint8_t kIcmpv6Protocol = 58;
constexpr uint32_t kTimestampBytes = 12;  // the option and two fillers
constexpr uint8_t kTimeToLive = 61;
constexpr uint8_t kWindowScale = 7;

uint32_t IpBytes(bool v6) { return v6 ? 40 : 20; }

void PutTimestamps(Endpoint& sender, const Endpoint& receiver, uint64_t time_ns, bool first,
                   uint8_t* at) {
  const auto ms = static_cast<uint32_t>(time_ns / 1'000'000);
  const uint8_t head[4] = {1, 1, 8, 10};
  std::memcpy(at, head, 4);
  sender.stamp = sender.stamp_base + ms;
  Put32(at + 4, sender.stamp);
  Put32(at + 8, first ? 0 : receiver.stamp);
}

// Writes the TCP header and returns its length.
uint32_t WriteTcp(Addressing& flow, const Step& step, uint64_t time_ns, uint8_t* out) {
  Endpoint& sender = flow.ends[Index(step.side)];
  const Endpoint& receiver = flow.ends[Index(Other(step.side))];
  const bool syn = (step.flags & kSyn) != 0;
  const bool ack = (step.flags & kAck) != 0;
  Put16(out, sender.port);
  Put16(out + 2, receiver.port);
  Put32(out + 4, sender.seq - (step.probe ? 1 : 0));
  Put32(out + 8, ack ? receiver.seq : 0);
  out[13] = step.flags;
  Put16(out + 14, syn ? 64'240 : 502);
  std::memset(out + 16, 0, 4);
  uint32_t length = 20;
  if (syn) {
    const uint8_t options[8] = {2, 4, 0, 0, 1, 3, 3, kWindowScale};
    std::memcpy(out + length, options, 8);
    Put16(out + length + 2, flow.mss);
    length += 8;
  }
  if (flow.timestamps) {
    PutTimestamps(sender, receiver, time_ns, !ack, out + length);
    length += kTimestampBytes;
  }
  out[12] = static_cast<uint8_t>(length / 4 << 4);
  return length;
}

uint32_t WriteUdp(const Addressing& flow, const Step& step, uint8_t* out) {
  constexpr uint32_t kUdpBytes = 8;
  Put16(out, flow.ends[Index(step.side)].port);
  Put16(out + 2, flow.ends[Index(Other(step.side))].port);
  Put16(out + 4, step.length + kUdpBytes);
  Put16(out + 6, 0);
  return kUdpBytes;
}

// An echo request, or its answer (RFC 792; RFC 4443, 4).
uint32_t WriteIcmp(const Addressing& flow, const Step& step, bool v6, uint8_t* out) {
  const bool request = step.side == Side::kClient;
  out[0] = v6 ? (request ? 128 : 129) : (request ? 8 : 0);
  out[1] = 0;
  Put16(out + 2, 0);
  Put16(out + 4, flow.icmp_id);
  Put16(out + 6, flow.ends[Index(step.side)].seq);
  return 8;
}

// Gathers the step's payload from the parts that it spans.
void CopyPayload(const FillPool& pool, const Plan& plan, const Step& step, uint8_t* out) {
  uint32_t part = step.part, from = step.from, left = step.length;
  while (left != 0) {
    const uint32_t take = std::min(left, plan.parts[part].length - from);
    pool.Copy(plan, plan.parts[part], from, take, out);
    out += take;
    left -= take;
    from = 0;
    ++part;
  }
}

}  // namespace

uint32_t HeaderBytes(bool v6, Transport transport, bool timestamps) {
  uint32_t bytes = kEthernetBytes + IpBytes(v6);
  if (transport == Transport::kTcp) return bytes + 20 + (timestamps ? kTimestampBytes : 0);
  return bytes + 8;
}

uint32_t WriteFrame(const FillPool& pool, const Plan& plan, const Step& step, uint64_t time_ns,
                    Addressing& flow, uint8_t* out) {
  Endpoint& sender = flow.ends[Index(step.side)];
  const Endpoint& receiver = flow.ends[Index(Other(step.side))];
  const bool v6 = sender.address.v6;
  uint8_t* ip =
      out + WriteEthernet(sender.address, receiver.address, v6 ? kIpv6Type : kIpv4Type, out);
  uint8_t* transport = ip + IpBytes(v6);
  uint32_t header = 0;
  uint8_t protocol = kTcpProtocol;
  uint32_t checksum_at = 16;
  if (plan.transport == Transport::kTcp) {
    header = WriteTcp(flow, step, time_ns, transport);
    // A SYN that nobody answers is sent again as it was.
    const bool advances = plan.ending != Ending::kSilent;
    if (!step.probe)
      sender.seq += step.length + (advances && (step.flags & (kSyn | kFin)) != 0 ? 1 : 0);
  } else if (plan.transport == Transport::kUdp) {
    header = WriteUdp(flow, step, transport);
    protocol = kUdpProtocol;
    checksum_at = 6;
  } else {
    header = WriteIcmp(flow, step, v6, transport);
    protocol = v6 ? kIcmpv6Protocol : kIcmpProtocol;
    checksum_at = 2;
    ++sender.seq;
  }
  if (step.probe) {
    std::memset(transport + header, 0, step.length);
  } else {
    CopyPayload(pool, plan, step, transport + header);
  }
  const uint32_t length = header + step.length;
  WriteIp(sender.address, receiver.address, protocol, length, sender.ip_id++,
          !flow.may_fragment, ip);
  StoreTransportChecksum(sender.address, receiver.address, protocol, transport, length,
                         transport + checksum_at);
  return kEthernetBytes + IpBytes(v6) + length;
}

uint32_t WriteEthernet(const Address& from, const Address& to, uint32_t type, uint8_t* out) {
  // A locally administered address that tells its host: 02:04 and an IPv4 address, or 02:06 and
  // what the words of an IPv6 address make together.
  const auto put = [](const Address& address, uint8_t* at) {
    at[0] = 2;
    at[1] = address.v6 ? 6 : 4;
    if (!address.v6) {
      std::memcpy(at + 2, address.bytes.data(), 4);
      return;
    }
    uint32_t mixed = 0;
    for (int i = 0; i < 16; i += 4)
      mixed = mixed * 0x9e3779b1 + Get32(address.bytes.data() + i);
    Put32(at + 2, mixed);
  };
  put(to, out);
  put(from, out + 6);
  Put16(out + 12, type);
  return kEthernetBytes;
}

uint32_t WriteIp(const Address& from, const Address& to, uint8_t protocol, uint32_t payload,
                 uint16_t ip_id, bool dont_fragment, uint8_t* out) {
  if (from.v6) {
    Put32(out, 0x60000000);
    Put16(out + 4, payload);
    out[6] = protocol;
    out[7] = kTimeToLive;
    std::memcpy(out + 8, from.bytes.data(), 16);
    std::memcpy(out + 24, to.bytes.data(), 16);
    return 40;
  }
  Put16(out, 0x4500);
  Put16(out + 2, payload + 20);
  Put16(out + 4, ip_id);
  Put16(out + 6, dont_fragment ? 0x4000 : 0);
  out[8] = kTimeToLive;
  out[9] = protocol;
  std::memcpy(out + 12, from.bytes.data(), 4);
  std::memcpy(out + 16, to.bytes.data(), 4);
  FixIpv4Checksum(out);
  return 20;
}

void FixIpv4Checksum(uint8_t* ip) {
  Put16(ip + 10, 0);
  Checksum sum;
  sum.Add(ip, (ip[0] & 0x0fu) * 4);
  sum.Store(ip + 10);
}

void StoreTransportChecksum(const Address& from, const Address& to, uint8_t protocol,
                            uint8_t* payload, uint32_t length, uint8_t* field) {
  Put16(field, 0);
  Checksum sum;
  if (protocol != kIcmpProtocol) {  // ICMP over IPv4 has no pseudo header
    const std::size_t bytes = from.v6 ? 16 : 4;
    sum.Add(from.bytes.data(), bytes);
    sum.Add(to.bytes.data(), bytes);
    sum.AddNumber(length);
    sum.AddNumber(protocol);
  }
  sum.Add(payload, length);
  sum.Store(field);
  // RFC 768: zero says that there is no checksum.
  if (protocol == kUdpProtocol && Get16(field) == 0) Put16(field, 0xffff);
}

}  // namespace mailtap::gen

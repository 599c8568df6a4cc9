// Any bytes as a frame of any link type: the decoder stays within them, and what it calls a TCP
// segment or a fragment lies within them too.
#include <cstdlib>

#include "lib/net/decode.h"
#include "tests/fuzz/driver.h"
#include "tests/unit/net/tunnel_builder.h"
#include "tests/unit/pipeline/dialogues.h"

namespace mailtap::fuzz {

std::vector<std::string> Seeds() {
  std::vector<std::string> seeds;
  const pipeline::Conversation v4 = pipeline::Play(pipeline::Pop3Script(), 110);
  pipeline::Conversation v6("2001:db8::1", 1'024, "2001:db8::2", 25);
  v6.Vlan(7).Handshake().Server("220 x ESMTP\r\n");
  for (const auto* conversation : {&v4, static_cast<const pipeline::Conversation*>(&v6)}) {
    for (const pipeline::Frame& frame : conversation->frames()) {
      seeds.push_back(std::string(1, '\0') + frame.bytes);
    }
  }
  const std::string ip = v4.frames()[3].bytes.substr(14);
  seeds.push_back("\x01" + ip);
  seeds.push_back("\x02" + std::string("\x02\0\0\0", 4) + ip);
  seeds.push_back("\x03" + std::string(14, '\0') + std::string("\x08\0", 2) + ip);
  seeds.push_back("\x04" + std::string("\x08\0", 2) + std::string(18, '\0') + ip);
  const net::Bytes inner = net::Ipv4({}, net::Tcp({}, "220 x ESMTP\r\n"));
  const auto add = [&seeds](const net::Bytes& frame) {
    seeds.push_back(std::string(1, '\0') + std::string(frame.begin(), frame.end()));
  };
  for (const net::LinkLayer& layer : net::LinkLayers()) {
    const net::Carried outer = layer.wrap({net::TypeOf(inner), inner});
    add(net::Ethernet(outer.type, outer.bytes));
  }
  for (const net::IpTunnel& tunnel : net::IpTunnels()) {
    add(net::EthernetOf(
        net::Outer(tunnel, true, tunnel.carries_frames ? net::EthernetOf(inner) : inner)));
  }
  return seeds;
}

}  // namespace mailtap::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  using namespace mailtap;
  if (size == 0) return 0;
  const auto link = static_cast<net::LinkType>(data[0] % 6);
  // A snapped frame every other time.
  const auto captured = static_cast<uint32_t>(size - 1);
  const uint32_t wire = captured + (data[0] & 0x80u);
  const uint16_t vlan = (data[0] & 0x40) != 0 ? 5 : net::kNoVlan;
  static const net::TunnelPorts tunnels = net::UsualPorts();
  net::Segment segment;
  const net::Outcome outcome =
      net::Decode(data + 1, captured, wire, link, vlan, tunnels, segment);
  if (static_cast<int>(outcome) >= net::kOutcomeCount) std::abort();
  if (segment.encap.depth > net::EncapStack::kMaxDepth) std::abort();
  const auto inside = [&](const uint8_t* at, uint32_t length) {
    return length == 0 || (at >= data + 1 && at + length <= data + size);
  };
  if (outcome == net::Outcome::kFragment) {
    const net::Fragment& fragment = segment.fragment;
    if (fragment.captured > fragment.length) std::abort();
    if (!inside(fragment.payload, fragment.captured)) std::abort();
    if (segment.ip + fragment.header != fragment.payload) std::abort();
  } else if (outcome == net::Outcome::kTcp) {
    if (segment.captured > segment.length) std::abort();
    if (!inside(segment.payload, segment.captured)) std::abort();
  } else {
    return 0;
  }
  const volatile auto source = segment.source().raw_low();
  const volatile auto destination = segment.destination().raw_low();
  (void)source, (void)destination;
  return 0;
}

// Any bytes as a frame of any link type: the decoder stays within them, and what it calls a TCP
// segment lies within them too.
#include <cstdlib>

#include "lib/net/decode.h"
#include "tests/fuzz/driver.h"
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
  return seeds;
}

namespace {

// One port of each kind of tunnel: 1 to 6, which a fuzzer finds soon.
const net::TunnelPorts& Tunnels() {
  static const net::TunnelPorts ports = [] {
    net::TunnelPorts made;
    for (int kind = 0; kind < net::kTunnelKindCount; ++kind) {
      made.Add(static_cast<uint16_t>(kind + 1), static_cast<net::TunnelKind>(kind));
    }
    return made;
  }();
  return ports;
}

}  // namespace
}  // namespace mailtap::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  using namespace mailtap;
  if (size == 0) return 0;
  const auto link = static_cast<net::LinkType>(data[0] % 6);
  // A snapped frame every other time.
  const auto captured = static_cast<uint32_t>(size - 1);
  const uint32_t wire = captured + (data[0] & 0x80u);
  const uint16_t vlan = (data[0] & 0x40) != 0 ? 5 : net::kNoVlan;
  net::Segment segment;
  const net::Outcome outcome =
      net::Decode(data + 1, captured, wire, link, vlan, fuzz::Tunnels(), segment);
  if (static_cast<int>(outcome) >= net::kOutcomeCount) std::abort();
  if (segment.encap.depth > net::EncapStack::kMaxDepth) std::abort();
  if (outcome != net::Outcome::kTcp) return 0;
  if (segment.captured > segment.length) std::abort();
  if (segment.captured != 0 &&
      (segment.payload < data + 1 || segment.payload + segment.captured > data + size)) {
    std::abort();
  }
  const volatile auto source = segment.source().raw_low();
  const volatile auto destination = segment.destination().raw_low();
  (void)source, (void)destination;
  return 0;
}

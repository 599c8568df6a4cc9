// A decoded frame, for the decoder's tests.
#ifndef MAILTAP_TESTS_UNIT_NET_DECODED_H_
#define MAILTAP_TESTS_UNIT_NET_DECODED_H_

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tests/unit/net/packet_builder.h"

namespace mailtap::net {

// The bytes lie at the end of a heap block of their own, so that AddressSanitizer sees the
// first read past them.
struct Decoded {
  explicit Decoded(const Bytes& frame, LinkType link = LinkType::kEthernet,
                   uint32_t wire_length = 0, uint16_t vlan = kNoVlan,
                   const TunnelPorts& tunnels = TunnelPorts())
      : buffer(std::make_unique<uint8_t[]>(frame.size())),
        size(static_cast<uint32_t>(frame.size())) {
    std::copy(frame.begin(), frame.end(), buffer.get());
    outcome = Decode(buffer.get(), size, wire_length == 0 ? size : wire_length, link, vlan,
                     tunnels, segment);
  }
  std::string payload() const {
    return std::string(segment.payload, segment.payload + segment.captured);
  }
  bool PayloadIsInside() const {
    return segment.payload >= buffer.get() &&
           segment.payload + segment.captured <= buffer.get() + size;
  }
  std::vector<std::string> encap() const {
    std::vector<std::string> layers;
    for (uint32_t i = 0; i < segment.encap.depth; ++i) {
      layers.push_back(ToString(segment.encap.layers[i]));
    }
    return layers;
  }

  std::unique_ptr<uint8_t[]> buffer;
  uint32_t size;
  Segment segment;
  Outcome outcome;
};

inline Bytes Cut(Bytes bytes, std::size_t size) {
  bytes.resize(size);
  return bytes;
}

}  // namespace mailtap::net

#endif  // MAILTAP_TESTS_UNIT_NET_DECODED_H_

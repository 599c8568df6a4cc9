// A packet as the worker sees it, wherever it came from: an mbuf, or a capture file.
#ifndef MAILTAP_LIB_PIPELINE_PACKET_VIEW_H_
#define MAILTAP_LIB_PIPELINE_PACKET_VIEW_H_

#include <cstdint>

#include "lib/base/time.h"
#include "lib/net/decode.h"

namespace mailtap::pipeline {

// Does not own the bytes; they stay valid for the call that gets the view.
struct PacketView {
  const uint8_t* data = nullptr;
  uint32_t captured = 0;     // bytes at `data`
  uint32_t wire_length = 0;  // bytes that the frame had
  UnixNanos time = 0;
  uint16_t vlan = net::kNoVlan;  // tag taken off by the port
  net::LinkType link = net::LinkType::kEthernet;
  uint16_t port = 0;  // index of the port or capture
  // For an IP packet put together from fragments (data then starts with the IP header): what it
  // was wrapped in. Null for a frame.
  const net::EncapStack* outer = nullptr;

  // Its port or capture says that it is all there: a packet cut in it was cut before.
  bool whole() const { return captured >= wire_length; }
  // An Ethernet frame as it was on the wire.
  bool plain() const { return link == net::LinkType::kEthernet && vlan == net::kNoVlan; }
};

}  // namespace mailtap::pipeline

#endif  // MAILTAP_LIB_PIPELINE_PACKET_VIEW_H_

// Fragments for tests, and what a Defragmenter makes of them.
#ifndef MAILTAP_TESTS_UNIT_NET_PIECES_H_
#define MAILTAP_TESTS_UNIT_NET_PIECES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "lib/net/defragmenter.h"
#include "tests/unit/net/packet_builder.h"

namespace mailtap::net {

struct PieceFields {
  bool v4 = true;
  uint32_t id = 1;
  uint32_t offset = 0;  // in bytes, a multiple of eight
  bool more = true;
  uint8_t protocol = 6;
  std::string source = {};  // the builder's usual one
  uint16_t vlan = 0;        // 0 for none
};
// An Ethernet frame with one fragment.
Bytes Piece(const PieceFields& fields, const Bytes& payload);
// A packet's payload as frames of at most `size` bytes of it each, a multiple of eight.
std::vector<Bytes> Pieces(PieceFields fields, const Bytes& payload, std::size_t size);

// A packet that was given out.
struct Whole {
  std::string text;     // the TCP payload
  uint32_t length = 0;  // by the headers
  Outcome outcome = Outcome::kTcp;
  uint32_t packet_length = 0;  // of the datagram
  uint32_t pieces = 0;
  UnixNanos time = 0;
  uint32_t vlan = 0;  // of the first layer, 0 for none
  std::string encap;
};

// Hands frames to a Defragmenter and keeps what it gives out.
class Assembly {
 public:
  explicit Assembly(uint32_t packets = 64) : defragmenter(packets) {}

  // `wire_length` 0: the whole frame was captured.
  void Add(const Bytes& frame, UnixNanos now = 0, uint32_t wire_length = 0);
  void Expire(UnixNanos now);

  Defragmenter defragmenter;
  std::vector<Whole> wholes;
  std::vector<uint32_t> lost;  // bytes of headers without a packet

 private:
  void Take(const Datagram& datagram);
};

}  // namespace mailtap::net

#endif  // MAILTAP_TESTS_UNIT_NET_PIECES_H_

// Fragments inside of fragments, and of packets that are whole.
#include "lib/pipeline/reassembler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/unit/net/pieces.h"
#include "tests/unit/net/tunnel_builder.h"

namespace mailtap::pipeline {
namespace {

using net::Bytes;

constexpr UnixNanos kTime = 77;

// Decodes frames and what comes of them; keeps the TCP payloads.
class Decoder {
 public:
  void Add(const Bytes& frame) {
    Take({.data = frame.data(),
          .captured = static_cast<uint32_t>(frame.size()),
          .wire_length = static_cast<uint32_t>(frame.size()),
          .time = kTime});
  }
  void Expire() {
    unplaced += reassembler_.Expire(INT64_MAX, [this](const PacketView& v) { Take(v); });
  }

  std::vector<std::string> texts;
  uint64_t unplaced = 0;
  uint64_t examples = 0;  // of these

 private:
  void Take(const PacketView& packet) {
    EXPECT_EQ(packet.time, kTime);
    net::Segment segment;
    const net::Outcome outcome = reassembler_.Decode(packet, segment);
    if (outcome == net::Outcome::kTcp) {
      texts.emplace_back(segment.payload, segment.payload + segment.captured);
    } else if (outcome == net::Outcome::kFragment && packet.outer != nullptr) {
      ++examples;
    } else if (outcome == net::Outcome::kFragment) {
      unplaced += reassembler_.Add(segment, packet.time,
                                   [this](const PacketView& whole) { Take(whole); });
    }
  }

  Reassembler reassembler_{config::Config()};
};

// The IP packet of an Ethernet frame.
Bytes IpOf(const Bytes& frame) { return Bytes(frame.begin() + 14, frame.end()); }
// The packet in GRE, whole or, as a bit of `cuts` says, in pieces; behind that the same again
// for each further bit. All frames that come of it.
// `ids` counts the packets that are cut.
std::vector<Bytes> Tunnelled(const Bytes& ip, uint32_t cuts, int depth, uint32_t& ids) {
  if (depth == 0) return {net::EthernetOf(ip)};
  const Bytes gre = net::Gre({}, 0x0800, ip);
  std::vector<Bytes> packets = {net::EthernetOf(net::Ipv4({.protocol = 47}, gre))};
  if ((cuts & 1) != 0) packets = net::Pieces({.id = ++ids, .protocol = 47}, gre, 64);
  std::vector<Bytes> all;
  for (const Bytes& packet : packets) {
    const std::vector<Bytes> frames = Tunnelled(IpOf(packet), cuts >> 1, depth - 1, ids);
    all.insert(all.end(), frames.begin(), frames.end());
  }
  return all;
}

const std::string kText(300, 'm');

// Of a packet's pieces some come in whole tunnel packets and others in pieces themselves.
TEST(Reassembler, PiecesMeetWhateverTheyCameIn) {
  const std::vector<Bytes> pieces = net::Pieces({}, net::Tcp({}, kText), 160);
  ASSERT_EQ(pieces.size(), 2u);
  for (const int depth : {1, 2}) {
    for (uint32_t first = 0; first < 1u << depth; ++first) {
      for (uint32_t second = 0; second < 1u << depth; ++second) {
        uint32_t ids = 1;
        std::vector<Bytes> frames = Tunnelled(IpOf(pieces[0]), first, depth, ids);
        const std::vector<Bytes> more = Tunnelled(IpOf(pieces[1]), second, depth, ids);
        frames.insert(frames.end(), more.begin(), more.end());
        for (const bool turned : {false, true}) {
          if (turned) std::ranges::reverse(frames);
          Decoder decoder;
          for (const Bytes& frame : frames) decoder.Add(frame);
          EXPECT_EQ(decoder.texts, std::vector{kText}) << depth << first << second << turned;
          decoder.Expire();
          EXPECT_EQ(decoder.texts.size(), 1u);
          EXPECT_EQ(decoder.unplaced, 0u);
        }
      }
    }
  }
}

// However deep it goes.
TEST(Reassembler, FragmentsOfFragmentsArePutTogether) {
  for (int depth = 0; depth <= net::EncapStack::kMaxDepth; ++depth) {
    Decoder decoder;
    uint32_t ids = 0;
    const std::vector<Bytes> frames =
        Tunnelled(net::Ipv4({}, net::Tcp({}, kText)), 0xff, depth, ids);
    for (const Bytes& frame : frames) decoder.Add(frame);
    decoder.Expire();
    EXPECT_EQ(decoder.texts, std::vector{kText}) << depth;
    EXPECT_EQ(decoder.unplaced, 0u) << depth;
  }
}

// The outer packet ends without its last piece, with the end of all time.
TEST(Reassembler, WhatIsInsideOfAnUnfinishedPacketHasItsTime) {
  const std::vector<Bytes> inner = net::Pieces({}, net::Tcp({}, kText), 160);
  Decoder decoder;
  decoder.Add(
      net::EthernetOf(net::Ipv4({.protocol = 47}, net::Gre({}, 0x0800, IpOf(inner[0])))));
  Bytes gre = net::Gre({}, 0x0800, IpOf(inner[1]));
  gre.resize((gre.size() + 7) / 8 * 8);
  decoder.Add(net::Piece({.id = 9, .protocol = 47}, gre));
  decoder.Expire();
  EXPECT_EQ(decoder.texts, std::vector{kText});
}

TEST(Reassembler, GivesAnExampleOfFragmentsWithoutAPacket) {
  Decoder decoder;
  decoder.Add(net::Piece({.offset = 80}, Bytes(16)));
  decoder.Add(net::Piece({.offset = 160, .more = false}, Bytes(16)));
  decoder.Expire();
  EXPECT_EQ(decoder.unplaced, 2u);
  EXPECT_EQ(decoder.examples, 1u);
}

// RFC 8200 forbids what a forger may still write: a fragment that is one inside of itself.
TEST(Reassembler, AFragmentHeaderBehindAnotherIsBounded) {
  Bytes packet = net::Tcp({}, kText);
  for (int i = 0; i < 20; ++i) packet = net::FragmentHeader(i == 0 ? 6 : 44, 0x0001, packet);
  packet = net::Ipv6({.next_header = 44}, packet);
  for (const uint64_t tunnels : {0, 1, 2}) {
    Decoder decoder;
    decoder.Add(net::EthernetOf(packet));
    decoder.Expire();
    EXPECT_TRUE(decoder.texts.empty());
    // By itself it has more headers than are read before it is deeper than fragments may be.
    EXPECT_EQ(decoder.unplaced, tunnels > 0 ? 1u : 0u) << tunnels;
    EXPECT_EQ(decoder.examples, decoder.unplaced) << tunnels;
    packet = net::Ipv4({.protocol = 47}, net::Gre({}, net::TypeOf(packet), packet));
  }
}

}  // namespace
}  // namespace mailtap::pipeline

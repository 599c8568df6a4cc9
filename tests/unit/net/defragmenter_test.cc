// Packets come out whole, whatever the order and however their fragments overlap.
#include "lib/net/defragmenter.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>

#include "tests/unit/net/pieces.h"
#include "tests/unit/net/tunnel_builder.h"

namespace mailtap::net {
namespace {

std::string Text(std::size_t size) {
  std::string text(size, ' ');
  for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>('!' + i * 7 % 90);
  return text;
}

TEST(Defragmenter, PutsAPacketTogetherInAnyOrder) {
  const std::string text = Text(101);
  for (const bool v4 : {true, false}) {
    const std::vector<Bytes> frames = Pieces({.v4 = v4}, Tcp({}, text), 32);
    ASSERT_EQ(frames.size(), 4u);
    std::vector<int> order(frames.size());
    std::iota(order.begin(), order.end(), 0);
    do {
      Assembly all;
      for (const int i : order) {
        EXPECT_TRUE(all.wholes.empty());
        all.Add(frames[static_cast<std::size_t>(i)], 5);
      }
      ASSERT_EQ(all.wholes.size(), 1u);
      EXPECT_EQ(all.wholes[0].text, text);
      EXPECT_EQ(all.wholes[0].length, 101u);
      EXPECT_EQ(all.wholes[0].packet_length, (v4 ? 20u : 48u) + 20 + 101);
      EXPECT_EQ(all.wholes[0].pieces, 4u);
      EXPECT_EQ(all.wholes[0].time, 5);
    } while (std::ranges::next_permutation(order).found);
  }
}

TEST(Defragmenter, HeadersMayBeSpreadOverPieces) {
  const Bytes tcp = Tcp({.options = Bytes(20, 1)}, "in the sixth piece");
  for (const bool v4 : {true, false}) {
    Assembly all;
    for (const Bytes& frame : Pieces({.v4 = v4}, tcp, 8)) all.Add(frame);
    ASSERT_EQ(all.wholes.size(), 1u);
    EXPECT_EQ(all.wholes[0].text, "in the sixth piece");
  }
}

// Extension headers before the fragment header are in every piece, those behind it in the
// first; what a later one says of the protocol does not count (RFC 8200, 4.5).
TEST(Defragmenter, ExtensionHeadersOfIpv6MayStandBeforeAndBehind) {
  const Bytes inner = Extension(6, 1, Tcp({}, Text(60)));
  const auto cut = static_cast<std::ptrdiff_t>(40);
  const auto frame = [](uint8_t next, uint16_t place, const Bytes& payload) {
    return EthernetOf(
        Ipv6({.next_header = 0}, Extension(44, 0, FragmentHeader(next, place, payload))));
  };
  const Bytes first = frame(60, 0x0001, Bytes(inner.begin(), inner.begin() + cut));
  const Bytes second = frame(17, 40, Bytes(inner.begin() + cut, inner.end()));
  for (const bool turned : {false, true}) {
    Assembly all;
    all.Add(turned ? second : first);
    all.Add(turned ? first : second);
    ASSERT_EQ(all.wholes.size(), 1u);
    EXPECT_EQ(all.wholes[0].text, Text(60));
  }
}

// In whichever order, the packet has it once.
TEST(Defragmenter, AnAuthenticationHeaderMayStandBeforeAndBehind) {
  const Bytes ah = {0, 4, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
  const auto signed_as = [&](uint8_t next, const Bytes& payload) {
    Bytes header = ah;
    header[0] = next;
    return Join(header, payload);
  };
  const Bytes inner = Extension(6, 1, Tcp({}, Text(60)));
  for (const bool before : {true, false}) {
    const Bytes cut = before ? inner : signed_as(60, inner);
    const uint8_t kind = before ? 60 : 51;
    Assembly all;
    for (const bool last : {false, true}) {
      const auto at = cut.begin() + 40;
      const Bytes piece = last ? Bytes(at, cut.end()) : Bytes(cut.begin(), at);
      const Bytes fragment = FragmentHeader(kind, last ? 40 : 1, piece);
      all.Add(EthernetOf(before ? Ipv6({.next_header = 51}, signed_as(44, fragment))
                                : Ipv6({.next_header = 44}, fragment)));
    }
    ASSERT_EQ(all.wholes.size(), 1u);
    EXPECT_EQ(all.wholes[0].text, Text(60));
    EXPECT_EQ(all.wholes[0].encap, "ah:7");
  }
}

TEST(Defragmenter, Ipv4OptionsStayWithTheFirstPiece) {
  const Bytes tcp = Tcp({}, Text(50));
  Assembly all;
  all.Add(EthernetOf(Ipv4({.fragment = 0x2000, .options = Bytes(40, 1)},
                          Bytes(tcp.begin(), tcp.begin() + 24))));
  all.Add(EthernetOf(Ipv4({.fragment = 3}, Bytes(tcp.begin() + 24, tcp.end()))));
  ASSERT_EQ(all.wholes.size(), 1u);
  EXPECT_EQ(all.wholes[0].text, Text(50));
}

// Any pieces in any order, overlapping and repeated, against a plain array in which the first
// bytes stay.
TEST(Defragmenter, OfOverlappingPiecesTheFirstBytesCount) {
  std::mt19937 random(3);
  for (int round = 0; round < 2'000; ++round) {
    const std::size_t size = 28 + random() % 400;
    Bytes expected = Tcp({}, std::string(size - 20, '.'));
    std::vector<bool> known(size);
    Assembly all;
    const bool v4 = random() % 2 == 0;
    // Until all is known: a random piece, in which the text is of this step's own letter.
    for (int step = 0; all.wholes.empty(); ++step) {
      ASSERT_LT(step, 2'000);
      const std::size_t at = random() % (size / 8 + 1) * 8;
      const std::size_t end = std::min(size, at + 8 + random() % 10 * 8);
      if (at >= end || end - at == size) continue;  // all of it is no fragment
      Bytes piece(expected.begin() + static_cast<std::ptrdiff_t>(at),
                  expected.begin() + static_cast<std::ptrdiff_t>(end));
      for (std::size_t i = at; i < end; ++i) {
        if (i >= 20) piece[i - at] = static_cast<uint8_t>('a' + step % 26);
        if (!known[i]) expected[i] = piece[i - at];
        known[i] = true;
      }
      all.Add(
          Piece({.v4 = v4, .offset = static_cast<uint32_t>(at), .more = end != size}, piece));
    }
    ASSERT_EQ(all.wholes.size(), 1u);
    EXPECT_TRUE(std::ranges::all_of(known, [](bool k) { return k; }));
    EXPECT_EQ(all.wholes[0].text, std::string(expected.begin() + 20, expected.end()));
  }
}

TEST(Defragmenter, CopiesAddNothingBeforeTheEndOrAfter) {
  const std::vector<Bytes> frames = Pieces({}, Tcp({}, Text(200)), 64);
  Assembly all;
  for (const Bytes& frame : frames) {
    all.Add(frame);
    all.Add(frame);
  }
  for (const Bytes& frame : frames) all.Add(frame, Defragmenter::kLinger);
  all.Expire(100 * kNanosPerSecond);
  ASSERT_EQ(all.wholes.size(), 1u);
  EXPECT_EQ(all.wholes[0].text, Text(200));
  EXPECT_EQ(all.defragmenter.unplaced(), 0u);
}

// 16 bits of identification come round within a second on a fast tunnel.
TEST(Defragmenter, TheSameNumberSoonMeansAnotherPacket) {
  Assembly all;
  for (int round = 0; round < 5; ++round) {
    const std::string text = Text(static_cast<std::size_t>(100 + round));
    for (const Bytes& frame : Pieces({}, Tcp({}, text), 64)) {
      all.Add(frame, round * (Defragmenter::kLinger + 1));
    }
    ASSERT_EQ(all.wholes.size(), static_cast<std::size_t>(round + 1));
    EXPECT_EQ(all.wholes.back().text, text);
  }
}

TEST(Defragmenter, TellsPacketsApart) {
  const std::vector<PieceFields> kinds = {{.id = 1},
                                          {.id = 2},
                                          {.id = 1, .source = "10.0.0.9"},
                                          {.v4 = false, .id = 1},
                                          {.v4 = false, .id = 0x10001},
                                          {.v4 = false, .id = 1, .source = "2001:db8::9"},
                                          // The addresses of the first, in their mapped form.
                                          {.v4 = false, .id = 1, .source = "::ffff:10.0.0.1"}};
  std::vector<std::vector<Bytes>> packets;
  for (std::size_t i = 0; i < kinds.size(); ++i) {
    packets.push_back(Pieces(kinds[i], Tcp({}, Text(100 + i)), 64));
  }
  Assembly all;
  for (const std::size_t piece : {0u, 1u}) {
    for (const auto& frames : packets) all.Add(frames[piece]);
  }
  ASSERT_EQ(all.wholes.size(), kinds.size());
  for (std::size_t i = 0; i < kinds.size(); ++i) EXPECT_EQ(all.wholes[i].text, Text(100 + i));
}

TEST(Defragmenter, PiecesOfAnotherProtocolAreAnotherPacketInIpv4) {
  Assembly all;
  const std::vector<Bytes> frames = Pieces({}, Tcp({}, Text(100)), 64);
  all.Add(frames[0]);
  all.Add(Piece({.offset = 64, .more = false, .protocol = 17}, Bytes(56)));
  EXPECT_TRUE(all.wholes.empty());
  all.Add(frames[1]);
  ASSERT_EQ(all.wholes.size(), 1u);
  EXPECT_EQ(all.wholes[0].text, Text(100));
}

TEST(Defragmenter, ThePacketWasWrappedInWhatItsStartWas) {
  Assembly all;
  const Bytes tcp = Tcp({}, Text(100));
  all.Add(Pieces({.vlan = 7}, tcp, 64)[1]);
  all.Add(Pieces({.vlan = 8}, tcp, 64)[0]);
  ASSERT_EQ(all.wholes.size(), 1u);
  EXPECT_EQ(all.wholes[0].vlan, 8u);
}

// A capture with a snap length: what is missing at the pieces' ends is missing in the packet.
TEST(Defragmenter, SnappedPiecesKeepThePacketsLength) {
  const std::string text = Text(2'000);
  std::vector<Bytes> frames = Pieces({}, Tcp({}, text), 1'000);
  ASSERT_EQ(frames.size(), 3u);
  Assembly all;
  for (Bytes& frame : frames) {
    const auto wire = static_cast<uint32_t>(frame.size());
    frame.resize(std::min<std::size_t>(frame.size(), 90));
    all.Add(frame, 0, wire);
  }
  ASSERT_EQ(all.wholes.size(), 1u);
  EXPECT_EQ(all.wholes[0].length, 2'000u);
  EXPECT_EQ(all.wholes[0].text, text.substr(0, 90 - 14 - 20 - 20));
}

TEST(Defragmenter, PaddingBehindTheLastPieceIsLeftOut) {
  std::vector<Bytes> frames = Pieces({}, Tcp({}, Text(46)), 64);
  frames[1].resize(60);
  Assembly all;
  for (const Bytes& frame : frames) all.Add(frame);
  ASSERT_EQ(all.wholes.size(), 1u);
  EXPECT_EQ(all.wholes[0].text, Text(46));
  EXPECT_EQ(all.wholes[0].length, 46u);
}

}  // namespace
}  // namespace mailtap::net

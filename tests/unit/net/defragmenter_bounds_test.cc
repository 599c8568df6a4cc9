// What is missing, too much, or no sense: bounded in packets, bytes and time.
#include <gtest/gtest.h>

#include <random>

#include "lib/net/defragmenter.h"
#include "tests/unit/net/pieces.h"
#include "tests/unit/net/tunnel_builder.h"

namespace mailtap::net {
namespace {

constexpr UnixNanos kPatience = Defragmenter::kPatience;

std::vector<Bytes> Packet(uint32_t id, std::size_t text, std::size_t size = 64) {
  return Pieces({.id = id}, Tcp({}, std::string(text, static_cast<char>('a' + id % 26))), size);
}

TEST(DefragmenterBounds, AnUnfinishedPacketIsGivenOutUpToItsGap) {
  Assembly all;
  const std::vector<Bytes> frames = Packet(1, 300);
  for (std::size_t i = 0; i < frames.size(); ++i) {
    if (i != 2) all.Add(frames[i], 10);
  }
  all.Expire(10 + kPatience - 1);
  EXPECT_TRUE(all.wholes.empty());
  all.Expire(10 + kPatience);
  ASSERT_EQ(all.wholes.size(), 1u);
  EXPECT_EQ(all.wholes[0].text, std::string(128 - 20, 'b'));
  EXPECT_EQ(all.wholes[0].length, 108u) << "as far as it is known; the stream shows the rest";
  EXPECT_EQ(all.defragmenter.unplaced(), 0u);
}

// A packet that ends with all others may hold pieces of another one.
TEST(DefragmenterBounds, NothingOutlivesTheEnd) {
  Assembly all;
  all.Add(Packet(1, 300)[0], INT64_MAX);
  all.Expire(INT64_MAX);
  EXPECT_EQ(all.wholes.size(), 1u);
}

TEST(DefragmenterBounds, APacketWithoutItsStartIsCountedByItsPieces) {
  Assembly all;
  const std::vector<Bytes> frames = Packet(1, 300);
  for (std::size_t i = 1; i < frames.size(); ++i) all.Add(frames[i]);
  all.Expire(kPatience);
  EXPECT_TRUE(all.wholes.empty());
  EXPECT_EQ(all.defragmenter.unplaced(), frames.size() - 1);
}

TEST(DefragmenterBounds, TellsWhenSomethingFallsDue) {
  Assembly all;
  EXPECT_EQ(all.defragmenter.NextExpiry(), INT64_MAX);
  all.Add(Packet(1, 100)[0], 10);
  all.Add(Packet(2, 100)[0], 20);
  EXPECT_EQ(all.defragmenter.NextExpiry(), 10 + kPatience);
  all.Expire(10 + kPatience);
  EXPECT_EQ(all.defragmenter.NextExpiry(), 20 + kPatience);
  all.Add(Packet(2, 100)[1], 30);
  EXPECT_EQ(all.defragmenter.NextExpiry(), INT64_MAX) << "whole packets need no more";
  EXPECT_EQ(all.wholes.size(), 2u);
}

TEST(DefragmenterBounds, AFullTableGivesOutTheOldestUnfinished) {
  Assembly all(4);
  for (uint32_t id = 1; id <= 6; ++id) all.Add(Packet(id, 100)[0]);
  ASSERT_EQ(all.wholes.size(), 2u);
  EXPECT_EQ(all.wholes[0].text, std::string(44, 'b'));
  EXPECT_EQ(all.wholes[1].text, std::string(44, 'c'));
  all.Add(Packet(3, 100)[1]);
  ASSERT_EQ(all.wholes.size(), 3u);
  EXPECT_EQ(all.wholes[2].text, std::string(100, 'd')) << "those that stay are not harmed";
}

TEST(DefragmenterBounds, ATableOfOneTakesOnePacketAtATime) {
  Assembly all(1);
  for (uint32_t id = 1; id <= 3; ++id) {
    for (const Bytes& frame : Packet(id, 300)) all.Add(frame);
  }
  ASSERT_EQ(all.wholes.size(), 3u);
  for (const Whole& whole : all.wholes) EXPECT_EQ(whole.length, 300u);
}

// Finished packets stay in the table for their late copies, but make room first.
TEST(DefragmenterBounds, FinishedPacketsPushOutNoUnfinishedOnes) {
  Assembly all(4);
  all.Add(Packet(1, 100)[0]);
  for (uint32_t id = 2; id < 200; ++id) {
    for (const Bytes& frame : Packet(id, 100)) all.Add(frame);
  }
  EXPECT_EQ(all.wholes.size(), 198u);
  all.Add(Packet(1, 100)[1]);
  ASSERT_EQ(all.wholes.size(), 199u);
  EXPECT_EQ(all.wholes.back().text, std::string(100, 'b'));
}

// Payload is pooled: as much as 4 KiB for each packet, and two whole packets at the least.
TEST(DefragmenterBounds, AFullPoolGivesOutTheOldestUnfinished) {
  constexpr std::size_t kLarge = 65'000;
  Assembly all(16);
  for (uint32_t id = 1; id <= 5; ++id) {
    const std::vector<Bytes> frames = Packet(id, kLarge, 1'480);
    for (std::size_t i = 0; i + 1 < frames.size(); ++i) all.Add(frames[i]);
  }
  EXPECT_EQ(all.wholes.size(), 3u) << "two find room";
  for (const uint32_t id : {5u, 4u}) all.Add(Packet(id, kLarge, 1'480).back());
  ASSERT_EQ(all.wholes.size(), 5u);
  EXPECT_EQ(all.wholes[3].text, std::string(kLarge, 'f'));
  EXPECT_EQ(all.wholes[4].text, std::string(kLarge, 'e'));
}

TEST(DefragmenterBounds, RefusesPiecesThatMakeNoSense) {
  const PieceFields kRefused[] = {
      {.offset = 0, .more = true},        // five bytes and more to come
      {.offset = 0xfff8, .more = false},  // 65528 + 9
      {.v4 = false, .offset = 0xfff8, .more = false},
  };
  Assembly all;
  uint64_t refused = 0;
  for (const PieceFields& fields : kRefused) {
    all.Add(Piece(fields, Bytes(fields.offset == 0 ? 5 : 9)));
    EXPECT_EQ(all.defragmenter.unplaced(), ++refused);
  }
  all.Add(Piece({.offset = 64, .more = false}, {}));
  EXPECT_EQ(all.defragmenter.unplaced(), ++refused) << "nothing in it";
  EXPECT_EQ(all.defragmenter.NextExpiry(), INT64_MAX) << "they take no place";
}

TEST(DefragmenterBounds, TheLargestPacketFits) {
  for (const bool v4 : {true, false}) {
    const std::size_t largest = v4 ? 65'535 - 20 : 65'535 - 8;
    const std::string text(largest - 20, 'z');
    Assembly all;
    for (const Bytes& frame : Pieces({.v4 = v4}, Tcp({}, text), 1'480)) all.Add(frame);
    ASSERT_EQ(all.wholes.size(), 1u);
    EXPECT_EQ(all.wholes[0].length, text.size());
    EXPECT_EQ(all.wholes[0].text, text);
  }
}

// 65536 bytes of payload are more than a header can say, but what fragments can.
TEST(DefragmenterBounds, APacketLargerThanItsHeaderCanSayKeepsItsLength) {
  for (const bool v4 : {true, false}) {
    const std::string text(65'536 - 20, 'z');
    Assembly all;
    for (const Bytes& frame : Pieces({.v4 = v4}, Tcp({}, text), 1'480)) all.Add(frame);
    ASSERT_EQ(all.wholes.size(), 1u);
    EXPECT_EQ(all.wholes[0].length, text.size());
  }
}

TEST(DefragmenterBounds, TheFirstEndStays) {
  Assembly all;
  const std::vector<Bytes> frames = Packet(1, 300);
  all.Add(frames.back());
  all.Add(Piece({.offset = 64, .more = false}, Bytes(8)));
  for (std::size_t i = 0; i + 1 < frames.size(); ++i) all.Add(frames[i]);
  ASSERT_EQ(all.wholes.size(), 1u);
  EXPECT_EQ(all.wholes[0].length, 300u);
}

// Bytes past the end do not stand in for a gap before it.
TEST(DefragmenterBounds, PiecesPastTheEndDoNotCompleteAPacket) {
  Assembly all;
  all.Add(Packet(1, 100)[0]);
  all.Add(Piece({.offset = 128, .more = false}, Bytes(8)));
  all.Add(Piece({.offset = 4'096}, Bytes(800)));
  EXPECT_TRUE(all.wholes.empty());
  all.Add(Piece({.offset = 64}, Bytes(64)));
  ASSERT_EQ(all.wholes.size(), 1u);
  EXPECT_EQ(all.wholes[0].length, 136u - 20);
}

// More extension headers than are kept: the packet ends as one without a start.
TEST(DefragmenterBounds, AStartWithTooManyHeadersIsCounted) {
  Assembly all;
  Bytes piece = FragmentHeader(6, 0x0001, Tcp({}, "1234"));
  all.Add(EthernetOf(Ipv6({.next_header = 0}, Extension(44, 26, piece))));
  all.Expire(kPatience);
  EXPECT_TRUE(all.wholes.empty());
  EXPECT_EQ(all.defragmenter.unplaced(), 1u);
}

// A dozen segments of a route, say (RFC 8754).
TEST(DefragmenterBounds, AStartMayHaveLongHeaders) {
  for (const uint8_t units : {11, 24, 25}) {
    Assembly all;
    const Bytes tcp = Tcp({}, "12345678");
    for (const bool last : {false, true}) {
      const Bytes part =
          last ? Bytes(tcp.begin() + 24, tcp.end()) : Bytes(tcp.begin(), tcp.begin() + 24);
      const Bytes piece = FragmentHeader(6, last ? 24 : 1, part);
      all.Add(EthernetOf(Ipv6({.next_header = 43}, Extension(44, units, piece))));
    }
    ASSERT_EQ(all.wholes.size(), 1u) << int{units};
    EXPECT_EQ(all.wholes[0].text, "12345678");
  }
}

TEST(DefragmenterBounds, OfWhatGoesIntoNoPacketAHeaderIsGivenOut) {
  Assembly all;
  all.Add(Piece({.offset = 8, .more = true}, Bytes(7)));  // makes no sense
  EXPECT_EQ(all.lost, std::vector<uint32_t>{20});
  all.Add(Piece({.id = 2, .offset = 8}, Bytes(16)));
  all.Add(Piece({.id = 2, .offset = 32, .more = false}, Bytes(16)));
  all.Expire(kPatience);
  EXPECT_EQ(all.lost, (std::vector<uint32_t>{20, 20}));
  EXPECT_EQ(all.defragmenter.unplaced(), 3u);
}

// Any fragments at all, in a small table: every piece ends in a packet, as a copy or counted,
// and nothing leaves its bounds (AddressSanitizer watches).
TEST(DefragmenterBounds, SurvivesAnyFragments) {
  std::mt19937 random(4);
  Assembly all(8);
  UnixNanos now = 0;
  for (int i = 0; i < 60'000; ++i) {
    now += static_cast<UnixNanos>(random() % (kPatience / 50));
    const uint32_t offset = random() % (random() % 20 == 0 ? 8'192 : 64) * 8;
    const std::size_t size = random() % (random() % 20 == 0 ? 9'000 : 200);
    all.Add(Piece({.v4 = random() % 2 == 0,
                   .id = static_cast<uint32_t>(random() % 12),
                   .offset = offset,
                   .more = random() % 3 != 0 || offset == 0},
                  Bytes(size)),
            now);
    if (random() % 50 == 0) all.Expire(now);
    for (const Whole& whole : all.wholes) {
      ASSERT_LE(whole.packet_length, 128u + 65'536);
      ASSERT_GE(whole.pieces, 1u);
    }
    all.wholes.clear();
  }
  all.Expire(INT64_MAX);
  EXPECT_EQ(all.defragmenter.NextExpiry(), INT64_MAX);
  EXPECT_GT(all.defragmenter.unplaced(), 0u);
}

}  // namespace
}  // namespace mailtap::net

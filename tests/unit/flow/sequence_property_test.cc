// The sequencer against an oracle that remembers every byte: random streams, cut into segments,
// delivered with random loss, copies and disorder.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <random>
#include <vector>

#include "tests/unit/flow/direction.h"

namespace mailtap::flow {
namespace {

struct Piece {
  uint32_t at;      // offset in the stream
  uint32_t length;  // 0 for an acknowledgment up to `at`
  bool fin = false;
};

struct Weather {
  double lose = 0;
  double copy = 0;
  double coalesce = 0;  // a retransmission of several segments in one
  int disorder = 0;     // how many places a piece may be off
};

class Stream {
 public:
  explicit Stream(uint32_t seed) : random_(seed) {}

  double Chance() { return std::uniform_real_distribution<>(0, 1)(random_); }

  // The pieces of a stream as they reach the sensor.
  std::vector<Piece> Deliver(uint32_t length, const Weather& weather) {
    std::vector<Piece> sent;
    for (uint32_t at = 0; at < length;) {
      const uint32_t size = std::min<uint32_t>(2 + random_() % 1'459, length - at);
      sent.push_back({at, size, at + size == length});
      at += size;
    }
    std::vector<std::pair<double, Piece>> order;
    for (std::size_t i = 0; i < sent.size(); ++i) {
      const auto add = [&](const Piece& piece) {
        order.emplace_back(static_cast<double>(i) + Chance() * weather.disorder, piece);
      };
      if (Chance() >= weather.lose) add(sent[i]);
      if (Chance() < weather.copy) add(sent[i]);
      if (i >= 2 && Chance() < weather.coalesce) {
        const uint32_t from =
            sent[i - 2].at + static_cast<uint32_t>(random_()) % sent[i - 2].length;
        add({from, sent[i].at - from});
      }
    }
    std::stable_sort(order.begin(), order.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
    std::vector<Piece> delivered;
    for (const auto& [when, piece] : order) delivered.push_back(piece);
    return delivered;
  }

 private:
  std::mt19937 random_;
};

// Which bytes of a stream were seen. Two rules of the sequencer are its own, too: a lone copy
// of the byte below the mark is a keep-alive, and the FIN's number ends what counts.
class Oracle {
 public:
  explicit Oracle(uint32_t length) : seen_(length) {}

  void Segment(const Piece& piece) {
    for (uint32_t i = piece.at; i < piece.at + piece.length; ++i) {
      ++(seen_[i] ? repeated : observed);
      seen_[i] = true;
    }
  }

  uint32_t observed = 0;
  uint32_t repeated = 0;

 private:
  std::vector<bool> seen_;
};

void Compare(uint32_t seed, const Weather& weather, bool handshake) {
  Stream stream(seed);
  const uint32_t length = 2 + seed * 7919 % 120'000;
  const uint32_t first = seed * 2'654'435'761u - 60'000;  // some of them wrap
  Direction d;
  if (handshake) d.Synchronize(first);
  Oracle oracle(length);
  uint32_t lowest = UINT32_MAX;
  uint32_t highest = 0;
  for (const Piece& piece : stream.Deliver(length, weather)) {
    d.Segment(first + piece.at, piece.length, piece.fin);
    oracle.Segment(piece);
    lowest = std::min(lowest, piece.at);
    highest = std::max(highest, piece.at + piece.length);
    ASSERT_EQ(d.observed(), oracle.observed) << "seed " << seed;
    ASSERT_EQ(d.repeated(), oracle.repeated) << "seed " << seed;
    ASSERT_TRUE(d.HolesAreInOrder());
    const uint32_t base = handshake ? 0 : lowest;
    ASSERT_EQ(d.observed() + d.missing(), highest - base) << "seed " << seed;
  }
  ASSERT_EQ(d.counters().hole_overflows.value(), 0u) << "or the figures above were not due";
  if (!handshake) return;
  d.Ack(first + length + 1);  // of the FIN, which may be lost
  d.SettleAll();
  const bool fin_seen = TestEnd(d.hot().state.fin, 0);
  // A lost tail and a lost FIN are one hole: nobody can tell the FIN from a byte.
  const bool one_hole = !fin_seen && highest != length;
  ASSERT_EQ(d.observed() + d.inferred(), length + (one_hole ? 1 : 0)) << "seed " << seed;
  ASSERT_EQ(d.observed(), oracle.observed);
  ASSERT_EQ(d.pool().used(), 0u);
}

TEST(SequenceProperty, ADisorderlyMirror) {
  for (uint32_t seed = 1; seed < 100; ++seed)
    Compare(seed, {.copy = 0.2, .disorder = 12}, true);
}

TEST(SequenceProperty, ALossyMirror) {
  for (uint32_t seed = 1; seed < 100; ++seed) {
    Compare(seed, {.lose = 0.05, .copy = 0.1, .coalesce = 0.1, .disorder = 4}, true);
  }
}

TEST(SequenceProperty, OverlappingRetransmissions) {
  for (uint32_t seed = 1; seed < 100; ++seed) {
    Compare(seed, {.lose = 0.1, .copy = 0.3, .coalesce = 0.5, .disorder = 6}, true);
  }
}

TEST(SequenceProperty, EverythingTwice) {
  for (uint32_t seed = 1; seed < 100; ++seed) {
    Compare(seed, {.copy = 1, .coalesce = 0.1, .disorder = 8}, true);
  }
}

TEST(SequenceProperty, MidStream) {
  for (uint32_t seed = 1; seed < 100; ++seed) {
    Compare(seed, {.lose = 0.02, .copy = 0.2, .coalesce = 0.1, .disorder = 8}, false);
  }
}

// With acknowledgments in between, lists that overflow and a pool that runs out, bytes still
// come to the stream's length exactly; what arrives too late only moves from observed to
// inferred.
TEST(SequenceProperty, NothingIsLostOrCountedTwiceUnderPressure) {
  for (uint32_t seed = 1; seed < 100; ++seed) {
    Stream stream(seed);
    const uint32_t length = 300'000;
    const uint32_t first = seed * 2'654'435'761u;
    Direction d(seed % 3 == 0 ? 3 : 1'024);
    d.Synchronize(first);
    Oracle oracle(length);
    for (const Piece& piece :
         stream.Deliver(length, {.lose = 0.2, .copy = 0.2, .coalesce = 0.2, .disorder = 30})) {
      if (piece.fin) continue;
      const uint32_t ack = piece.at + static_cast<uint32_t>(stream.Chance() * 20'000);
      if (stream.Chance() < 0.3) d.Ack(first + std::min(ack, length));
      d.Segment(first + piece.at, piece.length);
      oracle.Segment(piece);
      ASSERT_LE(d.observed(), oracle.observed);
      ASSERT_TRUE(d.HolesAreInOrder());
      ASSERT_LE(d.holes(), kMaxHoles + 1);
      const uint32_t reached = d.hot().mark[0] - first;
      ASSERT_EQ(d.observed() + d.inferred() + d.missing(), reached) << "seed " << seed;
      d.now += 20 * kNanosPerMilli;
      d.SettleDue();
    }
    d.Fin(first + length);
    d.SettleAll();
    ASSERT_EQ(d.observed() + d.inferred(), length) << "seed " << seed;
    ASSERT_EQ(d.observed() + d.repeated(), oracle.observed + oracle.repeated);
  }
}

// Forged segments at random numbers: a flow's figures are what they are without them.
TEST(SequenceProperty, RandomForgeriesChangeNothing) {
  for (uint32_t seed = 1; seed < 100; ++seed) {
    Stream stream(seed);
    std::mt19937 random(seed);
    const uint32_t length = 100'000;
    const uint32_t first = seed * 2'654'435'761u;
    Direction d;
    d.Synchronize(first);
    Oracle oracle(length);
    uint32_t last = first;
    for (const Piece& piece : stream.Deliver(length, {.lose = 0.02, .disorder = 4})) {
      const uint32_t forged =
          first + 200'000 + static_cast<uint32_t>(random()) % 3'500'000'000u;
      // Two that hit the same place by chance would be believed, as they should.
      const bool lone = std::abs(Distance(forged, last)) > 3 * kTrustedJump;
      if (stream.Chance() < 0.05 && lone) {
        d.Segment(forged, 1 + random() % 1'460, random() % 2 == 0);
        last = forged;
      }
      d.Segment(first + piece.at, piece.length, piece.fin);
      oracle.Segment(piece);
    }
    d.Fin(first + length);
    d.SettleAll();
    ASSERT_EQ(d.counters().jumps_confirmed.value() + d.counters().resyncs.value(), 0u);
    ASSERT_EQ(d.observed(), oracle.observed) << "seed " << seed;
    ASSERT_EQ(d.observed() + d.inferred(), length);
  }
}

}  // namespace
}  // namespace mailtap::flow

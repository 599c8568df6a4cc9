#include "lib/flow/sequence.h"

#include <gtest/gtest.h>

#include "tests/unit/flow/sequence_fixture.h"

namespace mailtap::flow {
namespace {

INSTANTIATE_TEST_SUITE_P(Numbers, SequenceTest, kFirstNumbers);

TEST_P(SequenceTest, InOrderPayloadIsObserved) {
  d.Segment(kFirst, 100);
  d.Segment(kFirst + 100, 50);
  d.Segment(kFirst + 150, 1);
  Expect(151, 0, 0);
  EXPECT_EQ(d.holes(), 0);
}

TEST_P(SequenceTest, SynAndFinAreNoBytes) {
  d.Segment(kFirst, 10, /*fin=*/true);
  d.Segment(kFirst + 11, 0);  // the last ACK carries the number after the FIN
  d.Ack(kFirst + 11);
  d.SettleAll();
  Expect(10, 0, 0);
  EXPECT_TRUE(TestEnd(d.hot().state.fin, 0));
}

TEST_P(SequenceTest, ReorderedPayloadIsObservedOnce) {
  d.Segment(kFirst + 100, 100);
  EXPECT_EQ(d.missing(), 100u);
  d.Segment(kFirst, 100);
  Expect(200, 0, 0);
  EXPECT_EQ(d.holes(), 0);
  EXPECT_EQ(d.pool().used(), 0u);
}

TEST_P(SequenceTest, CopiesAreRepeated) {
  for (int i = 0; i < 3; ++i) d.Segment(kFirst, 100);
  Expect(100, 0, 200);
}

TEST_P(SequenceTest, PartialOverlapsCountTheNewPartOnly) {
  d.Segment(kFirst, 100);
  d.Segment(kFirst + 60, 100);  // 40 old, 60 new
  Expect(160, 0, 40);
  d.Segment(kFirst, 200);  // a retransmission of everything, with 40 more
  Expect(200, 0, 200);
}

TEST_P(SequenceTest, HolesAreFilledFromEitherSideAndInTheMiddle) {
  d.Segment(kFirst + 1'000, 10);
  d.Segment(kFirst, 100);        // the head
  d.Segment(kFirst + 900, 100);  // the tail
  EXPECT_EQ(d.missing(), 800u);
  d.Segment(kFirst + 400, 100);  // the middle
  EXPECT_EQ(d.missing(), 700u);
  EXPECT_EQ(d.holes(), 2);
  Expect(310, 0, 0);
  d.Segment(kFirst + 50, 900);  // what is left, over all that is there
  Expect(1'010, 0, 200);
  EXPECT_EQ(d.pool().used(), 0u);
}

TEST_P(SequenceTest, OneSegmentFillsSeveralHoles) {
  for (uint32_t i = 1; i < 10; i += 2) d.Segment(kFirst + i * 100, 100);
  EXPECT_EQ(d.holes(), 5);
  d.Segment(kFirst + 50, 900);  // cuts the first hole, swallows the others
  Expect(950, 0, 450);
  EXPECT_EQ(d.missing(), 50u);
}

TEST_P(SequenceTest, AHoleIsInferredAfterItsTimeAndACopyOfItThenRepeated) {
  d.Segment(kFirst + 100, 100);
  d.now += 3 * kNanosPerSecond - 1;
  d.SettleDue();
  Expect(100, 0, 0);
  d.now += 1;
  d.SettleDue();
  Expect(100, 100, 0);
  d.Segment(kFirst, 100);
  Expect(100, 100, 100);
}

TEST_P(SequenceTest, TheSplitHalvesOfAHoleFallDueTogether) {
  d.Segment(kFirst + 300, 100);
  d.now += 2 * kNanosPerSecond;
  d.Segment(kFirst + 100, 100);
  d.now += 1 * kNanosPerSecond;
  d.SettleDue();
  Expect(200, 200, 0);
  EXPECT_EQ(d.holes(), 0);
}

TEST_P(SequenceTest, AcknowledgedPayloadIsInferredUnlessItComes) {
  d.Ack(kFirst + 500);
  Expect(0, 0, 0);
  d.Segment(kFirst, 200);  // a TAP may deliver the ACK first
  d.SettleAll();
  Expect(200, 300, 0);
  EXPECT_TRUE(TestEnd(d.hot().state.acked, 0));
}

// The mirror shows the other direction alone: only ACKs tell.
TEST_P(SequenceTest, AOneSidedFlowIsInferred) {
  for (uint32_t i = 1; i <= 1'000; ++i) {
    d.Ack(kFirst + i * 1'448);
    d.now += kNanosPerMilli;
  }
  d.Ack(kFirst + 1'448'000 + 1);  // the FIN
  d.SettleAll();
  Expect(0, 1'448'000, 0);
  EXPECT_EQ(d.counters().hole_overflows.value(), 0u);
}

// The ACKs run ahead of what they acknowledge by more segments than a list has holes.
TEST_P(SequenceTest, ACKsAheadOfTheirDataLoseNothing) {
  constexpr uint32_t kLead = 40;
  for (uint32_t i = 0; i < 500 + kLead; ++i) {
    if (i < 500) d.Ack(kFirst + (i + 1) * 1'000);
    if (i >= kLead) d.Segment(kFirst + (i - kLead) * 1'000, 1'000);
    d.now += kNanosPerMilli / 2;
    d.SettleDue();
  }
  Expect(500'000, 0, 0);
  EXPECT_EQ(d.pool().used(), 0u);
}

TEST_P(SequenceTest, AnEmptySegmentTellsHowFarItsSenderHadGot) {
  d.Segment(kFirst + 300, 0);
  d.SettleAll();
  Expect(0, 300, 0);
}

TEST_P(SequenceTest, KeepAlivesAreNothing) {
  d.Segment(kFirst, 100);
  d.Segment(kFirst + 99, 1);  // with a byte
  d.Segment(kFirst + 99, 0);  // and without
  d.SettleAll();
  Expect(100, 0, 0);
}

// A sender facing a closed window offers the next byte again and again.
TEST_P(SequenceTest, AZeroWindowProbeIsItsByteOnce) {
  d.Segment(kFirst, 100);
  for (int i = 0; i < 5; ++i) d.Segment(kFirst + 100, 1);
  Expect(101, 0, 0);
  d.Segment(kFirst + 100, 50);
  Expect(150, 0, 1);
}

TEST_P(SequenceTest, PayloadBelowTheHandshakesNumberIsOutOfWindow) {
  d.Segment(kFirst, 100);
  d.Segment(kFirst - 50, 50);
  Expect(100, 0, 0);
  d.Segment(kFirst - 50, 100);  // its second half is a copy
  Expect(100, 0, 50);
  EXPECT_EQ(d.counters().out_of_window.value(), 2u);
}

TEST_P(SequenceTest, WhenTheListOverflowsTheLowestHoleIsInferred) {
  for (uint32_t i = 0; i < kMaxHoles; ++i) d.Segment(kFirst + 10 + i * 20, 10);
  EXPECT_EQ(d.holes(), kMaxHoles);
  Expect(320, 0, 0);
  d.Segment(kFirst + 10 + kMaxHoles * 20, 10);
  EXPECT_EQ(d.holes(), kMaxHoles);
  Expect(330, 10, 0);
  EXPECT_EQ(d.counters().hole_overflows.value(), 1u);
  d.SettleAll();
  Expect(330, 330, 0);
}

// However small the pieces in which a hole is filled, its list stays short.
TEST_P(SequenceTest, FillingInPiecesKeepsTheListBounded) {
  d.Segment(kFirst + 50'000, 100);
  for (uint32_t at = 10; at < 50'000; at += 20) d.Segment(kFirst + at, 10);
  EXPECT_LE(d.holes(), kMaxHoles);
  EXPECT_TRUE(d.HolesAreInOrder());
  d.SettleAll();
  Expect(25'100, 25'000, 0);
  EXPECT_GT(d.counters().hole_overflows.value(), 0u);
}

TEST_P(SequenceTest, AnExhaustedPoolInfersAtOnce) {
  Direction small(1);
  small.Synchronize(kFirst);
  small.Segment(kFirst + 100, 100);  // takes the only node
  small.Segment(kFirst + 300, 100);
  EXPECT_EQ(small.inferred(), 100u);
  small.Segment(kFirst + 40, 20);  // splits a hole, without a node for the rest
  EXPECT_EQ(small.observed() + small.inferred() + small.missing(), 400u);
  small.SettleAll();
  EXPECT_EQ(small.observed(), 220u);
  EXPECT_EQ(small.inferred(), 180u);
  EXPECT_EQ(small.counters().hole_overflows.value(), 2u);
  EXPECT_EQ(small.pool().used(), 0u);
}

TEST_P(SequenceTest, MidStreamTheBaseMovesDown) {
  Direction mid;
  mid.Segment(kFirst + 1'000, 100);
  mid.Segment(kFirst + 800, 200);  // touches
  EXPECT_EQ(mid.observed(), 300u);
  mid.Segment(kFirst + 300, 100);  // leaves a hole
  mid.Segment(kFirst + 250, 100);  // overlaps
  EXPECT_EQ(mid.observed(), 450u);
  EXPECT_EQ(mid.repeated(), 50u);
  EXPECT_EQ(mid.missing(), 400u);
  mid.Segment(kFirst + 300 - kTrustedJump - 1'000, 100);  // too far below
  mid.SettleAll();
  EXPECT_EQ(mid.observed(), 450u);
  EXPECT_EQ(mid.inferred(), 400u);
  EXPECT_EQ(mid.counters().out_of_window.value(), 1u);
}

TEST_P(SequenceTest, ALateHandshakeMovesTheBaseDown) {
  Direction late;
  late.Segment(kFirst + 100, 100);
  late.Synchronize(kFirst);
  EXPECT_EQ(late.missing(), 100u);
  late.Segment(kFirst, 100);
  late.SettleAll();
  EXPECT_EQ(late.observed(), 200u);
  EXPECT_EQ(late.inferred(), 0u);
  late.Synchronize(kFirst - 500);  // once is enough
  EXPECT_EQ(late.hot().base[0], kFirst);
}

// What they acknowledge may have passed before anything was seen of the connection.
TEST_P(SequenceTest, AcknowledgmentsBeforeTheFirstSegmentAreNoLoss) {
  for (const uint32_t under_way : {1u, 20'000u, 1'000'000u, 100'000'000u}) {
    Direction d;
    d.Ack(kFirst);
    d.Ack(kFirst + under_way / 2);
    d.Segment(kFirst + under_way, 500);
    d.Ack(kFirst + under_way / 2 + 1);
    d.Segment(kFirst + under_way + 600, 100);
    d.SettleAll();
    EXPECT_EQ(d.observed(), 600u) << under_way;
    EXPECT_EQ(d.inferred(), 100u) << under_way;
  }
}

// A TAP may deliver them ahead of the data.
TEST_P(SequenceTest, AcknowledgmentsBeforeTheFirstSegmentHideNothingOfIt) {
  Direction d;
  d.Ack(kFirst);
  d.Ack(kFirst + 3'000);
  d.Segment(kFirst, 1'000);
  d.Segment(kFirst + 2'000, 1'000);
  d.SettleAll();
  EXPECT_EQ(d.observed(), 2'000u);
  EXPECT_EQ(d.inferred(), 1'000u);
}

TEST_P(SequenceTest, AFirstKeepAliveIsNothing) {
  for (const bool acknowledged : {false, true}) {
    Direction d;
    d.Segment(kFirst - 1, 0);
    if (acknowledged) d.Ack(kFirst);
    d.Segment(kFirst, 10);
    d.SettleAll();
    EXPECT_EQ(d.observed(), 10u);
    EXPECT_EQ(d.inferred(), 0u);
  }
}

// An acknowledgment that came before the handshake was another connection's, or forged.
TEST_P(SequenceTest, TheHandshakeIsBelievedAgainstEarlierAcknowledgments) {
  for (const uint32_t other : {1'000u, 5'000'000u, 0u - 1'000u, 0u - 5'000'000u, 1u << 31}) {
    Direction d;
    d.Ack(kFirst + other);
    d.Synchronize(kFirst);
    d.Segment(kFirst, 100);
    d.SettleAll();
    EXPECT_EQ(d.observed(), 100u) << other;
    EXPECT_EQ(d.inferred(), 0u) << other;
  }
}

TEST_P(SequenceTest, AHandshakeThatDoesNotFitChangesNothing) {
  Direction mid;
  mid.Segment(kFirst, 100);
  mid.Synchronize(kFirst + 1);
  mid.Synchronize(kFirst - kTrustedJump - 1);
  EXPECT_FALSE(TestEnd(mid.hot().state.synced, 0));
  mid.SettleAll();
  EXPECT_EQ(mid.observed(), 100u);
  EXPECT_EQ(mid.inferred(), 0u);
}

TEST_P(SequenceTest, ABareHandshakeIsNotAcknowledgedPayload) {
  d.Segment(kFirst, 0);
  d.Ack(kFirst);
  EXPECT_FALSE(TestEnd(d.hot().state.acked, 0));
  d.Ack(kFirst + 1);  // may be a FIN that was lost
  EXPECT_FALSE(TestEnd(d.hot().state.acked, 0));
  d.Ack(kFirst + 2);
  EXPECT_TRUE(TestEnd(d.hot().state.acked, 0));
}

TEST_P(SequenceTest, TheDirectionsAreApart) {
  d.Segment(kFirst, 100);
  EXPECT_EQ(d.cold().pending_observed[1], 0u);
  EXPECT_FALSE(TestEnd(d.hot().state.based, 1));
}

}  // namespace
}  // namespace mailtap::flow

// Segments and acknowledgments far from the mark: forged, or after a long loss.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/unit/flow/sequence_fixture.h"

namespace mailtap::flow {
namespace {

class SequenceJumpTest : public SequenceTest {};
INSTANTIATE_TEST_SUITE_P(Numbers, SequenceJumpTest, kFirstNumbers);

TEST_P(SequenceJumpTest, AForgedSegmentFarAwayAddsNothing) {
  d.Segment(kFirst, 100);
  for (const uint32_t far : {70'000u, 1u << 28, 0x80000000u, 0u - (1u << 29)}) {
    d.Segment(kFirst + far, 1'400);
    d.Segment(kFirst + far, 1'400);  // a mirror duplicates forged segments too
    d.Segment(kFirst + far + 100, 200);
    d.Segment(kFirst + far + 1'400, 0);
  }
  d.Segment(kFirst + 100, 100);
  d.SettleAll();
  Expect(200, 0, 0);
  EXPECT_EQ(d.counters().jumps_dropped.value(), 4u);
  EXPECT_EQ(d.counters().jumps_confirmed.value() + d.counters().resyncs.value(), 0u);
}

TEST_P(SequenceJumpTest, AForgedAcknowledgmentFarAwayAddsNothing) {
  d.Segment(kFirst, 100);
  d.Ack(kFirst + 1'000'000);
  d.Ack(kFirst + 1'000'000);
  d.Ack(kFirst + 100);
  d.SettleAll();
  Expect(100, 0, 0);
}

TEST_P(SequenceJumpTest, AForgedSegmentNearbyAddsAtMost64KiB) {
  for (uint32_t ahead = 1; ahead < 140'000; ahead += 997) {
    for (const uint32_t length : {0u, 1u, 1'460u, 65'495u}) {
      Direction forged;
      forged.Synchronize(kFirst);
      forged.Segment(kFirst, 100);
      forged.Segment(kFirst + 100 + ahead, length);
      forged.SettleAll();
      ASSERT_LE(forged.observed() + forged.inferred(), 100u + 65'536u);
    }
  }
}

TEST_P(SequenceJumpTest, TheNextSegmentConfirmsAJump) {
  d.Segment(kFirst, 100);
  d.Segment(kFirst + 200'000, 1'000);
  Expect(100, 0, 0);
  d.Segment(kFirst + 201'000, 1'000);
  Expect(2'100, 0, 0);
  EXPECT_EQ(d.missing(), 199'900u);
  d.Segment(kFirst + 100, 900);  // late, but there
  d.SettleAll();
  Expect(3'000, 199'000, 0);
  EXPECT_EQ(d.counters().jumps_confirmed.value(), 1u);
}

TEST_P(SequenceJumpTest, TheSegmentBeforeConfirmsAJumpToo) {
  d.Segment(kFirst + 201'000, 1'000);
  d.Segment(kFirst + 200'000, 1'000);  // out of order
  d.SettleAll();
  Expect(2'000, 200'000, 0);
}

// Offloaded segments are as large as a jump.
TEST_P(SequenceJumpTest, WhatComesBetweenMakesAJumpTheNext) {
  for (const uint32_t length : {1'000u, 65'160u, 130'000u}) {
    Direction large;
    large.Synchronize(kFirst);
    large.Segment(kFirst + 2 * length, length);
    large.Segment(kFirst + length, length);
    large.Segment(kFirst, length);
    large.SettleAll();
    EXPECT_EQ(large.observed(), 3 * length);
    EXPECT_EQ(large.inferred() + large.repeated(), 0u);
  }
}

TEST_P(SequenceJumpTest, AcknowledgmentsInLargeStepsAreBelievedAfterSome) {
  constexpr uint32_t kStep = 130'000;
  d.Segment(kFirst, 100);
  d.hot().state.seen = 3;
  for (int i = 1; i <= kAckSteps; ++i) {
    d.Ack(kFirst + static_cast<uint32_t>(i) * kStep);
    d.Ack(kFirst + static_cast<uint32_t>(i) * kStep);  // a copy tells nothing
  }
  EXPECT_EQ(d.missing(), 0u);
  d.Ack(kFirst + (kAckSteps + 1) * kStep);
  d.SettleAll();
  Expect(100, (kAckSteps + 1) * kStep - 100, 0);
}

TEST_P(SequenceJumpTest, AcknowledgmentsInLargeStepsAreNotBelievedBesideOthers) {
  d.Segment(kFirst, 100);
  d.hot().state.seen = 3;
  for (uint32_t i = 1; i <= 20; ++i) {
    d.Ack(kFirst + i * 130'000);
    if (i % 3 == 0) d.Ack(kFirst + 100);
  }
  d.SettleAll();
  Expect(100, 0, 0);
}

TEST_P(SequenceJumpTest, TheOtherSidesAcknowledgmentConfirmsAJump) {
  for (const uint32_t ack : {200'000u, 200'400u, 201'000u, 202'000u}) {
    Direction jump;
    jump.Synchronize(kFirst);
    jump.Segment(kFirst + 200'000, 1'000);
    jump.Ack(kFirst + ack);
    jump.SettleAll();
    EXPECT_EQ(jump.observed(), 1'000u) << ack;
    EXPECT_EQ(jump.observed() + jump.inferred(), std::max(201'000u, ack));
    EXPECT_TRUE(TestEnd(jump.hot().state.acked, 0));
  }
}

TEST_P(SequenceJumpTest, DataConfirmsAnAcknowledgmentFarAhead) {
  d.Ack(kFirst + 201'000);
  d.Segment(kFirst + 200'000, 1'000);
  d.SettleAll();
  Expect(1'000, 200'000, 0);
}

TEST_P(SequenceJumpTest, FurtherAcknowledgmentsConfirmAJump) {
  d.Ack(kFirst + 300'000);
  d.Ack(kFirst + 302'000);
  d.SettleAll();
  Expect(0, 302'000, 0);
}

// The stream itself reaches what was once far ahead; a later jump beside that is one of its
// own.
TEST_P(SequenceJumpTest, AJumpThatIsOvertakenIsNoNewNumbering) {
  d.Segment(kFirst + 100'000, 60'000);
  for (uint32_t at = 0; at < 150'000; at += 1'000) d.Segment(kFirst + at, 1'000);
  d.Segment(kFirst + 215'600, 1'000);
  Expect(150'000, 0, 0);
  d.Segment(kFirst + 216'600, 1'000);
  EXPECT_EQ(d.observed(), 152'000u);
  EXPECT_EQ(d.counters().resyncs.value(), 0u);
}

TEST_P(SequenceJumpTest, AConfirmedImplausibleJumpIsANewNumbering) {
  d.Segment(kFirst, 100);
  d.Segment(kFirst + 300, 100);  // a hole of 200
  const uint32_t elsewhere = kFirst + (3u << 30);
  d.Segment(elsewhere, 1'000);
  d.Segment(elsewhere + 1'000, 1'000);
  Expect(200, 0, 0);  // not yet
  d.now += kClaimAge;
  d.Segment(elsewhere + 2'000, 1'000);
  Expect(3'200, 200, 0);
  EXPECT_EQ(d.counters().resyncs.value(), 1u);
  d.Segment(elsewhere - 500, 500);  // reordered: the new base is a guess
  d.SettleAll();
  Expect(3'700, 200, 0);
}

TEST_P(SequenceJumpTest, WhereTheOtherEndIsSeenItsWordIsAwaited) {
  d.hot().state.seen = 3;
  d.Segment(kFirst, 100);
  d.Segment(kFirst + 200'000, 1'000);
  d.Segment(kFirst + 201'000, 1'000);
  d.Segment(kFirst + 203'000, 1'000);
  Expect(100, 0, 0);
  d.Ack(kFirst + 202'000);
  Expect(3'100, 1'000, 0);  // what is missing within the claim is known to be
  EXPECT_EQ(d.missing(), 199'900u);
}

TEST_P(SequenceJumpTest, WhereTheOtherEndIsSilentASecondTells) {
  d.hot().state.seen = 3;
  d.Segment(kFirst, 100);
  for (uint32_t at = 200'000; at < 210'000; at += 1'000) {
    d.Segment(kFirst + at, 1'000);
    Expect(100, 0, 0);
    d.now += kClaimAge / 10;
  }
  d.Segment(kFirst + 210'000, 1'000);
  d.SettleAll();
  Expect(11'100, 199'900, 0);
}

// An acknowledgment of some of what would be lost is its word too; of what is known, it isn't.
TEST_P(SequenceJumpTest, AcknowledgmentsOnTheWayTellLoss) {
  for (const bool beyond : {true, false}) {
    Direction jump;
    jump.Synchronize(kFirst);
    jump.hot().state.seen = 3;
    jump.Segment(kFirst, 10'000);
    jump.Segment(kFirst + 200'000, 1'000);
    jump.Ack(kFirst + (beyond ? 12'000 : 8'000));
    jump.now += kClaimAge;
    jump.Segment(kFirst + 201'000, 1'000);
    jump.SettleAll();
    EXPECT_EQ(jump.observed(), beyond ? 12'000u : 10'000u);
    EXPECT_EQ(jump.inferred(), beyond ? 190'000u : 0u);
  }
}

// At 100 Gbit/s, half a gigabyte takes 40 ms.
TEST_P(SequenceJumpTest, NoMoreIsLostThanThereWasTimeFor) {
  for (const int64_t millis : {10, 100}) {
    Direction jump;
    jump.Synchronize(kFirst);
    jump.Segment(kFirst, 100);
    jump.cold().last_seen = jump.now;
    jump.now += millis * kNanosPerMilli;
    jump.Segment(kFirst + 500'000'000, 1'000);
    jump.Segment(kFirst + 500'001'000, 1'000);
    EXPECT_EQ(jump.counters().jumps_confirmed.value(), millis == 100 ? 1u : 0u);
    EXPECT_EQ(jump.missing(), millis == 100 ? 499'999'900u : 0u);
  }
}

TEST_P(SequenceJumpTest, WhoeverGoesOnWhereHeWasHasNotJumped) {
  d.hot().state.seen = 3;
  d.Segment(kFirst, 100);
  for (uint32_t i = 0; i < 20; ++i) {
    d.Segment(kFirst + 500'000'000 + i * 100, 100);
    d.Segment(kFirst + 100 + i * 10, 10);
    d.now += kClaimAge / 4;
  }
  d.SettleAll();
  Expect(300, 0, 0);
  EXPECT_EQ(d.counters().jumps_dropped.value(), 20u);
}

// Two jumps of a gigabyte each within the time that holes live.
TEST_P(SequenceJumpTest, HolesNeverReachHalfTheNumberSpace) {
  uint32_t at = kFirst;
  for (int i = 0; i < 8; ++i) {
    at += 1u << 30;
    d.Segment(at, 1'000);
    d.Segment(at + 1'000, 1'000);
    at += 2'000;
    EXPECT_TRUE(d.HolesAreInOrder());
    d.hot().base[0] = at - 1'000;  // as a worker's tick trails it
    d.Segment(at - 500, 500);
    d.cold().pending_inferred[0] = 0;  // likewise
  }
  EXPECT_EQ(d.observed(), 16'000u);
  EXPECT_EQ(d.repeated(), 4'000u);
}

}  // namespace
}  // namespace mailtap::flow

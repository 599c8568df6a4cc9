// A FIN takes a number and is no byte, wherever the mirror puts it.
#include <gtest/gtest.h>

#include "tests/unit/flow/sequence_fixture.h"

namespace mailtap::flow {
namespace {

class SequenceFinTest : public SequenceTest {};
INSTANTIATE_TEST_SUITE_P(Numbers, SequenceFinTest, kFirstNumbers);

TEST_P(SequenceFinTest, TheFinsNumberTellsALostTail) {
  d.Segment(kFirst, 100);
  d.Fin(kFirst + 400);
  d.Ack(kFirst + 401);
  d.SettleAll();
  Expect(100, 300, 0);
}

TEST_P(SequenceFinTest, TheFinsNumberTellsALastByteThatWasLost) {
  d.Segment(kFirst, 100);
  d.Fin(kFirst + 101);
  d.Ack(kFirst + 102);
  d.now += 4 * kNanosPerSecond;
  d.SettleDue();
  Expect(100, 1, 0);
  EXPECT_EQ(d.hot().mark[0], kFirst + 101);
}

TEST_P(SequenceFinTest, AByteThatMayHaveBeenAFinIsCountedOnceTheFinComes) {
  d.Segment(kFirst, 100);
  d.Ack(kFirst + 101);
  d.now += 4 * kNanosPerSecond;
  d.SettleDue();
  d.Fin(kFirst + 101);
  d.SettleAll();
  Expect(100, 1, 0);
}

TEST_P(SequenceFinTest, ALostFinIsNoByte) {
  d.Segment(kFirst, 100);
  d.Ack(kFirst + 101);
  d.now += 4 * kNanosPerSecond;
  d.SettleDue();
  d.Ack(kFirst + 101);
  d.SettleAll();
  Expect(100, 0, 0);
}

TEST_P(SequenceFinTest, AFinMayComeAfterItsAcknowledgment) {
  d.Segment(kFirst, 100);
  d.Ack(kFirst + 101);
  d.Fin(kFirst + 100);
  EXPECT_TRUE(TestEnd(d.hot().state.fin, 0));
  EXPECT_EQ(d.pool().used(), 0u);
  Expect(100, 0, 0);
}

TEST_P(SequenceFinTest, AFinAndItsDataMayComeAfterTheirAcknowledgment) {
  d.Ack(kFirst + 101);
  d.Segment(kFirst, 100, /*fin=*/true);
  EXPECT_TRUE(TestEnd(d.hot().state.fin, 0));
  Expect(100, 0, 0);
  EXPECT_EQ(d.pool().used(), 0u);
}

TEST_P(SequenceFinTest, ALostLastByteIsCountedOnceMoreFollows) {
  d.Segment(kFirst, 100);
  d.Ack(kFirst + 101);  // a byte that was lost, or a FIN
  d.now += 4 * kNanosPerSecond;
  d.SettleDue();
  d.Segment(kFirst + 101, 9);  // a byte, then
  d.SettleAll();
  Expect(109, 1, 0);
}

TEST_P(SequenceFinTest, ASingleByteMayComeAfterItsAcknowledgment) {
  d.Segment(kFirst, 100);
  d.Ack(kFirst + 101);
  d.Segment(kFirst + 100, 1);
  d.Segment(kFirst + 101, 10);
  d.SettleAll();
  Expect(111, 0, 0);
}

TEST_P(SequenceFinTest, PayloadPastTheFinIsOutOfWindow) {
  d.Segment(kFirst, 100, /*fin=*/true);
  d.Segment(kFirst + 101, 100);
  d.Ack(kFirst + 500);
  d.SettleAll();
  Expect(100, 0, 0);
  EXPECT_EQ(d.counters().out_of_window.value(), 1u);
  d.Segment(kFirst + 20, 30);
  Expect(100, 0, 30);
}

TEST_P(SequenceFinTest, AForgedFinHidesNoPayload) {
  d.Segment(kFirst, 100);
  d.Fin(kFirst + 100);  // which end 0 did not send
  EXPECT_TRUE(TestEnd(d.hot().state.fin, 0));
  d.Segment(kFirst + 100, 50);
  EXPECT_FALSE(TestEnd(d.hot().state.fin, 0));
  d.Segment(kFirst + 150, 50, /*fin=*/true);
  d.Ack(kFirst + 201);
  d.SettleAll();
  Expect(200, 0, 0);
  EXPECT_TRUE(TestEnd(d.hot().state.fin, 0));
  EXPECT_EQ(d.counters().out_of_window.value(), 0u);
}

TEST_P(SequenceFinTest, ACopyThatReachesPastAForgedFinCountsWhatIsNew) {
  d.Segment(kFirst, 100, /*fin=*/true);
  d.Segment(kFirst + 50, 100);
  d.SettleAll();
  Expect(150, 0, 50);
}

}  // namespace
}  // namespace mailtap::flow

#include "lib/pipeline/dialogue_pool.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace mailtap::pipeline {
namespace {

constexpr uint32_t kBase[2] = {1'000, 0xfffffff0};  // the second end's numbers wrap

// A dialogue of which both ends' numbers are known, and what its reader got.
class Talk {
 public:
  explicit Talk(uint32_t held_segments = 64)
      : pool(4, 4, held_segments), index(pool.Allocate()) {
    for (const flow::End end : {0, 1}) {
      dialogue().started[end] = true;
      dialogue().next[end] = kBase[end];
    }
  }
  Dialogue& dialogue() { return pool[index]; }

  // Collects what is delivered.
  auto Reader() {
    return [this](flow::End end, const TextSegment& piece) {
      const std::string text(reinterpret_cast<const char*>(piece.data), piece.captured);
      heard += std::to_string(end) + ":" + text + " ";
      if (text != free_at) return true;
      pool.Free(index);
      return false;
    };
  }

  // Offers `text` at an offset, sent when its sender had seen `seen` bytes of the other end.
  bool Say(flow::End end, uint32_t at, uint32_t seen, const std::string& text,
           bool push = false) {
    return pool.Offer(
        dialogue(), end,
        {.seq = kBase[end] + at,
         .ack = kBase[flow::Other(end)] + seen,
         .length = static_cast<uint32_t>(text.size()),
         .captured = static_cast<uint32_t>(text.size()),
         .data = reinterpret_cast<const uint8_t*>(text.data()),
         .push = push},
        hot, [this] { return ++looks, turns; }, Reader());
  }
  void Pump() {
    pool.Pump(
        dialogue(), hot, [this] { return ++looks, turns; }, Reader());
  }

  DialoguePool pool;
  uint32_t index;
  flow::HotSession hot = {};
  Turns turns;
  int looks = 0;               // at `turns`
  std::string heard;           // all that was delivered, ends marked
  std::string free_at = "\1";  // the reader frees the dialogue when it gets this
};

TEST(DialoguePool, InOrder) {
  Talk talk;
  EXPECT_TRUE(talk.Say(1, 0, 0, "hello"));
  EXPECT_TRUE(talk.Say(0, 0, 5, "ehlo"));
  EXPECT_TRUE(talk.Say(1, 5, 4, "again and past the wrap"));
  EXPECT_EQ(talk.heard, "1:hello 0:ehlo 1:again and past the wrap ");
  EXPECT_EQ(talk.dialogue().held_count, 0);
}

TEST(DialoguePool, EarlyPiecesWaitForTheirTurn) {
  Talk talk;
  talk.Say(1, 10, 0, "cc");
  talk.Say(1, 5, 0, "bbbbb");
  talk.Say(1, 5, 0, "bbbbb");
  EXPECT_EQ(talk.heard, "");
  EXPECT_EQ(talk.dialogue().held_count, 2);
  talk.Say(1, 0, 0, "aaaaa");
  EXPECT_EQ(talk.heard, "1:aaaaa 1:bbbbb 1:cc ");
  EXPECT_EQ(talk.dialogue().held_count, 0);
}

TEST(DialoguePool, AnAnswerWaitsForItsQuestion) {
  Talk talk;
  talk.Say(1, 0, 4, "answer");
  talk.Say(0, 4, 6, "more");
  EXPECT_EQ(talk.heard, "");
  talk.Say(0, 0, 0, "what");
  EXPECT_EQ(talk.heard, "0:what 1:answer 0:more ");
}

// The question was lost, its answer was not, and the question is asked again.
TEST(DialoguePool, AQuestionThatIsSentAgainGoesBeforeItsAnswer) {
  Talk talk;
  talk.Say(1, 0, 3, "answer");
  EXPECT_EQ(talk.heard, "");
  talk.Say(0, 0, 6, "ask");
  EXPECT_EQ(talk.heard, "0:ask 1:answer ");
  talk.Say(0, 3, 6, "more");
  EXPECT_EQ(talk.heard, "0:ask 1:answer 0:more ");
}

// So much of it as is answered.
TEST(DialoguePool, AQuestionMayBeSentAgainTogetherWithTheNext) {
  Talk talk;
  talk.Say(1, 0, 3, "answer");
  talk.Say(0, 0, 6, "askmore");
  EXPECT_EQ(talk.heard, "0:ask 1:answer 0:more ");
}

// Both are held behind a gap, and wait for each other once that is given up.
TEST(DialoguePool, AHeldQuestionThatWasSentAgainGoesBeforeItsAnswer) {
  Talk talk;
  talk.Say(1, 4, 3, "answer");
  talk.Say(0, 0, 10, "askmore");
  EXPECT_EQ(talk.heard, "");
  talk.pool.SkipGap(talk.dialogue(), 1, kBase[1] + 4);
  talk.Pump();
  EXPECT_EQ(talk.heard, "0:ask 1:answer 0:more ");
  EXPECT_EQ(talk.dialogue().held_count, 0);
}

TEST(DialoguePool, AFinTakesANumber) {
  Talk talk;
  talk.Say(0, 0, 0, "quit");
  talk.hot.state.fin = flow::EndBit(0);
  talk.hot.mark[0] = kBase[0] + 4;
  talk.Say(1, 0, 5, "bye");
  EXPECT_EQ(talk.heard, "0:quit 1:bye ");
}

// Where text is still to come, the number is the text's.
TEST(DialoguePool, AFinTakesNoNumberOfText) {
  Talk talk;
  talk.hot.state.fin = flow::EndBit(0);
  talk.hot.mark[0] = kBase[0] + 5;
  talk.Say(0, 0, 0, "quit");
  talk.Say(1, 0, 5, "bye");
  EXPECT_EQ(talk.heard, "0:quit ");
  talk.Say(0, 4, 0, "\n");
  EXPECT_EQ(talk.heard, "0:quit 0:\n 1:bye ");
}

TEST(DialoguePool, CopiesAndOverlapsAreHeardOnce) {
  Talk talk;
  talk.Say(0, 0, 0, "abc");
  talk.Say(0, 0, 0, "abc");
  talk.Say(0, 1, 0, "bcde");
  EXPECT_EQ(talk.heard, "0:abc 0:de ");
}

TEST(DialoguePool, TheFreeEndsTextIsDeliveredAsItComes) {
  Talk talk;
  talk.turns.free = flow::EndBit(0);
  const std::string text(classify::MessageEnd::kLookedAt + 1, 't');
  talk.Say(0, 500, 0, text);
  talk.Say(0, 100, 0, text);
  talk.Say(1, 0, 500, "ok");
  EXPECT_EQ(talk.heard, "0:" + text + " 1:ok ");
  talk.Say(1, 2, 2'000, "waits");
  EXPECT_EQ(talk.dialogue().held_count, 1);
}

TEST(DialoguePool, ShortAndPushedPiecesOfTheFreeEndWaitWhileThereIsRoom) {
  Talk talk(1);
  talk.turns.free = flow::EndBit(0);
  const std::string text(classify::MessageEnd::kLookedAt + 1, 't');
  talk.Say(0, 4, 0, text, /*push=*/true);
  EXPECT_EQ(talk.heard, "");
  talk.Say(0, 0, 0, "text");
  EXPECT_EQ(talk.heard, "0:text 0:" + text + " ");
  talk.heard.clear();
  talk.Say(0, 1'000, 0, "waits");
  EXPECT_TRUE(talk.Say(0, 2'000, 0, "no room"));
  EXPECT_EQ(talk.heard, "0:no room ");
}

TEST(DialoguePool, NobodyWaitsForAnIgnoredEnd) {
  Talk talk;
  talk.turns.ignored = flow::EndBit(0);
  talk.Say(1, 0, 900, "ok");
  EXPECT_EQ(talk.heard, "1:ok ");
}

TEST(DialoguePool, AStoppedEndWaitsForTheOther) {
  Talk talk;
  talk.turns.stopped = flow::EndBit(0);
  talk.Say(0, 0, 0, "text");
  talk.Say(1, 0, 4, "go on");
  EXPECT_EQ(talk.heard, "1:go on ");
  talk.turns.stopped = 0;
  talk.Pump();
  EXPECT_EQ(talk.heard, "1:go on 0:text ");
}

TEST(DialoguePool, WhatIsPutBackIsNextAgain) {
  Talk talk;
  talk.Say(0, 0, 0, "data");
  const std::string rest(5'000, 'r');
  ASSERT_TRUE(talk.pool.PutBack(talk.dialogue(), 0,
                                {.seq = kBase[0] + 1,
                                 .length = 5'000,
                                 .captured = 5'000,
                                 .data = reinterpret_cast<const uint8_t*>(rest.data())}));
  EXPECT_EQ(talk.dialogue().next[0], kBase[0] + 1);
  talk.heard.clear();
  std::string read;
  const auto reader = [&](flow::End, const TextSegment& piece) {
    EXPECT_TRUE(piece.early);
    read.append(reinterpret_cast<const char*>(piece.data), piece.captured);
    return true;
  };
  while (talk.pool.DeliverHeld(talk.dialogue(), 0, kBase[0] + 5'001, false, reader)) {
  }
  EXPECT_EQ(read, rest);
  EXPECT_EQ(talk.dialogue().held_count, 0);
}

TEST(DialoguePool, HeldPiecesAreDeliveredInOrderUpToAPoint) {
  Talk talk;
  talk.Say(0, 30, 0, "d");
  talk.Say(0, 12, 0, "c");
  talk.Say(0, 10, 0, "ab");
  const auto deliver = [&](bool over_gaps) {
    return talk.pool.DeliverHeld(talk.dialogue(), 0, kBase[0] + 20, over_gaps, talk.Reader());
  };
  EXPECT_FALSE(deliver(false));
  EXPECT_TRUE(deliver(true));
  EXPECT_TRUE(deliver(false));
  EXPECT_FALSE(deliver(true));
  EXPECT_EQ(talk.heard, "0:ab 0:c ");
  EXPECT_EQ(talk.dialogue().held_count, 1);
}

TEST(DialoguePool, GoesOnBehindAGap) {
  Talk talk;
  talk.Say(0, 0, 0, "ab");
  talk.Say(0, 10, 0, "kl");
  EXPECT_EQ(talk.pool.SkipGap(talk.dialogue(), 0, kBase[0] + 12), 8u);
  talk.Pump();
  EXPECT_EQ(talk.heard, "0:ab 0:kl ");
  EXPECT_EQ(talk.pool.SkipGap(talk.dialogue(), 0, kBase[0] + 12), 0u) << "nothing is missing";
  EXPECT_EQ(talk.pool.SkipGap(talk.dialogue(), 0, kBase[0] + 20), 8u) << "a lost tail";
}

TEST(DialoguePool, SaysWhereThereIsNoRoomToHoldAPiece) {
  Talk talk(1);
  EXPECT_TRUE(talk.Say(0, 10, 0, "x"));
  EXPECT_FALSE(talk.Say(0, 20, 0, "y"));
}

TEST(DialoguePool, LongPiecesTakeSeveralBuffers) {
  const std::string jumbo(9'000, 'j');
  Talk talk;
  EXPECT_TRUE(talk.Say(0, 1, 0, jumbo));
  EXPECT_TRUE(talk.Say(0, 1, 0, jumbo)) << "a copy";
  talk.Say(0, 0, 0, "a");
  EXPECT_EQ(std::count(talk.heard.begin(), talk.heard.end(), 'j'), 9'000);
  EXPECT_EQ(talk.dialogue().next[0], kBase[0] + 9'001);

  Talk tight(4);
  EXPECT_FALSE(tight.Say(0, 1, 0, jumbo));
}

// A decision taken on a piece that had been held ends the delivery of the others; all are free
// for others again.
TEST(DialoguePool, TheReaderMayFreeTheDialogueOnTheWay) {
  for (const bool held : {false, true}) {
    Talk talk(8);
    talk.free_at = held ? "ssh" : "abc";
    talk.Say(0, 6, 0, "more");
    talk.Say(0, 3, 0, "ssh");
    talk.Say(0, 0, 0, "abc");
    EXPECT_EQ(talk.heard, held ? "0:abc 0:ssh " : "0:abc ");
    EXPECT_EQ(talk.pool.used(), 0u);
    // Every buffer came back, once.
    const uint32_t next = talk.pool.Allocate();
    Dialogue& dialogue = talk.pool[next];
    dialogue.started[0] = true;
    for (uint32_t i = 1; i <= 9; ++i) {
      const bool taken = talk.pool.Offer(
          dialogue, 0,
          {.seq = i * 10,
           .length = 1,
           .captured = 1,
           .data = reinterpret_cast<const uint8_t*>("x")},
          {}, [] { return Turns{}; }, [](flow::End, const TextSegment&) { return true; });
      EXPECT_EQ(taken, i <= 8) << i;
    }
  }
}

TEST(DialoguePool, RunsOut) {
  DialoguePool pool(2, 1, 0);
  const uint32_t a = pool.Allocate();
  pool.CloseOpening(pool[a]);
  const uint32_t b = pool.Allocate();
  EXPECT_NE(a, b);
  pool.CloseOpening(pool[b]);
  EXPECT_EQ(pool.Allocate(), flow::kNone);
  EXPECT_EQ(pool.used(), 2u);
  pool.Free(a);
  EXPECT_EQ(pool.Allocate(), a);
}

// Not all can be at their beginning at the same time.
TEST(DialoguePool, OpeningsRunOut) {
  DialoguePool pool(8, 2, 0);
  const uint32_t a = pool.Allocate(), b = pool.Allocate();
  EXPECT_EQ(pool.openings(), 2u);
  EXPECT_EQ(pool.Allocate(), flow::kNone);
  EXPECT_EQ(pool.used(), 2u);
  pool.CloseOpening(pool[a]);
  const uint32_t c = pool.Allocate();
  EXPECT_NE(c, flow::kNone);
  EXPECT_FALSE(pool.Reopen(pool[a]));
  EXPECT_EQ(pool.opening(pool[a]), nullptr);
  pool.Free(b);
  EXPECT_TRUE(pool.Reopen(pool[a]));
  pool.Free(a);
  pool.Free(c);
  EXPECT_EQ(pool.openings(), 0u);
}

// All wait for each other's answers, as a hostile client may have them do: what a piece costs
// must not grow with how many there are, squared.
TEST(DialoguePool, LooksAtEachPieceAFewTimesWhateverWaits) {
  Talk talk;
  for (uint32_t i = 1; i <= 64; ++i) talk.Say(0, 0, 1'000, std::string(i, 'x'));
  EXPECT_EQ(talk.dialogue().held_count, 64);
  talk.looks = 0;
  EXPECT_FALSE(talk.Say(0, 100, 1'000, "y"));
  talk.Pump();
  EXPECT_LE(talk.looks, 6);
}

}  // namespace
}  // namespace mailtap::pipeline

#include "lib/exchange/ring.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstring>
#include <iterator>
#include <random>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

namespace mailtap::exchange {
namespace {

// Record number n, of a kind that n decides, with n in its first and last fields.
Kind KindOfNumber(uint64_t n) {
  constexpr Kind kKinds[] = {Kind::kDelta,  Kind::kName,   Kind::kSession, Kind::kEncap,
                             Kind::kSample, Kind::kAnswer, Kind::kTick};
  return kKinds[(n * 0x9e3779b97f4a7c15 >> 32) % std::size(kKinds)];
}

meter::DeltaRecord Delta(uint64_t n) {
  meter::DeltaRecord record;
  record.key.encap_tag = static_cast<uint32_t>(n);
  record.bytes[kUp].observed = n;
  record.rejected = static_cast<uint32_t>(n);
  return record;
}
meter::NameRecord NameOf(uint64_t n) {
  meter::NameRecord record;
  record.session_id = n;
  const std::string text = "mx" + std::to_string(n);
  record.length = static_cast<uint8_t>(text.size());
  std::memcpy(record.text, text.data(), text.size());
  record.text[meter::NameRecord::kMaxLength] = static_cast<char>(n);
  return record;
}
meter::SessionRecord Session(uint64_t n) {
  meter::SessionRecord record;
  record.id = n;
  record.encap.layers[net::EncapStack::kMaxDepth - 1].id = static_cast<uint32_t>(n);
  return record;
}
meter::EncapRecord Encap(uint64_t n) {
  meter::EncapRecord record;
  record.tag = static_cast<uint32_t>(n);
  record.layers.layers[net::EncapStack::kMaxDepth - 1].id = static_cast<uint32_t>(n);
  return record;
}
meter::SampleRecord Sample(uint64_t n) {
  meter::SampleRecord record;
  record.time = static_cast<UnixNanos>(n);
  record.bytes[meter::SampleRecord::kMaxBytes - 1] = static_cast<uint8_t>(n);
  return record;
}

meter::AnswerRecord Answer(uint64_t n) {
  meter::AnswerRecord record;
  record.time = static_cast<UnixNanos>(n);
  record.addresses[meter::AnswerRecord::kMaxAddresses - 1].bytes[15] = static_cast<uint8_t>(n);
  return record;
}

bool PushNumber(RecordRing& ring, uint64_t n) {
  switch (KindOfNumber(n)) {
    case Kind::kDelta:
      return ring.Push(Delta(n));
    case Kind::kName:
      return ring.Push(NameOf(n));
    case Kind::kSession:
      return ring.Push(Session(n));
    case Kind::kEncap:
      return ring.Push(Encap(n));
    case Kind::kSample:
      return ring.Push(Sample(n));
    case Kind::kAnswer:
      return ring.Push(Answer(n));
    default:
      return ring.Push(TickRecord{.tick = static_cast<int64_t>(n)});
  }
}

// Checks each record against the number that comes next.
struct Checker {
  void operator()(const meter::DeltaRecord& r) {
    Check(Kind::kDelta, r.bytes[kUp].observed);
    wrong += r.key.encap_tag != static_cast<uint32_t>(next - 1);
    wrong += r.rejected != static_cast<uint32_t>(next - 1);
  }
  void operator()(const meter::NameRecord& r) {
    Check(Kind::kName, r.session_id);
    wrong += std::string(r.text, r.length) != "mx" + std::to_string(next - 1);
    wrong += r.text[meter::NameRecord::kMaxLength] != static_cast<char>(next - 1);
  }
  void operator()(const meter::SessionRecord& r) {
    Check(Kind::kSession, r.id);
    wrong +=
        r.encap.layers[net::EncapStack::kMaxDepth - 1].id != static_cast<uint32_t>(next - 1);
  }
  void operator()(const meter::EncapRecord& r) {
    Check(Kind::kEncap, r.tag);
    wrong += r.layers.layers[net::EncapStack::kMaxDepth - 1].id != r.tag;
  }
  void operator()(const meter::SampleRecord& r) {
    Check(Kind::kSample, static_cast<uint64_t>(r.time));
    wrong += r.bytes[meter::SampleRecord::kMaxBytes - 1] != static_cast<uint8_t>(next - 1);
  }
  void operator()(const meter::AnswerRecord& r) {
    Check(Kind::kAnswer, static_cast<uint64_t>(r.time));
    wrong += r.addresses[meter::AnswerRecord::kMaxAddresses - 1].bytes[15] !=
             static_cast<uint8_t>(next - 1);
  }
  void operator()(const TickRecord& r) { Check(Kind::kTick, static_cast<uint64_t>(r.tick)); }
  void Check(Kind kind, uint64_t n) {
    wrong += n != next || KindOfNumber(next) != kind;
    ++next;
  }

  uint64_t next = 0;
  int wrong = 0;
};

TEST(RecordRing, RoundsItsSizeUp) {
  EXPECT_EQ(RecordRing(0).capacity(), 4'096u);
  EXPECT_EQ(RecordRing(4'097).capacity(), 8'192u);
  EXPECT_EQ(RecordRing(1 << 20).capacity(), 1u << 20);
}

TEST(RecordRing, EveryKindReachesItsVisitorInOrder) {
  RecordRing ring(4'096);
  EXPECT_TRUE(ring.Push(Delta(1)));
  EXPECT_TRUE(ring.Push(NameOf(2)));
  EXPECT_TRUE(ring.Push(Session(3)));
  EXPECT_TRUE(ring.Push(Encap(3)));
  EXPECT_TRUE(ring.Push(Sample(3)));
  EXPECT_TRUE(ring.Push(Answer(3)));
  EXPECT_TRUE(ring.Push(TickRecord{.tick = 4, .sessions = 5}));
  EXPECT_GT(ring.used(), 0u);
  std::vector<std::string> seen;
  struct Visitor {
    std::vector<std::string>& out;
    void operator()(const meter::DeltaRecord& r) {
      out.push_back("delta " + std::to_string(r.rejected));
    }
    void operator()(const meter::NameRecord& r) { out.emplace_back(r.text, r.length); }
    void operator()(const meter::SessionRecord& r) {
      out.push_back("session " + std::to_string(r.id));
    }
    void operator()(const meter::EncapRecord& r) {
      out.push_back("encap " + std::to_string(r.tag));
    }
    void operator()(const meter::SampleRecord& r) {
      out.push_back("sample " + std::to_string(r.time));
    }
    void operator()(const meter::AnswerRecord& r) {
      out.push_back("answer " + std::to_string(r.time));
    }
    void operator()(const TickRecord& r) {
      out.push_back("tick " + std::to_string(r.tick + r.sessions));
    }
  };
  EXPECT_EQ(ring.Drain(Visitor{seen}), 7u);
  EXPECT_EQ(seen, (std::vector<std::string>{"delta 1", "mx2", "session 3", "encap 3",
                                            "sample 3", "answer 3", "tick 9"}));
  EXPECT_EQ(ring.used(), 0u);
  EXPECT_EQ(ring.Drain(Visitor{seen}), 0u);
}

TEST(RecordRing, PassesOverKindsThatItsVisitorHasNoUseFor) {
  RecordRing ring(4'096);
  EXPECT_TRUE(ring.Push(Delta(1)));
  EXPECT_TRUE(ring.Push(TickRecord{.tick = 4}));
  int64_t tick = 0;
  EXPECT_EQ(ring.Drain([&](const TickRecord& r) { tick = r.tick; }), 2u);
  EXPECT_EQ(tick, 4);
  EXPECT_EQ(ring.used(), 0u);
}

TEST(RecordRing, AVisitorMayStopTheDrain) {
  RecordRing ring(4'096);
  for (int64_t i = 0; i < 6; ++i) ring.Push(TickRecord{.tick = i});
  int64_t last = -1;
  const auto until_two = [&](const auto& record) {
    if constexpr (std::is_same_v<decltype(record), const TickRecord&>) last = record.tick;
    return last != 2;
  };
  EXPECT_EQ(ring.Drain(until_two), 3u);
  EXPECT_EQ(last, 2);
  EXPECT_EQ(ring.Drain(until_two), 3u) << "the rest was kept";
  EXPECT_EQ(last, 5);
}

TEST(RecordRing, AFullRingRefusesAndLosesNothing) {
  RecordRing ring(4'096);
  Checker checker;
  uint64_t pushed = 0;
  for (int round = 0; round < 500; ++round) {
    while (PushNumber(ring, pushed)) ++pushed;
    EXPECT_FALSE(PushNumber(ring, pushed)) << "still full";
    EXPECT_LE(ring.used(), ring.capacity());
    ring.Drain(checker);
    ASSERT_EQ(checker.next, pushed);
    EXPECT_TRUE(PushNumber(ring, pushed)) << "an empty ring has room for any record, anywhere";
    ++pushed;
  }
  EXPECT_EQ(checker.wrong, 0);
}

TEST(RecordRing, HasRoomForWhatItThenTakes) {
  RecordRing ring(4'096);
  uint64_t pushed = 0;
  for (int round = 0; round < 500; ++round) {
    while (ring.HasRoomFor<meter::SessionRecord, meter::NameRecord>()) {
      ASSERT_TRUE(ring.Push(meter::NameRecord{})) << round;
      ASSERT_TRUE(ring.Push(meter::SessionRecord{})) << round;
    }
    while (PushNumber(ring, pushed)) ++pushed;
    EXPECT_FALSE((ring.HasRoomFor<meter::SessionRecord, meter::NameRecord>()));
    ring.Drain([](const auto&) {});
    EXPECT_TRUE((ring.HasRoomFor<meter::SessionRecord, meter::NameRecord>()));
  }
}

TEST(RecordRing, KeepsOrderAcrossItsEndWhateverTheFill) {
  for (uint32_t seed = 1; seed < 50; ++seed) {
    std::mt19937 random(seed);
    RecordRing ring(4'096 << seed % 3);
    Checker checker;
    uint64_t pushed = 0;
    for (int round = 0; round < 1'000; ++round) {
      for (uint32_t i = random() % 12; i > 0 && PushNumber(ring, pushed); --i) ++pushed;
      if (random() % 2 != 0) continue;
      const uint64_t stop = checker.next + random() % 12;
      ring.Drain([&](const auto& record) {
        checker(record);
        return checker.next < stop;
      });
      ASSERT_LE(checker.next, pushed);
    }
    ring.Drain(checker);
    EXPECT_EQ(checker.next, pushed);
    EXPECT_EQ(checker.wrong, 0);
    EXPECT_EQ(ring.used(), 0u);
  }
}

// A worker and the control core, with a third thread that looks at the fill as metrics do.
// ThreadSanitizer watches; every record has to arrive whole and in order through hundreds of
// turns of the ring and thousands of refusals.
TEST(RecordRing, TwoThreadsMeet) {
  constexpr uint64_t kRecords = 50'000;
  RecordRing ring(4'096);
  std::atomic<bool> done = false;
  uint64_t refused = 0;
  std::thread worker([&] {
    for (uint64_t n = 0; n < kRecords;) {
      if (PushNumber(ring, n)) {
        ++n;
      } else {
        ++refused;
        std::this_thread::yield();
      }
    }
  });
  bool fits = true;
  std::thread metrics([&] {
    while (!done.load()) {
      fits = fits && ring.used() <= ring.capacity();
      std::this_thread::yield();
    }
  });
  Checker checker;
  while (checker.next < kRecords) {
    if (ring.Drain(checker) == 0) std::this_thread::yield();
  }
  worker.join();
  done = true;
  metrics.join();
  EXPECT_EQ(checker.wrong, 0);
  EXPECT_EQ(checker.next, kRecords);
  EXPECT_TRUE(fits);
  EXPECT_GT(refused, 0u) << "the ring was meant to fill up";
  EXPECT_EQ(ring.used(), 0u);
}

}  // namespace
}  // namespace mailtap::exchange

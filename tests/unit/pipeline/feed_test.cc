// What a receive loop's packets go through before a worker gets them.
#include "lib/pipeline/feed.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace mailtap::pipeline {
namespace {

using testing::ElementsAre;
using testing::Le;
using testing::SizeIs;

struct Buffer {
  uint32_t number = 0;
  bool large = false;  // takes all of what the handler has room for
};

// Notes what it is called for, and that no buffer is used out of its turn.
struct Handler {
  bool View(const Buffer& buffer, PacketView& view) {
    if (buffer.large && full) {
      full = false;
      ++refused;
      awaited = viewed;
      return false;
    }
    EXPECT_EQ(buffer.number, viewed);
    EXPECT_LE(awaited, released) << "all before it was to be settled";
    awaited = 0;
    full |= buffer.large;
    view.wire_length = buffer.number;
    view.data = bytes;
    ++viewed;
    return true;
  }
  void Work(absl::Span<const PacketView> views) {
    EXPECT_FALSE(views.empty());
    for (const PacketView& view : views) {
      EXPECT_EQ(view.wire_length, worked) << "in order";
      ++worked;
      EXPECT_LE(worked, viewed);
      stamps.push_back(view.time);
      ports.push_back(view.port);
    }
  }
  void Settle() { settled = worked; }
  void Release(Buffer** buffers, uint32_t count) {
    for (uint32_t i = 0; i < count; ++i, ++released) {
      EXPECT_EQ(buffers[i]->number, released);
      EXPECT_LT(released, settled) << "its bytes may still be needed";
    }
  }

  uint8_t bytes[2 * kCacheLine] = {};
  uint32_t viewed = 0, worked = 0, settled = 0, released = 0, refused = 0, awaited = 0;
  bool full = false;
  std::vector<UnixNanos> stamps;
  std::vector<uint16_t> ports;
};

std::vector<Buffer> Buffers(uint32_t count) {
  std::vector<Buffer> buffers(count);
  for (uint32_t i = 0; i < count; ++i) buffers[i].number = i;
  return buffers;
}

std::vector<Buffer*> Pointers(std::vector<Buffer>& buffers) {
  std::vector<Buffer*> pointers;
  for (Buffer& buffer : buffers) pointers.push_back(&buffer);
  return pointers;
}

// Of bursts; with some of them and what may wait the rings are just as long as need be.
class FeedOf : public testing::TestWithParam<uint32_t> {};
INSTANTIATE_TEST_SUITE_P(, FeedOf, testing::Values(1, 3, 32, 34, 35, 37, 512));

TEST_P(FeedOf, KeepsTheOrderAndGivesBuffersBackOnceTheyAreSettled) {
  const uint32_t most = GetParam();
  std::mt19937 random(7);
  std::vector<Buffer> buffers = Buffers(20'000);
  const std::vector<Buffer*> pointers = Pointers(buffers);
  Feed<Buffer> feed(most);
  Handler handler;
  uint32_t given = 0;
  while (given < buffers.size()) {
    const uint32_t count = std::min<uint32_t>(1 + random() % most, buffers.size() - given);
    feed.Take(&pointers[given], count, 0, 0, handler);
    given += count;
    EXPECT_EQ(handler.released, handler.worked);
    EXPECT_THAT(given - handler.worked, Le(Feed<Buffer>::kMostWaiting));
    if (random() % 16 != 0) continue;
    feed.Flush(handler);
    EXPECT_EQ(handler.released, given);
  }
  feed.Flush(handler);
  EXPECT_EQ(handler.released, buffers.size());
}

TEST(Feed, WhatWaitedKeepsTheTimeAndPortItCameWith) {
  std::vector<Buffer> buffers = Buffers(3);
  const std::vector<Buffer*> pointers = Pointers(buffers);
  Feed<Buffer> feed(32);
  Handler handler;
  for (uint16_t i = 0; i < 3; ++i) feed.Take(&pointers[i], 1, 100 + i, i, handler);
  EXPECT_THAT(handler.stamps, SizeIs(0)) << "too few to be worked on before a flush";
  feed.Flush(handler);
  EXPECT_THAT(handler.stamps, ElementsAre(100, 101, 102));
  EXPECT_THAT(handler.ports, ElementsAre(0, 1, 2));
}

TEST(Feed, SettlesFirstWhatAViewHasNoRoomBeside) {
  std::vector<Buffer> buffers = Buffers(400);
  for (uint32_t i = 0; i < buffers.size(); i += 5) buffers[i].large = true;
  const std::vector<Buffer*> pointers = Pointers(buffers);
  Feed<Buffer> feed(32);
  Handler handler;
  for (uint32_t at = 0; at < buffers.size(); at += 20) {
    feed.Take(&pointers[at], 20, 0, 0, handler);
  }
  feed.Flush(handler);
  EXPECT_EQ(handler.released, buffers.size());
  EXPECT_EQ(handler.refused, buffers.size() / 5 - 1);
}

TEST(Feed, NothingComesOfNothing) {
  Feed<Buffer> feed(1);
  Handler handler;
  feed.Flush(handler);
  EXPECT_EQ(handler.worked + handler.viewed + handler.released, 0u);
}

}  // namespace
}  // namespace mailtap::pipeline

// A worker allocates nothing after Create. The program's own operator new counts.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "tests/unit/pipeline/dialogues.h"
#include "tests/unit/pipeline/sensor.h"

namespace {

std::atomic<long> g_allocations{0};

void* Counted(std::size_t size) {
  g_allocations.fetch_add(1, std::memory_order_relaxed);
  void* p = std::malloc(size == 0 ? 1 : size);
  if (p == nullptr) throw std::bad_alloc();
  return p;
}

}  // namespace

void* operator new(std::size_t size) { return Counted(size); }
void* operator new[](std::size_t size) { return Counted(size); }
// The sanitizers' own versions of these would not go through the ones above.
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return Counted(size); }
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept { return Counted(size); }
void operator delete(void* p) noexcept { std::free(p); }
void operator delete[](void* p) noexcept { std::free(p); }
void operator delete(void* p, std::size_t) noexcept { std::free(p); }
void operator delete[](void* p, std::size_t) noexcept { std::free(p); }

namespace mailtap::pipeline {
namespace {

TEST(NoAllocation, WhileProcessingAndTicking) {
  std::vector<Frames> streams;
  const Script scripts[] = {SmtpScript(),         SmtpPipelinedScript(),
                            SmtpStarttlsScript(), ImapScript(),
                            ImapStarttlsScript(), Pop3Script(),
                            Pop3StlsScript(),     FtpScript(),
                            RedisScript(),        ImplicitTlsScript("imap.example.com")};
  const uint16_t ports[] = {25, 2'525, 143, 110, 993, 8'000};
  uint16_t client_port = 10'000;
  for (const Script& script : scripts) {
    for (const uint16_t port : ports) {
      Frames frames = Play(script, port, 60, client_port++).frames();
      for (std::size_t i = 5; i + 1 < frames.size(); i += 3) {
        std::swap(frames[i].bytes, frames[i + 1].bytes);
      }
      streams.push_back(frames);
    }
  }
  const Frames frames = Merge(streams);
  std::vector<PacketView> views;
  for (const Frame& frame : frames) {
    const auto size = static_cast<uint32_t>(frame.bytes.size());
    views.push_back({.data = reinterpret_cast<const uint8_t*>(frame.bytes.data()),
                     .captured = size,
                     .wire_length = size,
                     .time = frame.time});
  }
  exchange::RecordRing ring(1 << 20);
  const auto worker = Worker::Create(SmallConfig(), SharedPatterns(), ring).value();

  const long before = g_allocations.load();
  int64_t tick = TickOf(kStart);
  for (std::size_t at = 0; at < views.size(); at += 32) {
    while (tick < TickOf(views[at].time)) worker->EndTick(tick++);
    worker->Process({&views[at], std::min<std::size_t>(32, views.size() - at)});
  }
  for (int i = 0; i < 60; ++i) worker->EndTick(tick++);
  const bool finished = worker->Finish(tick);
  const long allocations = g_allocations.load() - before;

  EXPECT_TRUE(finished);
  EXPECT_EQ(allocations, 0);
  EXPECT_EQ(worker->counters().packets.value(), views.size());
  EXPECT_GT(before, 0) << "the counting itself works";
}

}  // namespace
}  // namespace mailtap::pipeline

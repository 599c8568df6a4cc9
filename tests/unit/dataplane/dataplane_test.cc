// One process, one EAL: a virtual port that plays a capture, an lcore that polls it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <thread>

#include "absl/strings/str_cat.h"
#include "lib/dataplane/eal.h"
#include "lib/dataplane/idle.h"
#include "lib/dataplane/lcore.h"
#include "lib/dataplane/packet_socket.h"
#include "lib/dataplane/port.h"
#include "tests/unit/pipeline/conversation.h"
#include "tests/unit/pipeline/dialogues.h"

namespace mailtap::dataplane {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

// A pcap file of the frames (draft-ietf-opsawg-pcap), as long as the object lives.
class Capture {
 public:
  explicit Capture(const pipeline::Frames& frames, const std::string& name = "small")
      : path_(testing::TempDir() + "mailtap_dataplane_test_" + name + ".pcap") {
    std::ofstream out(path_, std::ios::binary);
    const auto put = [&](uint32_t v) { out.write(reinterpret_cast<const char*>(&v), 4); };
    put(0xa1b2c3d4);
    put(4u << 16 | 2);  // version 2.4
    put(0), put(0), put(65'535), put(1);
    for (const pipeline::Frame& frame : frames) {
      const auto size = static_cast<uint32_t>(frame.bytes.size());
      put(static_cast<uint32_t>(frame.time / kNanosPerSecond)), put(0), put(size), put(size);
      out.write(frame.bytes.data(), size);
    }
  }
  ~Capture() { std::remove(path_.c_str()); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

struct Seen {
  meter::DeltaRecord sum;
  int sessions = 0;
  void operator()(const meter::DeltaRecord& delta) {
    sum.bytes[kUp] += delta.bytes[kUp];
    sum.bytes[kDown] += delta.bytes[kDown];
    sum.messages += delta.messages;
  }
  void operator()(const meter::NameRecord&) {}
  void operator()(const meter::SessionRecord&) { ++sessions; }
  void operator()(const exchange::TickRecord&) {}
};

pipeline::Frames Conversations(int count) {
  pipeline::Frames frames;
  for (int i = 0; i < count; ++i) {
    const auto one =
        pipeline::Play(pipeline::SmtpScript(), 25, 1'400, static_cast<uint16_t>(40'000 + i));
    frames.insert(frames.end(), one.frames().begin(), one.frames().end());
  }
  return frames;
}

// Ends the process, as EAL starts only once: with 1 where it doesn't.
void StartAndExit(std::vector<std::string> arguments) {
  for (const char* usual : {"--no-huge", "--no-shconf", "--no-pci", "-m", "64", "--lcores"}) {
    arguments.push_back(usual);
  }
  arguments.push_back("0@0");
  const auto eal = Eal::Start(arguments);
  std::cerr << eal.status();
  std::exit(eal.ok() ? 0 : 1);
}

TEST(EalDeathTest, RefusesWhatIsNoOption) {
  EXPECT_EXIT(StartAndExit({"0000:3b:00.0"}), testing::ExitedWithCode(1),
              "with the argument \"0000:3b:00.0\"");
}

TEST(EalDeathTest, RefusesToGoOnWithoutAPortThatIsAskedFor) {
  const std::string works = "--vdev=net_null0", fails = "--vdev=net_pcap0,rx_pcap=/nowhere";
  EXPECT_EXIT(StartAndExit({works}), testing::ExitedWithCode(0), "OK");
  EXPECT_EXIT(StartAndExit({works, fails}), testing::ExitedWithCode(1),
              "no port came up for net_pcap0 of");
  EXPECT_EXIT(StartAndExit({fails, works}), testing::ExitedWithCode(1),
              "no port came up for net_pcap0 of");
  EXPECT_EXIT(StartAndExit({"--vdev=net_null1", works, "-a", "0000:3b:00.0"}),
              testing::ExitedWithCode(1), "no port came up for 0000:3b:00.0 of");
}

constexpr int kConversations = 20;

// Messages in frames that take several mbufs each; a burst of them is more than a lcore has
// room to put together at once.
constexpr int kLargeMessages = 3;
pipeline::Frames LargeFrames() {
  pipeline::Conversation mail("10.1.2.3", 40'000, "203.0.113.25", 25);
  mail.Cut(8'900).Handshake().Server("220 mx.example ESMTP\r\n");
  mail.Client("EHLO a.example\r\n").Server("250 mx.example\r\n");
  for (int i = 0; i < kLargeMessages; ++i) {
    mail.Client("MAIL FROM:<a@b.example>\r\n").Server("250 ok\r\n");
    mail.Client("RCPT TO:<c@d.example>\r\n").Server("250 ok\r\n");
    mail.Client("DATA\r\n").Server("354 go on\r\n");
    mail.Client(std::string(20 * 8'900 - 5, 'x') + "\r\n.\r\n").Server("250 taken\r\n");
  }
  return mail.Client("QUIT\r\n").Server("221 bye\r\n").Close().frames();
}

// Ports that play a capture each. A port that was closed is gone, so each test has its own.
class DataplaneTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    frames_ = Conversations(kConversations);
    static const Capture capture(frames_);
    // Two lcores on one CPU, so that the test asks nothing of the machine.
    std::vector<std::string> arguments = {"--no-huge", "--no-shconf", "--no-pci", "-m",
                                          "256",       "--lcores",    "0@0,1@0"};
    for (int n = 0; n < 5; ++n) {
      arguments.push_back(absl::StrCat("--vdev=net_pcap", n, ",rx_pcap=", capture.path()));
    }
    static const Capture large(LargeFrames(), "large");
    arguments.push_back(absl::StrCat("--vdev=net_pcap5,rx_pcap=", large.path()));
    auto eal = Eal::Start(arguments);
    ASSERT_TRUE(eal.ok()) << eal.status();
    eal_ = *std::move(eal);
  }
  static void TearDownTestSuite() { eal_.reset(); }
  // What a port says in the log.
  static std::string LogOfStart(uint16_t id, const config::Dataplane& config) {
    testing::internal::CaptureStderr();
    const auto port = Port::Configure(id, 1, config);
    EXPECT_TRUE(port.ok()) << port.status();
    EXPECT_TRUE((*port)->Start().ok());
    return testing::internal::GetCapturedStderr();
  }

  struct Played {
    Seen seen;
    uint64_t packets = 0, snapped = 0;
  };
  // Has an lcore poll a port that was started, until it has had so many frames.
  static Played Play(const config::Config& config, uint16_t port, std::size_t frames,
                     const TscClock& clock) {
    exchange::RecordRing ring(1 << 20);
    const auto worker =
        pipeline::Worker::Create(config, classify::PatternDatabase::Load().value(), ring);
    EXPECT_TRUE(worker.ok()) << worker.status();
    const pipeline::WorkerCounters& counters = (*worker)->counters();
    std::atomic<bool> stop{false};
    LcoreLoop loop(**worker, {port}, 0, config.dataplane, clock, stop);
    EXPECT_FALSE(loop.polls());
    EXPECT_TRUE(loop.Launch(1).ok());
    Played played;
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (counters.packets.value() < frames && std::chrono::steady_clock::now() < deadline) {
      ring.Drain(played.seen);
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    stop = true;
    while (!loop.done()) ring.Drain(played.seen);
    ring.Drain(played.seen);
    EXPECT_TRUE(loop.polls());
    played.packets = counters.packets.value();
    played.snapped = counters.snapped.value();
    return played;
  }

  static inline pipeline::Frames frames_;
  static inline std::unique_ptr<Eal> eal_;
};

TEST_F(DataplaneTest, APortsPacketsReachTheRing) {
  const pipeline::Frames& frames = frames_;
  ASSERT_EQ(eal_->worker_lcores(), std::vector<unsigned>{1});
  EXPECT_FALSE(Eal::DpdkVersion().empty());

  ASSERT_EQ(Port::Available(), (std::vector<uint16_t>{0, 1, 2, 3, 4, 5}));
  ASSERT_EQ(Port::MaxQueues(0).value(), 1);
  config::Config config;
  config.dataplane.rx_descriptors = 512;
  config.dataplane.idle_sleep_us = 100;
  EXPECT_FALSE(Port::MaxQueues(7).ok());  // there is no such port
  auto port = Port::Configure(0, 1, config.dataplane);
  ASSERT_TRUE(port.ok()) << port.status();
  ASSERT_TRUE((*port)->Start().ok());
  EXPECT_EQ((*port)->name(), "net_pcap0");

  const TscClock clock;
  const UnixNanos before = clock.Now();
  const Played played = Play(config, 0, frames.size(), clock);
  const Seen& seen = played.seen;

  EXPECT_EQ(played.packets, frames.size());
  EXPECT_EQ((*port)->stats().packets, frames.size());
  EXPECT_EQ(seen.sessions, kConversations);
  EXPECT_EQ(seen.sum.messages, kConversations);
  EXPECT_EQ(seen.sum.bytes[kUp].observed,
            kConversations * pipeline::BytesOf(pipeline::SmtpScript(), kUp));
  EXPECT_EQ(seen.sum.bytes[kDown].observed,
            kConversations * pipeline::BytesOf(pipeline::SmtpScript(), kDown));
  EXPECT_EQ(seen.sum.bytes[kUp].inferred + seen.sum.bytes[kDown].inferred, 0);
  EXPECT_GT(clock.Now(), before);
}

TEST_F(DataplaneTest, FramesOfSeveralMbufsAreReadWhole) {
  const std::size_t frames = LargeFrames().size();
  const config::Config config;
  const auto port = Port::Configure(5, 1, config.dataplane);
  ASSERT_TRUE(port.ok()) << port.status();
  ASSERT_TRUE((*port)->Start().ok());
  const Played played = Play(config, 5, frames, TscClock());
  EXPECT_EQ(played.packets, frames);
  EXPECT_EQ(played.snapped, 0u);
  EXPECT_EQ(played.seen.sum.messages, kLargeMessages);
}

TEST_F(DataplaneTest, MbufsThatTheQueuesCanHoldAreTooFew) {
  config::Dataplane config;
  config.rx_descriptors = 1024;
  config.mbufs = 1024;
  EXPECT_EQ(Port::Configure(1, 1, config).status().message(),
            "port net_pcap1: dataplane.mbufs = 1024 is too few for 1 receive queues with "
            "dataplane.rx_descriptors = 1024 each: from 1470, or 0 for as many as it takes");
  config.mbufs = 1470;
  const auto enough = Port::Configure(2, 1, config);
  EXPECT_TRUE(enough.ok()) << enough.status();
}

// net_pcap changes no MTU.
TEST_F(DataplaneTest, AnMtuThatNobodyAskedForIsNoWarning) {
  config::Dataplane config;
  EXPECT_THAT(LogOfStart(3, config),
              AllOf(HasSubstr("info"), HasSubstr("MTU 1500"), Not(HasSubstr("warn"))));
}

TEST_F(DataplaneTest, AnMtuThatSomebodyAskedForInVainIs) {
  config::Dataplane config;
  config.mtu = 9000;
  EXPECT_THAT(LogOfStart(4, config),
              AllOf(HasSubstr("warn"), HasSubstr("dataplane.mtu = 9000 refused")));
}

// How often this thread has given up its core by itself.
int64_t Pauses() {
  rusage usage = {};
  getrusage(RUSAGE_THREAD, &usage);
  return usage.ru_nvcsw;
}

// Returns the rests in `rounds` rounds.
int64_t Rests(int64_t longest_micros, int rounds, bool received) {
  Idler idler({}, 0, longest_micros);
  const int64_t before = Pauses();
  for (int i = 0; i < rounds; ++i) idler.AfterRound(received);
  return Pauses() - before;
}

TEST(IdlerTest, RestsAfterManyRoundsWithoutPacketsAndNoSooner) {
  EXPECT_EQ(Rests(100, 400, false), 0);
  EXPECT_EQ(Rests(100, 10'000, true), 0);
  EXPECT_GT(Rests(100, 600, false), 10);
}

TEST(IdlerTest, NeverRestsUnlessConfigured) { EXPECT_EQ(Rests(0, 10'000, false), 0); }

TEST(PacketSocketsTest, NothingIsKnownOfAnInterfaceWithoutSockets) {
  for (const unsigned index : {0u, 1u}) {
    EXPECT_EQ(PacketSockets(index).Dropped(), 0);
    EXPECT_TRUE(PacketSockets(index).LinkUp());
  }
}

// As where the control core ran out of memory: nobody else tells it to stop.
TEST_F(DataplaneTest, AnAbandonedLcoreReturns) {
  const config::Config config;
  exchange::RecordRing ring(1 << 20);
  const auto worker =
      pipeline::Worker::Create(config, classify::PatternDatabase::Load().value(), ring);
  ASSERT_TRUE(worker.ok()) << worker.status();
  const std::atomic<bool> stop{false};
  const TscClock clock;
  LcoreLoop loop(**worker, {}, 0, config.dataplane, clock, stop);
  EXPECT_FALSE(loop.runs());
  ASSERT_TRUE(loop.Launch(1).ok());
  while (!loop.polls()) std::this_thread::yield();
  EXPECT_TRUE(loop.runs());
  loop.Abandon();
  while (loop.runs()) ring.Drain([](const auto&) {});
  EXPECT_TRUE(loop.done());
}

}  // namespace
}  // namespace mailtap::dataplane

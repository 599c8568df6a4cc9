// Any frames through a whole worker with tables so small that everything runs short: it stays
// within its bounds, and lets go of everything at its end.
#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "tests/fuzz/driver.h"
#include "tests/unit/pipeline/dialogues.h"
#include "tests/unit/pipeline/sensor.h"

// The input: frames, each behind four bytes: its length (two bytes), how much of it was
// captured in 256ths, and the time since the one before in 64ths of a second.
namespace mailtap::fuzz {
namespace {

constexpr std::size_t kHeader = 4;

std::string Serialized(const pipeline::Frames& frames) {
  std::string input;
  for (const pipeline::Frame& frame : frames) {
    input += static_cast<char>(frame.bytes.size() >> 8);
    input += static_cast<char>(frame.bytes.size() & 0xff);
    input += '\xff';
    input += '\x01';
    input += frame.bytes;
  }
  return input;
}

config::Config TinyConfig() {
  config::Config config = pipeline::SmallConfig();
  config.limits = {.sessions = 8,
                   .conversations = 16,
                   .handshakes = 4,
                   .dialogues = 6,
                   .holes = 4,
                   .reorder_buffers = 3,
                   .ring_bytes = 4'096,
                   .encapsulations = 1};
  return config;
}

}  // namespace

std::vector<std::string> Seeds() {
  using namespace pipeline;
  std::vector<std::string> seeds;
  const struct {
    Script script;
    uint16_t port;
  } kTalks[] = {{SmtpScript(), 25},         {SmtpPipelinedScript(), 2'525},
                {SmtpStarttlsScript(), 25}, {ImapStarttlsScript(), 143},
                {Pop3Script(), 10'110},     {ImplicitTlsScript("imap.example.com"), 993},
                {FtpScript(), 25},          {RedisScript(), 6'379}};
  for (const auto& talk : kTalks) {
    Frames frames = Play(talk.script, talk.port, 90).frames();
    seeds.push_back(Serialized(frames));
    for (std::size_t i = 3; i + 1 < frames.size(); i += 2) std::swap(frames[i], frames[i + 1]);
    seeds.push_back(Serialized(frames));
    std::reverse(frames.begin(), frames.end());
    seeds.push_back(Serialized(frames));
  }
  return seeds;
}

}  // namespace mailtap::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  using namespace mailtap;
  static const config::Config config = fuzz::TinyConfig();
  static const auto patterns = pipeline::SharedPatterns();
  exchange::RecordRing ring(4'096);
  auto worker = pipeline::Worker::Create(config, patterns, ring).value();
  UnixNanos time = pipeline::kStart;
  const auto drain = [&] { ring.Drain([](const auto&) {}); };

  for (std::size_t at = 0; at + fuzz::kHeader <= size;) {
    const std::size_t wanted = data[at] << 8 | data[at + 1];
    const std::size_t length = std::min(wanted, size - at - fuzz::kHeader);
    const std::size_t captured = length * (data[at + 2] + 1u) / 256;
    const UnixNanos next = time + data[at + 3] * (kNanosPerSecond / 64);
    for (int64_t tick = TickOf(time); tick < TickOf(next); ++tick) {
      worker->EndTick(tick);
      if ((data[at + 3] & 1) != 0) drain();  // now and then the control core is late
    }
    time = next;
    // A copy of its own, so that AddressSanitizer sees reads past what was captured.
    const std::unique_ptr<uint8_t[]> frame(new uint8_t[captured]);
    std::memcpy(frame.get(), data + at + fuzz::kHeader, captured);
    const pipeline::PacketView view = {.data = frame.get(),
                                       .captured = static_cast<uint32_t>(captured),
                                       .wire_length = static_cast<uint32_t>(length),
                                       .time = time};
    worker->Process({&view, 1});
    at += fuzz::kHeader + length;
  }
  for (int tries = 0; !worker->Finish(TickOf(time)); ++tries) {
    drain();
    if (tries > 100) std::abort();  // an empty ring must make progress possible
  }
  if (worker->counters().sessions.value() != 0 || worker->counters().dialogues.value() != 0 ||
      worker->counters().holes.value() != 0) {
    std::abort();
  }
  return 0;
}

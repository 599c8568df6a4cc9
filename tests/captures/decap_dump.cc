// Prints every TCP segment that the decoder finds in a capture, mail or not: a line each with
// source, port, destination, port, sequence number, payload bytes, SYN (0 or 1) and what it was
// wrapped in ("-" for nothing). Then a line "drop REASON COUNT" for each reason met.
//
// usage: decap_dump CAPTURE
#include <array>
#include <cstdint>
#include <cstdio>
#include <string>

#include "app/mailtap/capture_reader.h"
#include "lib/config/config.h"
#include "lib/pipeline/reassembler.h"

namespace mailtap {
namespace {

class Dump {
 public:
  explicit Dump(const config::Config& config) : reassembler_(config) {}

  void Packet(const pipeline::PacketView& packet) {
    if (reassembler_.NextExpiry() <= packet.time) Expire(packet.time);
    net::Segment segment;
    const net::Outcome outcome = reassembler_.Decode(packet, segment);
    if (outcome == net::Outcome::kFragment) {
      if (packet.outer != nullptr) return;  // an example of those that Add() or Expire() tell
      Count(outcome, reassembler_.Add(segment, packet.time,
                                      [this](const auto& whole) { Packet(whole); }));
      return;
    }
    if (outcome == net::Outcome::kTcp) return Print(segment);
    Count(outcome, 1);
  }

  void Finish() {
    Expire(INT64_MAX);
    for (int i = net::kFirstDropOutcome; i < net::kOutcomeCount; ++i) {
      if (drops_[i] == 0) continue;
      std::printf("drop %s %llu\n", std::string(net::kOutcomeNames[i]).c_str(),
                  static_cast<unsigned long long>(drops_[i]));
    }
  }

 private:
  void Expire(UnixNanos now) {
    Count(net::Outcome::kFragment,
          reassembler_.Expire(now, [this](const auto& whole) { Packet(whole); }));
  }

  void Count(net::Outcome outcome, uint64_t count) {
    drops_[static_cast<int>(outcome)] += count;
  }

  static void Print(const net::Segment& segment) {
    const std::string encap = net::ToString(segment.encap);
    std::printf("%s %u %s %u %u %u %d %s\n", net::ToString(segment.source()).c_str(),
                segment.src_port, net::ToString(segment.destination()).c_str(),
                segment.dst_port, segment.seq, segment.length, (segment.flags & net::kSyn) != 0,
                encap.empty() ? "-" : encap.c_str());
  }

  pipeline::Reassembler reassembler_;
  std::array<uint64_t, net::kOutcomeCount> drops_ = {};
};

int Main(int argc, char** argv) {
  if (argc != 2) return 1;
  auto reader = app::CaptureReader::Open(argv[1], 0);
  if (!reader.ok()) {
    std::fprintf(stderr, "%s\n", std::string(reader.status().message()).c_str());
    return 1;
  }
  Dump dump{config::Config()};
  while ((*reader)->Next()) dump.Packet((*reader)->packet());
  dump.Finish();
  return 0;
}

}  // namespace
}  // namespace mailtap

int main(int argc, char** argv) { return mailtap::Main(argc, argv); }

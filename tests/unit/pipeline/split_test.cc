// Address spaces that encapsulations keep apart, packets that were cut short by ports or before
// they were wrapped, and samples of what can't be decoded.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/unit/net/pieces.h"
#include "tests/unit/net/tunnel_builder.h"
#include "tests/unit/pipeline/dialogues.h"
#include "tests/unit/pipeline/sensor.h"

namespace mailtap::pipeline {
namespace {

// The same addresses and ports in two VLANs, at the same time.
Frames Overlapping() {
  std::vector<Frames> streams;
  for (const int vlan : {100, 200}) {
    Conversation talk("10.0.0.1", 40'000, "10.0.0.2", 25);
    talk.Vlan(vlan).Handshake();
    for (const Line& line : SmtpScript()) {
      line.from == kUp ? talk.Client(line.text) : talk.Server(line.text);
    }
    streams.push_back(talk.Close().frames());
  }
  return Merge(streams);
}

TEST(Split, KeepsEqualAddressesInDifferentVlansApart) {
  config::Config config = SmallConfig();
  config.tunnels.split_by = {net::EncapKind::kVlan};
  Sensor sensor(config);
  sensor.Play(Overlapping()).Finish();
  ASSERT_EQ(sensor.sessions().size(), 2u);
  const auto& one = sensor.sessions()[0];
  const auto& other = sensor.sessions()[1];
  EXPECT_NE(one.key.encap_tag, other.key.encap_tag);
  EXPECT_EQ(Describe(one), Describe(other));
  EXPECT_EQ(one.bytes[kUp].repeated, 0u);
  ASSERT_EQ(sensor.encaps().size(), 2u);
  for (const meter::EncapRecord& encap : sensor.encaps()) {
    ASSERT_EQ(encap.layers.depth, 1u);
    const auto& session = encap.tag == one.key.encap_tag ? one : other;
    EXPECT_EQ(session.key.encap_tag, encap.tag);
    EXPECT_EQ(session.encap.layers[0], encap.layers.layers[0]);
  }
}

TEST(Split, TakesAVlanForPartOfTheWayByDefault) {
  Sensor sensor;
  sensor.Play(Overlapping()).Finish();
  ASSERT_EQ(sensor.sessions().size(), 1u);
  EXPECT_EQ(sensor.sessions()[0].key.encap_tag, 0u);
  EXPECT_TRUE(sensor.encaps().empty());
}

// As where hosts mark what is urgent, and switches take the marks off.
TEST(Split, ATagThatHoldsAPriorityAloneIsNoVlan) {
  config::Config config = SmallConfig();
  config.tunnels.split_by = {net::EncapKind::kVlan};
  Conversation talk("10.0.0.1", 40'000, "10.0.0.2", 25);
  talk.Handshake();
  for (const Line& line : SmtpScript()) {
    talk.Vlan(line.from == kUp ? 0 : -1);
    line.from == kUp ? talk.Client(line.text) : talk.Server(line.text);
  }
  Sensor sensor(config);
  sensor.Play(talk.Close().frames()).Finish();
  ASSERT_EQ(sensor.sessions().size(), 1u);
  EXPECT_EQ(sensor.sessions()[0].key.encap_tag, 0u);
  EXPECT_TRUE(sensor.encaps().empty());
}

// The same fragments too, one after the other.
TEST(Split, KeepsFragmentsOfEqualPacketsApart) {
  const std::string text = "220 mx.example.com ESMTP " + std::string(100, 'x') + "\r\n";
  const net::Bytes tcp = net::Tcp({.source_port = 25, .destination_port = 40'000}, text);
  Frames frames;
  const auto at = [&](uint16_t vlan) { return net::Pieces({.vlan = vlan}, tcp, 80); };
  const std::vector<net::Bytes> one = at(100), other = at(200);
  for (std::size_t i = 0; i < one.size(); ++i) {
    for (const net::Bytes& piece : {one[i], other[i]}) {
      frames.push_back({.bytes = {piece.begin(), piece.end()}, .time = kStart});
    }
  }
  for (const bool split : {true, false}) {
    config::Config config = SmallConfig();
    if (split) config.tunnels.split_by = {net::EncapKind::kVlan};
    Sensor sensor(config);
    sensor.Play(frames).Finish();
    ASSERT_EQ(sensor.sessions().size(), split ? 2u : 1u);
    for (const meter::SessionRecord& session : sensor.sessions()) {
      EXPECT_EQ(session.bytes[kDown].observed, text.size());
      EXPECT_EQ(session.encap.depth, 1u);
    }
  }
}

// A mirror that cuts frames before it wraps them (ERSPAN, VXLAN) is no other than one that is
// captured short.
TEST(Wrapped, HeadersAloneInATunnelAreEnough) {
  for (const std::size_t kept : {60, 70}) {
    Frames frames = Play(SmtpScript(), 25).frames();
    uint64_t cut = 0;
    for (Frame& frame : frames) {
      cut += frame.bytes.size() > kept ? 1 : 0;
      const auto start = frame.bytes.begin();
      const net::Bytes head(
          start, start + static_cast<std::ptrdiff_t>(std::min(frame.bytes.size(), kept)));
      const net::Bytes wrapped = net::EthernetOf(net::Ipv4(
          {.protocol = 47},
          net::Gre({.sequence = true}, 0x88be, net::Join(net::Bytes(8, 0x10), head))));
      frame.bytes.assign(wrapped.begin(), wrapped.end());
    }
    Sensor sensor;
    sensor.Play(frames).Finish();
    EXPECT_EQ(Only(sensor), "smtp banner none 3128/200 messages null rejected null") << kept;
    EXPECT_EQ(sensor.counters().cut.value(), cut);
    EXPECT_EQ(sensor.counters().snapped.value(), 0u);
  }
}

// A port that cuts what is too long for its buffers says nothing of it: the IP header does.
TEST(Cut, FramesTooShortForTheirPackets) {
  for (const int vlan : {-1, 100}) {
    for (const uint16_t port : {25, 8443}) {
      Conversation talk("10.0.0.1", 40'000, "10.0.0.2", port);
      if (vlan >= 0) talk.Vlan(vlan);
      talk.Handshake().Client(std::string(9'000, 'x')).Close();
      Frames frames = talk.frames();
      uint64_t cut = 0;
      for (Frame& frame : frames) {
        if (frame.bytes.size() <= 300) continue;
        frame.bytes.resize(300);
        ++cut;
      }
      ASSERT_GT(cut, 0u);
      Sensor sensor;
      sensor.Play(frames).Finish();
      EXPECT_EQ(sensor.counters().cut.value(), cut) << vlan << " " << port;
      EXPECT_EQ(sensor.counters().snapped.value(), 0u);
      for (Frame& frame : frames) frame.captured = 60;
      Sensor snapping;
      snapping.Play(frames).Finish();
      EXPECT_EQ(snapping.counters().cut.value(), 0u) << "they count once";
    }
  }
}

Frames Undecodable(int count) {
  Frames frames;
  std::string bytes(60, '\0');
  bytes[12] = 0x08;  // IPv4, but no header of it
  for (int i = 0; i < count; ++i) frames.push_back({.bytes = bytes, .time = kStart + i});
  return frames;
}

TEST(Samples, AreKeptUpToTheConfiguredNumberOfEachKind) {
  config::Config config = SmallConfig();
  config.diagnostics.samples = 2;
  Sensor sensor(config);
  sensor.Play(Undecodable(5)).Finish();
  ASSERT_EQ(sensor.samples().size(), 2u);
  EXPECT_EQ(sensor.samples()[0].outcome, net::Outcome::kBadIpHeader);
  EXPECT_EQ(sensor.samples()[0].time, kStart);
  EXPECT_EQ(sensor.samples()[0].length, 14u + 20);
  EXPECT_EQ(sensor.samples()[0].bytes[12], 0x08);
}

std::string Text(const net::Bytes& bytes) { return std::string(bytes.begin(), bytes.end()); }

// What is kept of one frame that can't be decoded.
std::string SampleOf(const net::Bytes& frame, net::Outcome outcome) {
  config::Config config = SmallConfig();
  config.diagnostics.samples = 1;
  Sensor sensor(config);
  sensor.Play({{.bytes = Text(frame), .time = kStart}}).Finish();
  if (sensor.samples().size() != 1 || sensor.samples()[0].outcome != outcome) return "none";
  const meter::SampleRecord& sample = sensor.samples()[0];
  return std::string(sample.bytes, sample.bytes + sample.length);
}

TEST(Samples, HoldHeadersAlone) {
  const std::string mail = "MAIL FROM:<a@b.example>\r\n";
  net::Bytes bad = net::Tcp({}, mail);
  bad[12] = 0x10;  // shorter than any header
  const net::Bytes frame = net::EthernetOf(net::Ipv4({}, bad));
  EXPECT_EQ(SampleOf(frame, net::Outcome::kBadTcpHeader), Text(frame).substr(0, 54));
  const net::Bytes good = net::Ipv4({}, net::Tcp({}, mail));
  for (const net::Bytes& shim : {net::Bytes{}, net::Hex("00 01 00 10")}) {
    const net::Bytes unknown = net::Ethernet(0xd28b, net::Join(shim, good));
    EXPECT_EQ(SampleOf(unknown, net::Outcome::kUnknownEncap), Text(unknown).substr(0, 14 + 8));
  }
  const net::Bytes hidden = net::EthernetOf(net::Ipv4({.protocol = 99}, good));
  EXPECT_EQ(SampleOf(hidden, net::Outcome::kUnknownEncap), Text(hidden).substr(0, 34 + 8));
  net::Bytes deep = net::Ethernet(0x8100, {});
  for (int i = 0; i < 8; ++i) deep = net::Join(deep, net::Hex("00 01 81 00"));
  deep = net::Join(deep, net::Join(net::Hex("00 01 08 00"), good));
  EXPECT_EQ(SampleOf(deep, net::Outcome::kEncapDepth), Text(deep).substr(0, 14 + 9 * 4));
}

TEST(Samples, OfWhatIsCapturedShortHoldAllThatIsThere) {
  const net::Bytes whole = net::EthernetOf(net::Ipv4({}, net::Tcp({}, "text")));
  config::Config config = SmallConfig();
  config.diagnostics.samples = 1;
  for (const uint32_t captured : {10u, 30u, 50u}) {
    Sensor sensor(config);
    sensor.Play({{.bytes = Text(whole), .time = kStart, .captured = captured}}).Finish();
    ASSERT_EQ(sensor.samples().size(), 1u) << captured;
    EXPECT_EQ(sensor.samples()[0].length, captured);
  }
}

TEST(Samples, OfFragmentsAreThoseThatGoIntoNoPacket) {
  const net::Bytes text(16, 'm');
  const net::Bytes frame = net::Piece({.offset = 80}, text);
  EXPECT_EQ(SampleOf(frame, net::Outcome::kFragment), Text(frame).substr(14, 20));
  net::Bytes bad = net::Tcp({}, std::string(60, 'm'));
  bad[12] = 0x10;
  config::Config config = SmallConfig();
  config.diagnostics.samples = 1;
  Sensor sensor(config);
  for (const net::Bytes& piece : net::Pieces({}, bad, 40)) {
    sensor.Play({{.bytes = Text(piece), .time = kStart}});
  }
  sensor.Finish();
  EXPECT_TRUE(sensor.samples().empty());
}

TEST(Samples, AreOffByDefault) {
  Sensor sensor;
  sensor.Play(Undecodable(5)).Finish();
  EXPECT_TRUE(sensor.samples().empty());
  EXPECT_EQ(sensor.counters().outcomes[static_cast<int>(net::Outcome::kBadIpHeader)].value(),
            5u);
}

}  // namespace
}  // namespace mailtap::pipeline

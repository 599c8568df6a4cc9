// Address spaces that encapsulations keep apart, and samples of what can't be decoded.
#include <gtest/gtest.h>

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
  EXPECT_EQ(sensor.samples()[0].length, 60u);
  EXPECT_EQ(sensor.samples()[0].bytes[12], 0x08);
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

// The same address in two encapsulations is two hosts; and samples of what can't be decoded.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "lib/control/sample_book.h"
#include "tests/unit/control/scenario.h"
#include "tests/unit/control/testing.h"

namespace mailtap::control {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

meter::EncapRecord Vlan(uint32_t tag, uint32_t id) {
  meter::EncapRecord record;
  record.tag = tag;
  record.layers.Push(net::EncapKind::kVlan, id);
  return record;
}

meter::DeltaRecord Tagged(uint32_t tag, int64_t tick, uint64_t up) {
  meter::DeltaRecord delta = Delta(kHost, kOut, tick, up);
  delta.key.encap_tag = tag;
  return delta;
}

TEST(Encapsulation, TellsHostsOfOneAddressApart) {
  Bench bench(OneRule());
  bench.control.Apply(Vlan(7, 100));
  bench.control.Apply(Vlan(9, 200));
  bench.control.Apply(Tagged(7, kT0, 700));
  bench.control.Apply(Tagged(9, kT0, 800));
  bench.control.EndTick(kT0);
  EXPECT_TRUE(bench.output.alerts.empty()) << "each stays below 1000";
  bench.control.Apply(Tagged(7, kT0 + 1, 700));
  bench.control.Apply(Tagged(9, kT0 + 1, 800));
  bench.control.EndTick(kT0 + 1);
  ASSERT_EQ(bench.output.alerts.size(), 2u);
  const Alert& first = bench.output.alerts[0];
  const Alert& second = bench.output.alerts[1];
  EXPECT_EQ(first.host, second.host);
  EXPECT_NE(first.id, second.id);
  EXPECT_EQ(first.value, 1400);
  EXPECT_EQ(second.value, 1600);
  EXPECT_EQ(net::ToString(first.encap), "vlan:100");
  EXPECT_EQ(net::ToString(second.encap), "vlan:200");
  EXPECT_EQ(first.top_peers[0].sent, 1400u);
  EXPECT_THAT(first.summary, HasSubstr("10.0.0.1 in vlan:100 sent 1.40 kB by SMTP"));
  const auto ranked = bench.control.RankedHosts();
  ASSERT_EQ(ranked.size(), 2u);
  EXPECT_EQ(net::ToString(ranked[0].encap), "vlan:200");
  EXPECT_EQ(ranked[0].unapproved_sent, 1600u);
  const auto snapshot = bench.control.MakeSnapshot();
  EXPECT_EQ(snapshot->hosts_known, 2u);
  ASSERT_EQ(snapshot->host_gauges.size(), 2u);
  EXPECT_EQ(net::ToString(snapshot->host_gauges[0].encap), "vlan:200");
  EXPECT_EQ(snapshot->host_sights.size(), 2u);
}

TEST(Encapsulation, RelaysAndGroupsMatchByAddressAlone) {
  config::Config config = BaseConfig();
  config::Relay relay;
  relay.name = "gateway";
  relay.destinations = {Net(kOut)};
  config.relays = {relay};
  Bench bench(config);
  bench.control.Apply(Tagged(7, kT0, 700));
  bench.control.Apply(Tagged(9, kT0, 800));
  bench.control.EndTick(kT0);
  const auto snapshot = bench.control.MakeSnapshot();
  EXPECT_EQ(snapshot->relays[0].sessions, 2u);
  EXPECT_EQ(snapshot->relays[0].hosts, 2u) << "two hosts, if of one address";
}

TEST(Encapsulation, NamesBelongToTheServerInIt) {
  Bench bench(OneRule());
  for (const uint32_t tag : {7u, 9u}) {
    meter::NameRecord name;
    name.key = Tagged(tag, kT0, 0).key;
    name.source = meter::NameSource::kBanner;
    const std::string text = tag == 7 ? "seven.example" : "nine.example";
    name.length = static_cast<uint8_t>(text.copy(name.text, sizeof(name.text)));
    bench.control.Apply(name);
    bench.control.Apply(Tagged(tag, kT0, 5000));
  }
  bench.control.EndTick(kT0);
  ASSERT_EQ(bench.output.alerts.size(), 2u);
  EXPECT_EQ(bench.output.alerts[0].top_peers[0].name, "seven.example");
  EXPECT_EQ(bench.output.alerts[1].top_peers[0].name, "nine.example");
}

TEST(HostSight, LooksBackOverThisPeriodAndTheOneBefore) {
  config::Config config = OneRule();
  config.rules[0].window_seconds = 600;
  Bench bench(config);
  const auto loss = [&] {
    const auto snapshot = bench.control.MakeSnapshot();
    return snapshot->host_sights.at(0).confidence.loss_ratio;
  };
  meter::DeltaRecord lossy = Delta(kHost, kOut, kT0, 750);
  lossy.bytes[kUp].inferred = 250;
  bench.Tick(lossy);
  EXPECT_EQ(loss(), 0.25);
  bench.Tick(Delta(kHost, kOut, kT0 + 61, 1000));
  EXPECT_EQ(loss(), 0.125);
  bench.control.EndTick(kT0 + 119);
  EXPECT_EQ(loss(), 0.125);
  bench.control.EndTick(kT0 + 120);
  EXPECT_EQ(loss(), 0);
}

meter::SampleRecord Sample(UnixNanos time, uint8_t byte) {
  meter::SampleRecord sample;
  sample.time = time;
  sample.outcome = net::Outcome::kBadIpHeader;
  sample.length = 1;
  sample.bytes[0] = byte;
  return sample;
}

TEST(Samples, AreTheFirstOfEachReasonInWhateverOrderTheyCome) {
  std::vector<meter::SampleRecord> all;
  for (uint8_t i = 0; i < 40; ++i) all.push_back(Sample(i / 4, i));
  Random random(3);
  for (int turn = 0; turn < 20; ++turn) {
    SampleBook book(3);
    for (std::size_t i = all.size(); i > 1; --i) {
      std::swap(all[i - 1], all[Pick(random, 0, static_cast<int64_t>(i) - 1)]);
    }
    for (const meter::SampleRecord& sample : all) book.Add(sample);
    std::vector<int> bytes;
    for (const meter::SampleRecord& sample :
         (*book.samples())[static_cast<int>(net::Outcome::kBadIpHeader)]) {
      bytes.push_back(sample.bytes[0]);
    }
    EXPECT_THAT(bytes, ElementsAre(0, 1, 2));
    EXPECT_TRUE((*book.samples())[static_cast<int>(net::Outcome::kEncapDepth)].empty());
  }
}

TEST(Samples, AreNotKeptUnlessAskedFor) {
  Bench bench(BaseConfig());
  bench.control.Apply(Sample(1, 1));
  const auto snapshot = bench.control.MakeSnapshot();
  for (const auto& list : *snapshot->samples) EXPECT_TRUE(list.empty());
}

TEST(Samples, OfASnapshotDoNotChange) {
  config::Config config = BaseConfig();
  config.diagnostics.samples = 2;
  Bench bench(config);
  bench.control.Apply(Sample(1, 1));
  const auto before = bench.control.MakeSnapshot();
  bench.control.Apply(Sample(2, 2));
  const auto size = [](const Snapshot& s) {
    return (*s.samples)[static_cast<int>(net::Outcome::kBadIpHeader)].size();
  };
  EXPECT_EQ(size(*before), 1u);
  EXPECT_EQ(size(*bench.control.MakeSnapshot()), 2u);
}

}  // namespace
}  // namespace mailtap::control

// The learning mode's proposals as configuration text.
#include "lib/export/proposals.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "lib/config/parse.h"
#include "lib/export/json.h"
#include "tests/unit/export/samples.h"

namespace mailtap::exporting {
namespace {

using control::Hour;
using control::kHourSeconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;
using testing::StartsWith;

constexpr char kConfig[] =
    "[networks]\ninternal = [\"10.0.0.0/8\"]\n[learning]\nafter = \"7d\"\n"
    "[[rule]]\nname = \"bulk\"\nraise = \"50MB\"\nclear = \"20MB\"\n"
    "[[rule.condition]]\nmetric = \"distinct_peers\"\nwindow = \"10m\"\nraise = 5\n";

config::Config Accepted(const std::string& text) {
  config::ParseResult result = config::Parse(text, "test");
  for (const config::Fault& fault : result.faults) ADD_FAILURE() << config::ToString(fault);
  return result.config.value_or(config::Config());
}

net::IpAddress Address(const std::string& text) { return net::ParseAddress(text).value(); }

// A day in which five clients use a relay and read mailboxes.
std::vector<Hour> Day(const std::string& name = "mx.example.net") {
  constexpr int64_t kFirst = 498'740;  // 2026-11-23T20:00Z
  std::vector<Hour> hours(24);
  for (int64_t i = 0; i < 24; ++i) {
    Hour& hour = hours[static_cast<std::size_t>(i)];
    hour.hour = kFirst + i;
    hour.first_tick = hour.hour * kHourSeconds;
    hour.capture.seconds = kHourSeconds;
    control::HourServer& server = hour.servers.emplace_back();
    server.server = Address("198.51.100.7");
    server.port = 587;
    server.name = name;
    server.name_observed = true;
    control::HourPeaks& peaks = hour.peaks.emplace_back();
    peaks.rule = "bulk";
    peaks.window_seconds = 300;
    for (int client = 1; client <= 5; ++client) {
      const net::IpAddress host = Address(absl::StrCat("10.1.0.", client));
      server.clients.push_back(host);
      server.client_sent.push_back(1000);
      server.bytes[kUp] += 1000;
      server.sessions += 1;
      hour.acts.push_back(
          {host, "", Role::kClient, Service::kImap, false, 2, 1000, 90'000, 1, false});
      peaks.peaks.push_back({host, "", Role::kClient, 300'000});
    }
  }
  return hours;
}

control::Proposals From(const config::Config& config, const std::vector<Hour>& hours,
                        const std::vector<StoredAlert>& alerts = {}) {
  auto proposals = ProposeFrom(config, hours, alerts);
  EXPECT_TRUE(proposals.ok()) << proposals.status();
  return *std::move(proposals);
}

TEST(ProposalsToml, ReadsBackAsWhatIsProposed) {
  const config::Config config = Accepted(kConfig);
  const control::Proposals proposals = From(config, Day());
  ASSERT_THAT(proposals.groups, SizeIs(1));
  ASSERT_THAT(proposals.rules, SizeIs(1));
  ASSERT_THAT(proposals.relays, SizeIs(1));
  const std::string text = ProposalsToml(proposals, config);
  const config::Config both = Accepted(kConfig + text);
  ASSERT_THAT(both.groups, SizeIs(1));
  ASSERT_THAT(both.rules, SizeIs(2));
  ASSERT_THAT(both.relays, SizeIs(1));
  EXPECT_EQ(config::ToToml(both.groups[0]), config::ToToml(proposals.groups[0].entry));
  EXPECT_EQ(config::ToToml(both.rules[0]), config::ToToml(config.rules[0]));
  EXPECT_EQ(config::ToToml(both.rules[1]), config::ToToml(proposals.rules[0].entry));
  EXPECT_EQ(config::ToToml(both.relays[0]), config::ToToml(proposals.relays[0].entry));
  EXPECT_EQ(both.rules[1].raise, 1'200'000);
  EXPECT_THAT(both.rules[1].conditions, SizeIs(1));
  EXPECT_THAT(both.groups[0].members, ElementsAre(net::ParsePrefix("10.1.0.0/24").value()));
  EXPECT_EQ(CountProposals(proposals), "1 group, 1 threshold and 1 relay entry");
}

TEST(ProposalsToml, SaysWhatItRestsOn) {
  const config::Config config = Accepted(kConfig);
  const std::string text = ProposalsToml(From(config, Day()), config);
  EXPECT_THAT(text, StartsWith("# Proposals for the configuration, learnt from 1d of traffic,\n"
                               "# from 2026-11-23T20:00:00.000000Z to "
                               "2026-11-24T20:00:00.000000Z, for version "));
  EXPECT_THAT(text, HasSubstr("It may be too early: 6d are lacking of the 7d"));
  EXPECT_THAT(text, HasSubstr("Less than a week was seen"));
  EXPECT_THAT(text, HasSubstr("#   5 clients in 120 sessions sent 120 kB"));
  EXPECT_THAT(text, HasSubstr("\n[[relay]]\nname = \"proposed: mx.example.net smtp\"\n"));
}

TEST(ProposalsToml, WithoutAnythingItIsValidToo) {
  const config::Config config = Accepted(kConfig);
  const std::string text = ProposalsToml(From(config, {}), config);
  for (const absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    EXPECT_EQ(line[0], '#') << line;
  }
  Accepted(kConfig + text);
}

TEST(ProposalsToml, NothingOffTheWireOrOutOfTheInventoryEndsAComment) {
  const std::string hostile[] = {"x\n[[relay]]\nname = \"all\"",
                                 "x\r[[relay]]\rname = \"all\"",
                                 "\x1b[2J\a\x7f",
                                 "\"\"\"\n[networks]\ninternal = []",
                                 std::string("\0[[relay]]", 10),
                                 "\xff\xfe",
                                 "\xc2\x85[[relay]]"};
  for (const std::string& name : hostile) {
    config::Config config = Accepted(kConfig);
    config.assets.rows = {{.prefix = net::ParsePrefix("10.1.0.0/16").value(), .name = name}};
    std::vector<Hour> hours = Day(name);
    for (Hour& hour : hours) {
      hour.servers[0].encap = name;
      hour.acts[0].encap = name;
      hour.peaks[0].peaks[0].encap = name;
    }
    const std::string text = ProposalsToml(From(config, hours), config);
    for (const unsigned char c : text) EXPECT_TRUE(c == '\n' || (c >= 0x20 && c != 0x7f));
    const config::Config both = Accepted(kConfig + text);
    EXPECT_THAT(both.relays, IsEmpty()) << "in an address space that entries can't tell";
    EXPECT_THAT(both.groups, SizeIs(1));
    EXPECT_THAT(both.networks.internal, SizeIs(1));
  }
}

StoredAlert Row(control::Alert alert, control::AlertState state, UnixNanos time) {
  alert.state = state;
  alert.time = time;
  return {time, alert.id, std::string(Name(state)), ToJsonLine(alert, "s")};
}

TEST(ProposeFrom, LeavesOutWhatWasInAlertsInTheTime) {
  using enum control::AlertState;
  const config::Config config = Accepted(kConfig);
  const std::vector<Hour> hours = Day();
  const UnixNanos start = StartOfTick(hours[0].first_tick);
  control::Alert alert = SampleAlert();
  alert.host = Address("10.1.0.3");
  alert.top_peers.resize(1);
  alert.top_peers[0].peer = Address("198.51.100.7");
  alert.top_peers[0].port = 587;
  const StoredAlert raised = Row(alert, kRaised, start - 2);
  EXPECT_THAT(From(config, hours, {raised}).relays, IsEmpty()) << "it is open";
  EXPECT_THAT(From(config, hours, {raised, Row(alert, kCleared, start + 1)}).relays, IsEmpty());
  EXPECT_THAT(From(config, hours, {raised, Row(alert, kCleared, start - 1)}).relays, SizeIs(1));
  EXPECT_THAT(From(config, hours, {Row(alert, kSuppressed, start + 1)}).relays, IsEmpty());
  alert.top_peers.clear();
  const control::Proposals proposals = From(config, hours, {Row(alert, kRaised, start)});
  ASSERT_THAT(proposals.relays, SizeIs(1));
  EXPECT_THAT(proposals.relays[0].entry.sources,
              Not(testing::Contains(net::ParsePrefix("10.1.0.3").value())));
  EXPECT_THAT(From(config, hours, {Row(SampleBlindSpot(), kRaised, start)}).relays, SizeIs(1));
}

TEST(ProposeFrom, RefusesAlertsThatAreNone) {
  const config::Config config = Accepted(kConfig);
  for (const char* json : {"{", "{}", "[]", "{\"host\":3,\"top_peers\":[]}",
                           "{\"host\":null,\"top_peers\":[{}]}"}) {
    const auto proposals =
        ProposeFrom(config, Day(), {{StartOfTick(498'740 * 3600), "id", "raised", json}});
    EXPECT_TRUE(absl::IsDataLoss(proposals.status())) << json;
  }
}

}  // namespace
}  // namespace mailtap::exporting

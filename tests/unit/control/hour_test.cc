// What each hour held, for reports.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "lib/control/hour_book.h"
#include "tests/unit/control/testing.h"

namespace mailtap::control {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr int64_t kHour = kT0 / kHourSeconds;

config::Config WithRelay() {
  config::Config config = BaseConfig();
  config.relays = {{.name = "gateway", .destinations = {Net("192.0.2.1")}},
                   {.name = "trial",
                    .destinations = {Net("198.51.100.9")},
                    .mode = config::RelayMode::kObserve}};
  config.groups = {{.name = "workstations", .members = {Net("10.0.0.0/24")}}};
  config.assets.rows = {{.prefix = Net("10.0.0.2"), .name = "Ada's laptop", .owner = "Ada"}};
  return config;
}

TEST(Hours, TheOneUnderWayIsGivenSoFar) {
  Bench bench(WithRelay());
  EXPECT_THAT(bench.control.TakeHours(), IsEmpty());
  bench.Tick(Delta(kHost, kOut, kT0 + 5, 1000, 20));
  bench.Tick(Delta(kHost, kOut, kT0 + 9, 500));
  bench.Tick(Delta("10.0.0.2", "192.0.2.1", kT0 + 10, 70, 7));
  const std::vector<Hour> hours = bench.control.TakeHours();
  ASSERT_EQ(hours.size(), 1u);
  const Hour& hour = hours[0];
  EXPECT_EQ(hour.hour, kHour);
  EXPECT_EQ(hour.first_tick, kT0 + 5);
  EXPECT_EQ(hour.capture.seconds, 6);
  EXPECT_EQ(hour.capture.sight.volume, 1597u);
  ASSERT_EQ(hour.hosts.size(), 1u) << "of those with unapproved mail";
  EXPECT_EQ(net::ToString(hour.hosts[0].host), kHost);
  EXPECT_EQ(hour.hosts[0].asset, "workstations");
  EXPECT_EQ(hour.hosts[0].counts.unapproved_sent, 1500u);
  EXPECT_EQ(hour.hosts[0].counts.unapproved_received, 20u);
  EXPECT_EQ(hour.hosts[0].counts.unapproved_sessions, 2u);
  ASSERT_EQ(hour.relays.size(), 1u);
  EXPECT_EQ(hour.relays[0].name, "gateway");
  EXPECT_EQ(hour.relays[0].sessions, 1u);
  EXPECT_EQ(hour.relays[0].bytes, 77u);
  const auto& external = hour.totals[static_cast<int>(Service::kSmtp)]
                                    [static_cast<int>(config::Verdict::kUnapprovedExternal)];
  EXPECT_EQ(external.sessions, 2u);
  EXPECT_EQ(external.bytes[kUp], 1500u);
}

TEST(Hours, EachIsPutOutWhenItEndsAndCountsAnew) {
  Bench bench(WithRelay());
  bench.Tick(Delta(kHost, kOut, kT0 + 3599, 1000));
  bench.Tick(Delta(kHost, kOut, kT0 + 3600, 10));
  bench.Tick(Delta("10.0.0.2", "192.0.2.1", kT0 + 3600 + 7199, 70));
  const std::vector<Hour> hours = bench.control.TakeHours();
  ASSERT_EQ(hours.size(), 3u);
  EXPECT_EQ(hours[0].hosts[0].counts.unapproved_sent, 1000u);
  EXPECT_EQ(hours[0].capture.seconds, 1);
  EXPECT_EQ(hours[1].hosts[0].counts.unapproved_sent, 10u);
  EXPECT_EQ(hours[1].capture.seconds, 3600) << "idle seconds are skipped, and yet covered";
  EXPECT_EQ(hours[1].first_tick, kT0 + 3600);
  EXPECT_THAT(hours[1].relays, IsEmpty());
  EXPECT_EQ(hours[2].hour, kHour + 2);
  EXPECT_THAT(hours[2].hosts, IsEmpty());
  EXPECT_EQ(hours[2].relays[0].bytes, 70u);
  const std::vector<Hour> again = bench.control.TakeHours();
  ASSERT_EQ(again.size(), 1u) << "those that have ended are given once";
  EXPECT_EQ(again[0].hour, kHour + 2);
}

TEST(Hours, HoldWhatCouldNotBeAttributedInTheHourOfItsTick) {
  Bench bench(WithRelay());
  const auto lost = [](int64_t tick, uint64_t sent, uint64_t received) {
    meter::DeltaRecord delta = Delta(kHost, kOut, tick, sent, received);
    delta.key.client = {};
    delta.key.attribution = meter::Attribution::kServerOnly;
    return delta;
  };
  bench.Tick(lost(kT0 + 3599, 1000, 20));
  bench.Tick(lost(kT0 + 3600, 70, 7));
  const std::vector<Hour> hours = bench.control.TakeHours();
  ASSERT_EQ(hours.size(), 2u);
  const auto of = [](const Hour& hour) {
    return hour.totals[static_cast<int>(Service::kSmtp)]
                      [static_cast<int>(config::Verdict::kUnattributed)];
  };
  EXPECT_EQ(of(hours[0]).sessions, 1u);
  EXPECT_EQ(of(hours[0]).bytes[kUp], 1000u);
  EXPECT_EQ(of(hours[0]).bytes[kDown], 20u);
  EXPECT_EQ(of(hours[1]).bytes[kUp], 70u);
  EXPECT_THAT(hours[0].hosts, IsEmpty());
  EXPECT_THAT(hours[0].servers, IsEmpty());
}

TEST(Hours, ServersOfUnapprovedMailAreToldWithTheirClients) {
  Bench bench(WithRelay());
  bench.control.Apply(Delta("10.0.0.2", kOut, kT0, 5, 1));
  bench.control.Apply(Delta(kHost, kOut, kT0, 7, 2));
  bench.control.Apply(Delta(kHost, kOut, kT0, 7, 2, 587));
  bench.control.Apply(Delta("203.0.113.5", "10.0.0.3", kT0, 3, 9, 143, Service::kImap));
  bench.control.Apply(Delta(kHost, "192.0.2.1", kT0, 1));
  bench.control.EndTick(kT0);
  const Hour hour = bench.control.TakeHours()[0];
  ASSERT_EQ(hour.servers.size(), 3u);
  EXPECT_EQ(net::ToString(hour.servers[0].server), kOut);
  EXPECT_EQ(hour.servers[0].port, 25);
  EXPECT_FALSE(hour.servers[0].internal);
  EXPECT_THAT(hour.servers[0].clients, ElementsAre(Ip(kHost), Ip("10.0.0.2")));
  EXPECT_THAT(hour.servers[0].client_sent, ElementsAre(7, 5)) << "as the clients stand";
  EXPECT_EQ(hour.servers[0].sessions, 2u);
  EXPECT_EQ(hour.servers[0].bytes[kUp], 12u);
  EXPECT_EQ(hour.servers[0].bytes[kDown], 3u);
  EXPECT_EQ(hour.servers[1].service, Service::kImap) << "of equals that with more bytes";
  EXPECT_TRUE(hour.servers[1].internal);
  EXPECT_EQ(hour.servers[2].port, 587);
}

TEST(Hours, WhatIsBeyondTheBoundIsSummedUp) {
  Bench bench(WithRelay());
  for (int i = 0; i < 250; ++i) {
    bench.control.Apply(Delta(absl::StrCat("10.0.1.", i), absl::StrCat("198.51.100.", i), kT0,
                              static_cast<uint64_t>(1000 - i)));
  }
  for (int i = 0; i < 70; ++i) {
    bench.control.Apply(Delta(absl::StrCat("10.0.2.", i), "203.0.113.1", kT0, 1));
  }
  bench.control.EndTick(kT0);
  const Hour hour = bench.control.TakeHours()[0];
  EXPECT_EQ(hour.hosts.size(), Hour::kMost);
  EXPECT_EQ(hour.hosts[0].counts.unapproved_sent, 1000u);
  EXPECT_EQ(hour.more_hosts, 120u);
  EXPECT_EQ(hour.others.unapproved_sent, 50u * 800 - 49 * 50 / 2 + 70);
  EXPECT_EQ(hour.servers.size(), Hour::kMost);
  EXPECT_EQ(hour.more_servers, 51u);
  EXPECT_EQ(hour.servers[0].clients.size(), HourServer::kMostClients);
  EXPECT_EQ(hour.servers[0].client_sent.size(), HourServer::kMostClients);
  EXPECT_TRUE(hour.servers[0].more_clients);
  EXPECT_EQ(hour.servers[0].sessions, 70u);
}

TEST(Hours, ARestartGoesOnInTheHour) {
  Bench before(WithRelay());
  before.Tick(Delta(kHost, kOut, kT0 + 100, 1000));
  before.Tick(Delta(kHost, "192.0.2.1", kT0 + 101, 70));
  for (const bool same_capture : {true, false}) {
    SCOPED_TRACE(same_capture);
    Bench after(WithRelay());
    ASSERT_TRUE(
        after.control
            .Restore(before.control.Save(), before.control.SaveOpenAlerts(), same_capture)
            .ok());
    after.Tick(Delta("10.0.0.2", kOut, kT0 + 200, 5));
    const Hour hour = after.control.TakeHours().at(0);
    EXPECT_EQ(hour.first_tick, kT0 + 100);
    EXPECT_EQ(hour.capture.seconds, same_capture ? 101 : 3) << "nobody looked in between";
    ASSERT_EQ(hour.hosts.size(), 2u);
    EXPECT_EQ(hour.hosts[0].counts.unapproved_sent, 1000u);
    EXPECT_EQ(hour.hosts[1].asset, "Ada's laptop");
    EXPECT_EQ(hour.hosts[1].owner, "Ada");
    EXPECT_EQ(hour.relays.at(0).bytes, 70u);
    EXPECT_EQ(hour.servers.at(0).clients.size(), 2u);
  }
}

TEST(Hours, WhatTheCaptureLostIsCounted) {
  Bench bench(WithRelay());
  CaptureSample sample{.ports = {{.name = "a", .packets = 10, .dropped = 3}},
                       .packets = 10,
                       .snapped = 2,
                       .undecodable = {{"x", 4}, {"y", 1}}};
  bench.control.Observe(sample);
  bench.control.EndTick(kT0);
  sample.packets = 25;
  sample.ports[0].dropped = 4;
  bench.control.Observe(sample);
  bench.control.EndTick(kT0 + 3600);
  const std::vector<Hour> hours = bench.control.TakeHours();
  ASSERT_EQ(hours.size(), 2u);
  EXPECT_EQ(hours[0].capture.packets, 10u);
  EXPECT_EQ(hours[0].capture.dropped, 3u);
  EXPECT_EQ(hours[0].capture.snapped, 2u);
  EXPECT_EQ(hours[0].capture.undecodable, 5u);
  EXPECT_EQ(hours[1].capture.packets, 15u);
  EXPECT_EQ(hours[1].capture.dropped, 1u);
  EXPECT_EQ(hours[1].capture.undecodable, 0u);
}

TEST(Hours, APauseOfMoreThanAWeekIsNotCovered) {
  HourBook book;
  std::vector<int64_t> hours;
  const auto note = [&] { hours.push_back(book.hour()); };
  book.StartTick(10, note);
  book.StartTick(3600 * 24 * 365, note);
  EXPECT_THAT(hours, ElementsAre(0));
  EXPECT_EQ(book.hour(), 24 * 365);
  EXPECT_EQ(book.capture().seconds, 1);
  book.StartTick(3600 * 24 * (365 + 7), note);
  EXPECT_EQ(hours.size(), 1u + 7 * 24) << "a week is";
}

TEST(Hours, ServersWithoutRoomAreCountedAndFindRoomInTheNextHour) {
  constexpr uint32_t kRoom = 65'536;
  HourBook book;
  std::vector<HourBook::Place> places(kRoom + 2);
  const auto all_speak = [&] {
    for (uint32_t i = 0; i < places.size(); ++i) {
      meter::ConversationKey key;
      key.server = net::ParseAddress("2001:db8::").value();
      key.server.bytes[13] = static_cast<uint8_t>(i >> 16);
      key.server.bytes[14] = static_cast<uint8_t>(i >> 8);
      key.server.bytes[15] = static_cast<uint8_t>(i);
      TickRow row;
      row.sessions = 1;
      book.Count(key, config::Verdict::kUnapprovedExternal, {true, false}, row, places[i]);
    }
  };
  book.StartTick(0, [] {});
  all_speak();
  all_speak();
  ASSERT_EQ(book.servers().size(), kRoom);
  EXPECT_EQ(book.servers().front().sessions, 2u);
  EXPECT_EQ(book.servers().back().sessions, 2u);
  EXPECT_EQ(book.more_servers(), 2u);
  book.StartTick(kHourSeconds, [] {});
  EXPECT_EQ(book.servers().size(), 0u);
  std::swap(places.front(), places.back());
  all_speak();
  ASSERT_EQ(book.servers().size(), kRoom);
  EXPECT_EQ(book.servers().front().sessions, 1u);
  EXPECT_EQ(book.more_servers(), 2u);
}

}  // namespace
}  // namespace mailtap::control

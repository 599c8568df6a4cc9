// What a state's hours and alerts make of a period.
#include "lib/export/period.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "lib/control/hour_summary.h"
#include "lib/export/hour_json.h"
#include "lib/export/json.h"
#include "lib/export/report.h"
#include "tests/unit/export/samples.h"

namespace mailtap::exporting {
namespace {

using Json = nlohmann::ordered_json;
using control::Hour;
using control::kHourSeconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr UnixNanos kStart = StartOfTick(kSampleHour * kHourSeconds);

StoredAlert Row(control::Alert alert, control::AlertState state, UnixNanos time) {
  alert.state = state;
  alert.time = time;
  return {time, alert.id, std::string(Name(state)), ToJsonLine(alert, "s")};
}

PeriodInput Input(int64_t hours = 2) {
  PeriodInput input;
  input.since = kStart;
  input.until = kStart + hours * kHourSeconds * kNanosPerSecond;
  input.state_time = input.until;
  input.source = "a live sensor";
  for (int64_t n = 0; n < hours; ++n) input.hours.push_back(SampleHour(n));
  input.report = ReportJson(SampleReport());
  return input;
}

Period Gather(const PeriodInput& input) {
  auto period = GatherPeriod(input);
  EXPECT_TRUE(period.ok()) << period.status();
  return *std::move(period);
}

TEST(Period, AddsUpItsHours) {
  const Period period = Gather(Input());
  ASSERT_EQ(period.hosts.size(), 1u);
  EXPECT_EQ(period.hosts[0].host, "10.1.2.3");
  EXPECT_EQ(period.hosts[0].owner, "Ada");
  EXPECT_EQ(period.hosts[0].hours, 2);
  EXPECT_EQ(period.hosts[0].counts.unapproved_sent, 2000u);
  EXPECT_THAT(period.hosts[0].servers, ElementsAre("203.0.113.9 port 25 (smtp)"));
  ASSERT_EQ(period.relays_used.size(), 1u);
  EXPECT_EQ(period.relays_used[0].owner, "messaging team");
  EXPECT_EQ(period.relays_used[0].sessions, 2u);
  EXPECT_EQ(period.relays_used[0].bytes, 110u);
  EXPECT_THAT(period.relays_unused, IsEmpty());
  EXPECT_EQ(period.capture.packets, 2000u);
  EXPECT_EQ(period.totals[0][static_cast<int>(config::Verdict::kApproved)].bytes[kUp], 100u);
  EXPECT_EQ(period.counted_from, kStart);
  EXPECT_EQ(period.counted_to, kStart + 2 * kHourSeconds * kNanosPerSecond);
}

TEST(Period, MayBeginIn1970) {
  PeriodInput input = Input(1);
  input.since = 0;
  const std::string text = PeriodText(Gather(input), 1000);
  EXPECT_THAT(text, HasSubstr("Period         1970-01-01 00:00:00 UTC to "));
  EXPECT_THAT(text, HasSubstr("From 1970-01-01 00:00:00 UTC to "));
}

TEST(Period, SaysWhatWasNotCovered) {
  PeriodInput input = Input(5);
  input.hours[1].capture.seconds = 600;
  input.hours.erase(input.hours.begin() + 2, input.hours.begin() + 4);
  const Period period = Gather(input);
  EXPECT_EQ(period.covered_seconds, 2 * 3600 + 600);
  ASSERT_EQ(period.gaps.size(), 2u);
  EXPECT_EQ(period.gaps[0].seconds, 3000);
  EXPECT_EQ(period.gaps[1].from, kStart + 2 * kHourSeconds * kNanosPerSecond);
  EXPECT_EQ(period.gaps[1].seconds, 7200) << "hours without any stand together";
  input = Input(1);
  input.since += 1800 * kNanosPerSecond;
  EXPECT_EQ(Gather(input).covered_seconds, 1800);
  EXPECT_THAT(Gather(input).gaps, IsEmpty());
}

TEST(Period, CoversOfAnHourWhatWasJudgedOfIt) {
  constexpr UnixNanos kMinute = 60 * kNanosPerSecond;
  PeriodInput input = Input(2);
  input.hours[0].first_tick += 40 * 60;  // 20:40 to 21:40
  input.hours[0].capture.seconds = 20 * 60;
  input.hours[1].capture.seconds = 40 * 60;
  const auto covered = [&](int64_t from, int64_t to) {
    input.since = kStart + from * kMinute;
    input.until = kStart + to * kMinute;
    const Period period = Gather(input);
    const int64_t gap = period.gaps.empty() ? 0 : period.gaps[0].seconds;
    EXPECT_EQ(period.covered_seconds + gap, (to - from) * 60);
    return period.covered_seconds;
  };
  EXPECT_EQ(covered(0, 30), 0);
  EXPECT_EQ(covered(30, 50), 10 * 60);
  EXPECT_EQ(covered(45, 55), 10 * 60);
  EXPECT_EQ(covered(90, 105), 10 * 60);
  EXPECT_EQ(covered(105, 120), 0);
}

TEST(Period, SaysOfWhichHoursItKnowsSumsAlone) {
  PeriodInput input = Input(3);
  EXPECT_THAT(PeriodText(Gather(input), 100), Not(HasSubstr("only sums")));
  const auto cut_down = ParseHour(HourJson(control::CutDown(input.hours[1])));
  ASSERT_TRUE(cut_down.ok()) << cut_down.status();
  input.hours[1] = *cut_down;
  const Period period = Gather(input);
  EXPECT_EQ(period.cut_down_hours, 1);
  EXPECT_EQ(period.covered_seconds, 3 * 3600);
  EXPECT_EQ(period.more_hosts, 1u);
  EXPECT_EQ(period.others.unapproved_sent, 1000u);
  EXPECT_EQ(period.capture.packets, 3000u);
  EXPECT_EQ(Json::parse(PeriodJson(period))["coverage"]["cut_down_hours"], 1);
  EXPECT_THAT(PeriodText(period, 100), HasSubstr("for too long: 1. Their hosts"));
}

TEST(Period, TellsHowHighOpenAlertsHaveCome) {
  using control::AlertState;
  control::Alert open = SampleAlert(), cleared = SampleAlert();
  cleared.id = "cleared";
  cleared.highest = 50'000'000;
  ReportInput report = SampleReport();
  report.open_peaks = {{cleared.id, 90e6}, {open.id, 80e6}};
  PeriodInput input = Input();
  input.report = ReportJson(report);
  input.alerts = {Row(open, AlertState::kRaised, kStart + 5),
                  Row(cleared, AlertState::kRaised, kStart + 6),
                  Row(cleared, AlertState::kCleared, input.until - 1)};
  Period period = Gather(input);
  ASSERT_EQ(period.alerts.size(), 2u);
  EXPECT_EQ(period.alerts[0].highest, 80e6) << "also since its last line";
  EXPECT_EQ(period.alerts[1].highest, 50e6) << "as its last line told, after the checkpoint";
  --input.until;
  EXPECT_EQ(Gather(input).alerts[0].highest, open.highest)
      << "what came after the period's end is none of it";
}

TEST(Period, HasTheAlertsThatWereOpenInIt) {
  using control::AlertState;
  control::Alert alert = SampleAlert(), early = SampleAlert(), blind = SampleBlindSpot();
  early.id = "early";
  control::Alert later = alert;
  later.summary = "later";
  later.highest = 60'000'000;
  control::Alert over = alert;
  over.value = 10;
  over.highest = 70'000'000;
  control::Alert suppressed = SampleAlert();
  suppressed.id = "quiet";
  suppressed.suppression = "migration";
  PeriodInput input = Input();
  input.alerts = {Row(early, AlertState::kRaised, kStart - 200),
                  Row(early, AlertState::kCleared, kStart - 100),
                  Row(alert, AlertState::kRaised, kStart - 50),
                  Row(blind, AlertState::kRaised, kStart + 5),
                  Row(suppressed, AlertState::kSuppressed, kStart + 6),
                  Row(later, AlertState::kUpdated, kStart + 7),
                  Row(over, AlertState::kCleared, kStart + 9)};
  const Period period = Gather(input);
  ASSERT_EQ(period.alerts.size(), 1u) << "one that was over before is none of it";
  EXPECT_EQ(period.alerts[0].raised, kStart - 50);
  EXPECT_EQ(period.alerts[0].cleared, kStart + 9);
  EXPECT_EQ(period.alerts[0].summary, "later") << "a cleared one says nothing of its traffic";
  EXPECT_EQ(period.alerts[0].highest, 70'000'000) << "but how high it had come";
  EXPECT_THAT(PeriodText(period, 200), HasSubstr("70.0 MB of sent bytes"));
  const Json json = Json::parse(PeriodJson(period));
  EXPECT_EQ(json["alerts"][0]["metric"], "sent_bytes");
  EXPECT_EQ(json["alerts"][0]["highest"], 70'000'000);
  EXPECT_TRUE(json["coverage"]["blind_spots"][0]["highest"].is_null());
  ASSERT_EQ(period.blind_spots.size(), 1u);
  EXPECT_EQ(period.blind_spots[0].port, "eth0");
  EXPECT_EQ(period.blind_spots[0].cleared, 0);
  ASSERT_EQ(period.suppressed.size(), 1u);
  EXPECT_EQ(period.suppressed[0].suppression, "migration");
  EXPECT_EQ(period.hosts[0].alerts, 1u);
}

TEST(Period, OfAnAlertThatTheHistoryLacksTheBeginningOfItSaysSo) {
  const control::Alert alert = SampleAlert();
  PeriodInput input = Input();
  input.alerts = {Row(alert, control::AlertState::kUpdated, kStart + 20),
                  Row(alert, control::AlertState::kUpdated, kStart + 40)};
  const Period period = Gather(input);
  const Json json = Json::parse(PeriodJson(period))["alerts"][0];
  EXPECT_TRUE(json["raised"].is_null());
  EXPECT_EQ(json["known_since"], FormatRfc3339(kStart + 20));
  EXPECT_THAT(PeriodText(period, 200), HasSubstr("before 2026-11-23 20:00:00"));
}

TEST(Period, AnAlertWhoseRuleWasGoneAtARestartIsOver) {
  using control::AlertState;
  const control::Alert alert = SampleAlert();
  const StoredAlert dropped = {kStart + 9, alert.id, std::string(kDroppedAlert), "{}"};
  PeriodInput input = Input();
  input.alerts = {Row(alert, AlertState::kRaised, kStart - 50), dropped};
  EXPECT_EQ(Gather(input).alerts[0].cleared, kStart + 9);
  // The rule was back before anything was stored.
  input.alerts.push_back(Row(alert, AlertState::kUpdated, kStart + 20));
  EXPECT_EQ(Gather(input).alerts[0].cleared, 0);
  input.alerts = {dropped};
  EXPECT_THAT(Gather(input).alerts, IsEmpty()) << "what it said is no longer known";
}

TEST(Period, WhatADamagedRowSaidIsLeftOut) {
  using control::AlertState;
  const control::Alert alert = SampleAlert();
  PeriodInput input = Input();
  input.alerts = {Row(alert, AlertState::kRaised, kStart + 20),
                  Row(alert, AlertState::kUpdated, kStart + 30),
                  Row(alert, AlertState::kCleared, kStart + 40)};
  for (const int damaged : {0, 2}) input.alerts[damaged].json.clear();
  const Period period = Gather(input);
  ASSERT_EQ(period.alerts.size(), 1u);
  EXPECT_EQ(period.alerts[0].raised, kStart + 20);
  EXPECT_EQ(period.alerts[0].cleared, kStart + 40);
  input.alerts[1].json.clear();
  EXPECT_THAT(Gather(input).alerts, IsEmpty());
}

TEST(Period, TellsAlertLinesFromDamagedOnes) {
  const control::Alert alert = SampleAlert();
  const std::string line = ToJsonLine(alert, "s");
  EXPECT_TRUE(IsAlertLine(line, alert.id));
  EXPECT_FALSE(IsAlertLine(line, "another"));
  EXPECT_FALSE(IsAlertLine(line + "\n", alert.id));
  EXPECT_FALSE(IsAlertLine(line.substr(0, 100), alert.id));
  EXPECT_FALSE(IsAlertLine("{}", alert.id));
  EXPECT_FALSE(IsAlertLine("[]", alert.id));
}

TEST(Period, KeepsAddressSpacesApart) {
  control::Alert alert = SampleAlert();
  alert.encap.Push(net::EncapKind::kVlan, 7);
  PeriodInput input = Input();
  for (Hour& hour : input.hours) {
    hour.hosts.push_back(hour.hosts[0]);
    hour.hosts[1].encap = "vlan:7";
    for (const char* encap : {"", "vlan:7"}) {
      hour.servers.push_back(SampleHourServer("203.0.113.10", {"10.1.2.3"}));
      hour.servers.back().encap = encap;
    }
  }
  input.alerts = {Row(alert, control::AlertState::kRaised, kStart)};
  const Period period = Gather(input);
  ASSERT_EQ(period.hosts.size(), 2u);
  EXPECT_EQ(period.hosts[0].alerts, 0u);
  EXPECT_EQ(period.hosts[1].alerts, 1u);
  for (const PeriodCandidate& candidate : period.candidates) {
    EXPECT_EQ(candidate.in_alerts, candidate.server.encap == "vlan:7");
  }
  EXPECT_EQ(Json::parse(PeriodJson(period))["alerts"][0]["encap"], "vlan:7");
  EXPECT_THAT(PeriodText(period, 1000), HasSubstr("10.1.2.3 in vlan:7 (workstations)"));
  EXPECT_THAT(PeriodText(period, 1000), HasSubstr("203.0.113.10 in vlan:7 port 25 (smtp)"));
}

TEST(Period, AServerOfAHostStandsThereOnceWhateverTheVerdicts) {
  PeriodInput input = Input(1);
  const auto row = [&](config::Verdict verdict, uint64_t bytes, const std::string& name) {
    control::HourServer server = SampleHourServer("10.20.0.10", {"10.1.2.3"});
    server.verdict = verdict;
    server.internal = true;
    server.bytes[kUp] = bytes;
    server.name = name;
    return server;
  };
  input.hours[0].servers = {SampleHourServer("203.0.113.9", {"10.1.2.3"}),
                            row(config::Verdict::kUnapprovedExternal, 60, ""),
                            row(config::Verdict::kUnapprovedInternal, 60, "mx.example")};
  input.hours[0].hosts.push_back(input.hours[0].hosts[0]);
  input.hours[0].hosts[1].host = Address("10.20.0.10");
  const Period period = Gather(input);
  ASSERT_EQ(period.hosts.size(), 2u);
  EXPECT_THAT(period.hosts[0].servers, ElementsAre("10.20.0.10 port 25 (smtp, mx.example)",
                                                   "203.0.113.9 port 25 (smtp)"))
      << "140 bytes against 110";
  EXPECT_EQ(period.hosts[0].more_servers, 0u);
  EXPECT_THAT(period.hosts[1].servers, ElementsAre("itself, port 25 (smtp, mx.example)"));
}

TEST(Period, ServersOfAHostStandInTheOrderOfWhatItSent) {
  PeriodInput input = Input(2);
  control::HourServer shared = SampleHourServer("198.51.100.1", {"10.1.2.3", "10.1.2.4"});
  shared.bytes[kUp] = 9'000'000;
  shared.client_sent = {200, 8'999'800};
  control::HourServer own = SampleHourServer("203.0.113.66", {"10.1.2.3"});
  own.client_sent = {800};
  input.hours[0].servers = {shared, own};
  input.hours[1].servers = {shared, own};
  const Period period = Gather(input);
  ASSERT_EQ(period.hosts.size(), 1u);
  EXPECT_THAT(period.hosts[0].servers,
              ElementsAre("203.0.113.66 port 25 (smtp)", "198.51.100.1 port 25 (smtp)"));
  EXPECT_EQ(period.hosts[0].sent_elsewhere, 0u);
}

TEST(Period, WhatAHostSentToServersNotTellingItApartIsSaid) {
  PeriodInput input = Input(1);
  control::HourServer full = SampleHourServer("198.51.100.1", {"10.1.2.4"});
  full.client_sent = {50};
  full.more_clients = true;
  input.hours[0].servers = {full};
  Period period = Gather(input);
  EXPECT_THAT(period.hosts[0].servers, IsEmpty());
  EXPECT_EQ(period.hosts[0].sent_elsewhere, 1000u);
  EXPECT_THAT(PeriodText(period, 1000), HasSubstr("1.00 kB to servers not told apart"));
  EXPECT_EQ(nlohmann::json::parse(PeriodJson(period))["hosts"][0]["sent_elsewhere"], 1000);

  control::HourServer own = SampleHourServer("203.0.113.66", {"10.1.2.3"});
  own.client_sent = {300};
  input.hours[0].servers.push_back(own);
  period = Gather(input);
  EXPECT_THAT(PeriodText(period, 1000),
              HasSubstr("203.0.113.66 port 25 (smtp); 700 B to servers not told apart"));
}

TEST(Period, ServersThatManyUseAreCandidates) {
  PeriodInput input = Input(1);
  input.hours[0].servers = {SampleHourServer("203.0.113.9", {"10.1.2.3"}),
                            SampleHourServer("198.51.100.1", {"10.1.2.3", "10.1.2.4"}),
                            SampleHourServer("198.51.100.2", {"10.1.2.3"})};
  input.alerts = {Row(SampleAlert(), control::AlertState::kRaised, kStart)};
  Period period = Gather(input);
  ASSERT_EQ(period.candidates.size(), 1u) << "one host in one hour is a finding";
  EXPECT_EQ(net::ToString(period.candidates[0].server.server), "198.51.100.1");
  EXPECT_FALSE(period.candidates[0].in_alerts);
  input.hours.push_back(SampleHour(1));
  input.hours[1].servers = {SampleHourServer("203.0.113.10", {"10.1.2.3"}),
                            SampleHourServer("198.51.100.2", {"10.1.2.5"})};
  input.hours[0].servers.push_back(SampleHourServer("203.0.113.10", {"10.1.2.3"}));
  input.hours[1].more_servers = 7;
  period = Gather(input);
  EXPECT_THAT(PeriodText(period, 1000),
              HasSubstr("in their hour, 7 times, are not told apart"));
  input.hours[1].more_servers = 1;
  EXPECT_THAT(PeriodText(Gather(input), 1000), HasSubstr("in their hour, 1 time, are not"));
  std::vector<std::string> servers;
  for (const auto& c : period.candidates) servers.push_back(net::ToString(c.server.server));
  EXPECT_THAT(servers, ElementsAre("198.51.100.2", "198.51.100.1", "203.0.113.10"));
  EXPECT_EQ(period.candidates[0].hours, 2);
  EXPECT_EQ(period.candidates[0].server.sessions, 4u);
  EXPECT_EQ(period.candidates[0].server.clients.size(), 2u);
  EXPECT_TRUE(period.candidates[2].in_alerts) << "an alert's peer, port 25";
}

TEST(Period, ExceptionsHaveTheirEndAndTheirUse) {
  ReportInput report = SampleReport();
  report.relays[0].ends = TickOf(kStart) + 86'400;
  control::RelayUse trial;
  trial.name = "trial";
  trial.mode = config::RelayMode::kObserve;
  report.relays.push_back(trial);
  control::SuppressionUse use;
  use.entry.name = "migration";
  use.entry.hosts = {net::ParsePrefix("10.1.2.0/24").value()};
  use.entry.expires = {2026, 11, 22};
  use.entry.ends = TickOf(kStart);
  use.entry.reason = "mailboxes move";
  report.suppressions = {use};
  PeriodInput input = Input(1);
  input.report = ReportJson(report);
  const Period period = Gather(input);
  ASSERT_EQ(period.exceptions.size(), 2u);
  EXPECT_EQ(period.exceptions[0].name, "corporate gateway");
  EXPECT_EQ(period.exceptions[0].expires, "2027-06-30");
  EXPECT_EQ(period.exceptions[0].sessions, 1u);
  EXPECT_EQ(period.exceptions[1].mode, "observe");
  ASSERT_EQ(period.suppressions.size(), 1u);
  EXPECT_EQ(period.suppressions[0].hosts.at(0), "10.1.2.0/24");
  const std::string text = PeriodText(period, 1000);
  EXPECT_THAT(text, HasSubstr("expires soon"));
  EXPECT_THAT(text, HasSubstr("migration: every rule on 10.1.2.0/24"));
  EXPECT_THAT(text, HasSubstr("relay on trial"));
  const Json json = Json::parse(PeriodJson(period));
  EXPECT_EQ(json.at("exceptions").at("suppressions")[0].at("expired"), true);
  EXPECT_EQ(json.at("exceptions").at("relays")[0].at("ends"), "2026-11-24T20:00:00.000000Z");
}

TEST(Period, AnEntryThatIsGoneIsStillToldOf) {
  PeriodInput input = Input(1);
  input.hours[0].relays.push_back({"old", 3, 30});
  const Period period = Gather(input);
  ASSERT_EQ(period.relays_used.size(), 2u);
  EXPECT_EQ(period.relays_used[1].name, "old");
  EXPECT_EQ(period.relays_used[1].mode, "removed");
  EXPECT_EQ(period.relays_used[1].bytes, 30u);
}

TEST(Period, WhatMailtapDoesntWriteIsRefused) {
  PeriodInput input = Input();
  input.report = "{}";
  EXPECT_FALSE(GatherPeriod(input).ok());
  input = Input();
  input.alerts = {{kStart, "x", "raised", "nonsense"}};
  EXPECT_FALSE(GatherPeriod(input).ok());
}

TEST(Period, OfNothingSaysSo) {
  PeriodInput input;
  input.since = input.until = input.state_time = kStart;
  input.report = ReportJson(SampleReport());
  const std::string text = PeriodText(Gather(input), 100);
  EXPECT_THAT(text, HasSubstr("no hour of it"));
  EXPECT_THAT(text, HasSubstr("No mail was seen."));
  EXPECT_THAT(text, HasSubstr("No blind spot was reported."));
}

TEST(Period, NoNameOffTheWireGetsIntoThePage) {
  PeriodInput input = Input(1);
  const std::string hostile = "<script>alert('x')</script>\"&\x1b[31m\xff\n";
  input.hours[0].servers[0].name = hostile;
  input.hours[0].hosts[0].asset = hostile;
  control::Alert alert = SampleAlert();
  alert.summary = alert.rule = hostile;
  input.alerts = {Row(alert, control::AlertState::kRaised, kStart)};
  const Period period = Gather(input);
  const std::string html = PeriodHtml(period);
  EXPECT_THAT(html, Not(HasSubstr("<script")));
  EXPECT_THAT(html,
              HasSubstr("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&quot;&amp;?[31m"));
  EXPECT_THAT(html, Not(HasSubstr("\x1b")));
  EXPECT_THAT(PeriodText(period, 1000), Not(HasSubstr("\x1b")));
  EXPECT_TRUE(Json::accept(PeriodJson(period)));
}

}  // namespace
}  // namespace mailtap::exporting

#include "lib/export/report.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "tests/unit/base/temp_dir.h"
#include "tests/unit/export/samples.h"

namespace mailtap::exporting {
namespace {

using Json = nlohmann::ordered_json;

std::vector<std::string> Keys(const Json& object) {
  std::vector<std::string> keys;
  for (const auto& item : object.items()) keys.push_back(item.key());
  return keys;
}

TEST(Report, KeepsItsOrder) {
  const Json report = Json::parse(ReportJson(SampleReport()));
  EXPECT_EQ(Keys(report), (std::vector<std::string>{"schema",
                                                    "config_version",
                                                    "packets",
                                                    "bytes",
                                                    "first_packet",
                                                    "last_packet",
                                                    "captures",
                                                    "cut_packets",
                                                    "capture",
                                                    "drops",
                                                    "undecodable",
                                                    "totals",
                                                    "hosts",
                                                    "relays",
                                                    "relay_files",
                                                    "relay_review",
                                                    "alert_counts",
                                                    "alerts",
                                                    "open_alerts_highest",
                                                    "suppressions",
                                                    "suppressed"}));
}

TEST(Report, HoldsTheFactsExactly) {
  const Json report = Json::parse(ReportJson(SampleReport()));
  EXPECT_EQ(report.at("packets"), 1'234'567);
  EXPECT_EQ(report.at("bytes"), 900'000'000);
  EXPECT_EQ(report.at("cut_packets"), 17);
  EXPECT_EQ(report.at("first_packet"), "2026-11-23T20:41:07.000123Z");
  EXPECT_EQ(report.at("config_version"), "00112233aabb");
  EXPECT_EQ(report.at("drops").dump(), R"({"not_tcp":12345,"truncated":0})");
  EXPECT_EQ(
      report.at("captures")[0].dump(),
      R"({"path":"a.pcap","packets":1234000,"bytes":899000000,"snapped":0,"damage":null,"clock":null})");
  EXPECT_EQ(report.at("captures")[1].at("damage"), "truncated dump file");
  EXPECT_EQ(report.at("captures")[1].at("clock"), "1 packet from 1970");
  EXPECT_EQ(
      report.at("hosts")[0].dump(),
      R"({"host":"10.1.2.3","encap":[],"unapproved_sent":52428800,"unapproved_received":9060,)"
      R"("unapproved_sessions":4,"approved_sent":100,"approved_received":50,)"
      R"("approved_sessions":1})");
  EXPECT_EQ(
      report.at("relays")[0].dump(),
      R"({"name":"corporate gateway","file":null,"owner":"messaging team","reason":null,)"
      R"("ticket":null,"expires":"2027-06-30","ends":null,"mode":"enforce","hosts":2,"sessions":9,)"
      R"("bytes":12345,"last_used":"2026-11-23T20:41:07.000123Z"})");
}

TEST(Report, CountsTheUnusedEntriesOfRelayFiles) {
  ReportInput input = SampleReport();
  for (const int used : {0, 7, 0}) {
    control::RelayUse relay;
    relay.name = absl::StrCat("feed: ", used);
    relay.file = "feed.csv";
    relay.last_used = used;
    input.relays.push_back(relay);
  }
  const Json report = Json::parse(ReportJson(input));
  ASSERT_EQ(report.at("relays").size(), 2u);
  EXPECT_EQ(report.at("relays")[1].at("name"), "feed: 7");
  EXPECT_EQ(report.at("relay_files").dump(), R"([{"path":"feed.csv","entries":3,"used":1}])");
}

TEST(Report, ListsEveryServiceAndVerdict) {
  const Json totals = Json::parse(ReportJson(SampleReport())).at("totals");
  ASSERT_EQ(totals.size(), 18u);
  EXPECT_EQ(
      totals[3].dump(),
      R"({"service":"smtp","verdict":"unapproved_external","sessions":4,)"
      R"("failed_sessions":1,"messages":17,"rejected":2,"rejected_4xx":2,"rejected_5xx":0,)"
      R"("recipients":21,"retrievals":0,"text_up":50000000,"text_down":0,)"
      R"("hidden_sessions":3,)"
      R"("bytes_up":52428800,)"
      R"("bytes_down":9060,"inferred_up":428800,"inferred_down":0,"repeated_up":1000,)"
      R"("repeated_down":0,"duplicate_up":600,"duplicate_down":0,"one_way":9060,)"
      R"("packets_up":40000,"packets_down":20000})");
  EXPECT_EQ(totals[17].at("service"), "pop3");
  EXPECT_EQ(totals[17].at("verdict"), "unattributed");
}

TEST(Report, SaysHowWellTheCaptureShowsTheMail) {
  const Json report = Json::parse(ReportJson(SampleReport()));
  EXPECT_EQ(report.at("capture").dump(),
            R"({"loss_ratio":0.0002,"repeat_ratio":0.004,"duplicate_ratio":0.003,)"
            R"("one_way_ratio":0.125})");
  EXPECT_EQ(report.at("captures")[1].at("snapped"), 12);
}

TEST(Report, ShowsSamplesOfTheUndecodableByReason) {
  ReportInput input = SampleReport();
  EXPECT_EQ(Json::parse(ReportJson(input)).at("undecodable"), Json::array());
  auto samples = std::make_shared<control::UndecodableSamples>();
  meter::SampleRecord sample;
  sample.time = kSampleTime;
  sample.outcome = net::Outcome::kBadIpHeader;
  sample.port = 1;
  sample.wire_length = 60;
  sample.length = 3;
  sample.bytes[0] = 0x4f;
  sample.bytes[2] = 0xff;
  (*samples)[static_cast<int>(sample.outcome)] = {sample};
  auto snapshot = SampleSnapshot();
  snapshot->samples = samples;
  input.snapshot = snapshot;
  input.drops.push_back({"bad_ip_header", 5});
  input.drops.push_back({"truncated_ip", 0});
  EXPECT_EQ(Json::parse(ReportJson(input)).at("undecodable").dump(),
            R"([{"reason":"bad_ip_header","packets":5,"samples":[)"
            R"({"time":"2026-11-23T20:41:07.000123Z","port":1,"link":"ethernet",)"
            R"("wire_length":60,"bytes":"4f00ff"}]}])");
}

TEST(Report, TellsHowEachAlertWent) {
  const Json report = Json::parse(ReportJson(SampleReport()));
  EXPECT_EQ(report.at("alert_counts")[0].dump(),
            R"({"rule":"bulk mail out","severity":"high","raised":1,"cleared":0,"active":1,)"
            R"("suppressed":2})");
  const Json& alert = report.at("alerts")[0];
  EXPECT_EQ(alert.at("raised"), "2026-11-23T20:41:08.000000Z");
  EXPECT_TRUE(alert.at("cleared").is_null());
  EXPECT_EQ(alert.at("highest_value"), 52'428'800);
}

TEST(Report, TellsWhatWasSuppressed) {
  ReportInput input = SampleReport();
  control::SuppressionUse use;
  use.entry.name = "migration";
  use.entry.hosts = {net::ParsePrefix("10.1.2.0/24").value()};
  use.entry.expires = {2026, 12, 31};
  use.entry.ends = 1'798'761'600;
  use.entry.reason = "mailboxes move";
  use.alerts = 2;
  use.last_used = kSampleTime;
  input.suppressions = {use};
  control::Alert alert = SampleAlert();
  alert.state = control::AlertState::kSuppressed;
  alert.suppression = "migration";
  input.suppressed = {alert};
  const Json report = Json::parse(ReportJson(input));
  EXPECT_EQ(
      report.at("suppressions").dump(),
      R"([{"name":"migration","hosts":["10.1.2.0/24"],"rules":null,)"
      R"("expires":"2026-12-31","ends":"2027-01-01T00:00:00.000000Z","reason":"mailboxes move","owner":null,"ticket":null,)"
      R"("alerts":2,"last_used":"2026-11-23T20:41:07.000123Z"}])");
  ASSERT_EQ(report.at("suppressed").size(), 1u);
  EXPECT_EQ(report.at("suppressed")[0].at("host"), "10.1.2.3");
  EXPECT_EQ(report.at("suppressed")[0].at("suppression"), "migration");
  EXPECT_EQ(report.at("suppressed")[0].at("value"), 52'428'800);
}

TEST(Report, DoesNotDependOnHowLongAnythingTook) {
  ReportInput slow = SampleReport();
  auto snapshot = SampleSnapshot();
  snapshot->last_tick_seconds = 12;
  snapshot->total_tick_seconds = 34;
  slow.snapshot = snapshot;
  EXPECT_EQ(ReportJson(slow), ReportJson(SampleReport()));
}

TEST(Report, OfNoPacketsHasNoTimes) {
  ReportInput empty;
  empty.snapshot = std::make_shared<control::Snapshot>();
  const Json report = Json::parse(ReportJson(empty));
  EXPECT_TRUE(report.at("first_packet").is_null());
  EXPECT_TRUE(report.at("last_packet").is_null());
  EXPECT_EQ(report.at("drops").dump(), "{}");
  EXPECT_EQ(report.at("hosts").dump(), "[]");
}

TEST(Report, IsWrittenToItsFile) {
  const TempDir dir;
  ASSERT_TRUE(WriteReport(dir.File("r.json"), SampleReport()).ok());
  EXPECT_EQ(ReadFile(dir.File("r.json")), ReportJson(SampleReport()));
}

TEST(AlertLog, FollowsAnAlertFromRaiseToClear) {
  AlertLog log;
  control::Alert alert = SampleAlert();
  log.Add(alert);
  alert.state = control::AlertState::kUpdated;
  alert.value = 90e6;
  alert.time += 300 * kNanosPerSecond;
  alert.summary = "more";
  log.Add(alert);
  alert.state = control::AlertState::kCleared;
  alert.value = 0;
  alert.highest = 110e6;  // between updates
  alert.threshold = 20e6;
  alert.time += 600 * kNanosPerSecond;
  alert.summary = "over";
  log.Add(alert);
  ASSERT_EQ(log.alerts().size(), 1u);
  const AlertHistory& history = log.alerts()[0];
  EXPECT_EQ(history.raised, SampleAlert().time);
  EXPECT_EQ(history.cleared, alert.time);
  EXPECT_EQ(history.updates, 1u);
  EXPECT_EQ(history.highest_value, 110e6);
  EXPECT_EQ(history.alert.state, control::AlertState::kCleared);
  EXPECT_EQ(history.alert.summary, "more");
  EXPECT_EQ(history.alert.threshold, SampleAlert().threshold);
  EXPECT_EQ(history.alert.top_peers.size(), 2u);
}

TEST(AlertLog, TellsHowHighAnOpenAlertCameSinceItLastReported) {
  control::Alert open = SampleAlert(), cleared = SampleAlert();
  cleared.id = "fedcba9876543210";
  AlertLog log;
  log.Add(open);
  log.Add(cleared);
  cleared.state = control::AlertState::kCleared;
  log.Add(cleared);
  std::vector<AlertHistory> alerts = log.alerts();
  AddPeaks({{open.id, 60e6}, {cleared.id, 70e6}, {"another", 80e6}}, alerts);
  EXPECT_EQ(alerts[0].highest_value, 60e6);
  EXPECT_EQ(alerts[1].highest_value, SampleAlert().value);
}

TEST(AlertLog, KeepsAlertsApartInTheOrderTheyWereRaised) {
  AlertLog log;
  control::Alert first = SampleAlert(), second = SampleAlert();
  second.id = "fedcba9876543210";
  log.Add(second);
  log.Add(first);
  first.state = control::AlertState::kCleared;
  log.Add(first);
  ASSERT_EQ(log.alerts().size(), 2u);
  EXPECT_EQ(log.alerts()[0].alert.id, second.id);
  EXPECT_EQ(log.alerts()[0].cleared, 0);
  EXPECT_NE(log.alerts()[1].cleared, 0);
}

}  // namespace
}  // namespace mailtap::exporting

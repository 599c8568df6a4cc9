#include "lib/export/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <set>
#include <sstream>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "lib/export/snapshot_board.h"
#include "tests/unit/base/temp_dir.h"
#include "tests/unit/export/samples.h"

namespace mailtap::exporting {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string Text(std::shared_ptr<const control::Snapshot> snapshot,
                 const SensorStatus& status) {
  return MetricsText(MetricsCollector([=] { return snapshot; }, [=] { return status; }));
}

std::string SampleText() { return Text(SampleSnapshot(), SampleStatus()); }

// The sample with exactly these labels, as text; "" where there is none.
std::string Sample(const std::string& text, const std::string& series) {
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    if (absl::StartsWith(line, series + " "))
      return std::string(line.substr(series.size() + 1));
  }
  return "";
}

TEST(Metrics, CountTheTraffic) {
  const std::string text = SampleText();
  const std::string smtp = R"({service="smtp",verdict="unapproved_external")";
  EXPECT_EQ(Sample(text, "mailtap_mail_bytes_total" + smtp + R"(,direction="up"})"),
            "52428800");
  EXPECT_EQ(Sample(text, "mailtap_mail_bytes_total" + smtp + R"(,direction="down"})"), "9060");
  EXPECT_EQ(Sample(text, "mailtap_mail_inferred_bytes_total" + smtp + R"(,direction="up"})"),
            "428800");
  EXPECT_EQ(Sample(text, "mailtap_mail_repeated_bytes_total" + smtp + R"(,direction="up"})"),
            "1000");
  EXPECT_EQ(Sample(text, "mailtap_mail_packets_total" + smtp + R"(,direction="down"})"),
            "20000");
  EXPECT_EQ(Sample(text, "mailtap_mail_sessions_total" + smtp + "}"), "4");
  EXPECT_EQ(Sample(text, "mailtap_mail_failed_sessions_total" + smtp + "}"), "1");
  EXPECT_EQ(Sample(text, R"(mailtap_messages_total{verdict="unapproved_external"})"), "17");
  EXPECT_EQ(
      Sample(text, R"(mailtap_messages_hidden_sessions_total{verdict="unapproved_external"})"),
      "3");
  EXPECT_EQ(Sample(text, R"(mailtap_messages_rejected_total{verdict="unapproved_external"})"),
            "2");
  EXPECT_EQ(
      Sample(text, R"(mailtap_messages_rejected_by_reply_total{verdict="unapproved_external",)"
                   R"(reply="4xx"})"),
      "2");
  EXPECT_EQ(Sample(text, R"(mailtap_message_recipients_total{verdict="unapproved_external"})"),
            "21");
  EXPECT_EQ(Sample(text, R"(mailtap_messages_retrieved_total{verdict="unapproved_external"})"),
            "6");
  EXPECT_EQ(Sample(text, "mailtap_message_bytes_total" + smtp + R"(,direction="up"})"),
            "50000000");
  EXPECT_EQ(Sample(text, R"(mailtap_mail_sessions_total{service="pop3",verdict="transit"})"),
            "0");
}

TEST(Metrics, ShowAlertsHostsAndRelays) {
  const std::string text = SampleText();
  const std::string rule = R"({rule="bulk mail out",severity="high"})";
  EXPECT_EQ(Sample(text, "mailtap_alerts_raised_total" + rule), "1");
  EXPECT_EQ(Sample(text, "mailtap_alerts_cleared_total" + rule), "0");
  EXPECT_EQ(Sample(text, "mailtap_alerts_suppressed_total" + rule), "2");
  EXPECT_EQ(Sample(text, "mailtap_alerts_active" + rule), "1");
  const std::string host = R"({rule="bulk mail out",host="10.1.2.3",encap="",role="client"})";
  EXPECT_EQ(Sample(text, "mailtap_host_window_value" + host), "52428800");
  EXPECT_EQ(Sample(text, "mailtap_host_window_threshold" + host), "50000000");
  EXPECT_EQ(Sample(text, "mailtap_host_alerting" + host), "1");
  EXPECT_EQ(Sample(text, "mailtap_hosts_tracked"), "3");
  EXPECT_EQ(Sample(text, "mailtap_hosts_cut"), "2");
  const std::string relay = R"({relay="corporate gateway"})";
  EXPECT_EQ(Sample(text, "mailtap_relay_bytes_total" + relay), "12345");
  EXPECT_EQ(Sample(text, "mailtap_relay_sessions_total" + relay), "9");
  EXPECT_EQ(Sample(text, "mailtap_relay_hosts" + relay), "2");
  EXPECT_EQ(Sample(text, "mailtap_tick_duration_seconds_count"), "33");
  EXPECT_EQ(Sample(text, "mailtap_tick_duration_seconds_sum"), "1.5");
  EXPECT_EQ(Sample(text, R"(mailtap_config_info{config_version="00112233aabb"})"), "1");
}

TEST(Metrics, SayHowWellTheCaptureShowsTheMail) {
  const std::string text = SampleText();
  const std::string smtp = R"({service="smtp",verdict="unapproved_external")";
  EXPECT_EQ(Sample(text, "mailtap_mail_duplicate_bytes_total" + smtp + R"(,direction="up"})"),
            "600");
  EXPECT_EQ(Sample(text, "mailtap_mail_one_way_bytes_total" + smtp + "}"), "9060");
  EXPECT_EQ(Sample(text, "mailtap_capture_loss_ratio"), "0.001");
  EXPECT_EQ(Sample(text, "mailtap_capture_repeat_ratio"), "0.002");
  EXPECT_EQ(Sample(text, "mailtap_capture_duplicate_ratio"), "0.0015");
  EXPECT_EQ(Sample(text, "mailtap_capture_one_way_ratio"), "0.5");
  const std::string host = R"({host="10.1.2.3",encap=""})";
  EXPECT_EQ(Sample(text, "mailtap_host_loss_ratio" + host), "0.01");
  EXPECT_EQ(Sample(text, "mailtap_host_repeat_ratio" + host), "0.02");
  EXPECT_EQ(Sample(text, "mailtap_host_duplicate_ratio" + host), "0.015");
  EXPECT_EQ(Sample(text, "mailtap_host_one_way_ratio" + host), "0.25");
}

TEST(Metrics, SayHowFarTheLearningModeIs) {
  SensorStatus status = SampleStatus();
  EXPECT_EQ(Text(SampleSnapshot(), status).find("mailtap_learning"), std::string::npos);
  status.learning = {.seconds = 90, .after_seconds = 3'600, .written = 2, .errors = 1};
  std::string text = Text(SampleSnapshot(), status);
  EXPECT_EQ(Sample(text, "mailtap_learning_seconds"), "90");
  EXPECT_EQ(Sample(text, "mailtap_learning_after_seconds"), "3600");
  EXPECT_EQ(Sample(text, "mailtap_learning_proposals_written_total"), "2");
  EXPECT_EQ(Sample(text, "mailtap_learning_errors_total"), "1");
  EXPECT_EQ(text.find("mailtap_learning_proposals_timestamp_seconds"), std::string::npos);
  status.learning->last_written = 5 * kNanosPerSecond;
  text = Text(SampleSnapshot(), status);
  EXPECT_EQ(Sample(text, "mailtap_learning_proposals_timestamp_seconds"), "5");
}

TEST(Metrics, SayWhatBecameOfTheState) {
  SensorStatus status = SampleStatus();
  EXPECT_EQ(Text(SampleSnapshot(), status).find("mailtap_state"), std::string::npos);
  status.state = StateStatus{.stored = 9,
                             .errors = 1,
                             .late = 2,
                             .skipped = 3,
                             .dropped_checkpoints = 4,
                             .dropped_alerts = 5,
                             .queued = 6,
                             .hours_cut = 7};
  const std::string text = Text(SampleSnapshot(), status);
  EXPECT_EQ(Sample(text, "mailtap_state_stored_total"), "9");
  EXPECT_EQ(Sample(text, "mailtap_state_errors_total"), "1");
  EXPECT_EQ(Sample(text, "mailtap_state_late_total"), "2");
  EXPECT_EQ(Sample(text, "mailtap_state_checkpoints_skipped_total"), "3");
  EXPECT_EQ(Sample(text, R"(mailtap_state_dropped_total{kind="checkpoint"})"), "4");
  EXPECT_EQ(Sample(text, R"(mailtap_state_dropped_total{kind="alert"})"), "5");
  EXPECT_EQ(Sample(text, "mailtap_state_queue_length"), "6");
  EXPECT_EQ(Sample(text, "mailtap_state_hourly_records_cut_total"), "7");
}

TEST(Metrics, TellHostsOfOneAddressApart) {
  auto snapshot = SampleSnapshot();
  snapshot->host_gauges.push_back(snapshot->host_gauges[0]);
  snapshot->host_gauges[1].encap.Push(net::EncapKind::kVlan, 100);
  snapshot->host_sights.push_back(snapshot->host_sights[0]);
  snapshot->host_sights[1].encap.Push(net::EncapKind::kVlan, 100);
  const std::string text = Text(snapshot, SampleStatus());
  EXPECT_EQ(Sample(text, R"(mailtap_host_loss_ratio{host="10.1.2.3",encap="vlan:100"})"),
            "0.01");
  EXPECT_EQ(Sample(text, "mailtap_hosts_cut"), "1");
}

TEST(Metrics, ShowPortsQueuesAndWorkers) {
  const std::string text = SampleText();
  const std::string port = R"({port="0",device="0000:03:00.0"})";
  EXPECT_EQ(Sample(text, "mailtap_port_packets_total" + port), "100");
  EXPECT_EQ(Sample(text, "mailtap_port_bytes_total" + port), "6400");
  EXPECT_EQ(Sample(text, "mailtap_port_missed_packets_total" + port), "1");
  EXPECT_EQ(Sample(text, "mailtap_port_missed_at_start_packets_total" + port), "4");
  EXPECT_EQ(Sample(text, "mailtap_port_no_mbuf_total" + port), "2");
  EXPECT_EQ(Sample(text, "mailtap_port_errors_total" + port), "3");
  EXPECT_EQ(Sample(text, R"(mailtap_port_up{port="1",device="net_pcap0"})"), "0");
  EXPECT_EQ(Sample(text, R"(mailtap_queue_packets_total{port="0",queue="1"})"), "40");
  EXPECT_EQ(Sample(text, R"(mailtap_queue_dropped_packets_total{port="0",queue="1"})"), "5");
  EXPECT_EQ(Sample(text, R"(mailtap_worker_mail_packets_total{worker="1"})"), "20");
  EXPECT_EQ(Sample(text, R"(mailtap_worker_cut_packets_total{worker="1"})"), "7");
  EXPECT_EQ(Sample(text, R"(mailtap_worker_table_entries{worker="0",table="sessions"})"), "7");
  EXPECT_EQ(Sample(text, R"(mailtap_worker_table_capacity{worker="0",table="sessions"})"),
            "262144");
  EXPECT_EQ(
      Sample(text, R"(mailtap_worker_dropped_packets_total{worker="0",reason="not_tcp"})"),
      "5");
  EXPECT_EQ(Sample(text, R"(mailtap_dropped_packets_total{reason="not_tcp"})"), "10");
  EXPECT_EQ(Sample(text, R"(mailtap_dropped_packets_total{reason="truncated"})"), "0");
  EXPECT_EQ(Sample(text, R"(mailtap_port_content_mismatch_total{kind="other_on_mail_port"})"),
            "6");
  EXPECT_EQ(Sample(text, R"(mailtap_ring_used_bytes{worker="0"})"), "512");
  EXPECT_EQ(Sample(text, R"(mailtap_sink_dropped_total{sink="alert_file"})"), "2");
  EXPECT_EQ(Sample(text, "mailtap_start_time_seconds"), "1795466400");
  EXPECT_EQ(Sample(text, "mailtap_clock_offset_seconds"), "-1.5");
  EXPECT_EQ(Sample(text, "mailtap_config_last_reload_successful"), "0");
  EXPECT_EQ(Sample(text, "mailtap_config_last_reload_success_timestamp_seconds"), "1795466450");
  EXPECT_EQ(Sample(text, R"(mailtap_config_reloads_total{result="success"})"), "3");
  EXPECT_EQ(Sample(text, R"(mailtap_config_reloads_total{result="failure"})"), "2");
  EXPECT_EQ(
      Sample(text,
             R"(mailtap_build_info{version="0.1.0",compiler="gcc 12.2.0",dpdk="22.11.11"})"),
      "1");
}

TEST(Metrics, BeforeTheFirstTickHaveTheSensorOnly) {
  const std::string text = Text(nullptr, SampleStatus());
  EXPECT_THAT(text, HasSubstr("mailtap_build_info{"));
  EXPECT_THAT(text, Not(HasSubstr("mailtap_mail_bytes_total")));
}

TEST(Metrics, OfAReplayHaveNoStartTimeAndNoEmptyFamilies) {
  SensorStatus status = SampleStatus();
  status.start_time = 0;
  status.sinks.clear();
  status.reload.reset();
  const std::string text = Text(SampleSnapshot(), status);
  EXPECT_THAT(text, Not(HasSubstr("mailtap_start_time_seconds")));
  EXPECT_THAT(text, Not(HasSubstr("mailtap_clock_offset_seconds")));
  EXPECT_THAT(text, Not(HasSubstr("mailtap_sink")));
  EXPECT_THAT(text, Not(HasSubstr("mailtap_config_last_reload")));
}

TEST(Metrics, EveryFamilyHasHelpAndEverySeriesIsThereOnce) {
  std::set<std::string> helped, series;
  for (const absl::string_view line : absl::StrSplit(SampleText(), '\n', absl::SkipEmpty())) {
    const std::vector<std::string> words = absl::StrSplit(line, absl::MaxSplits(' ', 3));
    if (words[0] == "#") {
      const bool first = words[1] != "HELP" || helped.insert(words[2]).second;
      EXPECT_TRUE(first) << line;
      continue;
    }
    EXPECT_TRUE(series.insert(std::string(line.substr(0, line.rfind(' ')))).second) << line;
  }
  EXPECT_GT(helped.size(), 50u);
}

TEST(Metrics, LabelsAreEscaped) {
  auto snapshot = SampleSnapshot();
  snapshot->relays[0].name = "a\"b\\c\nd\xff";
  EXPECT_EQ(Sample(Text(snapshot, SampleStatus()),
                   "mailtap_relay_hosts{relay=\"a\\\"b\\\\c\\nd\xef\xbf\xbd\"}"),
            "2");
}

std::shared_ptr<control::Snapshot> ManyHosts(int count) {
  auto snapshot = SampleSnapshot();
  snapshot->host_gauges.clear();
  for (int i = 0; i < count; ++i) {
    const uint8_t bytes[4] = {10, 9, static_cast<uint8_t>(i >> 8), static_cast<uint8_t>(i)};
    snapshot->host_gauges.push_back(
        {"bulk", net::IpAddress::FromV4(bytes), {}, Role::kServer, 1.0 * i, 5e7, false});
  }
  snapshot->host_sights.clear();
  for (const control::HostGauge& gauge : snapshot->host_gauges) {
    snapshot->host_sights.push_back({gauge.host, gauge.encap, {}});
  }
  snapshot->hosts_tracked = 5000;
  return snapshot;
}

TEST(Metrics, AThousandHostsAreAThousandSeries) {
  const std::string text = Text(ManyHosts(1000), SampleStatus());
  int series = 0;
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    series += absl::StartsWith(line, "mailtap_host_window_value{");
  }
  EXPECT_EQ(series, 1000);
  EXPECT_EQ(Sample(text, "mailtap_hosts_cut"), "4000");
}

TEST(Metrics, ShowNamesAndRelayFiles) {
  auto snapshot = std::make_shared<control::Snapshot>(*SampleSnapshot());
  snapshot->relays_known = 7;
  snapshot->names_known = 5;
  snapshot->answers_learnt = 3;
  snapshot->answers_ignored = 2;
  SensorStatus status = SampleStatus();
  status.reload = ReloadStatus{.relay_reads = 4, .relay_failures = 1, .relay_fault = "why"};
  const std::string text =
      MetricsText(MetricsCollector([&] { return snapshot; }, [&] { return status; }));
  EXPECT_EQ(Sample(text, "mailtap_relays_cut"), "6");
  EXPECT_EQ(Sample(text, "mailtap_dns_names_known"), "5");
  EXPECT_EQ(Sample(text, R"(mailtap_dns_answers_total{result="learnt"})"), "3");
  EXPECT_EQ(Sample(text, R"(mailtap_dns_answers_total{result="ignored"})"), "2");
  EXPECT_EQ(Sample(text, "mailtap_relay_files_successful"), "0");
  EXPECT_EQ(Sample(text, R"(mailtap_relay_file_reads_total{result="success"})"), "3");
  EXPECT_EQ(Sample(text, R"(mailtap_relay_file_reads_total{result="failure"})"), "1");
}

// A process that went on from a checkpoint tells what came since, so that no counter falls for
// a part where the one before it had gone further.
TEST(Metrics, CountersBeginWithTheProcess) {
  const auto start = SampleSnapshot();
  const auto snapshot = std::make_shared<control::Snapshot>(*start);
  const SensorStatus status = SampleStatus();
  const MetricsCollector metrics([&] { return snapshot; }, [&] { return status; }, start);
  std::istringstream unchanged(MetricsText(metrics));
  for (std::string line, counter; std::getline(unchanged, line);) {
    if (line.rfind("# TYPE", 0) == 0) {
      const bool counts = absl::EndsWith(line, " counter");
      counter = counts ? line.substr(7, line.rfind(' ') - 7) : "";
    } else if (line[0] != '#' && !counter.empty()) {
      const bool control = absl::StartsWith(counter, "mailtap_mail_") ||
                           absl::StartsWith(counter, "mailtap_message") ||
                           absl::StartsWith(counter, "mailtap_alerts_") ||
                           absl::StartsWith(counter, "mailtap_relay_bytes");
      if (!control) continue;
      EXPECT_EQ(line.substr(line.rfind(' ')), " 0") << line;
    }
  }
  snapshot->ticks += 2;
  snapshot->relays[0].bytes += 1'000;
  snapshot->alerts[0].raised += 3;
  const std::string text = MetricsText(metrics);
  EXPECT_EQ(Sample(text, "mailtap_tick_duration_seconds_count"), "2");
  EXPECT_NE(text.find("} 1000\n"), text.npos);
  EXPECT_EQ(
      Sample(text, absl::StrCat("mailtap_alerts_raised_total{rule=\"", snapshot->alerts[0].rule,
                                "\",severity=\"", Name(snapshot->alerts[0].severity), "\"}")),
      "3");
}

TEST(Metrics, PromtoolFindsNothingWrong) {
  if (std::system("command -v promtool >/dev/null 2>&1") != 0) GTEST_SKIP() << "no promtool";
  const TempDir dir;
  auto snapshot = ManyHosts(20);
  snapshot->relays.emplace_back().name = "a\"b\\c\nd";
  SensorStatus status = SampleStatus();
  status.state.emplace();
  status.learning = {.last_written = 5 * kNanosPerSecond};
  ASSERT_TRUE(WriteMetrics(dir.File("m.prom"),
                           MetricsCollector([&] { return snapshot; }, [&] { return status; }))
                  .ok());
  const std::string command = absl::StrCat("promtool check metrics <", dir.File("m.prom"), " >",
                                           dir.File("out"), " 2>&1");
  EXPECT_EQ(std::system(command.c_str()), 0) << ReadFile(dir.File("out"));
  EXPECT_EQ(ReadFile(dir.File("out")), "");
}

TEST(SnapshotBoard, GivesTheLastOneAndKeepsWhatIsBeingRead) {
  SnapshotBoard board;
  EXPECT_EQ(board.Latest(), nullptr);
  board.Publish(SampleSnapshot());
  const auto first = board.Latest();
  auto second = SampleSnapshot();
  second->ticks = 34;
  board.Publish(second);
  EXPECT_EQ(first->ticks, 33u);
  EXPECT_EQ(board.Latest()->ticks, 34u);
}

// For ThreadSanitizer: the control core swaps snapshots while the web server reads them.
TEST(SnapshotBoard, IsReadWhileItIsWritten) {
  SnapshotBoard board;
  board.Publish(SampleSnapshot());
  std::thread control_core([&] {
    for (uint64_t tick = 34; tick < 134; ++tick) {
      auto snapshot = SampleSnapshot();
      snapshot->ticks = tick;
      board.Publish(std::move(snapshot));
    }
  });
  const MetricsCollector metrics([&] { return board.Latest(); }, [] { return SampleStatus(); });
  uint64_t last = 0;
  for (int i = 0; i < 50; ++i) {
    const uint64_t ticks =
        std::stoull(Sample(MetricsText(metrics), "mailtap_tick_duration_seconds_count"));
    EXPECT_GE(ticks, last);
    last = ticks;
  }
  control_core.join();
  EXPECT_EQ(board.Latest()->ticks, 133u);
}

TEST(CheckWorkersAlive, NamesTheOneThatIsNot) {
  std::vector<WorkerStatus> workers = SampleStatus().workers;
  const UnixNanos now = workers[0].last_tick + 3 * kNanosPerSecond;
  EXPECT_TRUE(CheckWorkersAlive(workers, now, 3).ok());
  EXPECT_TRUE(CheckWorkersAlive({}, now, 3).ok());
  workers[1].last_tick -= 70 * kNanosPerSecond;
  EXPECT_EQ(CheckWorkersAlive(workers, now, 3).message(),
            "worker 1 has not reported for 1m13s");
  workers[0].last_tick = 0;
  EXPECT_EQ(CheckWorkersAlive(workers, now, 3).message(), "worker 0 has not reported yet");
}

TEST(CheckPortsThere, NamesTheOneThatIsGone) {
  std::vector<PortStatus> ports = {{.device = "eth1"}, {.device = "eth2"}};
  ports[0].link_up = false;
  EXPECT_TRUE(CheckPortsThere(ports).ok()) << "a link that is down may come up again";
  ports[1].gone = true;
  EXPECT_EQ(CheckPortsThere(ports).message(),
            "port eth2: its interface was deleted; restart the sensor once there is one again");
}

TEST(CheckControlAlive, SaysForHowLongItIsNot) {
  const UnixNanos now = 1'000 * kNanosPerSecond;
  EXPECT_TRUE(CheckControlAlive(now - 3 * kNanosPerSecond, now, 3).ok());
  EXPECT_EQ(CheckControlAlive(now - 4 * kNanosPerSecond, now, 3).message(),
            "the control core has not reported for 4s");
  EXPECT_EQ(CheckControlAlive(0, now, 3).message(), "the control core has not reported yet");
}

}  // namespace
}  // namespace mailtap::exporting

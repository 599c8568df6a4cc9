#include "tests/unit/export/samples.h"

#include <fstream>
#include <sstream>

namespace mailtap::exporting {

net::IpAddress Address(const std::string& text) { return net::ParseAddress(text).value(); }

control::Alert SampleBlindSpot() {
  control::Alert alert;
  alert.id = "00000000000000aa";
  alert.time = 1795466468 * kNanosPerSecond;
  alert.rule = "blind_spot:silent_port";
  alert.severity = config::Severity::kHigh;
  alert.blind_spot = config::BlindSpotKind::kSilentPort;
  alert.port = "eth0";
  alert.value = 60;
  alert.threshold = 60;
  alert.window_seconds = 60;
  alert.first_seen = alert.last_seen = kSampleTime;
  alert.config_version = "00112233aabb";
  alert.summary = "Port eth0 has carried no packet for 1m.";
  return alert;
}

control::HourServer SampleHourServer(const std::string& server,
                                     const std::vector<std::string>& clients) {
  control::HourServer row;
  row.server = Address(server);
  row.port = 25;
  row.sessions = 2;
  row.bytes[kUp] = 100;
  row.bytes[kDown] = 10;
  for (const std::string& client : clients) row.clients.push_back(Address(client));
  return row;
}

control::Hour SampleHour(int64_t n, int64_t seconds) {
  control::Hour hour;
  hour.hour = kSampleHour + n;
  hour.first_tick = hour.hour * control::kHourSeconds;
  hour.capture.seconds = seconds;
  hour.capture.packets = 1000;
  hour.capture.sight = {.volume = 100, .inferred = 1, .followed = 100};
  hour.totals[0][static_cast<int>(config::Verdict::kApproved)] = {1, {50, 5}};
  hour.hosts = {{Address("10.1.2.3"), "", "laptop", "Ada", {1000, 10, 500, 5, 3, 1}}};
  hour.servers = {SampleHourServer("203.0.113.9", {"10.1.2.3"})};
  hour.relays = {{"corporate gateway", 1, 55}};
  return hour;
}

control::JudgedSession SampleSession() {
  control::JudgedSession session;
  meter::SessionRecord& record = session.record;
  record.key.client = Address("10.1.2.3");
  record.key.server = Address("2001:db8::25");
  record.key.server_port = 587;
  record.key.service = Service::kSmtp;
  record.client_port = 40001;
  record.first_seen = kSampleTime;
  record.last_seen = kSampleTime + 2 * kNanosPerSecond;
  record.bytes[kUp] = {1000, 24, 7, 5, 12};
  record.bytes[kDown] = {300, 0, 0, 0, 11};
  record.messages = 2;
  record.rejected = 3;
  record.rejected_transient = 1;
  record.recipients = 5;
  record.text_bytes[kUp] = 900;
  record.evidence = Evidence::kBanner;
  record.tls = Tls::kStarttls;
  record.established = true;
  record.encap.Push(net::EncapKind::kVlan, 100);
  record.encap.Push(net::EncapKind::kVxlan, 77);
  session.sni = "mx.example.net";
  session.verdict = config::Verdict::kApproved;
  session.relay = "corporate gateway";
  return session;
}

control::Alert SampleAlert() {
  control::Alert alert;
  alert.id = "0123456789abcdef";
  alert.state = control::AlertState::kRaised;
  alert.time = 1795466468 * kNanosPerSecond;
  alert.rule = "bulk mail out";
  alert.severity = config::Severity::kHigh;
  alert.host = Address("10.1.2.3");
  alert.asset = "workstations";
  alert.value = 52'428'800;
  alert.threshold = 50'000'000;
  alert.window_seconds = 300;
  alert.first_seen = kSampleTime;
  alert.last_seen = kSampleTime + kNanosPerSecond / 2;
  alert.top_peers = {
      {Address("203.0.113.9"), "mx.example.net", 587, 52'428'000, 9'000, 3,
       config::Verdict::kUnapprovedExternal},
      {Address("203.0.113.10"), "", 25, 800, 60, 1, config::Verdict::kUnapprovedExternal}};
  alert.top_peers[0].tls =
      1u << static_cast<int>(Tls::kNone) | 1u << static_cast<int>(Tls::kStarttls);
  alert.top_peers[1].tls = 1u << static_cast<int>(Tls::kNone);
  alert.expected_relays = {{"corporate gateway", "", {"192.0.2.0/28"}, {25, 587}}};
  alert.confidence = {0.1234567, 0, 0.5, 1.0 / 3};
  alert.config_version = "00112233aabb";
  alert.summary = "10.1.2.3 sent 52.4 MB of mail to 2 unapproved hosts in 5m.";
  return alert;
}

std::shared_ptr<control::Snapshot> SampleSnapshot() {
  auto snapshot = std::make_shared<control::Snapshot>();
  snapshot->time = 1795466500 * kNanosPerSecond;
  snapshot->ticks = 33;
  snapshot->last_tick_seconds = 0.25;
  snapshot->total_tick_seconds = 1.5;
  const auto smtp = static_cast<int>(Service::kSmtp);
  const auto external = static_cast<int>(config::Verdict::kUnapprovedExternal);
  control::Totals& totals = snapshot->totals[smtp][external];
  totals.bytes[kUp] = {52'000'000, 428'800, 1'000, 600, 40'000};
  totals.bytes[kDown] = {9'060, 0, 0, 0, 20'000};
  totals.sessions = 4;
  totals.failed_sessions = 1;
  totals.messages = 17;
  totals.rejected = 2;
  totals.one_way = 9'060;
  totals.rejected_transient = 2;
  totals.recipients = 21;
  totals.hidden_sessions = 3;
  totals.text_bytes[kUp] = 50'000'000;
  snapshot->totals[static_cast<int>(Service::kPop3)][external].retrievals = 6;
  snapshot->hosts_known = 5;
  snapshot->conversations_known = 6;
  snapshot->host_gauges = {
      {"bulk mail out", Address("10.1.2.3"), {}, Role::kClient, 52'428'800, 50'000'000, true}};
  snapshot->host_sights = {{Address("10.1.2.3"), {}, {0.01, 0.02, 0.015, 0.25}}};
  snapshot->hosts_tracked = 3;
  snapshot->capture = {0.001, 0.002, 0.0015, 0.5};
  snapshot->capture_in_all = {0.0002, 0.004, 0.003, 0.125};
  control::RelayUse gateway;
  gateway.name = "corporate gateway";
  gateway.owner = "messaging team";
  gateway.expires = "2027-06-30";
  gateway.hosts = 2;
  gateway.sessions = 9;
  gateway.bytes = 12'345;
  gateway.last_used = kSampleTime;
  snapshot->relays = {gateway};
  snapshot->alerts = {{"bulk mail out", config::Severity::kHigh, 1, 0, 1, 2}};
  snapshot->config_version = "00112233aabb";
  return snapshot;
}

SensorStatus SampleStatus() {
  SensorStatus status;
  status.version = "0.1.0";
  status.compiler = "gcc 12.2.0";
  status.dpdk = "22.11.11";
  status.start_time = 1795466400 * kNanosPerSecond;
  status.clock_offset = -1'500'000'000;
  status.ports = {
      {0, "0000:03:00.0", 100, 6'400, 1, 4, 2, 3, true, {{0, 60, 4'000, 0}, {1, 40, 2'400, 5}}},
      {1, "net_pcap0", 0, 0, 0, 0, 0, 0, false, {}}};
  for (int i = 0; i < 2; ++i) {
    WorkerStatus worker;
    worker.worker = i;
    worker.packets = 50;
    worker.bytes = 3'200;
    worker.mail_packets = 20;
    worker.snapped_packets = 4;
    worker.cut_packets = 3;
    worker.drops = {{"not_tcp", 5}, {"truncated", 0}};
    worker.mismatches = {{"other_on_mail_port", 3}};
    worker.tables = {{"sessions", 7, 262'144}, {"holes", 0, 131'072}};
    worker.ring_used_bytes = 512;
    worker.ring_capacity_bytes = 16'777'216;
    worker.last_tick = 1795466500 * kNanosPerSecond;
    status.workers.push_back(worker);
  }
  status.reload = {.attempts = 5,
                   .failures = 2,
                   .last_success = 1795466450 * kNanosPerSecond,
                   .fault = "f:1:1: x"};
  status.sinks = {{"alert_file", 1, 4'096, 10, 2, 3}};
  return status;
}

ReportInput SampleReport() {
  ReportInput report;
  report.packets = 1'234'567;
  report.cut_packets = 17;
  report.bytes = 900'000'000;
  report.first_packet = kSampleTime;
  report.last_packet = kSampleTime + 90 * kNanosPerSecond;
  report.captures = {
      {"a.pcap", 1'234'000, 899'000'000, 0, ""},
      {"b.pcap", 567, 1'000'000, 12, "truncated dump file", "1 packet from 1970"}};
  report.drops = {{"not_tcp", 12'345}, {"truncated", 0}};
  report.snapshot = SampleSnapshot();
  report.hosts = {{{52'428'800, 9'060, 100, 50, 4, 1}, Address("10.1.2.3"), {}},
                  {{0, 0, 777, 0, 0, 1}, Address("10.1.2.4"), {}}};
  report.relays = report.snapshot->relays;
  AlertLog log;
  log.Add(SampleAlert());
  report.alerts = log.alerts();
  return report;
}

std::string ReadFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream content;
  content << in.rdbuf();
  return content.str();
}

}  // namespace mailtap::exporting

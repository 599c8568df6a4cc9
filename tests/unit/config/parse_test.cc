// What an accepted configuration becomes.
#include "tests/unit/config/test_support.h"

namespace mailtap::config {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

net::Prefix P(absl::string_view text) { return *net::ParsePrefix(text); }

TEST(ParseTest, TheLeastIsOneInternalNetwork) {
  const Config config = Accepted(kMinimal);
  EXPECT_THAT(config.networks.internal, ElementsAre(P("10.0.0.0/8")));
  EXPECT_THAT(config.relays, IsEmpty());
  EXPECT_THAT(config.rules, IsEmpty()) << "no rule is added silently";
  EXPECT_FALSE(config.sensor.name.empty()) << "the host's name";
  EXPECT_EQ(config.http.address, "127.0.0.1");
  EXPECT_EQ(config.http.port, 9382);
  EXPECT_EQ(config.alerts.file, "/var/log/mailtap/alerts.jsonl");
  EXPECT_THAT(config.services[0].ports, ElementsAre(25, 587));
}

// The sample of the fixed interface, without the keys that are refused for now.
constexpr char kSample[] = R"(
[networks]
internal = ["10.0.0.0/8", "fd00::/8"]

[[relay]]                            # approved mail infrastructure
name = "corporate gateway"
sources = ["10.20.0.10"]             # who may use it
destinations = ["192.0.2.0/28"]      # where it is
services = ["smtp"]
ports = [25, 587]
owner = "messaging team"
reason = "contract 4711"
mode = "enforce"

[[group]]
name = "workstations"
members = ["10.1.0.0/16"]

[[rule]]
name = "bulk mail out"
groups = ["workstations"]
services = ["smtp"]
verdicts = ["unapproved_external"]
metric = "sent_bytes"
window = "5m"
raise = "50MB"
clear = "20MB"
hold = "10m"
severity = "high"
)";

TEST(ParseTest, ReadsTheSample) {
  const Config config = Accepted(kSample);
  EXPECT_THAT(config.networks.internal, ElementsAre(P("10.0.0.0/8"), P("fd00::/8")));
  ASSERT_EQ(config.relays.size(), 1u);
  const Relay& relay = config.relays[0];
  EXPECT_EQ(relay.name, "corporate gateway");
  EXPECT_THAT(relay.sources, ElementsAre(P("10.20.0.10")));
  EXPECT_THAT(relay.destinations, ElementsAre(P("192.0.2.0/28")));
  EXPECT_THAT(relay.services, ElementsAre(Service::kSmtp));
  EXPECT_THAT(relay.ports, ElementsAre(25, 587));
  EXPECT_EQ(relay.owner, "messaging team");
  EXPECT_EQ(relay.reason, "contract 4711");
  ASSERT_EQ(config.groups.size(), 1u);
  EXPECT_THAT(config.groups[0].members, ElementsAre(P("10.1.0.0/16")));
  ASSERT_EQ(config.rules.size(), 1u);
  const Rule& rule = config.rules[0];
  EXPECT_EQ(rule.name, "bulk mail out");
  EXPECT_THAT(rule.groups, ElementsAre("workstations"));
  EXPECT_THAT(rule.verdicts, ElementsAre(Verdict::kUnapprovedExternal));
  EXPECT_EQ(rule.metric, Metric::kSentBytes);
  EXPECT_EQ(rule.window_seconds, 300);
  EXPECT_EQ(rule.raise, 50e6);
  EXPECT_EQ(rule.clear, 20e6);
  EXPECT_EQ(rule.hold_seconds, 600);
  EXPECT_EQ(rule.severity, Severity::kHigh);
}

TEST(ParseTest, ARulesDefaults) {
  const Config config = AcceptedWith(
      "[[rule]]\nname = \"a\"\nraise = 101\n"
      "[[rule]]\nname = \"b\"\nmetric = \"sessions\"\nraise = 5\n"
      "[[rule]]\nname = \"c\"\nmetric = \"sent_received_ratio\"\nraise = 2.5\nclear = 2\n"
      "[[rule]]\nname = \"d\"\nraise = 1\n");
  ASSERT_EQ(config.rules.size(), 4u);
  EXPECT_EQ(config.rules[0].raise, 101) << "a plain integer counts bytes";
  EXPECT_EQ(config.rules[0].clear, 50) << "half of raise, in whole bytes";
  EXPECT_THAT(config.rules[0].verdicts,
              ElementsAre(Verdict::kUnapprovedExternal, Verdict::kUnapprovedInternal));
  EXPECT_EQ(config.rules[1].clear, 2.5);
  EXPECT_EQ(config.rules[2].raise, 2.5);
  EXPECT_EQ(config.rules[2].clear, 2);
  EXPECT_EQ(config.rules[3].clear, 1)
      << "a value is never below 0 bytes, so it could not clear";
}

TEST(ParseTest, ReadsEverySetting) {
  const Config config = AcceptedWith(R"(
[sensor]
name = "tap-7"
[services.smtp]
ports = [25, 2525]
tls_ports = []
[tls]
smtp_names = ["MX?.Example.com", "*.relay.example."]
pop3_names = []
web_ports = [443, 8443]
[alerts]
file = ""
update = "1m30s"
top_peers = 3
[http]
address = "::1"
port = 1
connections = 2
connections_per_address = 1
timeout = "5s"
[metrics]
top_hosts = 7
[limits]
sessions = 2048
conversations = 2049
handshakes = 2050
dialogues = 2051
undecided = 2054
holes = 2052
reorder_buffers = 2053
ring = "64KiB"
encapsulations = 100
[timeouts]
established = "1h"
candidate = "20s"
closed = "5s"
inference = "2s"
[dataplane]
burst = 64
rx_descriptors = 1024
mbufs = 8191
mtu = 1500
promiscuous = false
idle_sleep_us = 200
[log]
level = "warn"
)");
  EXPECT_EQ(config.sensor.name, "tap-7");
  EXPECT_THAT(config.services[0].ports, ElementsAre(25, 2525));
  EXPECT_THAT(config.services[0].tls_ports, IsEmpty());
  EXPECT_THAT(config.services[1].tls_ports, ElementsAre(993)) << "others keep their defaults";
  EXPECT_EQ(config.alerts.file, "");
  EXPECT_EQ(config.alerts.update_seconds, 90);
  EXPECT_EQ(config.alerts.top_peers, 3);
  EXPECT_EQ(config.http.address, "::1");
  EXPECT_EQ(config.http.port, 1);
  EXPECT_EQ(config.http.connections, 2);
  EXPECT_EQ(config.http.connections_per_address, 1);
  EXPECT_EQ(config.http.timeout_seconds, 5);
  EXPECT_EQ(config.metrics.top_hosts, 7);
  EXPECT_THAT(config.tls.services[0], ElementsAre("mx?.example.com", "*.relay.example"));
  EXPECT_THAT(config.tls.services[1], ElementsAre("imap.*.*")) << "others keep their defaults";
  EXPECT_THAT(config.tls.services[2], IsEmpty());
  EXPECT_THAT(config.tls.web_ports, ElementsAre(443, 8'443));
  EXPECT_EQ(config.limits.undecided, 2'054);
  EXPECT_EQ(config.limits.sessions, 2'048);
  EXPECT_EQ(config.limits.conversations, 2'049);
  EXPECT_EQ(config.limits.handshakes, 2'050);
  EXPECT_EQ(config.limits.dialogues, 2'051);
  EXPECT_EQ(config.limits.holes, 2'052);
  EXPECT_EQ(config.limits.reorder_buffers, 2'053);
  EXPECT_EQ(config.limits.ring_bytes, 65'536);
  EXPECT_EQ(config.limits.encapsulations, 100);
  EXPECT_EQ(config.timeouts.established, 3'600);
  EXPECT_EQ(config.timeouts.candidate, 20);
  EXPECT_EQ(config.timeouts.closed, 5);
  EXPECT_EQ(config.timeouts.inference, 2);
  EXPECT_EQ(config.dataplane.burst, 64);
  EXPECT_EQ(config.dataplane.rx_descriptors, 1'024);
  EXPECT_EQ(config.dataplane.mbufs, 8'191);
  EXPECT_EQ(config.dataplane.mtu, 1'500);
  EXPECT_FALSE(config.dataplane.promiscuous);
  EXPECT_EQ(config.dataplane.idle_sleep_us, 200);
  EXPECT_EQ(config.log_level, LogLevel::kWarning);
}

TEST(ParseTest, NamesMayBeInAnyLanguage) {
  const Config config =
      AcceptedWith("[[group]]\nname = \"Büro München 東京\"\nmembers = [\"10.1.0.0/16\"]\n");
  EXPECT_EQ(config.groups.at(0).name, "Büro München 東京");
}

TEST(ParseTest, AcceptsAByteOrderMarkAndWindowsLineEnds) {
  Accepted("\xef\xbb\xbf[networks]\r\ninternal = [\"10.0.0.0/8\"]\r\n");
}

TEST(VersionTest, DependsOnWhatIsJudgedAndNotOnHowItIsWritten) {
  const Config config = Accepted(kSample);
  EXPECT_EQ(config.version.size(), 12u);
  EXPECT_EQ(config.version.find_first_not_of("0123456789abcdef"), std::string::npos);

  EXPECT_EQ(Accepted(absl::StrCat("# a comment\n", kSample)).version, config.version);
  EXPECT_EQ(Accepted(absl::StrCat(kSample, "roles = [\"client\"]\n")).version == config.version,
            false);
  EXPECT_EQ(Accepted(absl::StrCat(kSample, "[http]\nport = 9382\n")).version, config.version)
      << "a default that is spelt out changes nothing";
  EXPECT_EQ(Accepted(absl::StrCat(kSample, "[sensor]\nname = \"other\"\n")).version,
            config.version)
      << "two sensors that judge alike show the same version";
}

// Alerts of different processes are compared by it, so the value itself has to stay.
TEST(VersionTest, IsTheSameInEveryProcess) {
  const Config config = Accepted(kMinimal);
  Config unnamed = config;
  unnamed.sensor.name.clear();
  uint64_t hash = 0xcbf29ce484222325;
  for (const unsigned char c : ToToml(unnamed)) hash = (hash ^ c) * 0x100000001b3;
  char text[17];
  std::snprintf(text, sizeof(text), "%016llx", static_cast<unsigned long long>(hash));
  EXPECT_EQ(config.version, std::string(text, 12));
}

}  // namespace
}  // namespace mailtap::config

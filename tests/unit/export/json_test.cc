#include "lib/export/json.h"

#include <gtest/gtest.h>

#include <limits>

#include "tests/unit/export/samples.h"

namespace mailtap::exporting {
namespace {

TEST(SessionJson, HasEveryFieldInTheOrderOfTheInterface) {
  EXPECT_EQ(
      ToJsonLine(SampleSession()),
      R"({"first_seen":"2026-11-23T20:41:07.000123Z",)"
      R"("last_seen":"2026-11-23T20:41:09.000123Z",)"
      R"("client":"10.1.2.3","client_port":40001,)"
      R"("server":"2001:db8::25","server_port":587,)"
      R"("service":"smtp","evidence":"banner","tls":"starttls","sni":"mx.example.net","via":null,)"
      R"("bytes_up":1024,"bytes_down":300,"inferred_up":24,"inferred_down":0,)"
      R"("repeated_up":7,"repeated_down":0,"packets_up":12,"packets_down":11,)"
      R"("messages":2,"rejected":3,"rejected_4xx":1,"rejected_5xx":2,"recipients":5,)"
      R"("message_bytes":900,"appended_bytes":null,"fetched_bytes":null,)"
      R"("retrievals":null,"retrieved_bytes":null,"established":true,)"
      R"("verdict":"approved","relay":"corporate gateway",)"
      R"("encap":["vlan:100","vxlan:77"]})");
}

TEST(SessionJson, WhatIsNotKnownIsNull) {
  control::JudgedSession session = SampleSession();
  session.sni.clear();
  session.relay.clear();
  session.record.messages = meter::SessionRecord::kUnknownCount;
  session.record.rejected = meter::SessionRecord::kUnknownCount;
  session.record.rejected_transient = meter::SessionRecord::kUnknownCount;
  session.record.recipients = meter::SessionRecord::kUnknownCount;
  session.record.text_bytes[kUp] = meter::SessionRecord::kUnknownBytes;
  session.record.encap = {};
  const auto json = nlohmann::json::parse(ToJsonLine(session));
  for (const char* key :
       {"sni", "relay", "messages", "rejected", "rejected_4xx", "rejected_5xx", "recipients",
        "message_bytes", "appended_bytes", "fetched_bytes", "retrievals", "retrieved_bytes"}) {
    EXPECT_TRUE(json.at(key).is_null()) << key;
  }
  EXPECT_EQ(json.at("encap"), nlohmann::json::array());
}

TEST(SessionJson, EachServiceHasItsOwnBytesOfMessages) {
  control::JudgedSession session = SampleSession();
  session.record.text_bytes[kUp] = 7;
  session.record.text_bytes[kDown] = 8;
  session.record.retrievals = 2;
  session.record.key.service = Service::kImap;
  auto json = nlohmann::json::parse(ToJsonLine(session));
  EXPECT_EQ(json.at("appended_bytes"), 7);
  EXPECT_EQ(json.at("fetched_bytes"), 8);
  EXPECT_TRUE(json.at("message_bytes").is_null());
  session.record.key.service = Service::kPop3;
  json = nlohmann::json::parse(ToJsonLine(session));
  EXPECT_EQ(json.at("retrieved_bytes"), 8);
  EXPECT_EQ(json.at("retrievals"), 2);
  EXPECT_TRUE(json.at("fetched_bytes").is_null());
}

TEST(SessionJson, CountersBeyondAFloatStayExact) {
  control::JudgedSession session = SampleSession();
  session.record.bytes[kUp] = {std::numeric_limits<uint64_t>::max(), 0, 0, 0, 0};
  EXPECT_NE(ToJsonLine(session).find(R"("bytes_up":18446744073709551615,)"), std::string::npos);
}

TEST(SessionJson, AHostileNameStaysOneValidLine) {
  control::JudgedSession session = SampleSession();
  session.sni = std::string("a\"\n\xff\xc3\0z", 7);
  const std::string line = ToJsonLine(session);
  EXPECT_EQ(line.find('\n'), std::string::npos);
  const std::string sni = nlohmann::json::parse(line).at("sni");
  EXPECT_EQ(sni, std::string("a\"\n\xef\xbf\xbd\xef\xbf\xbd\0z", 11));
}

TEST(AlertJson, HasEveryFieldInTheOrderOfTheInterface) {
  control::Alert alert = SampleAlert();
  alert.highest = 60'000'000;
  EXPECT_EQ(
      ToJsonLine(alert, "sensor-1"),
      R"({"schema":1,"sensor":"sensor-1","id":"0123456789abcdef","state":"raised",)"
      R"("time":"2026-11-23T20:41:08.000000Z","rule":"bulk mail out","severity":"high",)"
      R"("scope":"host","host":"10.1.2.3","encap":[],"role":"client",)"
      R"("verdict":"unapproved_external","asset":"workstations","owner":null,)"
      R"("service":"smtp","port":null,"relay":null,"hosts":[],"metric":"sent_bytes",)"
      R"("value":52428800,"highest":60000000,"threshold":50000000,"window_seconds":300,"conditions":[],"baseline":null,)"
      R"("first_seen":"2026-11-23T20:41:07.000123Z",)"
      R"("last_seen":"2026-11-23T20:41:07.500123Z",)"
      R"("top_peers":[{"peer":"203.0.113.9","name":"mx.example.net","name_source":"claimed",)"
      R"("port":587,)"
      R"("sent":52428000,"received":9000,"sessions":3,"tls":["none","starttls"],"verdict":"unapproved_external"},)"
      R"({"peer":"203.0.113.10","name":null,"name_source":null,"port":25,)"
      R"("sent":800,"received":60,"sessions":1,"tls":["none"],"verdict":"unapproved_external"}],)"
      R"("expected_relays":[{"relay":"corporate gateway","owner":null,)"
      R"("servers":["192.0.2.0/28"],"ports":[25,587]}],)"
      R"("confidence":{"loss_ratio":0.123457,"repeat_ratio":0.0,"duplicate_ratio":0.5,)"
      R"("one_way_ratio":0.333333},)"
      R"("attack":{"technique":"T1071.003","analytic":"AN0382","detection":"DET0135"},)"
      R"("config_version":"00112233aabb",)"
      R"("summary":"10.1.2.3 sent 52.4 MB of mail to 2 unapproved hosts in 5m."})");
}

TEST(AlertJson, OneThatIsSuppressedNamesTheEntry) {
  control::Alert alert = SampleAlert();
  alert.state = control::AlertState::kSuppressed;
  alert.suppression = "migration";
  const auto json = nlohmann::json::parse(ToJsonLine(alert, "s"));
  EXPECT_EQ(json.at("state"), "suppressed");
  EXPECT_EQ(json.at("suppression"), "migration");
}

TEST(AlertJson, OfAGroupHasNoHost) {
  control::Alert alert = SampleAlert();
  alert.scope = config::Scope::kGroup;
  alert.owner = "finance";
  alert.conditions = {{config::Metric::kDistinctPeers, 12, 10, 600}};
  const nlohmann::json json = nlohmann::json::parse(ToJsonLine(alert, "s"));
  EXPECT_EQ(json.at("scope"), "group");
  EXPECT_TRUE(json.at("host").is_null());
  EXPECT_EQ(json.at("asset"), "workstations");
  EXPECT_EQ(json.at("owner"), "finance");
  EXPECT_EQ(json.at("conditions").dump(),
            R"([{"metric":"distinct_peers","threshold":10,"value":12,"window_seconds":600}])");
}

TEST(AlertJson, SaysWhichRelayEntryExpiredAndWhomItCovered) {
  control::Alert alert;
  alert.rule = "relay:expired";
  alert.relay = "migration";
  alert.hosts = {net::ParseAddress("10.1.2.3").value()};
  alert.value = 1;
  const auto json = nlohmann::json::parse(ToJsonLine(alert, "s"));
  EXPECT_EQ(json.at("relay"), "migration");
  EXPECT_EQ(json.at("hosts").dump(), R"(["10.1.2.3"])");
  EXPECT_EQ(json.at("metric"), "covered_hosts");
  EXPECT_EQ(json.at("value"), 1);
  for (const char* key : {"host", "role", "verdict", "service"}) {
    EXPECT_TRUE(json.at(key).is_null()) << key;
  }
}

TEST(AlertJson, TellsAnObservedNameFromAClaimedOne) {
  control::Alert alert = SampleAlert();
  alert.top_peers[0].name_observed = true;
  EXPECT_EQ(nlohmann::json::parse(ToJsonLine(alert, "s")).at("top_peers")[0].at("name_source"),
            "dns");
}

TEST(AlertJson, NamesTheEncapsulationThatTellsHostsApart) {
  control::Alert alert = SampleAlert();
  alert.encap.Push(net::EncapKind::kVlan, 100);
  alert.encap.Push(net::EncapKind::kVxlan, 77);
  EXPECT_EQ(nlohmann::json::parse(ToJsonLine(alert, "s")).at("encap").dump(),
            R"(["vlan:100","vxlan:77"])");
}

TEST(AlertJson, OfABlindSpotHasTheSameKeysAndNoHost) {
  using Json = nlohmann::ordered_json;
  const Json alert = Json::parse(ToJsonLine(SampleBlindSpot(), "s"));
  std::vector<std::string> keys, wanted;
  for (const auto& item : alert.items()) keys.push_back(item.key());
  const Json ordinary = Json::parse(ToJsonLine(SampleAlert(), "s"));
  for (const auto& item : ordinary.items()) wanted.push_back(item.key());
  EXPECT_EQ(keys, wanted);
  for (const char* key : {"host", "role", "verdict", "service", "asset"}) {
    EXPECT_TRUE(alert.at(key).is_null()) << key;
  }
  EXPECT_EQ(alert.at("rule"), "blind_spot:silent_port");
  EXPECT_EQ(alert.at("port"), "eth0");
  EXPECT_EQ(alert.at("metric"), "silent_seconds");
  EXPECT_EQ(alert.at("value").dump(), "60");
  EXPECT_EQ(alert.at("top_peers"), Json::array());
  EXPECT_EQ(alert.at("encap"), Json::array());
  EXPECT_EQ(alert.at("attack").at("technique"), "T1071.003");
}

TEST(AlertJson, BlindSpotsHaveSharesOrCounts) {
  using config::BlindSpotKind;
  control::Alert alert = SampleBlindSpot();
  const auto number = [&](BlindSpotKind kind, double value) {
    alert.blind_spot = kind;
    return Dump(MetricName(alert)) + " " + Dump(AlertNumber(alert, value));
  };
  EXPECT_EQ(number(BlindSpotKind::kLoss, 1.0 / 3), "\"loss_ratio\" 0.333333");
  EXPECT_EQ(number(BlindSpotKind::kUndecodable, 1), "\"undecodable_ratio\" 1.0");
  EXPECT_EQ(number(BlindSpotKind::kTableFull, 12), "\"shortages\" 12");
  EXPECT_EQ(number(BlindSpotKind::kTableFull, 0.5), "\"shortages\" 0.5");
}

TEST(AlertJson, WithoutPeersOrAssetStaysWellFormed) {
  control::Alert alert = SampleAlert();
  alert.asset.clear();
  alert.top_peers.clear();
  const auto json = nlohmann::json::parse(ToJsonLine(alert, "s"));
  EXPECT_TRUE(json.at("asset").is_null());
  EXPECT_EQ(json.at("top_peers"), nlohmann::json::array());
}

TEST(MetricNumber, CountsAreIntegersAndRatiosAreRounded) {
  using config::Metric;
  EXPECT_EQ(Dump(MetricNumber(Metric::kSentBytes, 0)), "0");
  EXPECT_EQ(Dump(MetricNumber(Metric::kSentBytes, 9007199254740992.0)), "9007199254740992");
  EXPECT_EQ(Dump(MetricNumber(Metric::kSessions, 20)), "20");
  EXPECT_EQ(Dump(MetricNumber(Metric::kSessions, 20.5)), "20.5");
  EXPECT_EQ(Dump(MetricNumber(Metric::kSentReceivedRatio, 3)), "3.0");
  EXPECT_EQ(Dump(MetricNumber(Metric::kSentReceivedRatio, 2.0 / 3)), "0.666667");
  // Equal but for the last bit, as sums in another order are.
  EXPECT_EQ(Dump(MetricNumber(Metric::kSentReceivedRatio, 0.1 + 0.2)),
            Dump(MetricNumber(Metric::kSentReceivedRatio, 0.3)));
}

}  // namespace
}  // namespace mailtap::exporting

#include "lib/export/hour_json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "lib/control/hour_summary.h"
#include "tests/unit/export/samples.h"

namespace mailtap::exporting {
namespace {

using Json = nlohmann::ordered_json;
using control::Hour;
using testing::IsEmpty;

TEST(HourJson, ReadsBack) {
  Hour hour = SampleHour(3);
  hour.more_hosts = 7;
  hour.others.unapproved_sent = 77;
  hour.hosts[0].encap = "vlan:7";
  hour.servers[0].name = "mx.example.net";
  hour.servers[0].name_observed = true;
  hour.servers[0].more_clients = true;
  hour.servers[0].internal = true;
  hour.servers[0].service = Service::kPop3;
  hour.more_servers = 5;
  hour.servers[0].client_sent = {100};
  hour.acts = {
      {Address("10.1.2.3"), "vlan:7", Role::kServer, Service::kImap, true, 1, 2, 3, 4, true}};
  hour.more_acts = 9;
  hour.peaks = {{"bulk",
                 config::Metric::kDistinctPeers,
                 600,
                 {{Address("10.1.2.3"), "", Role::kClient, 12}},
                 3}};
  const std::string json = HourJson(hour);
  const auto again = ParseHour(json);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(HourJson(*again), json);
  EXPECT_EQ(again->hosts[0].encap, "vlan:7");
  EXPECT_EQ(again->servers[0].clients, hour.servers[0].clients);
  EXPECT_EQ(again->capture.sight.inferred, 1u);
  EXPECT_EQ(again->servers[0].client_sent, hour.servers[0].client_sent);
  EXPECT_EQ(again->acts[0].peers, 4u);
  EXPECT_EQ(again->peaks[0].peaks[0].value, 12);
}

TEST(HourJson, OneOfBeforeTheLearningModeReadsToo) {
  Json json = Json::parse(HourJson(SampleHour(0)));
  for (const char* key : {"acts", "more_acts", "peaks"}) json.erase(key);
  json["servers"][0].erase("client_sent");
  const auto hour = ParseHour(json.dump());
  ASSERT_TRUE(hour.ok()) << hour.status();
  EXPECT_THAT(hour->servers[0].client_sent, IsEmpty());
  json["servers"][0]["client_sent"] = {1, 2, 3};
  EXPECT_FALSE(ParseHour(json.dump()).ok()) << "not one a client";
}

TEST(HourJson, WhatIsNoneIsRefused) {
  const std::string json = HourJson(SampleHour(0));
  for (std::size_t cut = 0; cut < json.size(); cut += 3) {
    EXPECT_FALSE(ParseHour(json.substr(0, cut)).ok()) << cut;
  }
  EXPECT_FALSE(ParseHour("[]").ok());
  Json other = Json::parse(json);
  other["hosts"][0]["host"] = "nobody";
  EXPECT_FALSE(ParseHour(other.dump()).ok());
  other = Json::parse(json);
  other["servers"][0]["verdict"] = 3;
  EXPECT_FALSE(ParseHour(other.dump()).ok());
}

}  // namespace
}  // namespace mailtap::exporting

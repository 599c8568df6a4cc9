// Which groups the learning mode proposes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "tests/unit/control/proposals_testing.h"

namespace mailtap::control {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

TEST(ProposedGroups, HostsThatActAlike) {
  const Proposals proposals = Of(Office());
  ASSERT_THAT(proposals.groups, SizeIs(3));
  EXPECT_EQ(proposals.groups[0].entry.name, "mail gateways");
  EXPECT_THAT(proposals.groups[0].entry.members, ElementsAre(Net("10.0.20.10")));
  EXPECT_EQ(proposals.groups[1].entry.name, "mail servers");
  EXPECT_THAT(proposals.groups[1].entry.members,
              ElementsAre(Net("10.0.20.1"), Net("10.0.20.2")));
  EXPECT_EQ(proposals.groups[2].entry.name, "mailbox clients");
  EXPECT_THAT(proposals.groups[2].entry.members, ElementsAre(Net("10.0.1.0/24")));
  EXPECT_THAT(All(proposals.groups[2].evidence), HasSubstr("10.0.1.0/24: 5 of the 5 hosts"));
  EXPECT_THAT(All(proposals.groups[1].evidence),
              HasSubstr("10.0.20.2: in 24 of 24 hours, 120 sessions, with up to 16 peers"));
}

TEST(ProposedGroups, ANetworkOfManyKindsIsNone) {
  std::vector<Hour> hours = Office();
  for (Hour& hour : hours) {
    hour.acts.push_back(Act("10.0.1.200", Role::kClient, Service::kSmtp, 1));
    hour.acts.push_back(Act("10.0.1.201", Role::kClient, Service::kSmtp, 1));
  }
  EXPECT_THAT(Of(hours).groups[2].entry.members, SizeIs(5));
}

TEST(ProposedGroups, ANetworkWithAlertsIsNone) {
  std::vector<Hour> hours = Office();
  for (Hour& hour : hours) {
    for (int i = 6; i <= 20; ++i) {
      hour.acts.push_back(
          Act(absl::StrCat("10.0.1.", i), Role::kClient, Service::kImap, 1, false));
    }
  }
  const config::Config config = BaseConfig();
  const Proposals proposals = Propose({config, hours, {Ip("10.0.1.5")}, {}});
  const auto& members = proposals.groups[2].entry.members;
  EXPECT_THAT(members, SizeIs(19));
  EXPECT_TRUE(std::none_of(members.begin(), members.end(),
                           [](const net::Prefix& p) { return p.Contains(Ip("10.0.1.5")); }));
}

TEST(ProposedGroups, ThoseWithAlertsAndThoseInGroupsAreLeftOut) {
  config::Config config = BaseConfig();
  config.groups = {{.name = "mail servers", .members = {Net("10.0.20.1")}}};
  const std::vector<Hour> hours = Office();
  const Proposals proposals = Propose({config, hours, {Ip("10.0.20.10")}, {}});
  ASSERT_THAT(proposals.groups, SizeIs(2));
  EXPECT_EQ(proposals.groups[0].entry.name, "mail servers 2") << "the name is taken";
  EXPECT_THAT(proposals.groups[0].entry.members, ElementsAre(Net("10.0.20.2")));
  EXPECT_THAT(proposals.group_notes,
              ElementsAre("10.0.20.10 acts like mail gateways and is left out: it has alerts",
                          "1 host with such habits are in groups already"));
}

TEST(ProposedGroups, AFewHoursAreNoHabit) {
  const Proposals proposals = Of(Office(2));
  EXPECT_THAT(proposals.groups, IsEmpty());
  EXPECT_THAT(All(proposals.group_notes), HasSubstr("8 hosts showed such a habit in too few"));
  // A spam run is not steady.
  std::vector<Hour> hours = Quiet(kDayHours);
  for (int i = 0; i < 4; ++i) {
    hours[static_cast<std::size_t>(i)].acts = {
        Act("10.0.5.5", Role::kClient, Service::kSmtp, 16)};
  }
  EXPECT_THAT(Of(hours).groups, IsEmpty());
}

TEST(ProposedGroups, SharedAddressesByTheInventorysTag) {
  config::Config config = BaseConfig();
  config.assets.rows = {{.prefix = Net("10.0.7.7"), .name = "wifi", .tags = {"nat"}}};
  const Proposals proposals = Of(Quiet(5), config);
  ASSERT_THAT(proposals.groups, SizeIs(1));
  EXPECT_THAT(proposals.groups[0].entry.tags, ElementsAre("nat"));
  config.groups = {{.name = "g", .tags = {"nat"}}};
  EXPECT_THAT(Of(Quiet(5), config).groups, IsEmpty());
}

}  // namespace
}  // namespace mailtap::control

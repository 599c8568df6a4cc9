// Baselines against a reference that keeps every amount for ever and sorts.
#include "lib/control/baselines.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "tests/unit/control/scenario.h"
#include "tests/unit/control/testing.h"

namespace mailtap::control {
namespace {

constexpr int64_t kHour = 3600;
constexpr int64_t kWeek = 7 * 24 * kHour;
constexpr int64_t kMonday = 4 * 86'400;  // 1970-01-05

// The middle of sorted values.
double Middle(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t n = values.size();
  return n % 2 == 1 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

struct Reference {
  // amount[host][hour since 1970]
  std::map<int, std::map<int64_t, double>> amounts;

  double Of(const std::set<int>& hosts, int64_t hour) const {
    std::vector<double> active;
    for (const auto& [host, by_hour] : amounts) {
      const auto found = by_hour.find(hour);
      if (hosts.count(host) > 0 && found != by_hour.end()) active.push_back(found->second);
    }
    return active.empty() ? 0 : Middle(active);
  }
  int64_t First(const std::set<int>& hosts) const {
    int64_t first = INT64_MAX;
    for (const auto& [host, by_hour] : amounts) {
      if (hosts.count(host) > 0) first = std::min(first, by_hour.begin()->first);
    }
    return first;
  }
  // "expected/deviation/weeks", of one host or of many; nothing where too few weeks are known.
  std::vector<double> Usual(const std::set<int>& hosts, int64_t hour, int least) const {
    std::vector<double> past;
    for (int64_t h = hour - 168; h >= First(hosts) && past.size() < 8; h -= 168) {
      past.push_back(Of(hosts, h));
    }
    if (static_cast<int>(past.size()) < least) return {};
    const double expected = Middle(past);
    const auto weeks = static_cast<double>(past.size());
    for (double& amount : past) amount = std::abs(amount - expected);
    return {expected, 1.4826 * Middle(past), weeks};
  }
};

HostKey HostOf(int number) { return {Ip("10.1.0." + std::to_string(number)), 0}; }

std::vector<double> Values(const std::optional<Baseline>& baseline) {
  if (!baseline) return {};
  return {baseline->expected, baseline->deviation, static_cast<double>(baseline->weeks)};
}

TEST(Baselines, AgreeWithTheReference) {
  const std::vector<config::Group> groups = {{.name = "even"}, {.name = "odd"}};
  std::size_t own = 0, of_group = 0, of_site = 0;
  for (uint64_t seed = 0; seed < 12; ++seed) {
    Random random(seed);
    const int least = static_cast<int>(Pick(random, 1, 5));
    Baselines baselines(absl::UTCTimeZone(), least, 1'000'000);
    Reference reference;
    const int64_t start = kMonday + Pick(random, 2000, 3000) * kWeek;
    const int64_t last = start + Pick(random, 2, 12) * kWeek;
    for (int64_t tick = start; tick < last; tick += Pick(random, 1, 3) * kHour / 2) {
      baselines.StartTick(tick);
      const int64_t hour = tick / kHour;
      for (int host = 0; host < 6; ++host) {
        const std::vector<uint32_t> of_host = {static_cast<uint32_t>(host % 2)};
        // Half of the hosts come later.
        if (host < 3 || tick > start + 2 * kWeek) {
          const uint64_t amount =
              static_cast<uint64_t>(Pick(random, 0, 3) * Pick(random, 0, 90));
          if (amount > 0) {
            baselines.Add("rule", Role::kClient, HostOf(host), {of_host, groups}, amount);
            reference.amounts[host][hour] += static_cast<double>(amount);
          }
        }
        const auto got = baselines.Of("rule", Role::kClient, HostOf(host), {of_host, groups});
        // The hour under way is nobody's past yet.
        Reference past = reference;
        for (auto& [number, by_hour] : past.amounts) by_hour.erase(hour);
        std::erase_if(past.amounts, [](const auto& entry) { return entry.second.empty(); });
        const std::set<int> fellows =
            host % 2 == 0 ? std::set<int>{0, 2, 4} : std::set<int>{1, 3, 5};
        std::vector<double> expected = past.Usual({host}, hour, least);
        own += expected.empty() ? 0 : 1;
        if (expected.empty()) {
          expected = past.Usual(fellows, hour, least);
          of_group += expected.empty() ? 0 : 1;
        }
        if (expected.empty()) {
          expected = past.Usual({0, 1, 2, 3, 4, 5}, hour, least);
          of_site += expected.empty() ? 0 : 1;
        }
        ASSERT_EQ(Values(got), expected) << "seed " << seed << " host " << host << " " << tick;
      }
    }
  }
  EXPECT_GT(own, 1000u);
  EXPECT_GT(of_group, 100u);
}

TEST(Baselines, ASpikeChangesNothing) {
  Baselines baselines(absl::UTCTimeZone(), 3, 1000);
  for (int week = 0; week < 8; ++week) {
    baselines.StartTick(kT0 + week * kWeek);
    baselines.Add("r", Role::kClient, HostOf(1), {{}, {}}, week == 6 ? 1'000'000'000 : 1000);
  }
  baselines.StartTick(kT0 + 8 * kWeek);
  EXPECT_EQ(Values(baselines.Of("r", Role::kClient, HostOf(1), {{}, {}})),
            (std::vector<double>{1000, 0, 8}));
}

// A sensor that ran for weeks knows that there was nothing, of either role.
TEST(Baselines, OfASiteWithoutTrafficItIsKnownThatThereIsNone) {
  Baselines baselines(absl::UTCTimeZone(), 3, 1000);
  baselines.Keep({"r"});
  const auto of = [&](Role role) {
    return Values(baselines.Of("r", role, HostOf(1), {{}, {}}));
  };
  for (int week = 0; week < 5; ++week) {
    baselines.StartTick(kT0 + week * kWeek);
    const std::vector<double> nothing = {0, 0, static_cast<double>(week)};
    EXPECT_EQ(of(Role::kServer), week < 3 ? std::vector<double>{} : nothing);
    // Two weeks had no mail, and are known for that.
    if (week > 1) baselines.Add("r", Role::kClient, HostOf(2), {{}, {}}, 100);
  }
  EXPECT_EQ(of(Role::kClient), (std::vector<double>{50, 1.4826 * 50, 4}));
  baselines.Keep({"r", "new"});
  baselines.StartTick(kT0 + 5 * kWeek);
  EXPECT_FALSE(baselines.Of("new", Role::kClient, HostOf(1), {{}, {}}).has_value());
  EXPECT_EQ(of(Role::kServer), (std::vector<double>{0, 0, 5}));
}

TEST(Baselines, AreTheSameAfterSaveAndRestore) {
  const std::vector<config::Group> groups = {{.name = "g"}};
  Baselines before(absl::UTCTimeZone(), 2, 1000);
  before.Keep({"r", "silent"});
  for (int week = 0; week < 4; ++week) {
    before.StartTick(kT0 + week * kWeek);
    before.Add("r", Role::kClient, HostOf(1), {{0}, groups}, 100 + week);
    before.Add("r", Role::kServer, HostOf(2), {{0}, groups}, 200 + week);
  }
  before.StartTick(kT0 + 4 * kWeek);
  Baselines after(absl::UTCTimeZone(), 2, 1000);
  ArchiveWriter out;
  before.Save(out);
  const std::string bytes = out.Take();
  ArchiveReader in(bytes);
  after.Restore(in, /*goes_on=*/true);
  EXPECT_TRUE(in.ok() && in.at_end());
  after.StartTick(kT0 + 4 * kWeek);
  EXPECT_EQ(after.slots(), before.slots());
  for (const Role role : {Role::kClient, Role::kServer}) {
    for (int host = 1; host < 4; ++host) {
      const auto usual = before.Of("r", role, HostOf(host), {{0}, groups});
      EXPECT_TRUE(usual.has_value());
      EXPECT_EQ(Values(after.Of("r", role, HostOf(host), {{0}, groups})), Values(usual));
    }
  }
  EXPECT_EQ(Values(after.Of("silent", Role::kClient, HostOf(1), {{0}, groups})),
            (std::vector<double>{0, 0, 4}));
}

TEST(Baselines, HoursOfAnotherTimeZoneAreOthers) {
  absl::TimeZone berlin;
  ASSERT_TRUE(absl::LoadTimeZone("Europe/Berlin", &berlin));
  Baselines before(absl::UTCTimeZone(), 1, 1000), after(berlin, 1, 1000);
  before.StartTick(kT0);
  before.Add("r", Role::kClient, HostOf(1), {{}, {}}, 100);
  before.StartTick(kT0 + kWeek);
  EXPECT_EQ(before.slots(), 2u);
  ArchiveWriter out;
  before.Save(out);
  const std::string bytes = out.Take();
  ArchiveReader in(bytes);
  after.Restore(in, /*goes_on=*/true);
  EXPECT_TRUE(in.ok() && in.at_end());
  after.StartTick(kT0 + kWeek);
  EXPECT_EQ(after.slots(), 0u);
  EXPECT_FALSE(after.Of("r", Role::kClient, HostOf(1), {{}, {}}).has_value());
}

TEST(Baselines, OfRulesThatAreGoneAreDropped) {
  Baselines baselines(absl::UTCTimeZone(), 1, 1000);
  const auto mail = [&](int week) {
    baselines.StartTick(kT0 + week * kWeek);
    for (const char* rule : {"kept", "gone"}) {
      baselines.Add(rule, Role::kClient, HostOf(1), {{}, {}}, 100);
    }
  };
  mail(0);
  mail(1);
  EXPECT_EQ(baselines.slots(), 4u);
  baselines.Keep({"kept", "new"});
  EXPECT_EQ(baselines.slots(), 2u);
  baselines.StartTick(kT0 + 2 * kWeek);
  EXPECT_EQ(baselines.slots(), 2u) << "nor is what the hour under way had";
  EXPECT_TRUE(baselines.Of("kept", Role::kClient, HostOf(1), {{}, {}}).has_value());
  EXPECT_FALSE(baselines.Of("gone", Role::kClient, HostOf(1), {{}, {}}).has_value());
}

TEST(Baselines, HostsBeyondTheBoundAreJudgedByTheSite) {
  Baselines baselines(absl::UTCTimeZone(), 1, 3);  // site, and two hosts at most
  for (int week = 0; week < 3; ++week) {
    baselines.StartTick(kT0 + week * kWeek);
    for (int host = 0; host < 10; ++host) {
      baselines.Add("r", Role::kClient, HostOf(host), {{}, {}}, 500);
    }
  }
  baselines.StartTick(kT0 + 3 * kWeek);
  EXPECT_LE(baselines.slots(), 4u);
  EXPECT_GT(baselines.refused(), 0u);
  for (int host = 0; host < 10; ++host) {
    const auto usual = baselines.Of("r", Role::kClient, HostOf(host), {{}, {}});
    ASSERT_TRUE(usual.has_value());
    EXPECT_EQ(usual->expected, 500);
  }
}

// Each mails in two hours of the week, and for one of the six slots there is no room.
TEST(Baselines, WhatFoundNoRoomDoesNotReadAsAnHourWithoutMail) {
  Baselines baselines(absl::UTCTimeZone(), 1, 5);
  const auto check = [&](int64_t tick) {
    baselines.StartTick(tick);
    for (int host = 0; host < 3; ++host) {
      const auto usual = baselines.Of("r", Role::kClient, HostOf(host), {{}, {}});
      ASSERT_TRUE(usual.has_value()) << "host " << host;
      EXPECT_EQ(usual->expected, 500) << "host " << host;
    }
  };
  for (int week = 0; week < 4; ++week) {
    for (const int64_t tick : {kT0 + week * kWeek, kT0 + week * kWeek + kHour}) {
      if (week > 0) check(tick);
      baselines.StartTick(tick);
      for (int host = 0; host < 3; ++host) {
        baselines.Add("r", Role::kClient, HostOf(host), {{}, {}}, 500);
      }
    }
  }
  EXPECT_GT(baselines.refused(), 0u);
}

TEST(Baselines, HostsThatAreGoneForEightWeeksMakeRoom) {
  Baselines baselines(absl::UTCTimeZone(), 1, 4);
  const auto mail = [&](int week, int first_host) {
    baselines.StartTick(kT0 + week * kWeek);
    for (int host = first_host; host < first_host + 3; ++host) {
      baselines.Add("r", Role::kClient, HostOf(host), {{}, {}}, 100 * host);
    }
  };
  const auto scope_of = [&](int host) {
    const auto usual = baselines.Of("r", Role::kClient, HostOf(host), {{}, {}});
    return usual ? std::optional(usual->of) : std::nullopt;
  };
  for (int week = 0; week < 10; ++week) mail(week, week == 0 ? 1 : 4);
  // What the first three had counts for eight weeks, and takes their room for so long.
  EXPECT_GT(baselines.refused(), 0u);
  mail(10, 4);
  mail(11, 4);
  EXPECT_EQ(scope_of(1), config::Scope::kSite);
  for (int host = 4; host < 7; ++host) EXPECT_EQ(scope_of(host), config::Scope::kHost);
  EXPECT_EQ(baselines.slots(), 4u);
}

// The way through a checkpoint, and the time from there to `tick`.
void Restart(Baselines& baselines, bool goes_on, int64_t tick) {
  ArchiveWriter out;
  baselines.Save(out);
  const std::string bytes = out.Take();
  ArchiveReader in(bytes);
  baselines = Baselines(absl::UTCTimeZone(), 3, 1000);
  baselines.Restore(in, goes_on);
  EXPECT_TRUE(in.ok() && in.at_end());
  baselines.Resume(tick);
  baselines.StartTick(tick);
}

TEST(Baselines, WeeksWithoutASensorAreNotWeeksWithoutMail) {
  const auto usual = [](bool goes_on) {
    Baselines baselines(absl::UTCTimeZone(), 3, 1000);
    const auto mail = [&](int week) {
      baselines.StartTick(kT0 + week * kWeek);
      baselines.Add("r", Role::kClient, HostOf(1), {{}, {}}, 100);
    };
    mail(0);
    baselines.StartTick(kT0 + kHour);
    for (int64_t tick = kT0 + kWeek - kHour; goes_on && tick < kT0 + 3 * kWeek; tick += kWeek) {
      Restart(baselines, true, tick);
    }
    Restart(baselines, goes_on, kT0 + 3 * kWeek - kHour);
    mail(3);
    EXPECT_EQ(Values(baselines.Of("r", Role::kClient, HostOf(1), {{}, {}})),
              goes_on ? (std::vector<double>{0, 0, 3}) : std::vector<double>{})
        << "one week is known";
    mail(4);
    mail(5);
    Restart(baselines, true, kT0 + 6 * kWeek);
    return Values(baselines.Of("r", Role::kClient, HostOf(1), {{}, {}}));
  };
  EXPECT_EQ(usual(false), (std::vector<double>{100, 0, 4}));
  EXPECT_EQ(usual(true), (std::vector<double>{100, 0, 6})) << "two idle weeks in a capture";
}

// Nobody captures for weeks without a single packet.
TEST(Baselines, ALongPauseOfACaptureIsNoTimeWithoutMail) {
  Baselines baselines(absl::UTCTimeZone(), 1, 1000);
  for (const int week : {0, 5}) {
    baselines.Resume(kT0 + week * kWeek);
    baselines.StartTick(kT0 + week * kWeek);
    baselines.Add("r", Role::kClient, HostOf(1), {{}, {}}, 100);
    if (week == 0) baselines.StartTick(kT0 + kHour);
  }
  EXPECT_EQ(Values(baselines.Of("r", Role::kClient, HostOf(1), {{}, {}})),
            (std::vector<double>{100, 0, 1}));
}

TEST(Baselines, AQuickRestartCostsNoHour) {
  for (const int64_t pause : {10, 300, 400}) {
    Baselines baselines(absl::UTCTimeZone(), 3, 1000);
    for (int week = 0; week < 4; ++week) {
      baselines.StartTick(kT0 + week * kWeek);
      baselines.Add("r", Role::kClient, HostOf(1), {{}, {}}, 100);
      if (week == 2) Restart(baselines, false, kT0 + week * kWeek + 1 + pause);
    }
    baselines.StartTick(kT0 + 4 * kWeek);
    const auto usual = baselines.Of("r", Role::kClient, HostOf(1), {{}, {}});
    ASSERT_TRUE(usual.has_value());
    EXPECT_EQ(usual->weeks, pause < 360 ? 4 : 3) << pause;
    EXPECT_EQ(usual->expected, 100);
  }
}

// By the clock of Berlin, which was put back at 2023-10-29 01:00 UTC.
TEST(Baselines, GoByTheClockOfTheTimeZone) {
  absl::TimeZone berlin;
  ASSERT_TRUE(absl::LoadTimeZone("Europe/Berlin", &berlin));
  Baselines baselines(berlin, 1, 1000);
  const int64_t change = 1'698'541'200;  // 2023-10-29 01:00 UTC
  EXPECT_EQ(baselines.HourOf(change - 2 * kHour) + 1, baselines.HourOf(change - kHour));
  EXPECT_EQ(baselines.HourOf(change - kHour), baselines.HourOf(change))
      << "the same hour again";
  EXPECT_EQ(baselines.HourOf(change) + 1, baselines.HourOf(change + kHour));
  for (int64_t tick = change - 5 * kHour; tick < change + 5 * kHour; tick += 600) {
    const int64_t next = baselines.NextHour(tick);
    EXPECT_GT(next, tick);
    EXPECT_EQ(baselines.HourOf(next - 1), baselines.HourOf(tick));
    EXPECT_EQ(baselines.HourOf(next), baselines.HourOf(tick) + 1);
  }
}

}  // namespace
}  // namespace mailtap::control

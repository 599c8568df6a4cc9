// Relay entries by name: what the control core makes of name servers' answers and of claims.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "lib/control/dns_book.h"
#include "tests/unit/control/testing.h"

namespace mailtap::control {
namespace {

using testing::ElementsAre;

constexpr char kClient[] = "10.1.0.1", kServer[] = "192.0.2.1";

meter::NameRecord Claim(const meter::ConversationKey& key, const std::string& name,
                        int64_t tick) {
  meter::NameRecord record;
  record.key = key;
  record.time = StartOfTick(tick);
  record.length = static_cast<uint8_t>(name.size());
  std::copy(name.begin(), name.end(), record.text);
  return record;
}

// An entry for *.relay.example, 10 s of grace, and a rule that any unapproved byte raises.
config::Config NamedConfig() {
  config::Config config = BaseConfig();
  config.dns.resolvers = {Net(kResolver)};
  config.dns.grace_seconds = 10;
  config.timeouts.established = 100;
  config.relays.emplace_back();
  config.relays[0].name = "cloud";
  config.relays[0].names = {"*.relay.example"};
  return config;
}

TEST(Names, ApproveWhereAResolverAnsweredForTheAddress) {
  Bench bench(NamedConfig());
  bench.control.Apply(Answer("mx.relay.example", kServer, kT0));
  bench.Tick(Delta(kClient, kServer, kT0, 5));
  EXPECT_EQ(Volumes(bench.control), "approved=5");
  bench.Tick(Delta(kClient, "192.0.2.2", kT0 + 1, 7));
  EXPECT_EQ(Volumes(bench.control), "approved=5 unapproved_external=7");
  EXPECT_EQ(bench.control.RelayUses()[0].bytes, 5u);
  EXPECT_EQ(bench.control.RelayUses()[0].hosts, 1u);
}

TEST(Names, ApproveNothingWhereAnybodyElseAnswered) {
  Bench bench(NamedConfig());
  bench.control.Apply(Answer("mx.relay.example", kServer, kT0, 60, "10.0.0.54"));
  bench.control.Apply(Answer("relay.example", kServer, kT0));
  bench.control.Apply(Answer("mx.relay.example.evil.example", kServer, kT0));
  bench.Tick(Delta(kClient, kServer, kT0, 7));
  EXPECT_EQ(Volumes(bench.control), "unapproved_external=7");
  EXPECT_EQ(bench.control.MakeSnapshot()->answers_ignored, 1u);
  EXPECT_EQ(bench.control.MakeSnapshot()->answers_learnt, 2u);
}

TEST(Names, TheOrderOfATicksRecordsDoesNotMatter) {
  for (const bool known_before : {false, true}) {
    for (const bool answer_first : {false, true}) {
      Bench bench(NamedConfig());
      if (known_before) bench.Tick(Delta(kClient, kServer, kT0, 3));
      const auto answer = Answer("mx.relay.example", kServer, kT0 + 5);
      if (answer_first) bench.control.Apply(answer);
      for (int i = 0; i < 200; ++i) {  // more than wait for their look-ups together
        bench.control.Apply(Delta(kClient, kServer, kT0 + 5, 1));
      }
      if (!answer_first) bench.control.Apply(answer);
      bench.control.EndTick(kT0 + 5);
      EXPECT_EQ(Volumes(bench.control),
                known_before ? "approved=200 unapproved_external=3" : "approved=200");
    }
  }
}

TEST(Names, HoldForTheirTimeToLiveAndTheGrace) {
  for (const int64_t later : {70, 71}) {
    Bench bench(NamedConfig());
    bench.control.Apply(Answer("mx.relay.example", kServer, kT0));
    bench.control.EndTick(kT0);
    bench.Tick(Delta(kClient, kServer, kT0 + later, 7));
    EXPECT_EQ(Volumes(bench.control), later == 70 ? "approved=7" : "unapproved_external=7");
  }
}

// Connections outlive the answers they began with.
TEST(Names, HoldWhileTheMailThatTheyApproveFlows) {
  Bench bench(NamedConfig());
  bench.control.Apply(Answer("mx.relay.example", kServer, kT0));
  for (int64_t tick = kT0; tick <= kT0 + 1'000; ++tick) {
    if (tick % 50 == 0) bench.control.Apply(Delta(kClient, kServer, tick, 1));
    bench.control.EndTick(tick);
  }
  EXPECT_EQ(Volumes(bench.control), "approved=21");
  // After a pause that no session survives, the name has to be looked up again.
  for (int64_t tick = kT0 + 1'001; tick <= kT0 + 1'200; ++tick) bench.control.EndTick(tick);
  bench.Tick(Delta(kClient, kServer, kT0 + 1'201, 7));
  EXPECT_EQ(Volumes(bench.control), "approved=21 unapproved_external=7");
  bench.control.Apply(Answer("mx.relay.example", kServer, kT0 + 1'300));
  bench.Tick(Delta(kClient, kServer, kT0 + 1'300, 9));
  EXPECT_EQ(Volumes(bench.control), "approved=30 unapproved_external=7");
}

TEST(Names, SkippedTicksChangeNothing) {
  std::string volumes[2];
  for (const bool skip : {false, true}) {
    Bench bench(NamedConfig());
    bench.control.Apply(Answer("mx.relay.example", kServer, kT0));
    bench.Tick(Delta(kClient, kServer, kT0, 1));
    for (int64_t tick = kT0 + 1; tick < kT0 + 500;) {
      bench.control.EndTick(tick);
      tick = skip ? std::max(tick + 1, bench.control.NextEventTick()) : tick + 1;
    }
    bench.Tick(Delta(kClient, kServer, kT0 + 500, 2));
    volumes[skip] = Volumes(bench.control);
  }
  EXPECT_EQ(volumes[0], "approved=1 unapproved_external=2");
  EXPECT_EQ(volumes[1], volumes[0]);
}

// As long as it is remembered at all: what a name approved says that the peer is known.
TEST(Names, APeerWhoseNameIsOverIsNoNewOne) {
  config::Config config = NamedConfig();
  config.rules = {NewPeersRule()};
  constexpr int64_t kDay = 86'400;
  Bench bench(config);
  for (int64_t week = 0; week < 4; ++week) {
    const int64_t tick = kT0 + week * 7 * kDay;
    bench.control.Apply(Answer("mx.relay.example", kServer, tick));
    bench.Tick(Delta(kClient, kServer, tick, 1));
    bench.control.EndTick(tick + 3 * kDay);
    EXPECT_EQ(bench.control.MakeSnapshot()->conversations_known, 1u) << "the last one";
  }
  EXPECT_THAT(bench.output.alerts, testing::IsEmpty());
  EXPECT_EQ(Volumes(bench.control), "approved=4");
  bench.Tick(Delta(kClient, "192.0.2.7", kT0 + 29 * kDay, 1));
  EXPECT_THAT(bench.output.alerts, testing::SizeIs(1));
}

// `bench` put down, and another one taken up from what it saved.
void Continue(const Bench& bench, Bench& next) {
  const std::string checkpoint = bench.control.Save();
  ASSERT_TRUE(
      next.control.Restore(checkpoint, bench.control.SaveOpenAlerts(), /*same_capture=*/false)
          .ok());
}

TEST(Names, AreKeptOverARestart) {
  Bench before(NamedConfig());
  before.control.Apply(Answer("mx.relay.example", kServer, kT0));
  before.control.Apply(Answer("www.example", "192.0.2.9", kT0, 5));
  before.Tick(Delta(kClient, kServer, kT0, 1));
  before.Tick(Delta(kClient, kServer, kT0 + 20, 1));
  Bench bench(NamedConfig());
  Continue(before, bench);
  EXPECT_EQ(bench.control.MakeSnapshot()->names_known, 2u);
  EXPECT_EQ(bench.control.MakeSnapshot()->answers_learnt, 2u);
  bench.Tick(Delta(kClient, kServer, kT0 + 60, 5));
  bench.Tick(Delta("10.1.0.2", kServer, kT0 + 61, 6));
  EXPECT_EQ(Volumes(bench.control), "approved=13") << "hosts that were not known, too";
}

TEST(Names, EndAfterARestartWhenTheyWouldHave) {
  std::string volumes[2];
  for (const bool restarts : {false, true}) {
    Bench first(NamedConfig()), second(NamedConfig());
    first.control.Apply(Answer("mx.relay.example", kServer, kT0));
    first.Tick(Delta(kClient, kServer, kT0, 1));
    if (restarts) Continue(first, second);
    Bench& bench = restarts ? second : first;
    // 100 s after the mail that it approved last.
    bench.Tick(Delta(kClient, kServer, kT0 + 100, 2));
    bench.Tick(Delta(kClient, kServer, kT0 + 201, 4));
    volumes[restarts] = Volumes(bench.control);
  }
  EXPECT_EQ(volumes[0], "approved=3 unapproved_external=4");
  EXPECT_EQ(volumes[1], volumes[0]);
}

TEST(Names, ClaimsAreKeptOverARestart) {
  config::Config config = NamedConfig();
  config.relays[0].trust = config::RelayTrust::kClaimed;
  Bench before(config);
  const meter::DeltaRecord delta = Delta(kClient, kServer, kT0, 5);
  before.control.Apply(Claim(delta.key, "smtp.relay.example", kT0));
  before.Tick(delta);
  Bench bench(config);
  Continue(before, bench);
  bench.Tick(Delta(kClient, kServer, kT0 + 1, 7));
  bench.Tick(Delta("10.1.0.2", kServer, kT0 + 2, 9));
  EXPECT_EQ(Volumes(bench.control), "approved=12 unapproved_external=9");
}

TEST(Names, ClaimsApproveOnlyWhereAnEntryTrustsThem) {
  for (const auto trust : {config::RelayTrust::kDns, config::RelayTrust::kClaimed}) {
    config::Config config = NamedConfig();
    config.relays[0].trust = trust;
    Bench bench(config);
    const meter::DeltaRecord delta = Delta(kClient, kServer, kT0, 5);
    bench.control.Apply(delta);
    bench.control.Apply(Claim(delta.key, "smtp.relay.example", kT0));
    bench.control.EndTick(kT0);
    const bool believed = trust == config::RelayTrust::kClaimed;
    EXPECT_EQ(Volumes(bench.control), believed ? "approved=5" : "unapproved_external=5");
    // Another client's session with that server claimed nothing.
    bench.Tick(Delta("10.1.0.2", kServer, kT0 + 1, 7));
    EXPECT_EQ(Volumes(bench.control),
              believed ? "approved=5 unapproved_external=7" : "unapproved_external=12");
  }
}

TEST(Names, LabelThePeersOfAlertsBeforeClaims) {
  config::Config config = NamedConfig();
  config.rules = {BytesRule()};
  Bench bench(config);
  const meter::DeltaRecord delta = Delta(kClient, kServer, kT0, 2'000);
  bench.control.Apply(Claim(delta.key, "smtp.relay.example", kT0));
  meter::AnswerRecord alias = Answer("edge.cdn.example", kServer, kT0);
  alias.alias = true;
  bench.control.Apply(alias);
  bench.control.Apply(Answer("mail.evil.example", kServer, kT0));
  bench.Tick(delta);
  ASSERT_EQ(bench.output.alerts.size(), 1u);
  ASSERT_EQ(bench.output.alerts[0].top_peers.size(), 1u);
  EXPECT_EQ(bench.output.alerts[0].top_peers[0].name, "mail.evil.example");
  EXPECT_TRUE(bench.output.alerts[0].top_peers[0].name_observed);
}

TEST(DnsBook, ForgetsWhatHoldsLeastWhenFull) {
  DnsBook book(1'000, 0, [](absl::string_view name) {
    return name == "relay.example" ? std::vector<uint32_t>{0} : std::vector<uint32_t>{};
  });
  book.Learn(Answer("relay.example", "192.0.2.255", kT0, 1));
  for (int i = 0; i < 1'200; ++i) {
    book.Learn(Answer(absl::StrCat("n", i, ".example"),
                      absl::StrCat("198.51.", i / 250, ".", i % 250), kT0,
                      static_cast<uint32_t>(100 + i)));
  }
  EXPECT_EQ(book.Trim(), 326u);
  EXPECT_EQ(book.size(), 875u);
  std::vector<uint32_t> entries;
  book.AddEntries({Ip("192.0.2.255"), 0}, kT0, entries);
  EXPECT_THAT(entries, ElementsAre(0)) << "what entries need goes last";
  EXPECT_EQ(book.NameOf({Ip("198.51.0.0"), 0}), "");
  EXPECT_EQ(book.NameOf({Ip("198.51.4.199"), 0}), "n1199.example");
}

// What a name approved is judged anew where the name goes before its time.
TEST(Names, AreOverWhereABoundTakesThem) {
  config::Config config = NamedConfig();
  config.dns.names = 1'024;
  Bench bench(config);
  bench.control.Apply(Answer("mx.relay.example", kServer, kT0, 3'600));
  bench.Tick(Delta(kClient, kServer, kT0, 5));
  EXPECT_EQ(Volumes(bench.control), "approved=5");
  for (int i = 0; i < 1'100; ++i) {
    bench.control.Apply(Answer(absl::StrCat("n", i, ".relay.example"),
                               absl::StrCat("198.51.", i / 250, ".", i % 250), kT0 + 1, 7'200));
  }
  bench.control.EndTick(kT0 + 1);
  bench.Tick(Delta(kClient, kServer, kT0 + 2, 7));
  EXPECT_EQ(Volumes(bench.control), "approved=5 unapproved_external=7");
}

TEST(DnsBook, BoundsWhatItWaitsFor) {
  DnsBook book(1'000, 0, [](absl::string_view) { return std::vector<uint32_t>{0}; });
  const auto needed = [](const HostKey&, const std::vector<uint32_t>&) { return INT64_MIN; };
  for (int i = 0; i < 20'000; ++i) {
    book.Learn(Answer(absl::StrCat("n", i, ".example"), absl::StrCat("198.51.0.", i % 250), kT0,
                      static_cast<uint32_t>(100'000 - i)));
    if (i % 100 == 0) {
      book.Trim();
      book.TakeExpired(kT0, needed);
    }
  }
  book.Trim();
  // Each address is told of once when it loses names, and at its own time.
  EXPECT_THAT(book.TakeExpired(kT0, needed), testing::SizeIs(testing::Le(250u)));
  EXPECT_THAT(book.TakeExpired(kT0, needed), testing::IsEmpty());
  int times = 0;
  while (book.NextExpiry() != INT64_MAX) {
    book.TakeExpired(book.NextExpiry(), needed);
    ++times;
  }
  EXPECT_LE(times, 1'000 + 250);
}

// However many tenants an address has.
TEST(DnsBook, KeepsANameOfEachEntryOfOneAddress) {
  DnsBook book(1'000, 0, [](absl::string_view name) {
    return std::vector<uint32_t>{name == "mx.ours.example" ? 0u : 1u};
  });
  book.Learn(Answer("mx.ours.example", kServer, kT0, 10));
  for (uint32_t i = 0; i < 500; ++i) {
    book.Learn(Answer(absl::StrCat("n", i, ".cloud.example"), kServer, kT0, 100 + i));
  }
  std::vector<uint32_t> entries;
  book.AddEntries({Ip(kServer), 0}, kT0, entries);
  EXPECT_EQ(book.size(), 64u);
  EXPECT_THAT(entries, testing::Contains(0));
}

TEST(DnsBook, BoundsTheNamesOfOneAddress) {
  DnsBook book(1'000, 0, [](absl::string_view) { return std::vector<uint32_t>{}; });
  for (uint32_t i = 0; i < 500; ++i) {
    book.Learn(Answer(absl::StrCat("n", i, ".example"), kServer, kT0, i));
  }
  EXPECT_EQ(book.size(), 64u);
  EXPECT_EQ(book.NameOf({Ip(kServer), 0}), "n499.example");
}

}  // namespace
}  // namespace mailtap::control

// Sessions: judged, named, and put out in an order that depends on nothing but themselves.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/unit/control/scenario.h"
#include "tests/unit/control/testing.h"

namespace mailtap::control {
namespace {

using config::Verdict;

meter::SessionRecord Session(const std::string& client, const std::string& server, int64_t tick,
                             uint16_t client_port = 40'000, uint64_t id = 1) {
  meter::SessionRecord session;
  session.key = Delta(client, server, tick, 0).key;
  session.id = id;
  session.first_seen = StartOfTick(tick);
  session.last_seen = StartOfTick(tick) + 5;
  session.client_port = client_port;
  session.established = true;
  return session;
}

meter::NameRecord Sni(const meter::SessionRecord& session, const std::string& text,
                      UnixNanos time = 7) {
  meter::NameRecord name;
  name.key = session.key;
  name.session_id = session.id;
  name.time = time;
  name.source = meter::NameSource::kSni;
  name.length = static_cast<uint8_t>(text.size());
  text.copy(name.text, text.size());
  return name;
}

TEST(Sessions, AreJudgedWhetherOrNotTheirTrafficWasCounted) {
  config::Config config = BaseConfig();
  config::Relay relay;
  relay.name = "gateway";
  relay.destinations = {Net("192.0.2.1")};
  config.relays = {relay};
  Bench bench(config);
  bench.control.Apply(Delta("10.1.0.1", "192.0.2.1", kT0, 5));
  bench.control.Apply(Session("10.1.0.1", "192.0.2.1", kT0));
  bench.control.Apply(Session("10.1.0.2", "198.51.100.1", kT0 + 1));
  bench.control.Apply(Session("198.51.100.1", "198.51.100.2", kT0 + 2));
  bench.control.EndTick(kT0 + 2);
  ASSERT_EQ(bench.output.sessions.size(), 3u);
  EXPECT_EQ(bench.output.sessions[0].verdict, Verdict::kApproved);
  EXPECT_EQ(bench.output.sessions[0].relay, "gateway");
  EXPECT_EQ(bench.output.sessions[1].verdict, Verdict::kUnapprovedExternal);
  EXPECT_EQ(bench.output.sessions[1].relay, "");
  EXPECT_EQ(bench.output.sessions[2].verdict, Verdict::kTransit);
}

// Closed, and written only after its server's name was learnt: what it sent stays unapproved.
TEST(Sessions, HaveTheVerdictUnderWhichTheirLastBytesWereCounted) {
  config::Config config = BaseConfig();
  config.dns.resolvers = {Net(kResolver)};
  config.relays = {Relay("cloud")};
  config.relays[0].names = {"mx.cloud.example"};
  Bench bench(config);
  bench.Tick(Delta("10.1.0.1", "198.51.100.1", kT0, 5));
  bench.control.Apply(Answer("mx.cloud.example", "198.51.100.1", kT0 + 5));
  bench.control.EndTick(kT0 + 5);
  // Nothing has come under the new verdict yet; then another connection's bytes have.
  bench.control.Apply(Session("10.1.0.1", "198.51.100.1", kT0, 1));
  bench.control.EndTick(kT0 + 10);
  bench.control.Apply(Session("10.1.0.1", "198.51.100.1", kT0, 2));
  // Records of a tick come in any order.
  bench.control.Apply(Session("10.1.0.1", "198.51.100.1", kT0 + 12, 3));
  meter::SessionRecord late = Session("10.1.0.1", "198.51.100.1", kT0, 4);
  late.counted_at_end = true;
  bench.control.Apply(late);
  bench.control.Apply(Delta("10.1.0.1", "198.51.100.1", kT0 + 12, 7));
  bench.control.EndTick(kT0 + 12);
  std::vector<std::string> shown;
  for (const JudgedSession& s : bench.output.sessions) {
    shown.push_back(absl::StrCat(s.record.client_port, " ", Name(s.verdict), " ", s.relay));
  }
  EXPECT_EQ(shown, (std::vector<std::string>{"1 unapproved_external ", "2 unapproved_external ",
                                             "4 approved cloud", "3 approved cloud"}));
  EXPECT_EQ(Volumes(bench.control), "approved=7 unapproved_external=5");
}

TEST(Sessions, WaitForTheEndOfTheirTick) {
  Bench bench(BaseConfig());
  bench.control.Apply(Session("10.1.0.1", "198.51.100.1", kT0));
  EXPECT_TRUE(bench.output.sessions.empty());
  bench.control.EndTick(kT0 + 3);
  EXPECT_EQ(bench.output.sessions.size(), 1u);
  bench.control.EndTick(kT0 + 4);
  EXPECT_EQ(bench.output.sessions.size(), 1u);
}

TEST(Sessions, GetTheirOwnSniAndNoOther) {
  Bench bench(BaseConfig());
  meter::SessionRecord first = Session("10.1.0.1", "198.51.100.1", kT0, 1000, 1);
  meter::SessionRecord second = Session("10.1.0.1", "198.51.100.1", kT0, 2000, 2);
  meter::SessionRecord other_key = Session("10.1.0.9", "198.51.100.1", kT0, 3000, 1);
  // The worker uses the id again, and this session's name got lost.
  meter::SessionRecord nameless = Session("10.1.0.1", "198.51.100.1", kT0, 4000, 1);
  first.has_sni = second.has_sni = other_key.has_sni = nameless.has_sni = true;
  bench.control.Apply(Sni(first, "one.example"));
  bench.control.Apply(Sni(second, "two.example"));
  bench.control.Apply(Sni(other_key, "nine.example"));
  bench.control.Apply(second);
  bench.control.EndTick(kT0);
  bench.control.Apply(first);
  bench.control.Apply(other_key);
  bench.control.Apply(nameless);
  bench.control.EndTick(kT0 + 1);
  std::vector<std::string> names;
  for (const JudgedSession& s : bench.output.sessions) {
    names.push_back(std::to_string(s.record.client_port) + " " + s.sni);
  }
  EXPECT_EQ(names, (std::vector<std::string>{"2000 two.example", "1000 one.example", "4000 ",
                                             "3000 nine.example"}));
}

TEST(Sessions, KeepAnSniOverManyTicks) {
  Bench bench(BaseConfig());
  meter::SessionRecord session = Session("10.1.0.1", "198.51.100.1", kT0);
  session.has_sni = true;
  bench.control.Apply(Sni(session, "imap.example"));
  for (int64_t tick = kT0; tick < kT0 + 100; ++tick) bench.control.EndTick(tick);
  bench.control.Apply(session);
  bench.control.EndTick(kT0 + 100);
  ASSERT_EQ(bench.output.sessions.size(), 1u);
  EXPECT_EQ(bench.output.sessions[0].sni, "imap.example");
}

TEST(Sessions, GetANewSniUnderAnIdThatWasUsedBefore) {
  Bench bench(BaseConfig());
  meter::SessionRecord session = Session("10.1.0.1", "198.51.100.1", kT0);
  session.has_sni = true;
  for (const char* name : {"first.example", "second.example"}) {
    bench.control.Apply(Sni(session, name, session.first_seen));
    bench.control.Apply(session);
    session.first_seen += kNanosPerSecond;
  }
  bench.control.EndTick(kT0 + 5);
  ASSERT_EQ(bench.output.sessions.size(), 2u);
  EXPECT_EQ(bench.output.sessions[0].sni, "first.example");
  EXPECT_EQ(bench.output.sessions[1].sni, "second.example");
}

TEST(Sessions, ThatHideTheirMessagesAreCounted) {
  Bench bench(BaseConfig());
  const auto apply = [&](uint32_t messages, bool established, Service service) {
    meter::SessionRecord session = Session("10.1.0.1", "198.51.100.1", kT0);
    session.messages = messages;
    session.established = established;
    session.key.service = service;
    bench.control.Apply(session);
  };
  apply(5, true, Service::kSmtp);
  apply(meter::SessionRecord::kUnknownCount, true, Service::kSmtp);
  apply(meter::SessionRecord::kUnknownCount, false, Service::kSmtp);
  apply(meter::SessionRecord::kUnknownCount, true, Service::kImap);
  bench.control.EndTick(kT0);
  const auto snapshot = bench.control.MakeSnapshot();
  uint64_t hidden = 0;
  for (const auto& service : snapshot->totals) {
    for (const Totals& totals : service) hidden += totals.hidden_sessions;
  }
  EXPECT_EQ(hidden, 1u);
}

// All that shows of a session; the id doesn't.
std::string Show(const JudgedSession& s) {
  return absl::StrCat(s.record.first_seen, " ", net::ToString(s.record.key.client), " ",
                      s.record.client_port, " ", s.record.bytes[kUp].observed, " ",
                      s.record.messages, " ", s.record.encap.depth, " ",
                      s.record.encap.layers[0].id, " ", s.sni);
}

TEST(Sessions, ComeInTheSameOrderWhateverOrderTheyWentIn) {
  Random random(3);
  std::vector<meter::SessionRecord> sessions;
  for (int i = 0; i < 300; ++i) {
    // Few values, so that many differ in one field only.
    meter::SessionRecord s =
        Session(Pick(random, 0, 1) == 0 ? "10.1.0.1" : "10.1.0.2", "198.51.100.1",
                kT0 + Pick(random, 0, 2), static_cast<uint16_t>(Pick(random, 1, 3)),
                static_cast<uint64_t>(i));
    s.bytes[kUp].observed = static_cast<uint64_t>(Pick(random, 0, 1));
    s.messages = static_cast<uint32_t>(Pick(random, 0, 1));
    s.has_sni = Pick(random, 0, 1) == 0;
    if (Pick(random, 0, 1) == 0) {
      s.encap.Push(net::EncapKind::kVlan, static_cast<uint32_t>(Pick(random, 1, 2)));
    }
    sessions.push_back(s);
  }
  std::vector<std::string> expected;
  for (int round = 0; round < 20; ++round) {
    Bench bench(BaseConfig());
    for (const meter::SessionRecord& s : sessions) {
      if (s.has_sni) bench.control.Apply(Sni(s, s.id % 2 == 0 ? "a.example" : "b.example"));
      bench.control.Apply(s);
    }
    bench.control.EndTick(kT0 + 2);
    std::vector<std::string> shown;
    for (const JudgedSession& s : bench.output.sessions) shown.push_back(Show(s));
    if (round == 0) expected = shown;
    EXPECT_EQ(shown, expected);
    for (std::size_t i = sessions.size(); i > 1; --i) {
      std::swap(sessions[i - 1], sessions[Pick(random, 0, static_cast<int64_t>(i) - 1)]);
    }
  }
  EXPECT_EQ(expected.size(), sessions.size());
  EXPECT_TRUE(std::is_sorted(expected.begin(), expected.end(),
                             [](const std::string& a, const std::string& b) {
                               return a.substr(0, 19) < b.substr(0, 19);
                             }));
}

}  // namespace
}  // namespace mailtap::control

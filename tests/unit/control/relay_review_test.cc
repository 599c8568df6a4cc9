#include "lib/control/relay_review.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "lib/control/relay_matcher.h"
#include "tests/unit/control/scenario.h"
#include "tests/unit/control/testing.h"

namespace mailtap::control {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Not;

std::vector<std::string> Notes(const std::vector<config::Relay>& relays, int64_t tick = 0) {
  std::vector<std::string> texts;
  for (const RelayNote& note :
       ReviewRelays(relays, {net::ParsePrefix("10.0.0.0/8").value()}, tick))
    texts.push_back(note.text);
  return texts;
}

TEST(ReviewRelays, FindsWhatIsOverAndWhatSoonWillBe) {
  constexpr int64_t kDay = 86'400;
  config::Relay relay = RelayTo("r", "192.0.2.1");
  EXPECT_THAT(Notes({relay}), IsEmpty());
  relay.expires = config::Date{2027, 6, 30};
  relay.ends = 100 * kDay;
  EXPECT_THAT(Notes({relay}, 70 * kDay - 1), IsEmpty());
  EXPECT_THAT(Notes({relay}, 70 * kDay), ElementsAre("relay \"r\" expires with 2027-06-30"));
  EXPECT_THAT(Notes({relay}, 100 * kDay),
              ElementsAre("relay \"r\" expired with 2027-06-30 and approves nothing"));
}

TEST(ReviewRelays, FindsEntriesThatAnEarlierOneTakes) {
  config::Relay wide = RelayTo("wide", "192.0.2.0/24"), narrow = RelayTo("narrow", "192.0.2.1");
  const auto shadowed = ElementsAre(
      "relay \"narrow\" matches nothing that the earlier \"wide\" has not taken already");
  EXPECT_THAT(Notes({wide, narrow}), shadowed);
  EXPECT_THAT(Notes({narrow, wide}), IsEmpty());
  narrow.ports = {25};
  EXPECT_THAT(Notes({wide, narrow}), shadowed);
  wide.ports = {587};
  EXPECT_THAT(Notes({wide, narrow}), IsEmpty());
  wide.ports = {};
  wide.services = {Service::kSmtp, Service::kImap};
  EXPECT_THAT(Notes({wide, narrow}), IsEmpty());
  wide.services.push_back(Service::kPop3);
  EXPECT_THAT(Notes({wide, narrow}), shadowed) << "all, one by one";
  wide.mode = config::RelayMode::kObserve;
  EXPECT_THAT(Notes({wide, narrow}), IsEmpty());
  narrow.mode = config::RelayMode::kObserve;
  EXPECT_THAT(Notes({wide, narrow}), IsEmpty()) << "each counts what it would approve";
}

TEST(ReviewRelays, FindsWhatCoversEverything) {
  config::Relay any;
  any.name = "any";
  const auto note = ElementsAre("relay \"any\" matches mail from anywhere to anywhere");
  EXPECT_THAT(Notes({any}), note);
  for (const char* pattern : {"*", "*.*", "?*"}) {
    any.names = {pattern};
    EXPECT_THAT(Notes({any}), note) << pattern;
  }
  any.names.clear();
  any.sources = {net::ParsePrefix("10.0.0.0/8").value()};
  EXPECT_THAT(Notes({any}), note) << "all that is internal";
  any.sources = {net::ParsePrefix("10.0.0.0/9").value()};
  EXPECT_THAT(Notes({any}), IsEmpty());
  any.sources.clear();
  any.names = {"*.example.com"};
  EXPECT_THAT(Notes({any}), IsEmpty());
  any.either = true;  // as a list's entry
  for (const char* prefix : {"0.0.0.0/0", "::/0"}) {
    any.destinations = {net::ParsePrefix("192.0.2.1").value(),
                        net::ParsePrefix(prefix).value()};
    EXPECT_THAT(Notes({any}), note) << prefix;
  }
  any.destinations = {net::ParsePrefix("0.0.0.0/1").value()};
  EXPECT_THAT(Notes({any}), IsEmpty());
}

// Whatever is said to be shadowed, the matcher never chooses.
TEST(ReviewRelays, ShadowedEntriesAreNeverTheFirstToMatch) {
  Random random(7);
  const std::vector<std::string> patterns = {"a.x", "*.x", "b.x", "*", "a.y", "?.x"};
  const std::vector<std::string> names = {"a.x", "b.x", "a.y", "c.x"};
  int shadowed = 0;
  for (int round = 0; round < 2'000; ++round) {
    std::vector<config::Relay> relays(5);
    for (config::Relay& relay : relays) {
      const auto coin = [&] { return Pick(random, 0, 2) == 0; };
      const auto prefix = [&] {
        const int length = static_cast<int>(Pick(random, 125, 128));
        return net::Prefix{net::Masked(Ip(absl::StrCat("10.0.0.", Pick(random, 0, 7))), length),
                           static_cast<uint8_t>(length)};
      };
      if (coin()) relay.sources = {prefix()};
      if (coin()) relay.destinations = {prefix(), prefix()};
      if (coin()) relay.names = {patterns[static_cast<std::size_t>(Pick(random, 0, 5))]};
      if (coin()) relay.ports = {25};
      if (coin()) relay.mode = config::RelayMode::kObserve;
      if (coin()) relay.trust = config::RelayTrust::kClaimed;
      relay.either = coin();
    }
    const RelayMatcher matcher(relays);
    for (const RelayNote& note : ReviewRelays(relays, {}, 0)) {
      if (note.concern != RelayConcern::kShadowed) continue;
      ++shadowed;
      for (int i = 0; i < 100; ++i) {
        meter::ConversationKey key;
        key.client = Ip(absl::StrCat("10.0.0.", Pick(random, 0, 7)));
        key.server = Ip(absl::StrCat("10.0.0.", Pick(random, 0, 7)));
        key.server_port = Pick(random, 0, 1) == 0 ? 25 : 587;
        const std::string& name = names[static_cast<std::size_t>(Pick(random, 0, 3))];
        const auto named = matcher.NamedBy(name, Pick(random, 0, 1) == 0);
        const RelayMatch match = matcher.Match(key, true, false, named, 0);
        ASSERT_NE(match.approved, note.relay);
        ASSERT_THAT(match.observed, Not(Contains(note.relay)));
      }
    }
  }
  EXPECT_GT(shadowed, 100);
}

}  // namespace
}  // namespace mailtap::control

// What a reload may change.
#include "tests/unit/config/test_support.h"

namespace mailtap::config {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(TakeOverTest, TakesPolicyAndRules) {
  const Config running = Accepted(kMinimal);
  Config next = AcceptedWith(
      "[[relay]]\nname = \"r\"\n[[rule]]\nname = \"x\"\nraise = \"1MB\"\n[alerts]\nupdate = "
      "\"1m\"\n[metrics]\ntop_hosts = 3\n[log]\nlevel = \"debug\"\n");
  const Config asked = next;
  EXPECT_THAT(TakeOver(running, next), IsEmpty());
  EXPECT_EQ(ToToml(next), ToToml(asked));
  EXPECT_EQ(next.version, asked.version);
}

TEST(TakeOverTest, KeepsWhatOnlyARestartCanChangeAndNamesIt) {
  const Config running = Accepted(kMinimal);
  Config next = AcceptedWith(
      "[sensor]\nname = \"other\"\n[services.smtp]\nports = [2525]\n[tls]\nweb_ports = "
      "[]\n[alerts]\nfile = "
      "\"/a\"\nupdate = \"1m\"\n[state]\ndirectory = \"/b\"\n[http]\nport = 1\n"
      "[diagnostics]\nsamples = 1\n[limits]\nsessions = 4096\n[timeouts]\nclosed = \"5s\"\n"
      "[tunnels]\nvxlan = []\n[dataplane]\nburst = 64\n");
  EXPECT_THAT(
      TakeOver(running, next),
      ElementsAre("[sensor]", "[services]", "[tls]", "alerts.file", "[state]", "[http]",
                  "[diagnostics]", "[limits]", "[timeouts]", "[tunnels]", "[dataplane]"));
  Config expected = running;
  expected.alerts.update_seconds = 60;
  EXPECT_EQ(ToToml(next), ToToml(expected));
  EXPECT_EQ(next.version, AcceptedWith("[alerts]\nupdate = \"1m\"\n").version);
}

}  // namespace
}  // namespace mailtap::config

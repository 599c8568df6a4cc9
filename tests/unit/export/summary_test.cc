#include "lib/export/summary.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "lib/export/progress_bar.h"
#include "tests/unit/export/samples.h"

namespace mailtap::exporting {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string Summary(const SummaryInput& input, TextStyle style = {}) {
  std::ostringstream out;
  WriteSummary(out, input, style);
  return out.str();
}

std::size_t WidestLine(const std::string& text) {
  std::size_t widest = 0;
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    widest = std::max(widest, DisplayWidth(line));
  }
  return widest;
}

TEST(Summary, ReadsLikeThis) {
  SummaryInput input{SampleReport(), 0.5, {"no [[relay]] is configured"}};
  EXPECT_EQ(Summary(input), R"(packets     1,234,567 (900 MB)
time span   2026-11-23T20:41:07.000123Z to 2026-11-23T20:42:37.000123Z (1m30s)
speed       2.47 M packets/s, 14.4 Gbit/s (0.50s)
capture     loss 0.02%, repeats 0.40%, duplicates 0.30%, one-way 12.50%

Mail by service and verdict
  service  verdict              sessions  failed     messages  client sent  server sent
  smtp     unapproved_external         4       1  at least 17      52.4 MB      9.06 kB

Hosts by unapproved sent bytes
  host         sent  received  sessions  approved sent  approved received
  10.1.2.3  52.4 MB   9.06 kB         4          100 B               50 B

Alerts (1 raised, 1 still open, 2 suppressed)
  high      10.1.2.3 sent 52.4 MB of mail to 2 unapproved hosts in 5m.
            raised 2026-11-23T20:41:08.000000Z, still open; highest 52.4 MB
            rule "bulk mail out", alert 0123456789abcdef

Packets that were not looked into
  reason   packets  share
  not_tcp   12,345  1.00%

Warnings
  ! b.pcap: damaged after 567 packets, which are counted: truncated dump file
  ! b.pcap: 1 packet from 1970
  ! no [[relay]] is configured
)");
}

TEST(Summary, OfMessagesThatNothingHidesIsExact) {
  SummaryInput input{SampleReport(), 0.5, {}};
  auto snapshot = std::make_shared<control::Snapshot>(*input.report.snapshot);
  for (auto& service : snapshot->totals) {
    for (control::Totals& totals : service) totals.hidden_sessions = 0;
  }
  input.report.snapshot = snapshot;
  EXPECT_THAT(Summary(input), Not(HasSubstr("at least")));
}

TEST(Summary, ATableWithoutRoomIsNoPacketThatWasNotLookedInto) {
  SummaryInput input{SampleReport(), 1, {}};
  input.report.drops.push_back({"full_names", 1'043});
  EXPECT_THAT(Summary(input), HasSubstr("Tables that had no room\n"
                                        "  table  times\n"
                                        "  names  1,043\n"));
}

TEST(Summary, OfNothingSaysSo) {
  SummaryInput input;
  input.report.snapshot = std::make_shared<control::Snapshot>();
  const std::string text = Summary(input);
  EXPECT_THAT(text, HasSubstr("packets     0 (0 B)\n"));
  EXPECT_THAT(text, HasSubstr("no mail traffic seen"));
  EXPECT_THAT(text, HasSubstr("Alerts (0 raised, 0 still open)\n  none\n"));
  EXPECT_THAT(text, Not(HasSubstr("speed")));
  EXPECT_THAT(text, Not(HasSubstr("Warnings")));
}

TEST(Summary, OfALiveSensorCountsTheAlertsThatWentOn) {
  SummaryInput input{SampleReport(), 1, {}};
  input.report.alerts.clear();
  EXPECT_THAT(Summary(input), HasSubstr("Alerts (1 raised, 1 still open, 2 suppressed)\n"
                                        "  rule           severity  raised  still open\n"
                                        "  bulk mail out  high           1           1\n"));
}

TEST(Summary, FitsTheWidth) {
  SummaryInput input{SampleReport(), 1, {}};
  input.report.alerts[0].alert.summary =
      "10.1.2.3 (workstations) sent 52.4 MB of mail to 2 unapproved hosts in 5m, most of it to "
      "203.0.113.9 (mx.example.net); expected were at most 50 MB.";
  EXPECT_LE(WidestLine(Summary(input, {88, false})), 88u);
}

TEST(Summary, ShowsTheFirstOfManyAndSaysHowManyMore) {
  SummaryInput input{SampleReport(), 1, {}};
  for (int i = 0; i < 1233; ++i) input.report.hosts.push_back(input.report.hosts[0]);
  for (int i = 0; i < 24; ++i) input.report.alerts.push_back(input.report.alerts[0]);
  const std::string text = Summary(input);
  EXPECT_THAT(text, HasSubstr("  and 1,224 more\n"));
  EXPECT_THAT(text, HasSubstr("  and 5 more\n"));
}

TEST(Summary, ColorsOnlyWhereAsked) {
  const SummaryInput input{SampleReport(), 1, {}};
  EXPECT_THAT(Summary(input, {100, true}), HasSubstr("\033[31mhigh\033[0m"));
  EXPECT_THAT(Summary(input, {100, false}), Not(HasSubstr("\033")));
}

TEST(Summary, ANameOffTheWireCannotDriveTheTerminal) {
  SummaryInput input{SampleReport(), 1, {"\033[2J"}};
  input.report.alerts[0].alert.summary =
      "to \033]0;owned\007 and \xc2\x9b"
      "31m";
  const std::string text = Summary(input);
  EXPECT_THAT(text, HasSubstr("to ?]0;owned? and ?31m"));
  EXPECT_THAT(text, Not(HasSubstr("\033")));
}

TEST(Table, CutsTheWidestTextColumn) {
  Table table({{"name", Table::Align::kLeft}, {"value"}});
  table.Add({"a name that is much longer than there is room for", "123"});
  table.Add({"\xc3\xa4\xc3\xb6\xc3\xbc", "4"});
  std::ostringstream out;
  table.Write(out, {30, false});
  EXPECT_EQ(out.str(),
            "  name                   value\n"
            "  a name that is muc...    123\n"
            "  \xc3\xa4\xc3\xb6\xc3\xbc                        4\n");
}

TEST(Wrapped, BreaksBetweenWordsAndIndents) {
  std::ostringstream out;
  WriteWrapped(out, "one two three averyverylongword four", 4, 14);
  EXPECT_EQ(out.str(), "one two\n    three\n    averyverylongword\n    four\n");
}

class ProgressBarTest : public testing::Test {
 protected:
  ProgressBar Make(uint64_t total_bytes, std::size_t width = 80) {
    return ProgressBar(&out_, width, total_bytes, [this] { return now_; });
  }
  std::string TakeOutput() {
    std::string text = out_.str();
    out_.str("");
    return text;
  }

  std::ostringstream out_;
  double now_ = 100;
};

TEST_F(ProgressBarTest, ShowsPercentSpeedAndTimeLeft) {
  ProgressBar bar = Make(1000);
  now_ += 10;
  bar.Update(20'000'000, 250);
  EXPECT_EQ(TakeOutput(),
            "\r 25% [#########............................] 20.0 M packets, 2.00 M/s, 30s "
            "left\033[K");
}

TEST_F(ProgressBarTest, DrawsAtMostFiveTimesASecond) {
  ProgressBar bar = Make(1000);
  int drawn = 0;
  for (int i = 1; i <= 1000; ++i) {
    now_ = 100 + i / 1000.0;
    bar.Update(static_cast<uint64_t>(i), 1);
    if (!TakeOutput().empty()) ++drawn;
  }
  EXPECT_GE(drawn, 4);
  EXPECT_LE(drawn, 5);
}

TEST_F(ProgressBarTest, LeavesNoTrace) {
  ProgressBar bar = Make(1000);
  now_ += 1;
  bar.Update(1, 1);
  TakeOutput();
  bar.Finish();
  EXPECT_EQ(TakeOutput(), "\r\033[K");
  bar.Finish();
  now_ += 1;
  bar.Update(2, 2);
  EXPECT_EQ(TakeOutput(), "");
}

TEST_F(ProgressBarTest, AShortReplayShowsNothing) {
  ProgressBar bar = Make(1000);
  now_ += 0.1;
  bar.Update(1000, 1000);
  bar.Finish();
  EXPECT_EQ(TakeOutput(), "");
}

TEST_F(ProgressBarTest, OfUnknownLengthShowsTheSpeedOnly) {
  ProgressBar bar = Make(0);
  now_ += 2;
  bar.Update(3'000, 12345);
  EXPECT_EQ(TakeOutput(), "\r3.00 k packets, 1.50 k/s\033[K");
}

TEST_F(ProgressBarTest, NeverWrapsANarrowTerminal) {
  for (std::size_t width = 2; width < 120; ++width) {
    ProgressBar bar = Make(1000, width);
    now_ += 1;
    bar.Update(123'456'789, 999);
    EXPECT_LT(TakeOutput().size() - std::string("\r\033[K").size(), width);
    bar.Finish();
    TakeOutput();
  }
}

TEST_F(ProgressBarTest, IsSilentWithoutATerminal) {
  ProgressBar bar(nullptr, 80, 1000, [this] { return now_; });
  now_ += 1;
  bar.Update(1, 1);
  bar.Finish();
  EXPECT_EQ(TakeOutput(), "");
}

}  // namespace
}  // namespace mailtap::exporting

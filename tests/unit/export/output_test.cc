#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <future>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "lib/export/alert_file_sink.h"
#include "lib/export/json.h"
#include "lib/export/live_output.h"
#include "lib/export/replay_output.h"
#include "tests/unit/base/temp_dir.h"
#include "tests/unit/export/samples.h"

namespace mailtap::exporting {
namespace {

control::Alert NumberedAlert(int i) {
  control::Alert alert = SampleAlert();
  alert.id = absl::StrCat(i);
  return alert;
}

std::vector<std::string> Ids(const std::string& path) {
  std::vector<std::string> ids;
  const std::string content = ReadFile(path);
  for (const absl::string_view line : absl::StrSplit(content, '\n', absl::SkipEmpty())) {
    ids.push_back(nlohmann::json::parse(std::string(line)).at("id"));
  }
  return ids;
}

TEST(ReplayOutput, WritesBothFilesAndRemembersTheAlerts) {
  const TempDir dir;
  auto output = ReplayOutput::Open({dir.File("flows"), dir.File("alerts")}, "s1").value();
  output->OnSession(SampleSession());
  output->OnAlert(SampleAlert());
  output->OnSession(SampleSession());
  ASSERT_TRUE(output->Finish().empty());
  const std::string session = ToJsonLine(SampleSession()) + "\n";
  EXPECT_EQ(ReadFile(dir.File("flows")), session + session);
  EXPECT_EQ(ReadFile(dir.File("alerts")), ToJsonLine(SampleAlert(), "s1") + "\n");
  EXPECT_EQ(output->sessions(), 2u);
  ASSERT_EQ(output->alerts().size(), 1u);
  EXPECT_EQ(output->alerts()[0].alert.id, SampleAlert().id);
}

TEST(ReplayOutput, NeedsNoFileAtAll) {
  auto output = ReplayOutput::Open({}, "s1").value();
  output->OnSession(SampleSession());
  output->OnAlert(SampleAlert());
  EXPECT_TRUE(output->Finish().empty());
  EXPECT_EQ(output->alerts().size(), 1u);
}

TEST(ReplayOutput, SaysWhichFileItCannotOpenOrFill) {
  EXPECT_TRUE(absl::IsNotFound(ReplayOutput::Open({"", "/nonexistent/a"}, "s").status()));
  auto output = ReplayOutput::Open({"/dev/full", "/dev/full"}, "s").value();
  output->OnSession(SampleSession());
  output->OnAlert(SampleAlert());
  output->OnAlert(SampleAlert());
  const std::vector<absl::Status> losses = output->Finish();
  ASSERT_EQ(losses.size(), 2u);
  EXPECT_TRUE(absl::IsDataLoss(losses[0]));
  EXPECT_TRUE(absl::StrContains(losses[0].message(), "lines lost: 2")) << "alerts come first";
  EXPECT_TRUE(absl::StrContains(losses[1].message(), "lines lost: 1"));
}

TEST(AlertFileSink, DeliversEverythingBeforeItStops) {
  const TempDir dir;
  auto sink = AlertFileSink::Start(dir.File("a"), "s1").value();
  std::vector<std::string> expected;
  for (int i = 0; i < 500; ++i) {
    sink->Submit(NumberedAlert(i));
    expected.push_back(absl::StrCat(i));
  }
  sink->Stop();
  EXPECT_EQ(Ids(dir.File("a")), expected);
  const SinkStatus status = sink->status();
  EXPECT_EQ(status.name, "alert_file");
  EXPECT_EQ(status.written, 500u);
  EXPECT_EQ(status.dropped, 0u);
  EXPECT_EQ(status.queued, 0u);
  sink->Stop();  // again: nothing
  sink->Submit(NumberedAlert(1));
  EXPECT_EQ(sink->status().dropped, 1u);
}

TEST(AlertFileSink, AFullQueueDropsAndCounts) {
  const TempDir dir;
  auto sink = AlertFileSink::Start(dir.File("a"), "s1", /*capacity=*/0).value();
  for (int i = 0; i < 10; ++i) sink->Submit(NumberedAlert(i));
  EXPECT_EQ(sink->status().dropped, 10u);
  sink->Stop();
  EXPECT_EQ(ReadFile(dir.File("a")), "");
}

// Standard error that nobody reads, while it is in scope: whoever logs waits.
class BlockedLog {
 public:
  BlockedLog() : before_(dup(STDERR_FILENO)) {
    EXPECT_EQ(pipe(ends_), 0);
    fcntl(ends_[1], F_SETFL, O_NONBLOCK);
    const std::string full(4096, 'x');
    while (write(ends_[1], full.data(), full.size()) > 0) {
    }
    fcntl(ends_[1], F_SETFL, 0);
    dup2(ends_[1], STDERR_FILENO);
    close(ends_[1]);
  }
  // Lets those that wait go on.
  ~BlockedLog() {
    dup2(before_, STDERR_FILENO);
    close(before_);
    close(ends_[0]);
  }

 private:
  const int before_;
  int ends_[2] = {};
};

TEST(AlertFileSink, SaysThatAlertsAreLostAlsoWhereNobodyReadsTheLog) {
  const TempDir dir;
  auto sink = AlertFileSink::Start(dir.File("a"), "s1", /*capacity=*/0).value();
  std::future<void> submitted, seen;
  {
    std::signal(SIGPIPE, SIG_IGN);
    const BlockedLog blocked;
    submitted = std::async(std::launch::async, [&] { sink->Submit(NumberedAlert(1)); });
    seen = std::async(std::launch::async, [&] {
      while (sink->status().dropped < 1) std::this_thread::yield();
    });
    EXPECT_EQ(seen.wait_for(std::chrono::seconds(10)), std::future_status::ready);
  }
}

TEST(AlertFileSink, EveryAlertIsWrittenOrCountedWhateverTheSpeed) {
  const TempDir dir;
  auto sink = AlertFileSink::Start(dir.File("a"), "s1", /*capacity=*/8).value();
  std::thread scrape([&] {
    for (int i = 0; i < 200; ++i) EXPECT_LE(sink->status().written, 5000u);
  });
  for (int i = 0; i < 5000; ++i) sink->Submit(NumberedAlert(i));
  scrape.join();
  sink->Stop();
  const SinkStatus status = sink->status();
  EXPECT_EQ(status.written + status.dropped, 5000u);
  EXPECT_EQ(Ids(dir.File("a")).size(), status.written);
}

TEST(AlertFileSink, ReopensOnRequest) {
  const TempDir dir;
  auto sink = AlertFileSink::Start(dir.File("a"), "s1").value();
  sink->Submit(NumberedAlert(1));
  while (sink->status().written < 1) std::this_thread::yield();
  std::filesystem::rename(dir.File("a"), dir.File("a.1"));
  sink->RequestReopen();
  while (!std::filesystem::exists(dir.File("a"))) std::this_thread::yield();
  sink->Submit(NumberedAlert(2));
  sink->Stop();
  EXPECT_EQ(Ids(dir.File("a.1")), std::vector<std::string>{"1"});
  EXPECT_EQ(Ids(dir.File("a")), std::vector<std::string>{"2"});
}

TEST(AlertFileSink, TriesAgainByItselfWhenTheDiskHadNoRoom) {
  const TempDir dir;
  std::filesystem::create_directory(dir.File("d"));
  auto sink = AlertFileSink::Start(dir.File("d/a"), "s1").value();
  std::filesystem::rename(dir.File("d"), dir.File("moved"));
  std::ofstream(dir.File("d")) << "no folder can be made here";
  sink->Submit(NumberedAlert(1));
  while (sink->status().errors < 1) std::this_thread::yield();
  EXPECT_EQ(sink->status().queued, 1u);
  std::filesystem::remove(dir.File("d"));
  while (sink->status().written < 1) std::this_thread::yield();
  EXPECT_EQ(Ids(dir.File("d/a")), std::vector<std::string>{"1"});
  EXPECT_EQ(sink->status().dropped, 0u);
}

TEST(AlertFileSink, WhatCouldNotBeWrittenIsWrittenFirstByTheNext) {
  const TempDir dir;
  const auto start = [&](const std::string& path) {
    return AlertFileSink::Start(path, "s1", AlertFileSink::kDefaultCapacity, dir.File("spool"))
        .value();
  };
  for (const int first : {1, 3}) {  // the second time with what the first one left
    auto sink = start("/dev/full");
    sink->Submit(NumberedAlert(first));
    sink->Submit(NumberedAlert(first + 1));
    sink->Stop();
    EXPECT_EQ(sink->status().dropped, 0u);
  }
  EXPECT_EQ(Ids(dir.File("spool")), (std::vector<std::string>{"1", "2", "3", "4"}));
  auto sink = start(dir.File("a"));
  sink->Submit(NumberedAlert(5));
  sink->Stop();
  EXPECT_EQ(Ids(dir.File("a")), (std::vector<std::string>{"1", "2", "3", "4", "5"}));
  EXPECT_FALSE(std::filesystem::exists(dir.File("spool")));
}

TEST(AlertFileSink, MakesItsFolder) {
  const TempDir dir;
  ASSERT_TRUE(AlertFileSink::Start(dir.File("d/e/a"), "s1").ok());
  using std::filesystem::perms;
  EXPECT_EQ(std::filesystem::status(dir.File("d/e")).permissions(),
            perms::owner_all | perms::group_read | perms::group_exec);
}

TEST(AlertFileSink, SaysWhyItCannotStart) {
  EXPECT_TRUE(absl::IsUnavailable(AlertFileSink::Start("/dev/null/a", "s").status()));
  const TempDir dir;
  EXPECT_FALSE(AlertFileSink::Start(dir.path(), "s").ok());
}

TEST(LiveOutput, GivesEveryAlertToEverySink) {
  const TempDir dir;
  std::vector<std::unique_ptr<AlertSink>> sinks;
  sinks.push_back(AlertFileSink::Start(dir.File("a"), "s1").value());
  sinks.push_back(AlertFileSink::Start(dir.File("b"), "s1").value());
  LiveOutput output(std::move(sinks));
  output.OnAlert(NumberedAlert(7));
  output.OnSession(SampleSession());
  output.Stop();
  EXPECT_EQ(Ids(dir.File("a")), std::vector<std::string>{"7"});
  EXPECT_EQ(Ids(dir.File("b")), std::vector<std::string>{"7"});
  ASSERT_EQ(output.sink_status().size(), 2u);
  EXPECT_EQ(output.sink_status()[1].written, 1u);
}

}  // namespace
}  // namespace mailtap::exporting

#include "lib/export/file_writer.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "tests/unit/base/file_size_limit.h"
#include "tests/unit/base/temp_dir.h"
#include "tests/unit/export/samples.h"

namespace mailtap::exporting {
namespace {

using Mode = FileWriter::Mode;
using testing::HasSubstr;

std::unique_ptr<FileWriter> OpenOrDie(const std::string& path, Mode mode) {
  auto writer = FileWriter::Open(path, mode);
  EXPECT_TRUE(writer.ok()) << writer.status();
  return *std::move(writer);
}

void Put(const std::string& path, const std::string& content) {
  std::ofstream(path, std::ios::binary) << content;
}

TEST(FileWriter, WritesLinesAndCountsThem) {
  const TempDir dir;
  Put(dir.File("f"), "old\n");
  auto writer = OpenOrDie(dir.File("f"), Mode::kReplace);
  writer->Write("one");
  writer->Write("two");
  EXPECT_EQ(writer->pending(), 2u);
  EXPECT_EQ(ReadFile(dir.File("f")), "");
  ASSERT_TRUE(writer->Close().ok());
  EXPECT_EQ(ReadFile(dir.File("f")), "one\ntwo\n");
  EXPECT_EQ(writer->written(), 2u);
  EXPECT_EQ(writer->pending(), 0u);
  EXPECT_EQ(writer->lost(), 0u);
}

TEST(FileWriter, TextWithNewlinesIsSoManyLines) {
  const TempDir dir;
  auto writer = OpenOrDie(dir.File("f"), Mode::kReplace);
  writer->Write("one\ntwo");
  EXPECT_EQ(writer->pending(), 2u);
  EXPECT_TRUE(writer->Close().ok());
  EXPECT_EQ(writer->written(), 2u);
  EXPECT_EQ(writer->lost(), 0u);
}

TEST(FileWriter, FlushesByItselfWhenMuchHasGathered) {
  const TempDir dir;
  auto writer = OpenOrDie(dir.File("f"), Mode::kReplace);
  const std::string line(1000, 'x');
  for (int i = 0; i < 1000; ++i) writer->Write(line);
  EXPECT_GT(std::filesystem::file_size(dir.File("f")), 900'000u);
  EXPECT_LT(writer->pending(), 70u);
  ASSERT_TRUE(writer->Close().ok());
  EXPECT_EQ(std::filesystem::file_size(dir.File("f")), 1'001'000u);
  EXPECT_EQ(writer->written(), 1000u);
}

TEST(FileWriter, IsReadableByItsGroupOnly) {
  const TempDir dir;
  auto writer = OpenOrDie(dir.File("f"), Mode::kFollow);
  struct stat file;
  ASSERT_EQ(stat(dir.File("f").c_str(), &file), 0);
  EXPECT_EQ(file.st_mode & 07137, 0u);
}

TEST(FileWriter, AppendsBehindWhatACrashLeft) {
  const TempDir dir;
  Put(dir.File("f"), "whole\nhal");
  auto writer = OpenOrDie(dir.File("f"), Mode::kFollow);
  writer->Write("next");
  ASSERT_TRUE(writer->Flush());
  EXPECT_EQ(ReadFile(dir.File("f")), "whole\nhal\nnext\n");
}

TEST(FileWriter, SaysWhyItCannotOpen) {
  const auto writer = FileWriter::Open("/nonexistent/f", Mode::kFollow);
  EXPECT_TRUE(absl::IsNotFound(writer.status()));
  EXPECT_THAT(std::string(writer.status().message()),
              HasSubstr("cannot open /nonexistent/f: No such file"));
}

TEST(FileWriter, AFullDiskTearsAndDoublesNothing) {
  const TempDir dir;
  auto writer = OpenOrDie(dir.File("f"), Mode::kFollow);
  writer->Write("0123456789");
  writer->Write("abcdefghij");
  {
    const FileSizeLimit limit(15);  // in the middle of the second line
    EXPECT_FALSE(writer->Flush());
    EXPECT_EQ(ReadFile(dir.File("f")), "0123456789\nabcd");
    EXPECT_EQ(writer->written(), 1u);
    EXPECT_EQ(writer->pending(), 1u);
    EXPECT_EQ(writer->errors(), 1u);
    EXPECT_FALSE(writer->Flush());
    writer->Write("more");
  }
  EXPECT_TRUE(writer->Flush());
  EXPECT_EQ(ReadFile(dir.File("f")), "0123456789\nabcdefghij\nmore\n");
  EXPECT_EQ(writer->written(), 3u);
  EXPECT_EQ(writer->lost(), 0u);
  EXPECT_TRUE(writer->Close().ok());
}

TEST(FileWriter, LinesThatAreTakenLeaveNoHalfBehind) {
  const TempDir dir;
  auto writer = OpenOrDie(dir.File("f"), Mode::kFollow);
  {
    const FileSizeLimit limit(15);
    for (const char* line : {"line one", "line two", "line three"}) writer->Write(line);
    EXPECT_FALSE(writer->Flush());
    EXPECT_EQ(writer->TakePending(), "line two\nline three\n");
  }
  EXPECT_EQ(ReadFile(dir.File("f")), "line one\n");
  EXPECT_EQ(writer->pending(), 0u);
  EXPECT_TRUE(writer->Close().ok());
}

TEST(FileWriter, ADiskThatStaysFullLosesCountedLinesOnly) {
  auto writer = OpenOrDie("/dev/full", Mode::kReplace);
  const std::string line(1 << 20, 'x');
  for (int i = 0; i < 10; ++i) writer->Write(line);
  EXPECT_EQ(writer->lost() + writer->pending(), 10u);
  EXPECT_GT(writer->pending(), 0u);
  const absl::Status closed = writer->Close();
  EXPECT_TRUE(absl::IsDataLoss(closed));
  EXPECT_THAT(std::string(closed.message()),
              HasSubstr("No space left on device; lines lost: 10"));
}

TEST(FileWriter, ARotatedFileIsFollowed) {
  const TempDir dir;
  auto writer = OpenOrDie(dir.File("f"), Mode::kFollow);
  writer->Write("one");
  ASSERT_TRUE(writer->Flush());
  std::filesystem::rename(dir.File("f"), dir.File("f.1"));
  writer->Write("two");
  ASSERT_TRUE(writer->Flush());
  EXPECT_EQ(ReadFile(dir.File("f.1")), "one\n");
  EXPECT_EQ(ReadFile(dir.File("f")), "two\n");
}

TEST(FileWriter, ADeletedFileComesBack) {
  const TempDir dir;
  auto writer = OpenOrDie(dir.File("f"), Mode::kFollow);
  std::filesystem::remove(dir.File("f"));
  writer->Reopen();
  EXPECT_TRUE(std::filesystem::exists(dir.File("f")));
  std::filesystem::remove(dir.File("f"));
  writer->Write("one");
  ASSERT_TRUE(writer->Flush());
  EXPECT_EQ(ReadFile(dir.File("f")), "one\n");
}

TEST(FileWriter, ADeletedFolderComesBack) {
  const TempDir dir;
  std::filesystem::create_directory(dir.File("d"));
  auto writer = OpenOrDie(dir.File("d/f"), Mode::kFollow);
  std::filesystem::remove_all(dir.File("d"));
  writer->Write("one");
  EXPECT_TRUE(writer->Flush());
  EXPECT_EQ(ReadFile(dir.File("d/f")), "one\n");
}

TEST(FileWriter, LinesWaitWhileTheFolderCantBeMade) {
  const TempDir dir;
  std::filesystem::create_directory(dir.File("d"));
  auto writer = OpenOrDie(dir.File("d/f"), Mode::kFollow);
  std::filesystem::remove_all(dir.File("d"));
  Put(dir.File("d"), "in its place");
  writer->Write("one");
  EXPECT_FALSE(writer->Flush());
  EXPECT_FALSE(writer->Flush());
  std::filesystem::remove(dir.File("d"));
  writer->Write("two");
  EXPECT_TRUE(writer->Flush());
  EXPECT_EQ(ReadFile(dir.File("d/f")), "one\ntwo\n");
  EXPECT_EQ(writer->lost(), 0u);
}

TEST(FileWriter, AReaderThatLeavesIsAnErrorAndNoSignal) {
  std::signal(SIGPIPE, SIG_IGN);
  const TempDir dir;
  ASSERT_EQ(mkfifo(dir.File("p").c_str(), 0600), 0);
  const int reader = open(dir.File("p").c_str(), O_RDONLY | O_NONBLOCK);
  auto writer = OpenOrDie(dir.File("p"), Mode::kReplace);
  writer->Write("one");
  EXPECT_TRUE(writer->Flush());
  close(reader);
  writer->Write("two");
  EXPECT_FALSE(writer->Flush());
  EXPECT_EQ(writer->written(), 1u);
  const absl::Status closed = writer->Close();
  EXPECT_THAT(std::string(closed.message()), HasSubstr("Broken pipe; lines lost: 1"));
}

TEST(FileWriter, AFifoWithoutReaderIsRefusedAtOnceWhenLive) {
  const TempDir dir;
  ASSERT_EQ(mkfifo(dir.File("p").c_str(), 0600), 0);
  EXPECT_FALSE(FileWriter::Open(dir.File("p"), Mode::kFollow).ok());
}

TEST(WriteWholeFile, ReplacesAsOneAndKeepsTheMode) {
  const TempDir dir;
  Put(dir.File("f"), "old");
  chmod(dir.File("f").c_str(), 0604);
  ASSERT_TRUE(WriteWholeFile(dir.File("f"), "new").ok());
  EXPECT_EQ(ReadFile(dir.File("f")), "new");
  struct stat file;
  ASSERT_EQ(stat(dir.File("f").c_str(), &file), 0);
  EXPECT_EQ(file.st_mode & 0777, 0604u);
}

TEST(WriteWholeFile, AFailureLeavesTheOldContentAndNothingElse) {
  const TempDir dir;
  Put(dir.File("f"), "old");
  {
    const FileSizeLimit limit(1);
    EXPECT_FALSE(WriteWholeFile(dir.File("f"), "new").ok());
  }
  EXPECT_EQ(ReadFile(dir.File("f")), "old");
  const auto all = std::filesystem::directory_iterator(dir.path());
  EXPECT_EQ(std::distance(begin(all), end(all)), 1);
}

TEST(CheckWholeFile, SaysWhatWritingWouldAndChangesNothing) {
  const TempDir dir;
  Put(dir.File("f"), "old");
  std::filesystem::create_symlink(dir.path(), dir.File("folder"));
  std::filesystem::create_symlink(dir.File("new"), dir.File("link"));
  ASSERT_EQ(mkfifo(dir.File("pipe").c_str(), 0600), 0);
  for (const std::string& path :
       {dir.File("f"), dir.File("new"), dir.File("link"), dir.File("pipe"),
        std::string("/dev/null"), std::string("/dev/stdout")}) {
    EXPECT_TRUE(CheckWholeFile(path).ok()) << path;
  }
  for (const std::string& path : {dir.File("no/f"), dir.File("f/f"), dir.path(),
                                  dir.File("folder"), std::string("/proc/self/status")}) {
    EXPECT_FALSE(CheckWholeFile(path).ok()) << path;
    EXPECT_FALSE(WriteWholeFile(path, "new").ok()) << path;
  }
  EXPECT_EQ(ReadFile(dir.File("f")), "old");
  const auto all = std::filesystem::directory_iterator(dir.path());
  EXPECT_EQ(std::distance(begin(all), end(all)), 4);
}

TEST(WriteWholeFile, DoesNotReplaceALink) {
  const TempDir dir;
  Put(dir.File("f"), "old");
  std::filesystem::create_symlink(dir.File("f"), dir.File("l"));
  ASSERT_TRUE(WriteWholeFile(dir.File("l"), "new").ok());
  EXPECT_TRUE(std::filesystem::is_symlink(dir.File("l")));
  EXPECT_EQ(ReadFile(dir.File("f")), "new");
}

}  // namespace
}  // namespace mailtap::exporting

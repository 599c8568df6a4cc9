// What is stored, and what happens to files that can't be used.
#include "lib/store/database.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/unit/base/file_size_limit.h"
#include "tests/unit/base/temp_dir.h"

namespace mailtap::store {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

class DatabaseTest : public testing::Test {
 protected:
  std::unique_ptr<Database> Open() {
    auto database = Database::Open(directory_, warning_);
    EXPECT_TRUE(database.ok()) << database.status();
    return database.ok() ? *std::move(database) : nullptr;
  }
  std::vector<std::string> Alerts(Database& database, UnixNanos since = 0,
                                  UnixNanos until = INT64_MAX) {
    std::vector<std::string> lines;
    EXPECT_TRUE(database
                    .ForEachAlert(since, until,
                                  [&](const AlertRow& row) {
                                    lines.push_back(absl::StrCat(row.tick, " ", row.id, " ",
                                                                 row.state, " ", row.json));
                                  })
                    .ok());
    return lines;
  }
  static Batch OneAlert(int64_t tick) {
    Batch batch;
    batch.alerts = {{tick, StartOfTick(tick + 1), "a1", "raised", "{}"}};
    batch.open_alerts = {tick, absl::StrCat("open ", tick)};
    return batch;
  }
  void Sql(const char* sql) {
    sqlite3* handle = nullptr;
    ASSERT_EQ(sqlite3_open((directory_ + "/state.db").c_str(), &handle), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(handle, sql, nullptr, nullptr, nullptr), SQLITE_OK);
    sqlite3_close(handle);
  }

  const TempDir own_;
  std::string directory_ = own_.path();
  std::string warning_;
};

TEST_F(DatabaseTest, WhatWasStoredIsThereAfterwards) {
  {
    const auto database = Open();
    EXPECT_FALSE((*database->Checkpoint()).has_value());
    EXPECT_FALSE((*database->LatestTick()).has_value());
    ASSERT_TRUE(database->Store(OneAlert(100)).ok());
    Batch checkpoint;
    checkpoint.open_alerts = {101, "open"};
    checkpoint.checkpoint = {101, std::string("all\0of it", 9)};
    checkpoint.report = "{\"report\": 1}";
    ASSERT_TRUE(database->Store(checkpoint).ok());
    ASSERT_TRUE(database->Store(OneAlert(102)).ok());
    ASSERT_TRUE(database->SetSource("me").ok());
  }
  const auto database = Open();
  EXPECT_THAT(warning_, IsEmpty());
  EXPECT_EQ((*database->Checkpoint())->tick, 101);
  EXPECT_EQ(*database->LatestTick(), 102);
  EXPECT_EQ((*database->Checkpoint())->bytes, std::string("all\0of it", 9));
  EXPECT_EQ((*database->OpenAlerts())->bytes, "open 102");
  EXPECT_EQ((*database->AlertsOfCheckpoint())->bytes, "open");
  EXPECT_EQ(*database->Report(), "{\"report\": 1}");
  EXPECT_EQ(*database->Source(), "me");
  EXPECT_THAT(Alerts(*database), ElementsAre("100 a1 raised {}", "102 a1 raised {}"));
  EXPECT_THAT(Alerts(*database, StartOfTick(102)), ElementsAre("102 a1 raised {}"));
  // The stamp of a change is its second's end, and may be the end of all that is known.
  EXPECT_THAT(Alerts(*database, 0, StartOfTick(103)),
              ElementsAre("100 a1 raised {}", "102 a1 raised {}"));
  EXPECT_THAT(Alerts(*database, StartOfTick(100), StartOfTick(102)),
              ElementsAre("100 a1 raised {}"));
  EXPECT_THAT(Alerts(*database, StartOfTick(101), StartOfTick(102)), IsEmpty());
  ASSERT_TRUE(database->RollBack(101).ok());
  EXPECT_THAT(Alerts(*database), ElementsAre("100 a1 raised {}"));
}

// In parts, of which none is left of a larger one.
TEST_F(DatabaseTest, ACheckpointMayBeOfAnySize) {
  for (const std::size_t size :
       {2 * Database::kPartBytes + 10, Database::kPartBytes, std::size_t{7}, std::size_t{0}}) {
    Batch batch = OneAlert(10);
    std::string bytes(size, 'x');
    for (std::size_t at = 0; at < size; at += 4'099) bytes[at] = static_cast<char>(at / 4'099);
    batch.checkpoint = {10, bytes};
    ASSERT_TRUE(Open()->Store(batch).ok());
    const auto stored = Open()->Checkpoint();
    ASSERT_TRUE(stored.ok() && stored->has_value()) << stored.status();
    EXPECT_EQ((*stored)->tick, 10);
    EXPECT_TRUE((*stored)->bytes == bytes) << size;
  }
  EXPECT_EQ((*Open()->OpenAlerts())->bytes, "open 10");
}

TEST_F(DatabaseTest, AlertsAreKeptForAGoodYear) {
  const auto database = Open();
  ASSERT_TRUE(database->Store(OneAlert(100)).ok());
  Batch batch = OneAlert(Database::kKeepSeconds + 50);
  batch.checkpoint = {Database::kKeepSeconds + 101, "x"};
  ASSERT_TRUE(database->Store(batch).ok());
  EXPECT_EQ(Alerts(*database).size(), 2u);
  batch.alerts.clear();
  batch.checkpoint->tick = Database::kKeepSeconds + 102;
  ASSERT_TRUE(database->Store(batch).ok());
  EXPECT_THAT(Alerts(*database), ElementsAre("34560050 a1 raised {}"));
}

TEST_F(DatabaseTest, HoursAreReplacedAndKeptForAGoodYear) {
  const auto database = Open();
  const auto hours = [&](int64_t since, int64_t until) {
    std::vector<std::string> lines;
    EXPECT_TRUE(database
                    ->ForEachHour(since, until,
                                  [&](const HourRow& row) {
                                    lines.push_back(absl::StrCat(row.hour, " ", row.json));
                                  })
                    .ok());
    return lines;
  };
  Batch batch;
  batch.open_alerts = {3'600, "open"};
  batch.checkpoint = {3'600, "x"};
  batch.hours = {{2, "b"}, {1, "a"}};
  ASSERT_TRUE(database->Store(batch).ok());
  batch.hours = {{2, "B"}, {3, "c"}};
  ASSERT_TRUE(database->Store(batch).ok());
  EXPECT_THAT(hours(0, 9), ElementsAre("1 a", "2 B", "3 c"));
  EXPECT_THAT(hours(2, 3), ElementsAre("2 B"));
  batch.hours.clear();
  batch.checkpoint->tick = Database::kKeepSeconds + 2 * 3'600;
  ASSERT_TRUE(database->Store(batch).ok());
  EXPECT_THAT(hours(0, 9), ElementsAre("2 B", "3 c"));
}

TEST_F(DatabaseTest, ItIsInWalMode) {
  const auto database = Open();
  ASSERT_TRUE(database->Store(OneAlert(1)).ok());
  EXPECT_TRUE(std::filesystem::exists(directory_ + "/state.db-wal"));
  // So one may read while it is written.
  const auto reader = Database::OpenToRead(directory_);
  ASSERT_TRUE(reader.ok()) << reader.status();
  EXPECT_EQ(Alerts(**reader).size(), 1u);
}

// In a folder that can't be written to; whoever runs as root becomes somebody else for it.
TEST_F(DatabaseTest, WhoMayWriteNothingCanReadIt) {
  namespace fs = std::filesystem;
  const std::string odd = directory_ + "/50% of #1?";
  fs::create_directory(odd);
  ASSERT_TRUE((*Database::Open(odd, warning_))->Store(OneAlert(100)).ok());
  constexpr auto kRead = fs::perms::owner_read | fs::perms::group_read | fs::perms::others_read;
  constexpr auto kLook =
      kRead | fs::perms::owner_exec | fs::perms::group_exec | fs::perms::others_exec;
  fs::permissions(odd + "/state.db", kRead);
  fs::permissions(odd, kLook);
  fs::permissions(directory_, kLook);
  constexpr uid_t kNobody = 65'534;
  const bool root = ::geteuid() == 0;
  if (root) {
    ASSERT_EQ(::seteuid(kNobody), 0);
  }
  const auto reader = Database::OpenToRead(odd);
  const std::size_t alerts = reader.ok() ? Alerts(**reader).size() : 0;
  if (root) {
    ASSERT_EQ(::seteuid(0), 0);
  }
  fs::permissions(directory_, fs::perms::owner_all);
  fs::permissions(odd, fs::perms::owner_all);
  EXPECT_TRUE(reader.ok()) << reader.status();
  EXPECT_EQ(alerts, 1u);
}

TEST_F(DatabaseTest, ADamagedFileIsSetAsideAndNotTouched) {
  std::string text(8192, 'x');
  std::ofstream(directory_ + "/state.db") << text;
  const auto database = Open();
  EXPECT_THAT(warning_, HasSubstr("state.db.set-aside-1"));
  ASSERT_TRUE(database->Store(OneAlert(1)).ok());
  std::ifstream aside(directory_ + "/state.db.set-aside-1");
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(aside), {}), text);
}

TEST_F(DatabaseTest, APageDamagedInTheMiddleIsFound) {
  {
    const auto database = Open();
    Batch batch;
    for (int i = 0; i < 2000; ++i) batch.alerts.push_back({i, i, "a", "raised", "{}"});
    ASSERT_TRUE(database->Store(batch).ok());
  }
  const auto size = std::filesystem::file_size(directory_ + "/state.db");
  std::fstream file(directory_ + "/state.db", std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(static_cast<std::streamoff>(size / 2));
  file << std::string(4096, '\xa5');
  file.close();
  const auto database = Open();
  EXPECT_THAT(warning_, HasSubstr("set-aside"));
  EXPECT_THAT(Alerts(*database), IsEmpty());
}

TEST_F(DatabaseTest, ANewerSchemaAndAStrangersFileAreSetAside) {
  Open();
  Sql("PRAGMA user_version = 99");
  EXPECT_FALSE(Database::OpenToRead(directory_).ok());
  Open();
  EXPECT_THAT(warning_, HasSubstr("has schema 99"));
  warning_.clear();
  Sql("PRAGMA application_id = 5");
  Open();
  EXPECT_THAT(warning_, HasSubstr("of another program"));
  EXPECT_THAT(warning_, HasSubstr("set-aside-2")) << "the first one is still there";
}

TEST_F(DatabaseTest, WhereTheDirectoryIsMissingThereIsNothingToRead) {
  EXPECT_TRUE(absl::IsNotFound(Database::OpenToRead(directory_ + "/x").status()));
}

TEST_F(DatabaseTest, AnErrorNamesTheFileAlsoWhereItCantBeOpened) {
  std::filesystem::create_directory(directory_ + "/state.db");
  const auto database = Database::Open(directory_, warning_);
  EXPECT_THAT(std::string(database.status().message()),
              StartsWith(directory_ + "/state.db: can't be opened: "));
}

TEST_F(DatabaseTest, MakesItsFolderForItsGroupAndNobodyElse) {
  directory_ += "/x";
  Open();
  using std::filesystem::perms;
  EXPECT_EQ(std::filesystem::status(directory_).permissions(),
            perms::owner_all | perms::group_read | perms::group_exec);
}

TEST_F(DatabaseTest, IsForItsGroupAndNobodyElseInAnyFolder) {
  using std::filesystem::perms;
  const auto database = Open();
  for (const char* part : {"", "-wal", "-shm"}) {
    const perms mode = std::filesystem::status(directory_ + "/state.db" + part).permissions();
    EXPECT_EQ(mode, perms::owner_read | perms::owner_write | perms::group_read) << part;
  }
}

TEST_F(DatabaseTest, AFullDiskIsAnErrorThatLosesNothingElse) {
  auto database = Open();
  ASSERT_TRUE(database->Store(OneAlert(1)).ok());
  const FileSizeLimit full(256 << 10);
  Batch large = OneAlert(2);
  large.open_alerts->bytes.assign(1 << 20, 'x');
  EXPECT_FALSE(database->Store(large).ok());
  EXPECT_THAT(Alerts(*database), ElementsAre("1 a1 raised {}")) << "whole or not at all";
  EXPECT_TRUE(database->Store(OneAlert(3)).ok());
  EXPECT_EQ(Alerts(*database).size(), 2u);
}

TEST_F(DatabaseTest, AFileThatIsTakenAwayIsMadeAnew) {
  const auto database = Open();
  ASSERT_TRUE(database->SetSource("a live sensor").ok());
  ASSERT_TRUE(database->Store(OneAlert(1)).ok());
  for (const bool with_folder : {false, true}) {
    if (with_folder) {
      std::filesystem::remove_all(directory_);
    } else {
      std::filesystem::rename(directory_ + "/state.db", directory_ + "/elsewhere");
    }
    const absl::Status lost = database->Store(OneAlert(2));
    EXPECT_TRUE(absl::IsNotFound(lost)) << lost;
    EXPECT_THAT(std::string(lost.message()), HasSubstr("state.db: was removed or renamed"));
    EXPECT_TRUE(database->Store(OneAlert(3)).ok());
    const auto again = Database::OpenToRead(directory_);
    ASSERT_TRUE(again.ok()) << again.status();
    EXPECT_THAT(Alerts(**again), ElementsAre("3 a1 raised {}"));
    EXPECT_EQ(*(*again)->Source(), "a live sensor");
  }
}

class InAnyCaseTest : public DatabaseTest {
 protected:
  std::unique_ptr<Database> OpenInAnyCase() {
    auto database = Database::OpenInAnyCase(directory_, warning_);
    EXPECT_TRUE(database.ok()) << database.status();
    return database.ok() ? *std::move(database) : nullptr;
  }
  static Batch ACheckpoint(int64_t tick) {
    Batch batch = OneAlert(tick);
    batch.checkpoint = {tick, absl::StrCat("all ", tick)};
    return batch;
  }
};

TEST_F(InAnyCaseTest, AFullDiskIsReadAndWrittenOnceThereIsRoom) {
  {
    const auto database = Open();
    ASSERT_TRUE(database->Store(ACheckpoint(100)).ok());
    ASSERT_TRUE(database->SetSource("me").ok());
  }
  std::unique_ptr<Database> database;
  {
    const FileSizeLimit full(4 << 10);
    database = OpenInAnyCase();
    EXPECT_TRUE(database->awaits_file());
    EXPECT_THAT(warning_,
                AllOf(HasSubstr("the disk is full"), HasSubstr("was read all the same")));
    EXPECT_EQ((*database->Checkpoint())->bytes, "all 100");
    EXPECT_EQ((*database->OpenAlerts())->bytes, "open 100");
    EXPECT_EQ(*database->Source(), "me");
    EXPECT_TRUE(absl::IsResourceExhausted(database->Store(OneAlert(101))));
  }
  ASSERT_TRUE(database->Store(OneAlert(102)).ok());
  EXPECT_FALSE(database->awaits_file());
  EXPECT_THAT(Alerts(*database), ElementsAre("100 a1 raised {}", "102 a1 raised {}"));
}

TEST_F(InAnyCaseTest, SoIsTheLogThatAKilledSensorLeft) {
  const auto killed = Open();
  ASSERT_TRUE(killed->Store(ACheckpoint(100)).ok());
  const TempDir own;
  for (const char* part : {"/state.db", "/state.db-wal"}) {
    std::filesystem::copy_file(directory_ + part, own.path() + part);
  }
  directory_ = own.path();
  const FileSizeLimit full(4 << 10);
  const auto database = OpenInAnyCase();
  EXPECT_TRUE(database->awaits_file());
  EXPECT_EQ((*database->Checkpoint())->bytes, "all 100");
}

TEST_F(InAnyCaseTest, AFullDiskWithoutAStateGetsOneOnceThereIsRoom) {
  std::unique_ptr<Database> database;
  {
    const FileSizeLimit full(0);
    database = OpenInAnyCase();
    EXPECT_FALSE((*database->LatestTick()).has_value());
    database->SetSourceLater("me");
    EXPECT_FALSE(database->Store(OneAlert(1)).ok());
  }
  ASSERT_TRUE(database->Store(OneAlert(2)).ok());
  EXPECT_THAT(Alerts(*database), ElementsAre("2 a1 raised {}"));
  EXPECT_EQ(*database->Source(), "me");
}

TEST_F(InAnyCaseTest, ALockThatStaysIsNotWaitedForForever) {
  ASSERT_TRUE(Open()->Store(ACheckpoint(100)).ok());
  sqlite3* other = nullptr;
  ASSERT_EQ(sqlite3_open((directory_ + "/state.db").c_str(), &other), SQLITE_OK);
  const char* lock = "PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; SELECT * FROM blobs";
  ASSERT_EQ(sqlite3_exec(other, lock, nullptr, nullptr, nullptr), SQLITE_OK);
  const auto database = OpenInAnyCase();
  EXPECT_THAT(warning_, HasSubstr("database is locked"));
  EXPECT_FALSE((*database->Checkpoint()).has_value());
  sqlite3_close(other);
  ASSERT_TRUE(database->Store(ACheckpoint(200)).ok());
  EXPECT_THAT(Alerts(*database), ElementsAre("100 a1 raised {}", "200 a1 raised {}"));
  EXPECT_EQ((*database->Checkpoint())->bytes, "all 200");
}

TEST_F(InAnyCaseTest, AnothersStateIsNotWrittenTo) {
  std::unique_ptr<Database> database;
  {
    const FileSizeLimit full(0);
    database = OpenInAnyCase();
    database->SetSourceLater("me");
  }
  ASSERT_TRUE(Open()->SetSource("a replay").ok());
  EXPECT_TRUE(absl::IsFailedPrecondition(database->Store(OneAlert(1))));
  EXPECT_TRUE(absl::IsFailedPrecondition(database->Store(OneAlert(1)))) << "nor later";
}

}  // namespace
}  // namespace mailtap::store

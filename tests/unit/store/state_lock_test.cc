// Who holds a state directory.
#include "lib/store/state_lock.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <functional>
#include <string>

#include "tests/unit/base/temp_dir.h"

namespace mailtap::store {
namespace {

// Locks are a process's, so each question is asked in another one.
bool InChild(const std::function<bool()>& question) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(question() ? 0 : 1);
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

class StateLockTest : public testing::Test {
 protected:
  const TempDir root_;
  const std::string directory_ = root_.File("a/b");
};

TEST_F(StateLockTest, NobodyIsFoundBeforeAndAfter) {
  EXPECT_EQ(FindSensor(directory_).status().code(), absl::StatusCode::kNotFound);
  {
    const auto lock = StateLock::Take(directory_);
    ASSERT_TRUE(lock.ok()) << lock.status();
    ASSERT_TRUE((*lock)->Say({.config_version = "v"}).ok());
  }
  EXPECT_EQ(FindSensor(directory_).status().code(), absl::StatusCode::kNotFound);
}

TEST_F(StateLockTest, TheHolderIsFoundWithWhatItSays) {
  const auto lock = StateLock::Take(directory_);
  ASSERT_TRUE(lock.ok()) << lock.status();
  const pid_t holder = ::getpid();
  EXPECT_TRUE(InChild([&] {
    return FindSensor(directory_).status().code() == absl::StatusCode::kUnavailable;
  })) << "it has not said anything yet";
  ASSERT_TRUE((*lock)
                  ->Say({.reloads_begun = 11,
                         .reloads = 9,
                         .config_version = "0123456789ab",
                         .config_path = "/etc/a file\nof two lines",
                         .awaits_restart = "[http], [limits]"})
                  .ok());
  EXPECT_TRUE(InChild([&] {
    const auto sensor = FindSensor(directory_);
    return sensor.ok() && sensor->reloads_begun == 11 && sensor->reloads == 9 &&
           sensor->last_reload_ok && sensor->config_path == "/etc/a file\nof two lines" &&
           sensor->awaits_restart == "[http], [limits]";
  }));
  ASSERT_TRUE(
      (*lock)
          ->Say({.reloads = 10, .last_reload_ok = false, .config_version = "0123456789ab"})
          .ok());
  EXPECT_TRUE(InChild([&] {
    const auto sensor = FindSensor(directory_);
    return sensor.ok() && sensor->pid == holder && sensor->reloads == 10 &&
           !sensor->last_reload_ok && sensor->config_version == "0123456789ab" &&
           sensor->config_path.empty() && sensor->awaits_restart.empty();
  }));
}

TEST_F(StateLockTest, WhatTheLastHolderSaidIsForgotten) {
  ASSERT_TRUE((*StateLock::Take(directory_))->Say({.reloads = 9, .config_version = "v"}).ok());
  const auto lock = StateLock::Take(directory_);
  ASSERT_TRUE(lock.ok()) << lock.status();
  EXPECT_TRUE(InChild([&] {
    return FindSensor(directory_).status().code() == absl::StatusCode::kUnavailable;
  }));
}

TEST_F(StateLockTest, ASecondSensorIsRefusedAndToldOfTheFirst) {
  const auto lock = StateLock::Take(directory_);
  ASSERT_TRUE(lock.ok()) << lock.status();
  const std::string holder = std::to_string(::getpid());
  EXPECT_TRUE(InChild([&] {
    const auto second = StateLock::Take(directory_);
    return second.status().code() == absl::StatusCode::kFailedPrecondition &&
           std::string(second.status().message()).find("process " + holder) !=
               std::string::npos;
  }));
}

TEST_F(StateLockTest, AKilledHolderLetsGo) {
  EXPECT_FALSE(InChild([&] {
    const auto lock = StateLock::Take(directory_);
    return lock.ok() && ::kill(::getpid(), SIGKILL) == 0;
  }));
  EXPECT_TRUE(StateLock::Take(directory_).ok());
}

TEST_F(StateLockTest, ADirectoryThatCantBeMadeIsAnError) {
  EXPECT_FALSE(StateLock::Take("/dev/null/state").ok());
}

}  // namespace
}  // namespace mailtap::store

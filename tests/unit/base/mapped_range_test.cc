#include "lib/base/mapped_range.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/unit/base/temp_dir.h"

namespace mailtap {
namespace {

using testing::Each;
using testing::IsNull;
using testing::NotNull;

class MappedRangeTest : public testing::Test {
 protected:
  // A file of so many pages, each full of a letter: a, b, ...
  explicit MappedRangeTest(int pages = 4) {
    fd_ = ::open(dir_.File("pages").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    for (int i = 0; i < pages; ++i) {
      const std::string page(kPage, static_cast<char>('a' + i));
      EXPECT_EQ(::write(fd_, page.data(), page.size()), static_cast<ssize_t>(page.size()));
    }
  }
  ~MappedRangeTest() override { ::close(fd_); }

  void Cut(std::size_t bytes) { ASSERT_EQ(::ftruncate(fd_, static_cast<off_t>(bytes)), 0); }
  static std::string Bytes(const MappedRange& range) {
    return {range.data(), range.data() + range.size()};
  }

  const std::size_t kPage = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  const TempDir dir_;
  int fd_ = -1;
};

TEST_F(MappedRangeTest, HasTheFilesBytes) {
  const auto range = MappedRange::Map(fd_, kPage, kPage + 10);
  ASSERT_THAT(range, NotNull());
  EXPECT_EQ(Bytes(*range), std::string(kPage, 'b') + std::string(10, 'c'));
  EXPECT_FALSE(range->lost());
}

TEST_F(MappedRangeTest, WhatTheFileHasNotIsRefused) {
  EXPECT_THAT(MappedRange::Map(fd_, 4 * kPage, kPage), IsNull()) << "behind its end";
  EXPECT_THAT(MappedRange::Map(fd_, 3 * kPage, 3 * kPage), IsNull()) << "past its end";
  EXPECT_THAT(MappedRange::Map(fd_, 10, kPage), IsNull()) << "within a page";
  EXPECT_THAT(MappedRange::Map(fd_, 0, 0), IsNull()) << "nothing";
  EXPECT_THAT(MappedRange::Map(-1, 0, kPage), IsNull()) << "no file";
}

TEST_F(MappedRangeTest, LostBytesAreZerosAndThoseBeforeThemAreKept) {
  const auto range = MappedRange::Map(fd_, 0, 4 * kPage);
  const auto other = MappedRange::Map(fd_, 0, kPage);
  ASSERT_THAT(range, NotNull());
  Cut(kPage);
  EXPECT_FALSE(range->lost()) << "nobody has looked";
  EXPECT_EQ(Bytes(*range), std::string(kPage, 'a') + std::string(3 * kPage, '\0'));
  EXPECT_TRUE(range->lost());
  EXPECT_EQ(Bytes(*other), std::string(kPage, 'a'));
  EXPECT_FALSE(other->lost());
}

TEST_F(MappedRangeTest, SeveralThreadsMayFindThemGoneAtOnce) {
  for (int round = 0; round < 50; ++round) {
    Cut(4 * kPage);
    const auto range = MappedRange::Map(fd_, 0, 4 * kPage);
    ASSERT_THAT(range, NotNull());
    Cut(0);
    std::string seen[3];
    {
      std::vector<std::jthread> threads;
      for (std::string& bytes : seen) threads.emplace_back([&] { bytes = Bytes(*range); });
    }
    EXPECT_THAT(seen, Each(std::string(4 * kPage, '\0')));
  }
}

TEST_F(MappedRangeTest, AnotherOneInTheSamePlaceHasLostNothing) {
  auto range = MappedRange::Map(fd_, 0, kPage);
  Cut(0);
  EXPECT_EQ(Bytes(*range), std::string(kPage, '\0'));
  range.reset();
  Cut(kPage);
  range = MappedRange::Map(fd_, 0, kPage);
  ASSERT_THAT(range, NotNull());
  EXPECT_FALSE(range->lost());
}

TEST_F(MappedRangeTest, TheyAreBounded) {
  std::vector<std::unique_ptr<MappedRange>> ranges;
  while (auto range = MappedRange::Map(fd_, 0, kPage)) ranges.push_back(std::move(range));
  EXPECT_EQ(ranges.size(), MappedRange::kMost);
  ranges.pop_back();
  EXPECT_THAT(MappedRange::Map(fd_, 0, kPage), NotNull());
}

// Another's fault is not this one's to hide.
TEST_F(MappedRangeTest, AnyOtherBusErrorEndsTheProcess) {
  testing::GTEST_FLAG(death_test_style) = "threadsafe";
  const auto look = [this] {
    const auto range = MappedRange::Map(fd_, 0, kPage);
    void* others = ::mmap(nullptr, kPage, PROT_READ, MAP_SHARED, fd_, 0);
    Cut(0);
    std::_Exit(*static_cast<volatile uint8_t*>(others));
  };
  // A sanitizer ends it by an exit of its own.
  const auto ended = [](int status) { return !WIFEXITED(status) || WEXITSTATUS(status) != 0; };
  EXPECT_EXIT(look(), ended, "");
}

}  // namespace
}  // namespace mailtap

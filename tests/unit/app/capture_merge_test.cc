// Several captures as one stream.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "app/mailtap/capture_reader.h"
#include "lib/base/time.h"
#include "tests/unit/base/temp_dir.h"

namespace mailtap::app {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr uint32_t kFirstSecond = 1'700'000'000;

class CaptureMergeTest : public testing::Test {
 protected:
  // A capture with a packet at each of `micros` after the first second.
  void AddCapture(const std::vector<uint32_t>& micros) {
    std::vector<uint32_t> words = {0xa1b2c3d4, 4u << 16 | 2, 0, 0, 65'535, 1};
    for (const uint32_t at : micros) {
      words.insert(words.end(),
                   {kFirstSecond + at / 1'000'000, at % 1'000'000, kFrame, kFrame});
      words.resize(words.size() + kFrame / sizeof(uint32_t));
    }
    paths_.push_back(dir_.File(absl::StrCat(paths_.size(), ".pcap")));
    std::ofstream(paths_.back(), std::ios::binary)
        .write(reinterpret_cast<const char*>(words.data()),
               static_cast<std::streamsize>(words.size() * sizeof(uint32_t)));
  }
  CaptureMerge Open() const {
    auto merge = CaptureMerge::Open(paths_);
    EXPECT_TRUE(merge.ok()) << merge.status();
    return *std::move(merge);
  }
  // "micros:port" of each packet.
  std::vector<std::string> Packets() const {
    std::vector<std::string> packets;
    CaptureMerge merge = Open();
    while (const pipeline::PacketView* packet = merge.Next()) {
      packets.push_back(absl::StrCat((packet->time - kFirstSecond * kNanosPerSecond) / 1'000,
                                     ":", packet->port));
    }
    EXPECT_EQ(merge.Next(), nullptr) << "and stays at its end";
    return packets;
  }

  static constexpr uint32_t kFrame = 64;
  const TempDir dir_;
  std::vector<std::string> paths_;
};

TEST_F(CaptureMergeTest, PacketsComeByTimeAndThoseOfOneStampInTheUsersOrder) {
  AddCapture({10, 20, 20, 50});
  AddCapture({});
  AddCapture({5, 20, 30, 50, 50});
  AddCapture({20, 50, 70});
  EXPECT_THAT(Packets(), ElementsAre("5:2", "10:0", "20:0", "20:0", "20:2", "20:3", "30:2",
                                     "50:0", "50:2", "50:2", "50:3", "70:3"));
}

TEST_F(CaptureMergeTest, OneAndNoneNeedNoOther) {
  AddCapture({10, 10, 20});
  EXPECT_THAT(Packets(), ElementsAre("10:0", "10:0", "20:0"));
  paths_.clear();
  AddCapture({});
  EXPECT_THAT(Packets(), IsEmpty());
}

// As whoever looks at all captures for each packet would give them.
TEST_F(CaptureMergeTest, AnyNumberOfCapturesGivesThatOrder) {
  std::vector<std::vector<uint32_t>> all(50);
  uint32_t random = 1;
  for (auto& micros : all) {
    uint32_t at = 0;
    for (int i = 0; i < 40; ++i) {
      random = random * 1'664'525 + 1'013'904'223;
      micros.push_back(at += random >> 30);
    }
    AddCapture(micros);
  }
  std::vector<std::string> expected;
  std::vector<std::size_t> next(all.size());
  for (;;) {
    std::size_t first = all.size();
    for (std::size_t c = 0; c < all.size(); ++c) {
      if (next[c] == all[c].size()) continue;
      if (first == all.size() || all[c][next[c]] < all[first][next[first]]) first = c;
    }
    if (first == all.size()) break;
    expected.push_back(absl::StrCat(all[first][next[first]++], ":", first));
  }
  EXPECT_EQ(Packets(), expected);
}

}  // namespace
}  // namespace mailtap::app

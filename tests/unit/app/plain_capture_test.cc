// Captures that are read where the kernel holds them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>

#include "app/mailtap/capture_reader.h"
#include "tests/unit/base/temp_dir.h"

namespace mailtap::app {
namespace {

using testing::IsEmpty;

// Record `i` of a capture has a length and bytes of its own.
uint32_t SizeOf(uint32_t i) { return 60 + i * 7 % 1'455; }
std::string BytesOf(uint32_t i) {
  return std::string(SizeOf(i), static_cast<char>('A' + i % 50));
}

class PlainCaptureTest : public testing::Test {
 protected:
  void Write(uint32_t from, uint32_t to) {
    std::ofstream file(path_, std::ios::binary | std::ios::app);
    const auto words = [&file](std::initializer_list<uint32_t> all) {
      for (const uint32_t word : all) {
        file.write(reinterpret_cast<const char*>(&word), sizeof(word));
      }
    };
    if (from == 0) words({0xa1b2c3d4, 4u << 16 | 2, 0, 0, 65'535, 1});
    for (uint32_t i = from; i < to; ++i) {
      words({1'700'000'000, i % 1'000'000, SizeOf(i), SizeOf(i)});
      file << BytesOf(i);
    }
  }
  std::unique_ptr<CaptureReader> Open() const {
    auto reader = CaptureReader::Open(path_, 0);
    EXPECT_TRUE(reader.ok()) << reader.status();
    return *std::move(reader);
  }
  static std::string Bytes(const pipeline::PacketView& packet) {
    return {packet.data, packet.data + packet.captured};
  }
  // The number of packets up to the end, all of which are those that were written.
  static uint32_t ReadFrom(uint32_t i, CaptureReader& reader) {
    for (; reader.Next(); ++i) {
      if (Bytes(reader.packet()) != BytesOf(i)) {
        ADD_FAILURE() << "packet " << i;
        break;
      }
    }
    return i;
  }

  static constexpr uint32_t kPackets = 15'000;  // 12 MB: several pieces
  const TempDir dir_;
  const std::string path_ = dir_.File("a.pcap");
};

TEST_F(PlainCaptureTest, RecordsThatLieAcrossPiecesAreWhole) {
  Write(0, kPackets);
  const auto reader = Open();
  EXPECT_EQ(ReadFrom(0, *reader), kPackets);
  EXPECT_THAT(reader->damage(), IsEmpty());
  EXPECT_EQ(reader->position(), std::filesystem::file_size(path_));
}

TEST_F(PlainCaptureTest, BytesStayWhileTheirPieceIsUsed) {
  Write(0, kPackets);
  const auto reader = Open();
  for (uint32_t i = 0; i < 10; ++i) ASSERT_TRUE(reader->Next());  // the first are copies
  const pipeline::PacketView early = reader->packet();
  CapturePiece* const piece = reader->piece();
  ASSERT_NE(piece, nullptr);
  piece->Use();
  EXPECT_EQ(ReadFrom(10, *reader), kPackets);
  EXPECT_EQ(Bytes(early), BytesOf(9));
  piece->Release();
}

// As while it is being written: what comes before the end is reached belongs to it.
TEST_F(PlainCaptureTest, GrowingCapturesAreReadToTheirEnd) {
  Write(0, 100);
  const auto reader = Open();
  for (uint32_t i = 0; i < 100; ++i) ASSERT_TRUE(reader->Next());
  Write(100, kPackets);
  EXPECT_EQ(ReadFrom(100, *reader), kPackets);
  EXPECT_THAT(reader->damage(), IsEmpty());
}

TEST_F(PlainCaptureTest, AnEmptyRecordIsOne) {
  Write(0, 2);
  const char empty[16] = {0, 0, 0, 0x60};
  std::ofstream(path_, std::ios::binary | std::ios::app).write(empty, sizeof(empty));
  Write(3, 4);
  const auto reader = Open();
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(reader->Next());
  EXPECT_EQ(reader->packet().captured, 0u);
  EXPECT_EQ(ReadFrom(3, *reader), 4u);
  EXPECT_THAT(reader->damage(), IsEmpty());
}

// The packets before the cut count, no others are made up, and it is said.
TEST_F(PlainCaptureTest, CapturesThatAreCutMeanwhileEndThere) {
  for (const uint64_t left : {0, 4'096, 100'000, 200'001, 6'000'000}) {
    std::filesystem::remove(path_);
    Write(0, kPackets);
    const auto reader = Open();
    uint32_t i = 0;
    for (; i < 100; ++i) ASSERT_TRUE(reader->Next());
    std::filesystem::resize_file(path_, left);
    uint64_t bytes = 24;
    uint32_t whole = 0;  // of those that are left
    while (bytes + 16 + SizeOf(whole) <= left) bytes += 16 + SizeOf(whole++);
    for (; reader->Next(); ++i) {
      if (i < whole) {
        ASSERT_EQ(Bytes(reader->packet()), BytesOf(i));
      }
    }
    // One of which the header is left may be given, with zeros for what is gone.
    EXPECT_GE(i, std::max(whole, 100u)) << left;
    EXPECT_LE(i, std::max(whole + 1, 100u)) << left;
    EXPECT_EQ(reader->damage(), "the file has become shorter while it was read") << left;
  }
}

}  // namespace
}  // namespace mailtap::app

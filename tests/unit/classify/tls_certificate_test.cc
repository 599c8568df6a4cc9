#include "lib/classify/tls_certificate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "tests/unit/classify/hello_builder.h"

namespace mailtap::classify {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Status = TlsCertificateParser::Status;

// Feeds `bytes` in pieces of `step`. The name buffer is exactly as large as promised, so that
// AddressSanitizer sees any overrun.
std::vector<std::string> Names(const std::string& bytes, std::size_t step = 1 << 20) {
  const auto buffer = std::make_unique<char[]>(TlsCertificateParser::kMaxName);
  TlsCertificateParser parser;
  parser.Start(buffer.get());
  std::vector<std::string> names;
  for (std::size_t at = 0; at < bytes.size() && parser.status() != Status::kDone;) {
    const std::size_t end = std::min(bytes.size(), at + step);
    while (at < end && parser.status() != Status::kDone) {
      at += parser.Feed(reinterpret_cast<const uint8_t*>(bytes.data()) + at, end - at);
      if (parser.status() == Status::kName) names.emplace_back(parser.name());
    }
  }
  return names;
}

TEST(TlsCertificate, NamesAreThoseOfTheFirstCertificate) {
  EXPECT_THAT(Names(ServerFlight({"mx1.example.com", "IMAP.Example.com", "*.example.net"})),
              ElementsAre("mx1.example.com", "imap.example.com", "*.example.net"));
  EXPECT_THAT(Names(ServerFlight({})), IsEmpty());
}

TEST(TlsCertificate, NamesDoNotDependOnSegmentsOrRecords) {
  const std::vector<std::string> names = {"a.example.com", std::string(200, 'b') + ".c", "d.e"};
  for (const std::size_t record : {1, 2, 7, 100, 16'384}) {
    const std::string flight = ServerFlight(names, record);
    for (const std::size_t step : {1, 2, 3, 5, 64, 536, 100'000}) {
      EXPECT_EQ(Names(flight, step), names) << record << " " << step;
    }
  }
}

TEST(TlsCertificate, AtMostEightNamesAreRead) {
  std::vector<std::string> names;
  for (int i = 0; i < 100; ++i) names.push_back("host" + std::to_string(i) + ".example.com");
  EXPECT_EQ(Names(ServerFlight(names)).size(), 8u);
}

TEST(TlsCertificate, NamesThatAreNoneArePassedOver) {
  EXPECT_THAT(Names(ServerFlight({"localhost", "a b.c", "", ".x.y", "x..y", "x.y.", "*",
                                  std::string(254, 'l'), "good.example"})),
              ElementsAre("good.example"));
}

TEST(TlsCertificate, WhatIsEncryptedOrNoTlsHasNone) {
  // TLS 1.3, or a resumed session: the ServerHello, and then no more handshake in clear.
  const std::string change = Byte(20) + Big16(0x0303) + Big16(1) + Byte(1);
  const std::string flight = ServerFlight({"mx.example.com"});
  EXPECT_THAT(Names(ServerHello() + change + flight), IsEmpty());
  EXPECT_THAT(Names(ServerHello() + ApplicationData(2'000) + flight), IsEmpty());
  EXPECT_THAT(Names("220 mx.example.com ESMTP\r\n"), IsEmpty());
  EXPECT_THAT(Names(Records(ServerHelloMessage() + Byte(14) + Big24(0))), IsEmpty());
}

// Bytes changed at random and cut anywhere: whatever comes of it is a host name, and the same
// in pieces.
TEST(TlsCertificate, DamagedOnesDoNoHarm) {
  const std::string flight = ServerFlight({"mx1.example.com", "mx2.example.com"});
  std::mt19937 random(11);
  for (int i = 0; i < 20'000; ++i) {
    std::string bytes = flight;
    for (int changes = 1 + static_cast<int>(random() % 4); changes > 0; --changes) {
      bytes[random() % bytes.size()] = static_cast<char>(random());
    }
    bytes.resize(random() % bytes.size());
    const std::vector<std::string> names = Names(bytes);
    ASSERT_EQ(Names(bytes, 1 + random() % 50), names);
    for (const std::string& name : names) {
      ASSERT_NE(name.find('.'), std::string::npos);
      ASSERT_LE(name.size(), TlsCertificateParser::kMaxName);
    }
  }
}

}  // namespace
}  // namespace mailtap::classify

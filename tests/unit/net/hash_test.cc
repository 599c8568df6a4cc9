#include "lib/net/hash.h"

#include <gtest/gtest.h>

#include <array>
#include <random>
#include <set>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/unit/net/packet_builder.h"

namespace mailtap::net {
namespace {

Segment DecodeRaw(const Bytes& ip) {
  Segment segment;
  const auto size = static_cast<uint32_t>(ip.size());
  EXPECT_EQ(Decode(ip.data(), size, size, LinkType::kRawIp, kNoVlan, TunnelPorts(), segment),
            Outcome::kTcp);
  return segment;
}

uint64_t FlowOf(const Segment& s) {
  return FlowHash(s.address_hash, PortPair(s.src_port, s.dst_port));
}

TEST(Hash, APacketAndItsAnswerHashAlike) {
  const TcpFields there = {.source_port = 40'001, .destination_port = 993};
  const TcpFields back = {.source_port = 993, .destination_port = 40'001};
  const Bytes v4[] = {
      Ipv4({.source = "10.9.8.7", .destination = "203.0.113.5"}, Tcp(there, "")),
      Ipv4({.source = "203.0.113.5", .destination = "10.9.8.7"}, Tcp(back, ""))};
  const Bytes v6[] = {Ipv6({.source = "2001:db8::9", .destination = "fd00::1"}, Tcp(there, "")),
                      Ipv6({.source = "fd00::1", .destination = "2001:db8::9"}, Tcp(back, ""))};
  for (const auto& pair : {v4, v6}) {
    const Segment a = DecodeRaw(pair[0]);
    const uint64_t address = a.address_hash;
    const uint64_t flow = FlowOf(a);
    const Segment b = DecodeRaw(pair[1]);
    EXPECT_EQ(b.address_hash, address);
    EXPECT_EQ(FlowOf(b), flow);
  }
}

// The session table hashes what it stored, which does not tell the IP version.
TEST(Hash, MappedAddressesHashAlikeInEitherVersion) {
  const Segment v4 =
      DecodeRaw(Ipv4({.source = "10.0.0.1", .destination = "192.0.2.1"}, Tcp({}, "")));
  const uint64_t hash = v4.address_hash;
  const Bytes packet =
      Ipv6({.source = "::ffff:10.0.0.1", .destination = "::ffff:192.0.2.1"}, Tcp({}, ""));
  const Segment v6 = DecodeRaw(packet);
  EXPECT_EQ(v6.source(), *ParseAddress("10.0.0.1"));
  EXPECT_EQ(v6.address_hash, hash);
}

// Two neighbouring networks that talk with each other: no two pairs may share a hash, since the
// handshake table takes equal flow hashes for the same flow.
TEST(Hash, NeighbouringAddressesDoNotCollide) {
  std::set<uint64_t> hashes;
  std::array<int, 256> spread = {};
  for (int client = 0; client < 256; ++client) {
    for (int server = 0; server < 256; ++server) {
      const uint8_t a[4] = {10, 0, 0, static_cast<uint8_t>(client)};
      const uint8_t b[4] = {10, 0, 1, static_cast<uint8_t>(server)};
      const uint64_t hash = AddressHash(IpAddress::FromV4(a), IpAddress::FromV4(b));
      hashes.insert(hash);
      ++spread[hash & 0xff];
    }
  }
  EXPECT_EQ(hashes.size(), 65'536u);
  for (const int count : spread) {
    EXPECT_GT(count, 128);  // 256 is even; the low bits choose the worker
    EXPECT_LT(count, 512);
  }
}

TEST(Hash, PortsDoNotCollide) {
  std::set<uint64_t> hashes;
  for (uint32_t low = 0; low < 400; ++low) {
    for (uint32_t high = low; high < 400; ++high) {
      hashes.insert(FlowHash(0x123456789abcdef, PortPair(static_cast<uint16_t>(low),
                                                         static_cast<uint16_t>(high))));
    }
  }
  EXPECT_EQ(hashes.size(), 400u * 401u / 2u);
}

class KeyedHash : public testing::Test {
 protected:
  ~KeyedHash() override { SetHashKey(HashKey()); }
};

// A product with nought is nought, whatever the other half is: under a known key there are
// addresses that do this.
TEST_F(KeyedHash, WhatCollidesUnderOneKeyDoesNotUnderAnother) {
  const IpAddress server = *ParseAddress("2001:db8::25");
  std::vector<IpAddress> clients;
  for (int i = 0; i < 256; ++i) {
    clients.push_back(*ParseAddress(absl::StrCat("4feb:d427:3dae:b2c2::", absl::Hex(i))));
    ASSERT_EQ(clients.back().raw_high(), kHashSeed2);
  }
  const auto hashes = [&] {
    std::set<uint64_t> all;
    for (const IpAddress& client : clients) all.insert(AddressHash(client, server));
    return all.size();
  };
  EXPECT_EQ(hashes(), 1u);
  SetHashKey(RandomHashKey());
  EXPECT_EQ(hashes(), 256u);
}

TEST_F(KeyedHash, IsSymmetricAndSpreadsUnderAnyKey) {
  for (int round = 0; round < 64; ++round) {
    SetHashKey(RandomHashKey());
    std::set<uint64_t> hashes;
    std::array<int, 16> spread = {};
    for (int client = 0; client < 64; ++client) {
      for (int server = 0; server < 64; ++server) {
        const uint8_t a[4] = {10, 0, 0, static_cast<uint8_t>(client)};
        const uint8_t b[4] = {192, 0, 2, static_cast<uint8_t>(server)};
        const uint64_t hash = AddressHash(IpAddress::FromV4(a), IpAddress::FromV4(b));
        ASSERT_EQ(AddressHash(IpAddress::FromV4(b), IpAddress::FromV4(a)), hash);
        hashes.insert(hash);
        ++spread[hash & 0xf];
      }
    }
    ASSERT_EQ(hashes.size(), 4'096u);
    // 256 is even, and 16 the standard deviation of what chance does.
    for (const int count : spread) ASSERT_NEAR(count, 256, 128);
  }
}

TEST_F(KeyedHash, KeysAreDrawnAnew) {
  const HashKey one = RandomHashKey(), another = RandomHashKey();
  EXPECT_NE(one.first, another.first);
  EXPECT_NE(one.second, another.second);
}

}  // namespace
}  // namespace mailtap::net

// Name servers' answers, over UDP and TCP, on their way to the control core.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/unit/net/dns_message.h"
#include "tests/unit/net/tunnel_builder.h"
#include "tests/unit/pipeline/sensor.h"

namespace mailtap::pipeline {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const net::DnsMessage kMessage = {.records = {{"mail.example.com", 5, 300, "mx.example.net"},
                                              {"mx.example.net", 1, 60, "192.0.2.1"}}};

Frame Udp(uint16_t source, uint16_t destination, const std::string& payload) {
  const net::Bytes bytes = net::EthernetOf(
      net::Ipv4({.source = "10.0.0.53", .destination = "10.1.0.1", .protocol = 17},
                net::Udp(source, destination, net::Bytes(payload.begin(), payload.end()))));
  return {.bytes = std::string(bytes.begin(), bytes.end()), .time = kStart};
}

// "name>address by server ttl" of each record, "alias" where it is one.
std::vector<std::string> Learnt(const Sensor& sensor) {
  std::vector<std::string> lines;
  for (const meter::AnswerRecord& answer : sensor.answers()) {
    std::string line(answer.name, answer.length);
    for (int i = 0; i < answer.address_count; ++i) {
      absl::StrAppend(&line, ">", net::ToString(answer.addresses[i]));
    }
    absl::StrAppend(&line, " by ", net::ToString(answer.server), " ", answer.ttl,
                    answer.alias ? " alias" : "");
    lines.push_back(line);
  }
  return lines;
}

const auto kLearnt = ElementsAre("mail.example.com>192.0.2.1 by 10.0.0.53 60",
                                 "mx.example.net>192.0.2.1 by 10.0.0.53 60 alias");

TEST(Answers, OverUdpArePassedOn) {
  EXPECT_THAT(Learnt(Sensor().Play({Udp(53, 40'000, kMessage.Bytes())}).Finish()), kLearnt);
}

TEST(Answers, FromOtherPortsAreNone) {
  EXPECT_THAT(Learnt(Sensor().Play({Udp(54, 40'000, kMessage.Bytes())}).Finish()), IsEmpty());
  EXPECT_THAT(Learnt(Sensor().Play({Udp(40'000, 53, kMessage.Bytes())}).Finish()), IsEmpty());
}

Conversation Tcp() { return Conversation("10.1.0.1", 40'000, "10.0.0.53", 53); }

TEST(Answers, OverTcpArePassedOnHoweverTheyAreCut) {
  const std::string stream = net::OverTcp(kMessage.Bytes()) + net::OverTcp(kMessage.Bytes());
  for (const std::size_t cut : {1u, 2u, 3u, 20u, 1'400u}) {
    Conversation talk = Tcp();
    talk.Handshake().Client(net::OverTcp("a query")).Cut(cut).Server(stream).Close();
    EXPECT_EQ(Learnt(Sensor().Play(talk.frames()).Finish()).size(), 4u) << cut;
  }
}

TEST(Answers, CopiesOfSegmentsAddNothing) {
  Conversation talk = Tcp();
  talk.Handshake().Server(net::OverTcp(kMessage.Bytes())).Close();
  Frames twice;
  for (const Frame& frame : talk.frames()) twice.insert(twice.end(), 2, frame);
  EXPECT_THAT(Learnt(Sensor().Play(twice).Finish()), kLearnt);
}

// Who can make a resolver send a long text could write an answer into it.
TEST(Answers, WhatLooksLikeAMessageInsideAnotherOneIsNone) {
  net::DnsMessage carrier;
  carrier.type = 16;
  carrier.records = {{carrier.name, 16, 60, std::string(300, 'x')}};
  std::string bytes = net::OverTcp(carrier.Bytes() + net::OverTcp(kMessage.Bytes()));
  Conversation talk = Tcp();
  talk.Handshake().Cut(carrier.Bytes().size() + 2).Server(bytes).Close();
  EXPECT_THAT(Learnt(Sensor().Play(talk.frames()).Finish()), IsEmpty());
}

TEST(Answers, WithoutTheStartOfTheConnectionAreNone) {
  Conversation talk = Tcp();
  talk.Server(net::OverTcp(kMessage.Bytes()));
  EXPECT_THAT(Learnt(Sensor().Play(talk.frames()).Finish()), IsEmpty());
}

TEST(Answers, AfterALostSegmentAreNoneOnThatConnection) {
  Conversation talk = Tcp();
  talk.Handshake()
      .Server(net::OverTcp(kMessage.Bytes()))
      .Lost(kDown, net::OverTcp(kMessage.Bytes()))
      .Server(net::OverTcp(kMessage.Bytes()))
      .Close();
  EXPECT_THAT(Learnt(Sensor().Play(talk.frames()).Finish()), kLearnt);
}

TEST(Answers, MailOnANameServersPortIsStillFound) {
  Conversation talk = Tcp();
  talk.Handshake()
      .Server("220 mx.example.net ESMTP\r\n")
      .Client("EHLO host.example.com\r\n")
      .Server("250 mx.example.net\r\n")
      .Client("QUIT\r\n")
      .Server("221 bye\r\n")
      .Close();
  EXPECT_EQ(Sensor().Play(talk.frames()).Finish().sessions().size(), 1u);
}

TEST(Answers, GiveWayWhenTheRingFillsUp) {
  config::Config config = SmallConfig();
  config.limits.ring_bytes = 65'536;
  Sensor sensor(config);
  sensor.hold_ring = true;
  sensor.Play(Frames(200, Udp(53, 40'000, kMessage.Bytes())));
  sensor.hold_ring = false;
  sensor.Drain();
  EXPECT_GT(sensor.shortages(Shortage::kAnswers), 0u);
  EXPECT_LE(sensor.answers().size() * sizeof(meter::AnswerRecord), 36'000u);
  EXPECT_EQ(sensor.answers().size() + sensor.shortages(Shortage::kAnswers), 400u);
}

}  // namespace
}  // namespace mailtap::pipeline

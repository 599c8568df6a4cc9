#include "lib/classify/preface.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"

namespace mailtap::classify {
namespace {

using Kind = Preface::Kind;
using namespace std::string_literals;

constexpr Side kC = Side::kClient, kS = Side::kServer;

struct Line {
  Side side;
  std::string text;
};

const std::string kSignature = "\r\n\r\n\0\r\nQUIT\n"s;
const std::string kGreeting5 = "\5\1\0"s;
const std::string kReply5 = "\5\0\0\1\0\0\0\0\0\0"s;

// Feeds the lines in pieces of `step` bytes from the first that Detect knows, as the pipeline
// does. Says what came of it: "kind port, rest of the client | rest of the server".
std::string Outcome(const std::vector<Line>& lines, std::size_t step) {
  std::string opening, rest[2];
  Preface preface;
  for (const Line& line : lines) {
    for (std::size_t at = 0; at < line.text.size(); at += step) {
      std::string piece = line.text.substr(at, step);
      if (Preface::Detect(opening) == Kind::kNone) {
        if (line.side == kS) return "server first";
        opening += piece;
        const Kind kind = Preface::Detect(opening);
        if (kind == Kind::kNone) continue;
        preface = Preface(kind);
        piece = opening;
      }
      std::size_t taken = 0;
      if (preface.reading(line.side)) {
        taken = preface.Feed(line.side, reinterpret_cast<const uint8_t*>(piece.data()),
                             piece.size());
      }
      if (preface.failed()) return "failed";
      rest[static_cast<int>(line.side)] += piece.substr(taken);
    }
  }
  if (Preface::Detect(opening) == Kind::kNone) return "none";
  const std::string end = preface.reading() ? "unfinished" : std::string(Name(preface.via()));
  return absl::StrCat(end, " ", preface.target_port(), ", ", rest[0], "|", rest[1]);
}

void Expect(const std::vector<Line>& lines, const std::string& outcome) {
  for (const std::size_t step : {1, 2, 3, 7, 1'000}) {
    EXPECT_EQ(Outcome(lines, step), outcome) << "in pieces of " << step;
  }
}

TEST(Preface, APortThatIsNoneIsNotKnown) {
  for (const char* port : {"66001", "655360", "99999999999465"}) {
    Expect({{kC, absl::StrCat("CONNECT a.example:", port, " HTTP/1.1\r\n\r\n")},
            {kS, "HTTP/1.1 200 OK\r\n\r\n"}},
           "http-connect 0, |");
  }
}

TEST(Preface, HttpConnect) {
  const Line ask = {kC, "CONNECT mx.example.com:25 HTTP/1.0\r\nUser-Agent: x\r\n\r\n"};
  Expect(
      {ask, {kS, "HTTP/1.0 200 Connection established\r\n\r\n220 mx\r\n"}, {kC, "EHLO x\r\n"}},
      "http-connect 25, EHLO x\r\n|220 mx\r\n");
  Expect({ask, {kS, "HTTP/1.1 200 OK\nVia: 1.1 p\n\n"}}, "http-connect 25, |");
  Expect({{kC, "CONNECT [2001:db8::25]:587 HTTP/1.1\r\n\r\n"}, {kS, "HTTP/1.1 200 OK\r\n\r\n"}},
         "http-connect 587, |");
  Expect({ask, {kS, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\nx"}},
         "http-connect 25, |x");
  Expect({{kC, "CONNECT a.example:25 / HTTP/1.0\r\n\r\n"}, {kS, "HTTP/1.0 200 OK\r\n\r\n"}},
         "http-connect 25, |");
  Expect({{kC, "CONNECT  _mx.example:25  HTTP/1.1\r\n\r\n"}, {kS, "HTTP/1.1 200 OK\r\n\r\n"}},
         "http-connect 25, |");
  Expect({ask}, "unfinished 25, |");
}

TEST(Preface, LineEndsMayGoBeforeARequest) {
  const Line granted = {kS, "HTTP/1.1 200 OK\r\n\r\n220 mx\r\n"};
  const std::string ask = "CONNECT a.example:25 HTTP/1.1\r\n\r\n";
  for (const std::string& before : {"\r\n"s, "\n"s, "\r\n\r\n"s}) {
    Expect({{kC, before + ask}, granted}, "http-connect 25, |220 mx\r\n");
    Expect({{kC, ask}, {kS, "HTTP/1.1 407 No\r\n\r\n"}, {kC, before + ask}, granted},
           "http-connect 25, |220 mx\r\n");
  }
  Expect({{kC, "\r\n\r\n\r\n" + ask}}, "none");
}

TEST(Preface, HttpConnectThatHasToAuthenticate) {
  const Line ask = {kC, "CONNECT a.example:143 HTTP/1.1\r\n\r\n"};
  const Line refuse = {
      kS, "HTTP/1.1 407 Authentication required\r\nContent-Length: 4\r\n\r\nno\r\n"};
  Expect({ask,
          refuse,
          ask,
          refuse,
          ask,
          {kS, "HTTP/1.1 200 OK\r\n\r\n* OK\r\n"},
          {kC, "a NOOP\r\n"}},
         "http-connect 143, a NOOP\r\n|* OK\r\n");
  Expect({ask, refuse, {kC, "GET / HTTP/1.1\r\n"}}, "failed");
  // Tickets of Kerberos are long.
  const Line ticket = {kC, "CONNECT a.example:143 HTTP/1.1\r\nProxy-Authorization: Negotiate " +
                               std::string(12'000, 'T') + "\r\n\r\n"};
  Expect({ticket, refuse, ticket, refuse, ticket, {kS, "HTTP/1.1 200 OK\r\n\r\n* OK\r\n"}},
         "http-connect 143, |* OK\r\n");
}

TEST(Preface, Socks4) {
  const Line reply = {kS, "\0\x5a\0\0\0\0\0\0"s};
  Expect({{kC, "\4\1\0\x19\xc0\0\2\1me\0"s}, reply, {kS, "220 mx\r\n"}, {kC, "EHLO x\r\n"}},
         "socks4 25, EHLO x\r\n|220 mx\r\n");
  Expect({{kC, "\4\1\0\x6e\0\0\0\1\0mail.example\0"s}, reply}, "socks4 110, |");
  for (const std::string& whom : {"\xc0\0\2\1\0"s, "\0\0\0\1me\0mx.example\0"s}) {
    Expect({{kC, "\4\1\0\x19"s + whom + "EHLO x\r\n"}, reply, {kS, "220 mx\r\n"}},
           "socks4 25, EHLO x\r\n|220 mx\r\n");
  }
  Expect({{kC, "\4\1\0\x19\xc0\0\2\1me\0"s}, {kS, "\0\x5b\0\0\0\0\0\0"s}}, "failed");
}

TEST(Preface, Socks5) {
  const Line chosen = {kS, "\5\0"s}, reply = {kS, kReply5};
  const Line to_host = {kC, "\5\1\0\3\x0cmail.example\0\x19"s};
  Expect({{kC, kGreeting5}, chosen, to_host, reply, {kS, "220 mx\r\n"}, {kC, "EHLO x\r\n"}},
         "socks5 25, EHLO x\r\n|220 mx\r\n");
  Expect({{kC, kGreeting5 + to_host.text}, chosen, reply, {kS, "220 mx\r\n"}},
         "socks5 25, |220 mx\r\n");  // all in one
  Expect({{kC, "\5\2\0\2"s},
          {kS, "\5\2"s},
          {kC, "\1\2me\3you"s},
          {kS, "\1\0"s},
          {kC, "\5\1\0\4"s + std::string(16, 'a') + "\3\xe1"},
          {kS, "\5\0\0\4"s + std::string(18, 'b')}},
         "socks5 993, |");
  Expect({{kC, kGreeting5}, {kS, "\5\xff"s}}, "failed");
  Expect({{kC, kGreeting5}, chosen, to_host, {kS, "\5\5\0\1\0\0\0\0\0\0"s}}, "failed");
  Expect({{kC, kGreeting5}, chosen, {kC, "\5\3\0\1\0\0\0\0\0\0"s}}, "failed");  // UDP
}

TEST(Preface, ProxyProtocol) {
  Expect({{kC, "PROXY TCP4 192.0.2.1 192.0.2.25 40000 25\r\nEHLO x\r\n"}, {kS, "220 mx\r\n"}},
         "none 0, EHLO x\r\n|220 mx\r\n");
  Expect({{kC, "PROXY UNKNOWN\r\n"}, {kS, "+OK\r\n"}}, "none 0, |+OK\r\n");
  Expect({{kC, kSignature + "\x21\x11\0\x0c"s + std::string(12, 'a') + "EHLO x\r\n"}},
         "none 0, EHLO x\r\n|");
  Expect({{kC, kSignature + "\x20\0\0\0"s + "a NOOP\r\n"}}, "none 0, a NOOP\r\n|");
}

TEST(Preface, WhatOpensLikeOneIsToldApart) {
  Expect({{kC, "CONNECT {\"verbose\":false}\r\nPING\r\n"}}, "none");  // NATS
  Expect({{kC, "CONNECT\naccept-version:1.2\n\n\0"s}}, "none");       // STOMP
  Expect({{kC, "CONNECT me please\r\n"}}, "failed");
  Expect({{kC, "PROXYING\r\n"}}, "none");
  Expect({{kC, "\r\n\r\nEHLO x\r\n"}}, "none");
  Expect({{kC, "\5\1\xff"s}}, "none");
  Expect({{kC, "\4\2\0\x19\xc0\0\2\1\0"s}}, "none");  // BIND
  Expect({{kC, "\4\1\0\0\xc0\0\2\1\0"s}}, "none");    // to no port
  Expect({{kC, "\4\1\0\x19\xc0\0\2\1\1\2\0"s}}, "none");
  Expect({{kC, "CONNECT a:25 HTTP/1.1\r\n\r\n"}, {kS, "220 mx ESMTP\r\n"}}, "failed");
  Expect({{kC, "CONNECT " + std::string(20'000, 'a')}}, "failed");
}

TEST(Preface, TheCheapTestFindsEverySocksOpening) {
  const auto may_be = [](const std::string& text) {
    return MayBeSocks(reinterpret_cast<const uint8_t*>(text.data()), text.size());
  };
  for (const std::string& whole :
       {kGreeting5, "\5\2\0\2"s, kGreeting5 + "\5\1\0\3"s, "\4\1\0\x19\xc0\0\2\1me\0"s}) {
    for (std::size_t size = 1; size <= whole.size(); ++size) {
      EXPECT_TRUE(may_be(whole.substr(0, size))) << whole.size() << " " << size;
    }
  }
  EXPECT_FALSE(may_be("\4\3\0\0"s));
  EXPECT_FALSE(may_be("\5\1\0 and more"s));
  EXPECT_FALSE(may_be("\5\x40\0"s)) << "more methods than there are";
  EXPECT_FALSE(may_be("EHLO x\r\n"));
}

TEST(Preface, AWholeSocksOpeningIsToldByItsLength) {
  const auto is = [](const std::string& text) {
    return IsSocksOpening(reinterpret_cast<const uint8_t*>(text.data()), text.size());
  };
  for (const std::string& whole : {kGreeting5, "\5\2\0\2"s, "\4\1\0\x19\xc0\0\2\1me\0"s,
                                   "\4\1\0\x19\0\0\0\1\0mx.example.net\0"s}) {
    EXPECT_TRUE(is(whole));
    EXPECT_FALSE(is(whole + "x"));
    EXPECT_FALSE(is(whole.substr(0, whole.size() - 1)));
    EXPECT_FALSE(is(whole.substr(0, 1)));
  }
  EXPECT_FALSE(is("\5\0"s)) << "no method";
}

}  // namespace
}  // namespace mailtap::classify

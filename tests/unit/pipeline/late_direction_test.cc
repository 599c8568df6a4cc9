// A mirror that shows one direction some time behind the other, as two taps with buffers of
// their own do: what a session is, and all of its bytes, are known all the same.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/unit/pipeline/dialogues.h"
#include "tests/unit/pipeline/sensor.h"

namespace mailtap::pipeline {
namespace {

using namespace std::string_literals;

constexpr uint16_t kProxyPort = 3'128;

// Each line some milliseconds after the one that it answers.
Conversation Talk(const Script& script, uint16_t port) {
  Conversation talk("10.1.0.5", 40'000, "192.0.2.25", port);
  talk.Handshake();
  for (const Line& line : script) Say(talk.Wait(7 * kNanosPerMilli), {line});
  return talk;
}

Frames Late(Frames frames, Direction late, int64_t delay) {
  for (Frame& frame : frames) {
    if (frame.direction == late) frame.time += delay;
  }
  std::stable_sort(frames.begin(), frames.end(),
                   [](const Frame& a, const Frame& b) { return a.time < b.time; });
  return frames;
}

Script Behind(const Script& before, const Script& dialogue) {
  Script whole = before;
  whole.insert(whole.end(), dialogue.begin(), dialogue.end());
  return whole;
}

std::vector<Script> Prefaces() {
  const Line ask = {kUp, "CONNECT mx.example:25 HTTP/1.1\r\nHost: mx.example\r\n\r\n"};
  const Line granted = {kDown, "HTTP/1.1 200 OK\r\n\r\n"};
  return {{},
          {ask, granted},
          {ask, {kDown, "HTTP/1.1 407 No\r\nContent-Length: 4\r\n\r\nnope"}, ask, granted},
          {{kUp, "\4\1\0\x19\xc0\0\2\1me\0"s}, {kDown, "\0\x5a\0\0\0\0\0\0"s}},
          {{kUp, "\5\1\0"s},
           {kDown, "\5\0"s},
           {kUp, "\5\1\0\1\xc0\0\2\1\0\x19"s},
           {kDown, "\5\0\0\1\0\0\0\0\0\0"s}}};
}

TEST(LateDirection, HidesNoMail) {
  const struct {
    Script script;
    const char* what;
  } kMail[] = {{SmtpScript(), "smtp banner none "},
               {ImapScript(), "imap banner none "},
               {Pop3Script(), "pop3 banner none "},
               {SmtpStarttlsScript(), "smtp banner starttls "},
               {ImapStarttlsScript(), "imap banner starttls "},
               {Pop3StlsScript(), "pop3 banner starttls "}};
  for (const Script& preface : Prefaces()) {
    for (const auto& mail : kMail) {
      const Script whole = Behind(preface, mail.script);
      const Frames frames = Talk(whole, kProxyPort).Close().frames();
      for (const Direction late : {kUp, kDown}) {
        for (const int64_t millis : {1, 3, 10, 30, 100, 200}) {
          SCOPED_TRACE(absl::StrCat(mail.what, "behind ", preface.size(), " lines, ",
                                    late == kUp ? "up" : "down", " late by ", millis));
          Sensor sensor;
          sensor.Play(Late(frames, late, millis * kNanosPerMilli)).Finish();
          ASSERT_EQ(sensor.sessions().size(), 1u);
          const meter::SessionRecord& session = sensor.sessions()[0];
          EXPECT_EQ(Describe(session).substr(0, std::string(mail.what).size()), mail.what);
          EXPECT_EQ(session.via != Via::kNone, !preface.empty());
          EXPECT_EQ(session.bytes[kUp].volume(), BytesOf(whole, kUp));
          EXPECT_EQ(session.bytes[kDown].volume(), BytesOf(whole, kDown));
        }
      }
    }
  }
}

// A mirror of one direction shows nothing but such answers.
TEST(LateDirection, ThatNeverComesLeavesNoState) {
  const Script web = {{kUp, "GET / HTTP/1.1\r\n\r\n"},
                      {kDown, "HTTP/1.1 200 OK\r\nContent-Length: 40000\r\n\r\n"},
                      {kDown, std::string(40'000, 'x')}};
  const Frames frames = Talk(web, 8'080).OneWay(kDown);
  Sensor sensor;
  sensor.Play(frames).Idle(3);
  EXPECT_EQ(sensor.counters().sessions.value(), 0u);
  EXPECT_EQ(sensor.counters().dialogues.value(), 0u);
  EXPECT_EQ(sensor.Finish().sessions().size(), 0u);
}

}  // namespace
}  // namespace mailtap::pipeline

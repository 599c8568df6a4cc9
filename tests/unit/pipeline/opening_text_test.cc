#include "lib/pipeline/opening_text.h"

#include <gtest/gtest.h>

#include <string>

namespace mailtap::pipeline {
namespace {

const uint8_t* Bytes(const std::string& text) {
  return reinterpret_cast<const uint8_t*>(text.data());
}

OpeningText Fresh() {
  OpeningText opening;
  opening.Reset();
  return opening;
}

void Append(OpeningText& opening, flow::End end, const std::string& text) {
  opening.Append(end, Bytes(text), static_cast<uint32_t>(text.size()));
}

TEST(OpeningText, KeepsWhatEachSideSaidFirst) {
  OpeningText opening = Fresh();
  Append(opening, 0, "EHLO ");
  Append(opening, 1, "220 mx\r\n");
  Append(opening, 0, "pc\r\n");
  EXPECT_EQ(opening.text(0), "EHLO pc\r\n");
  EXPECT_EQ(opening.text(1), "220 mx\r\n");
  EXPECT_FALSE(opening.text_ended[0]);
  Append(opening, 0, std::string(OpeningText::kTextBytes, 'x'));
  EXPECT_EQ(opening.text(0).size(), OpeningText::kTextBytes);
  EXPECT_TRUE(opening.text_ended[0]);
  EXPECT_EQ(opening.text(1), "220 mx\r\n");
  Append(opening, 0, "y");
  EXPECT_EQ(opening.text(0).back(), 'x');
}

TEST(OpeningText, ForgetsWholeLines) {
  OpeningText opening = Fresh();
  Append(opening, 1, "* one\r\n* two\r\n* thr");
  opening.DropLines(1);
  EXPECT_EQ(opening.text(1), "* thr");
  Append(opening, 1, "ee\r\nfour\r\nfi");
  opening.DropLines(1, /*kept=*/9);
  EXPECT_EQ(opening.text(1), "* three\r\nfi");
  opening.text_ended[1] = true;  // it goes on behind a gap
  opening.DropLines(1);
  EXPECT_EQ(opening.text(1), "");
  EXPECT_FALSE(opening.text_ended[1]);
}

TEST(OpeningText, BinaryCountsWhereTheStartIsMissing) {
  OpeningText opening = Fresh();
  opening.from_start[0] = opening.from_start[1] = true;
  Append(opening, 0, "a line\x01");
  Append(opening, 1, "text\t\r\n");
  EXPECT_FALSE(opening.BinaryUnderWay(/*gaps=*/false));
  EXPECT_TRUE(opening.BinaryUnderWay(/*gaps=*/true));
  opening.from_start[0] = false;
  EXPECT_TRUE(opening.BinaryUnderWay(/*gaps=*/false));
}

TEST(OpeningText, BinaryCountsNotWhereAStartIsNeitherTextNorTls) {
  const struct {
    std::string start;
    bool foreign;
  } kStarts[] = {{"\x17\x03\x03\x01\x20", false}, {"\x16", false},    {"text", false},
                 {"0\x1d\x02\x01", true},         {"\x03\x01", true}, {"a b\x01", true}};
  for (const auto& c : kStarts) {
    OpeningText opening = Fresh();
    opening.from_start[0] = true;
    Append(opening, 0, c.start);
    Append(opening, 1, "\x01\x02");
    EXPECT_EQ(opening.BeginsForeign(0), c.foreign);
    EXPECT_FALSE(opening.BeginsForeign(1));
    EXPECT_EQ(opening.BinaryUnderWay(/*gaps=*/true), !c.foreign);
  }
}

// The longest name neither touches the server's words nor runs out of the buffer.
TEST(OpeningText, NamesTakeTheClientsPlace) {
  const std::string greeting(OpeningText::kTextBytes, 'g');
  const std::string label(62, 'n');
  const std::string name = label + "." + label + "." + label + "." + label + ".";  // 252
  std::string list = std::string("\0", 1) + std::string{0, static_cast<char>(name.size())};
  list += name;
  const auto sized = [](const std::string& body, int bytes) {
    std::string length;
    for (int i = bytes - 1; i >= 0; --i) length += static_cast<char>(body.size() >> (8 * i));
    return length + body;
  };
  const std::string extension = std::string(2, '\0') + sized(sized(list, 2), 2);
  const std::string body = "\x03\x03" + std::string(32, 'r') + std::string(1, '\0') +
                           sized("\x13\x01", 2) + sized(std::string(1, '\0'), 1) +
                           sized(extension, 2);
  const std::string hello = "\x16\x03\x01" + sized("\x01" + sized(body, 3), 2);
  for (const flow::End client : {0, 1}) {
    OpeningText opening = Fresh();
    const flow::End server = flow::Other(client);
    Append(opening, client, "EHLO pc\r\nSTARTTLS\r\n");
    Append(opening, server, greeting);
    classify::TlsHelloParser& parser = opening.StartHello(client);
    EXPECT_EQ(parser.Feed(Bytes(hello), hello.size()), classify::TlsHelloParser::Status::kDone);
    EXPECT_EQ(opening.hello().server_name(), name.substr(0, name.size() - 1));
    EXPECT_EQ(opening.text(server), greeting);
    EXPECT_EQ(opening.text(client), "");
  }
}

}  // namespace
}  // namespace mailtap::pipeline

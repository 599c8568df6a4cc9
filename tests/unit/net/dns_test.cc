#include "lib/net/dns.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

#include "absl/strings/str_cat.h"
#include "tests/unit/net/dns_message.h"

namespace mailtap::net {
namespace {

using testing::ElementsAre;

// "name/ttl" of each name, then the addresses; or why there are none. The message lies at the
// end of its memory, so that a sanitizer sees any look past it.
std::vector<std::string> Read(const std::string& bytes) {
  const auto copy = std::make_unique<uint8_t[]>(bytes.size());
  std::copy(bytes.begin(), bytes.end(), copy.get());
  DnsAnswer answer;
  switch (ReadDnsAnswer(copy.get(), static_cast<uint32_t>(bytes.size()), answer)) {
    case DnsResult::kMalformed:
      return {"malformed"};
    case DnsResult::kNoAnswer:
      return {"no answer"};
    case DnsResult::kAnswer:
      break;
  }
  std::vector<std::string> lines;
  for (int i = 0; i < answer.name_count; ++i) {
    const DnsAnswer::Name& name = answer.names[i];
    lines.push_back(absl::StrCat(name.view(), "/", name.ttl));
  }
  for (int i = 0; i < answer.address_count; ++i) lines.push_back(ToString(answer.addresses[i]));
  return lines;
}
std::vector<std::string> Read(const DnsMessage& message) { return Read(message.Bytes()); }

const DnsMessage kSimple = {.records = {{"mail.example.com", 1, 60, "192.0.2.1"}}};

TEST(ReadDnsAnswer, GivesNameAndAddresses) {
  EXPECT_THAT(Read(kSimple), ElementsAre("mail.example.com/60", "192.0.2.1"));
  EXPECT_THAT(Read(DnsMessage{.type = 28,
                              .records = {{"mail.example.com", 28, 60, "2001:db8::1"},
                                          {"mail.example.com", 28, 60, "2001:db8::2"}}}),
              ElementsAre("mail.example.com/60", "2001:db8::1", "2001:db8::2"));
}

TEST(ReadDnsAnswer, FollowsAliasesAndTakesTheLeastTimeBetween) {
  EXPECT_THAT(Read(DnsMessage{.records = {{"mail.example.com", 5, 300, "a.example.net"},
                                          {"a.example.net", 5, 20, "b.example.org"},
                                          {"b.example.org", 1, 100, "192.0.2.1"},
                                          {"b.example.org", 1, 90, "192.0.2.2"}}}),
              ElementsAre("mail.example.com/20", "a.example.net/20", "b.example.org/90",
                          "192.0.2.1", "192.0.2.2"));
}

// Whoever answers for an alias's zone could add records for any other name.
TEST(ReadDnsAnswer, RecordsThatTheQuestionDoesNotLeadToSayNothing) {
  EXPECT_THAT(Read(DnsMessage{.records = {{"relay.example.org", 1, 60, "198.51.100.66"},
                                          {"mail.example.com", 1, 60, "192.0.2.1"},
                                          {"relay.example.org", 1, 60, "198.51.100.67"}}}),
              ElementsAre("mail.example.com/60", "192.0.2.1"));
  EXPECT_THAT(Read(DnsMessage{.records = {{"relay.example.org", 1, 60, "198.51.100.66"}}}),
              ElementsAre("no answer"));
}

TEST(ReadDnsAnswer, LettersAreAlikeInEitherCase) {
  DnsMessage message = {.name = "mAiL.ExAmple.COM",
                        .records = {{"MAIL.example.com", 1, 60, "192.0.2.1"}}};
  EXPECT_THAT(Read(message), ElementsAre("mail.example.com/60", "192.0.2.1"));
}

TEST(ReadDnsAnswer, OtherMessagesAreNoAnswer) {
  const auto with = [](auto change) {
    DnsMessage message = kSimple;
    change(message);
    return Read(message);
  };
  const auto none = ElementsAre("no answer");
  EXPECT_THAT(with([](DnsMessage& m) { m.flags = 0x0100; }), none) << "a query";
  EXPECT_THAT(with([](DnsMessage& m) { m.flags = 0x8183; }), none) << "no such name";
  EXPECT_THAT(with([](DnsMessage& m) { m.flags = 0xa980; }), none) << "an update";
  EXPECT_THAT(with([](DnsMessage& m) { m.type = 15; }), none) << "a question for MX";
  EXPECT_THAT(with([](DnsMessage& m) { m.questions = 2; }), none);
  EXPECT_THAT(with([](DnsMessage& m) { m.records.clear(); }), none);
  EXPECT_THAT(with([](DnsMessage& m) { m.records[0].dns_class = 3; }), none) << "Chaosnet";
  EXPECT_THAT(with([](DnsMessage& m) { m.flags = 0x81c0; }), ElementsAre("malformed"));
  EXPECT_THAT(Read(std::string(11, 'x')), ElementsAre("malformed"));
}

// A dot inside a label would make one name look like another.
TEST(ReadDnsAnswer, NamesThatNoHostHasAreNotLearnt) {
  std::string bytes = kSimple.Bytes();
  const std::size_t label = bytes.find("mail");
  for (const char c : {'.', ' ', '\0', '"', '\x80', '*'}) {
    std::string odd = bytes;
    odd[label + 1] = c;
    EXPECT_THAT(Read(odd), ElementsAre("no answer")) << static_cast<int>(c);
  }
  bytes[label + 1] = '_';
  EXPECT_THAT(Read(bytes), ElementsAre("m_il.example.com/60", "192.0.2.1"));
}

TEST(ReadDnsAnswer, PointersLeadBackwardsOnly) {
  std::string bytes = kSimple.Bytes();
  const std::size_t owner = bytes.find("\xc0\x0c");
  // To itself, to what follows, and in a ring of two.
  for (const uint32_t target :
       {static_cast<uint32_t>(owner), static_cast<uint32_t>(owner) + 4, 0x3fffu}) {
    std::string odd = bytes;
    odd.replace(owner, 2, DnsNumber(0xc000 | target, 2));
    EXPECT_THAT(Read(odd), ElementsAre("no answer")) << target;
  }
  std::string question = bytes;
  question.replace(12, 2, DnsNumber(0xc00c, 2));
  EXPECT_EQ(Read(question).size(), 1u);
}

// Pointers have 14 bits: past their reach an alias's name can't be pointed to, and what looks
// like a pointer to it is one to somewhere else.
TEST(ReadDnsAnswer, OwnersThatPointAtAnAlias) {
  constexpr uint32_t kRecordRest = 10;
  const DnsRecord alias = {"mail.example.com", 5, 300, "a.example.net"};
  const DnsRecord address = {"@", 1, 90, "192.0.2.1"};  // DnsName("@") is three bytes
  for (const uint32_t alias_at : {0x100u, 0x3ffeu, 0x4010u}) {
    const std::size_t question = DnsMessage{}.Bytes().size();
    const std::string padding(alias_at - question - 2 * (2 + kRecordRest), 'x');
    std::string bytes =
        DnsMessage{.records = {{"mail.example.com", 16, 1, padding}, alias, address}}.Bytes();
    ASSERT_EQ(bytes.find(DnsName("a.example.net")), alias_at);
    bytes.replace(bytes.rfind(DnsName("@")), 3, DnsNumber(0xc000 | (alias_at & 0x3fff), 2));
    if (alias_at < 0x4000) {
      EXPECT_THAT(Read(bytes),
                  ElementsAre("mail.example.com/90", "a.example.net/90", "192.0.2.1"));
    } else {
      EXPECT_THAT(Read(bytes), ElementsAre("no answer"));
    }
  }
}

TEST(ReadDnsAnswer, LabelsOfReservedKindsAreMalformed) {
  for (const uint8_t kind : {0x40, 0x80}) {
    std::string bytes = kSimple.Bytes();
    bytes[12] = static_cast<char>(kind | 4);
    EXPECT_THAT(Read(bytes), ElementsAre("malformed"));
  }
}

TEST(ReadDnsAnswer, NamesAreAsLongAsTheyMayBe) {
  const std::string label(63, 'a');
  const std::string longest =
      absl::StrCat(label, ".", label, ".", label, ".", std::string(61, 'b'));
  ASSERT_EQ(longest.size(), 253u);
  const DnsMessage fits = {.name = longest, .records = {{longest, 1, 60, "192.0.2.1"}}};
  EXPECT_THAT(Read(fits), ElementsAre(absl::StrCat(longest, "/60"), "192.0.2.1"));
  const std::string longer = longest + "b";
  const DnsMessage over = {.name = longer, .records = {{longer, 1, 60, "192.0.2.1"}}};
  EXPECT_EQ(Read(over).size(), 1u);
}

TEST(ReadDnsAnswer, OfAMessageCutShortTheWholeRecordsCount) {
  const DnsMessage message = {.records = {{"mail.example.com", 1, 60, "192.0.2.1"},
                                          {"mail.example.com", 1, 60, "192.0.2.2"}}};
  const std::string bytes = message.Bytes();
  const std::size_t record = 16;
  for (std::size_t size = 0; size <= bytes.size(); ++size) {
    const std::vector<std::string> lines = Read(bytes.substr(0, size));
    const std::size_t whole =
        size + 2 * record < bytes.size() ? 0 : (size + 2 * record - bytes.size()) / record;
    EXPECT_EQ(lines.size(), whole == 0 ? 1 : 1 + whole) << size;
  }
}

TEST(ReadDnsAnswer, BoundsNamesAndAddresses) {
  DnsMessage many = {.records = {}};
  for (int i = 0; i < 60; ++i) {
    many.records.push_back({"mail.example.com", 1, 60, absl::StrCat("192.0.2.", i)});
  }
  EXPECT_EQ(Read(many).size(), 1u + DnsAnswer::kMaxAddresses);
}

// Of a long chain the question's name counts, and whatever there is room for.
TEST(ReadDnsAnswer, ALongChainOfAliasesIsFollowedToItsEnd) {
  for (const int aliases : {DnsAnswer::kMaxNames - 1, DnsAnswer::kMaxNames, 12}) {
    DnsMessage chain = {.records = {}};
    std::string owner = chain.name;
    for (int i = 1; i <= aliases; ++i) {
      const std::string next = absl::StrCat("n", i, ".example.net");
      chain.records.push_back({owner, 5, i == 8 ? 50u : 60u, next});
      owner = next;
    }
    chain.records.push_back({owner, 1, 70, "192.0.2.1"});
    chain.records.push_back({"n7.example.net", 1, 70, "192.0.2.2"});
    const std::vector<std::string> lines = Read(chain);
    ASSERT_EQ(lines.size(), DnsAnswer::kMaxNames + (aliases == 7 ? 2u : 1u)) << aliases;
    EXPECT_EQ(lines[0], aliases < 8 ? "mail.example.com/60" : "mail.example.com/50");
    EXPECT_EQ(lines[6], aliases < 8 ? "n6.example.net/60" : "n6.example.net/50");
    EXPECT_EQ(lines[7], aliases == 12 ? "n12.example.net/70" : absl::StrCat(owner, "/70"));
    EXPECT_EQ(lines[8], "192.0.2.1");
  }
}

TEST(ReadDnsAnswer, AddressesMayStandBeforeTheAliasesThatLeadToThem) {
  const DnsRecord to_a = {"mail.example.com", 5, 300, "a.example.net"};
  const DnsRecord to_b = {"a.example.net", 5, 20, "b.example.org"};
  const DnsRecord address = {"b.example.org", 1, 100, "192.0.2.1"};
  const DnsRecord strange = {"relay.example.org", 1, 60, "198.51.100.66"};
  EXPECT_THAT(
      Read(DnsMessage{.records = {strange, address, to_a, to_b}}),
      ElementsAre("mail.example.com/20", "a.example.net/20", "b.example.org/100", "192.0.2.1"));
  EXPECT_THAT(Read(DnsMessage{.records = {strange, to_a, to_b}}), ElementsAre("no answer"));
  const DnsRecord ring = {"a.example.net", 5, 20, "mail.example.com"};
  EXPECT_THAT(Read(DnsMessage{.records = {to_a, ring, to_a, ring}}), ElementsAre("no answer"));
}

TEST(ReadDnsAnswer, TimesToLiveAreBounded) {
  DnsMessage message = kSimple;
  message.records[0].ttl = 0x80000000;
  EXPECT_THAT(Read(message), ElementsAre("mail.example.com/0", "192.0.2.1"));
  message.records[0].ttl = 0x7fffffff;
  EXPECT_THAT(Read(message), ElementsAre("mail.example.com/604800", "192.0.2.1"));
}

TEST(ReadDnsAnswer, AddressesOfAWrongLengthAreNone) {
  DnsMessage message = kSimple;
  message.records[0] = {"mail.example.com", 1, 60, "2001:db8::1"};
  EXPECT_THAT(Read(message), ElementsAre("no answer"));
}

}  // namespace
}  // namespace mailtap::net

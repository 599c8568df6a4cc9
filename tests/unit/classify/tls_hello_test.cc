#include "lib/classify/tls_hello.h"

#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <string>

#include "tests/unit/classify/hello_builder.h"

namespace mailtap::classify {
namespace {

using Status = TlsHelloParser::Status;

struct Parsed {
  Status status;
  std::string name;
  std::optional<Service> alpn;
  friend bool operator==(const Parsed&, const Parsed&) = default;
};

// Feeds `bytes` in pieces that end at `cut` and then every `step` bytes. The name buffer is
// exactly as large as promised, so that AddressSanitizer sees any overrun.
Parsed Parse(const std::string& bytes, std::size_t cut = 0, std::size_t step = 1 << 20) {
  const auto name = std::make_unique<char[]>(TlsHelloParser::kMaxName);
  TlsHelloParser parser;
  parser.Start(name.get());
  for (std::size_t at = 0; at < bytes.size();) {
    const std::size_t size = at < cut ? cut - at : step;
    const std::string piece = bytes.substr(at, size);
    const std::unique_ptr<uint8_t[]> exact(new uint8_t[piece.size()]);
    std::copy(piece.begin(), piece.end(), exact.get());
    parser.Feed(exact.get(), piece.size());
    at += piece.size();
  }
  return {parser.status(), std::string(parser.server_name()), parser.alpn()};
}

Parsed Done(const std::string& name, std::optional<Service> alpn = std::nullopt) {
  return {Status::kDone, name, alpn};
}

TEST(TlsHello, NameAndAlpn) {
  EXPECT_EQ(Parse(ClientHelloFor("imap.example.com")), Done("imap.example.com"));
  EXPECT_EQ(Parse(ClientHelloFor("IMAP.Example.COM")), Done("imap.example.com"));
  EXPECT_EQ(Parse(ClientHello(AlpnExtension({"imap"}))), Done("", Service::kImap));
  EXPECT_EQ(Parse(ClientHello(AlpnExtension({"h2", "http/1.1"}))), Done(""));
  EXPECT_EQ(
      Parse(ClientHello(AlpnExtension({"http/1.1", "pop3"}) + ServerNameExtension("a.b"))),
      Done("a.b", Service::kPop3));
  for (const char* name : {"smtp", "esmtp"}) {
    EXPECT_EQ(Parse(ClientHello(AlpnExtension({name}))), Done("", Service::kSmtp)) << name;
  }
  EXPECT_EQ(Parse(ClientHello(AlpnExtension({"pop3", "imap"}))), Done("", Service::kPop3));
  // "xximap" ends like imap, and a name longer than eight bytes does too.
  EXPECT_EQ(Parse(ClientHello(AlpnExtension({"xximap", "verylongimap"}))), Done(""));
}

TEST(TlsHello, ANameIsThereOnceItIsWholeAndWithoutItsFinalDot) {
  const std::string hello = ClientHelloFor("mail.example.com");
  const std::size_t end = hello.find("mail.example.com") + 16;
  EXPECT_EQ(Parse(hello.substr(0, end - 1)).name, "");
  EXPECT_EQ(Parse(hello.substr(0, end)).name, "mail.example.com");
  EXPECT_EQ(Parse(ClientHelloFor("mail.example.com.")), Done("mail.example.com"));
  EXPECT_EQ(Parse(ClientHelloFor("mail.")), Done(""));
  EXPECT_EQ(Parse(ClientHelloFor("mail.example..")), Done(""));
}

bool MayOffer(const std::string& hello) {
  const std::unique_ptr<uint8_t[]> exact(new uint8_t[hello.size()]);
  std::copy(hello.begin(), hello.end(), exact.get());
  return MayOfferMail(exact.get(), hello.size());
}

TEST(TlsHello, OffersMailWhereItsAlpnSaysSo) {
  const std::string name = ServerNameExtension("a.b.c");
  for (const char* mail : {"imap", "pop3", "smtp", "esmtp"}) {
    EXPECT_TRUE(MayOffer(ClientHello(name + AlpnExtension({mail})))) << mail;
    EXPECT_TRUE(MayOffer(ClientHello(AlpnExtension({"http/1.1", mail}) + name))) << mail;
  }
  EXPECT_FALSE(MayOffer(ClientHello(AlpnExtension({"h2", "http/1.1"}) + name)));
  EXPECT_FALSE(MayOffer(ClientHello(AlpnExtension({"xximap", "imap4"}))));
  EXPECT_FALSE(MayOffer(ClientHelloFor("imap.example.com")));
  EXPECT_FALSE(MayOffer(Records(HelloMessage(nullptr))));
  EXPECT_FALSE(MayOffer("GET / HTTP/1.1\r\n"));
}

// What offers mail may do so however it is cut, once its names are there; what doesn't never
// does, unless the parser has to tell.
TEST(TlsHello, OffersMailAsFarAsItIsThere) {
  const std::string mail = AlpnExtension({"h2", "imap"}), web = AlpnExtension({"h2"});
  const std::string hello = ClientHello(mail + GreaseExtension());
  const std::size_t told = hello.find("imap") + 4;
  for (std::size_t size = 0; size <= hello.size(); ++size) {
    EXPECT_EQ(MayOffer(hello.substr(0, size)), size >= told) << size;
  }
  const std::string none = ClientHello(GreaseExtension() + web);
  for (std::size_t size = 0; size <= none.size(); ++size) {
    EXPECT_FALSE(MayOffer(none.substr(0, size))) << size;
  }
  EXPECT_TRUE(MayOffer(ClientHello(mail, 60)));
}

TEST(TlsHello, WithoutAName) {
  EXPECT_EQ(Parse(ClientHello(GreaseExtension())), Done(""));
  EXPECT_EQ(Parse(ClientHello("")), Done(""));
  EXPECT_EQ(Parse(ClientHello(Extension(0, ""))), Done(""));
  // A TLS 1.0 client sends no extensions block; the next record is none of ours.
  EXPECT_EQ(Parse(Records(HelloMessage(nullptr))), Done(""));
  EXPECT_EQ(Parse(Records(HelloMessage(nullptr)) + Records(Byte(16) + Big24(4) + "keys")),
            Done(""));
}

TEST(TlsHello, NamesThatAreNone) {
  for (const std::string name : {"localhost", "a b.c", "a..b", ".a.b", "192.0.2.1\x01", "a/b.c",
                                 "\xc3\xa4.de", "a.b\r\n", "<x>.y"}) {
    EXPECT_EQ(Parse(ClientHelloFor(name)).name, "") << name;
    EXPECT_EQ(Parse(ClientHelloFor(name)).status, Status::kDone) << name;
  }
  const std::string longest = std::string(125, 'a') + "." + std::string(127, 'b');
  EXPECT_EQ(Parse(ClientHelloFor(longest)).name, longest);
  EXPECT_EQ(Parse(ClientHelloFor(longest + "c")).name, "");
  EXPECT_EQ(Parse(ClientHelloFor(std::string(5'000, 'a') + ".b")).name, "");
}

// What follows a name within its extension is passed over, whatever it is.
TEST(TlsHello, ServerNameListWithMoreEntries) {
  const std::string host = Byte(0) + Big16(3) + "a.b";
  const std::string other = Byte(1) + Big16(4) + "what";
  EXPECT_EQ(
      Parse(ClientHello(Extension(0, Big16(13) + host + other) + AlpnExtension({"imap"}))),
      Done("a.b", Service::kImap));
  EXPECT_EQ(Parse(ClientHello(Extension(0, Big16(7) + other) + AlpnExtension({"pop3"}))),
            Done("", Service::kPop3));
}

TEST(TlsHello, CutAtEveryByteAndIntoRecords) {
  const std::string extensions = GreaseExtension() + PaddingExtension(2'000) +
                                 ServerNameExtension("smtp.example.com") +
                                 AlpnExtension({"acme", "imap"}) + GreaseExtension();
  const Parsed expected = Done("smtp.example.com", Service::kImap);
  for (const std::size_t record : {1, 2, 3, 5, 100, 16'384}) {
    const std::string hello = ClientHello(extensions, record);
    ASSERT_EQ(Parse(hello), expected) << record;
    ASSERT_EQ(Parse(hello, 0, 1), expected) << record;
    ASSERT_EQ(Parse(hello, 0, 7), expected) << record;
    for (std::size_t cut = 1; cut < hello.size(); cut += record < 100 ? 13 : 1) {
      ASSERT_EQ(Parse(hello, cut), expected) << "record " << record << " cut " << cut;
    }
  }
}

TEST(TlsHello, TruncatedNeedsMore) {
  const std::string hello =
      ClientHello(ServerNameExtension("smtp.example.com") + AlpnExtension({"imap"}));
  for (std::size_t size = 0; size < hello.size(); ++size) {
    ASSERT_EQ(Parse(hello.substr(0, size)).status, Status::kNeedMore) << size;
  }
}

TEST(TlsHello, OtherThingsAreNoHello) {
  EXPECT_EQ(Parse(ServerHello()).status, Status::kNotHello);
  EXPECT_EQ(Parse(ApplicationData(10)).status, Status::kNotHello);
  EXPECT_EQ(Parse("EHLO me\r\n").status, Status::kNotHello);
  EXPECT_EQ(Parse(Byte(22) + Big16(0x0301) + Big16(0)).status, Status::kNotHello);
  EXPECT_EQ(Parse(Byte(22) + Big16(0x0301) + Big16(0xffff)).status, Status::kNotHello);
  EXPECT_EQ(Parse(Byte(22) + Big16(0x0201) + Big16(100)).status, Status::kNotHello);
  // A message shorter than what it has to hold.
  EXPECT_EQ(Parse(Records(Byte(1) + Big24(10) + std::string(100, 'x'))).status,
            Status::kNotHello);
  // ALPN with an empty or an overlong name.
  EXPECT_EQ(Parse(ClientHello(Extension(16, Big16(2) + Byte(0) + "x"))).status,
            Status::kNotHello);
  EXPECT_EQ(Parse(ClientHello(Extension(16, Big16(2) + Byte(9) + "x"))).status,
            Status::kNotHello);
}

// Any byte changed to anything: no overrun, no loop, and the answer is the same however the
// bytes are cut.
TEST(TlsHello, DamagedHelloes) {
  const std::string hello =
      ClientHello(GreaseExtension() + ServerNameExtension("smtp.example.com") +
                      AlpnExtension({"imap", "pop3"}) + PaddingExtension(30),
                  90);
  std::mt19937 random(1);
  for (int round = 0; round < 20'000; ++round) {
    std::string damaged = hello;
    for (unsigned n = 1 + random() % 3; n > 0; --n) {
      damaged[random() % damaged.size()] = static_cast<char>(random());
    }
    damaged.resize(1 + random() % damaged.size());
    const Parsed whole = Parse(damaged);
    ASSERT_EQ(Parse(damaged, random() % damaged.size(), 1 + random() % 9), whole) << round;
    ASSERT_LE(whole.name.size(), TlsHelloParser::kMaxName);
  }
}

TEST(TlsHello, Openings) {
  const std::string hello = ClientHelloFor("a.b");
  const auto* bytes = reinterpret_cast<const uint8_t*>(hello.data());
  for (std::size_t size = 0; size < hello.size(); ++size) {
    EXPECT_TRUE(LooksLikeClientHello(bytes, size)) << size;
    EXPECT_EQ(LooksLikeTlsRecord(bytes, size), size >= 5) << size;
  }
  const std::string server = ServerHello();
  const auto* answer = reinterpret_cast<const uint8_t*>(server.data());
  EXPECT_FALSE(LooksLikeClientHello(answer, server.size()));
  EXPECT_TRUE(LooksLikeTlsRecord(answer, server.size()));
  const std::string text = "220 mx ESMTP\r\n";
  EXPECT_FALSE(LooksLikeTlsRecord(reinterpret_cast<const uint8_t*>(text.data()), text.size()));
}

TEST(TlsHello, OfTwoNamesTheFirstCounts) {
  const std::string first = ServerNameExtension("mail.example.com");
  for (const std::string other : {"x", "mail.example.org"}) {
    EXPECT_EQ(Parse(ClientHello(first + ServerNameExtension(other))), Done("mail.example.com"));
  }
}

}  // namespace
}  // namespace mailtap::classify

#include "app/mailtap-gen/background.h"

#include <string>

#include "app/mailtap-gen/tls.h"

namespace mailtap::gen {
namespace {

std::string Number(Random& random, uint32_t low, uint32_t high) {
  return std::to_string(random.Between(low, high));
}

void WriteHttp(PlanWriter& writer, uint32_t bulk) {
  Random& random = writer.random();
  const uint32_t requests = random.Between(1, 4);
  for (uint32_t i = 0; i < requests; ++i) {
    const uint32_t body = random.Magnitude(200, bulk);
    writer.Client("GET /page/" + Number(random, 1, 99'999) +
                  " HTTP/1.1\r\nHost: www.example.org\r\nUser-Agent: curl/7.88.1\r\n"
                  "Accept: */*\r\n\r\n");
    writer.Server(
        "HTTP/1.1 200 OK\r\nServer: nginx\r\nContent-Type: "
        "application/octet-stream\r\nContent-Length: " +
        std::to_string(body) + "\r\n\r\n");
    writer.SayFill(Side::kServer, Fill::kRandom, body);
    if (random.Chance(40)) writer.Pause(random.Magnitude(50'000, 3'000'000));
  }
}

void WriteHttps(PlanWriter& writer, uint32_t bulk) {
  // A web mail host has a mail-like name, and is still web.
  constexpr const char* kNames[] = {"www.example.org",   "api.example.net",  "cdn.example.com",
                                    "login.example.com", "mail.example.org", "example.net"};
  Random& random = writer.random();
  SayTlsHandshake(writer, kNames[random.Below(6)], random.Chance(70) ? "h2" : "http/1.1");
  const uint32_t requests = random.Between(1, 6);
  for (uint32_t i = 0; i < requests; ++i) {
    writer.SayFill(Side::kClient, Fill::kRandom, random.Magnitude(80, 1'200));
    writer.SayFill(Side::kServer, Fill::kRandom, random.Magnitude(200, bulk));
    if (random.Chance(40)) writer.Pause(random.Magnitude(50'000, 3'000'000));
  }
}

// Opens like SMTP, and asks for USER and PASS like POP3.
void WriteFtp(PlanWriter& writer) {
  Random& random = writer.random();
  constexpr const char* kBanners[] = {"220 (vsFTPd 3.0.3)\r\n", "220 ProFTPD Server ready.\r\n",
                                      "220-Welcome to the FTP mirror\r\n220 Ready.\r\n"};
  writer.Server(kBanners[random.Below(3)]);
  writer.Client("USER anonymous\r\n");
  writer.Server("331 Please specify the password.\r\n");
  writer.Client("PASS guest@example.com\r\n");
  writer.Server("230 Login successful.\r\n");
  writer.Client("SYST\r\n");
  writer.Server("215 UNIX Type: L8\r\n");
  const uint32_t files = random.Below(4);
  for (uint32_t i = 0; i < files; ++i) {
    writer.Client("SIZE file" + Number(random, 1, 999) + "\r\n");
    writer.Server("213 " + Number(random, 100, 999'999) + "\r\n");
  }
  writer.Client("QUIT\r\n");
  writer.Server("221 Goodbye.\r\n");
}

// Answers +OK like POP3; inline commands look like lines of text.
void WriteRedis(PlanWriter& writer) {
  Random& random = writer.random();
  const bool inline_commands = random.Chance(30);
  writer.Client(inline_commands ? "PING\r\n" : "*1\r\n$4\r\nPING\r\n");
  writer.Server("+PONG\r\n");
  const uint32_t commands = random.Between(2, 30);
  for (uint32_t i = 0; i < commands; ++i) {
    const std::string key = "key" + Number(random, 100, 999);
    if (random.Chance(50)) {
      writer.Client(inline_commands ? "SET " + key + " 1\r\n"
                                    : "*3\r\n$3\r\nSET\r\n$6\r\n" + key + "\r\n$1\r\n1\r\n");
      writer.Server("+OK\r\n");
    } else {
      writer.Client(inline_commands ? "GET " + key + "\r\n"
                                    : "*2\r\n$3\r\nGET\r\n$6\r\n" + key + "\r\n");
      writer.Server("$5\r\nvalue\r\n");
    }
  }
}

void WriteNntp(PlanWriter& writer) {
  Random& random = writer.random();
  writer.Server("200 news.example.net InterNetNews NNRP server ready (posting ok)\r\n");
  if (random.Chance(50)) {
    writer.Client("AUTHINFO USER reader\r\n");
    writer.Server("381 PASS required\r\n");
    writer.Client("AUTHINFO PASS secret\r\n");
    writer.Server("281 Authentication accepted\r\n");
  }
  writer.Client("GROUP comp.protocols.tcp-ip\r\n");
  writer.Server("211 1200 1 1200 comp.protocols.tcp-ip\r\n");
  const uint32_t articles = random.Between(1, 4);
  for (uint32_t i = 0; i < articles; ++i) {
    const std::string number = Number(random, 1, 1'200);
    writer.Client("ARTICLE " + number + "\r\n");
    writer.Server("220 " + number + " <" + number +
                  "@example.net> article\r\nFrom: a@example.net\r\nSubject: test\r\n\r\n");
    writer.SayFill(Side::kServer, Fill::kLines, kLineBytes * random.Between(5, 200));
    writer.Server(".\r\n");
  }
  writer.Client("QUIT\r\n");
  writer.Server("205 Bye!\r\n");
}

void WriteIrc(PlanWriter& writer) {
  Random& random = writer.random();
  const std::string nick = "nick" + Number(random, 1, 999);
  writer.Client("NICK " + nick + "\r\nUSER " + nick + " 0 * :A person\r\n");
  writer.Server(":irc.example.net 001 " + nick + " :Welcome to the network\r\n");
  writer.Client("JOIN #mail\r\n");
  writer.Server(":" + nick + "!u@host.example JOIN :#mail\r\n");
  const uint32_t lines = random.Between(1, 20);
  for (uint32_t i = 0; i < lines; ++i) {
    writer.Pause(random.Magnitude(50'000, 3'000'000));
    writer.Server(":other!u@host.example PRIVMSG #mail :" + Number(random, 1, 99'999) + "\r\n");
  }
  writer.Client("QUIT :bye\r\n");
}

void WriteManageSieve(PlanWriter& writer) {
  writer.Server(
      "\"IMPLEMENTATION\" \"Dovecot Pigeonhole\"\r\n\"SIEVE\" \"fileinto reject\"\r\n"
      "\"SASL\" \"PLAIN\"\r\n\"VERSION\" \"1.0\"\r\nOK \"Dovecot ready.\"\r\n");
  writer.Client("AUTHENTICATE \"PLAIN\" \"AHVzZXIAc2VjcmV0\"\r\n");
  writer.Server("OK \"Logged in.\"\r\n");
  writer.Client("LISTSCRIPTS\r\n");
  writer.Server("\"main\" ACTIVE\r\nOK \"Listscripts completed.\"\r\n");
  writer.Client("LOGOUT\r\n");
  writer.Server("OK \"Logout completed.\"\r\n");
}

void WriteIcmp(PlanWriter& writer) {
  writer.plan().transport = Transport::kIcmp;
  const uint32_t pings = writer.random().Between(1, 5);
  for (uint32_t i = 0; i < pings; ++i) {
    writer.SayFill(Side::kClient, Fill::kLines, 56);
    writer.SayFill(Side::kServer, Fill::kLines, 56);
    writer.Pause(1'000'000);
  }
}

}  // namespace

Background PickBackground(Random& random) {
  return static_cast<Background>(Pick(random, {18, 34, 5, 4, 4, 18, 3, 4, 2, 2, 1, 3, 2}));
}

uint16_t BackgroundPort(Background kind, Random& random) {
  struct Ports {
    uint16_t usual, odd;
  };
  constexpr std::array<Ports, kBackgroundCount> kPorts = {{{80, 8080},
                                                           {443, 8443},
                                                           {22, 2222},
                                                           {5432, 5432},
                                                           {3306, 3306},
                                                           {53, 53},
                                                           {21, 2121},
                                                           {6379, 6380},
                                                           {119, 1119},
                                                           {6667, 6668},
                                                           {4190, 4190},
                                                           {0, 0}}};
  if (kind == Background::kScan) {
    constexpr uint16_t kMailPorts[] = {25, 465, 587, 143, 993, 110, 995, 2525};
    return kMailPorts[random.Below(8)];
  }
  const Ports& ports = kPorts[static_cast<std::size_t>(kind)];
  return random.Chance(15) ? ports.odd : ports.usual;
}

void WriteBackground(PlanWriter& writer, Background kind, uint32_t bulk) {
  switch (kind) {
    case Background::kHttp:
      return WriteHttp(writer, bulk);
    case Background::kHttps:
      return WriteHttps(writer, bulk);
    case Background::kSsh:
      return WriteSsh(writer);
    case Background::kPostgres:
      return WritePostgres(writer);
    case Background::kMysql:
      return WriteMysql(writer);
    case Background::kDns:
      return WriteDns(writer);
    case Background::kFtp:
      return WriteFtp(writer);
    case Background::kRedis:
      return WriteRedis(writer);
    case Background::kNntp:
      return WriteNntp(writer);
    case Background::kIrc:
      return WriteIrc(writer);
    case Background::kManageSieve:
      return WriteManageSieve(writer);
    case Background::kIcmp:
      return WriteIcmp(writer);
    case Background::kScan:
      writer.plan().ending = writer.random().Chance(60) ? Ending::kRefused : Ending::kSilent;
      return;
  }
}

}  // namespace mailtap::gen

// Background whose messages are bytes rather than lines.
#include <string>

#include "app/mailtap-gen/background.h"
#include "app/mailtap-gen/wire.h"

namespace mailtap::gen {
namespace {

// PostgreSQL 15 documentation, 55.7: type, length with itself, body.
std::string PostgresMessage(char type, const std::string& body) {
  std::string message(1, type);
  Append(message, static_cast<uint32_t>(body.size()) + 4, 4);
  return message + body;
}

// MySQL client/server protocol: three bytes of length, lowest first, and a sequence number.
std::string MysqlPacket(int number, const std::string& body) {
  std::string packet;
  packet += static_cast<char>(body.size());
  packet += static_cast<char>(body.size() >> 8);
  packet += '\0';
  packet += static_cast<char>(number);
  return packet + body;
}

// RFC 1035, 3.1: labels behind their lengths.
std::string DnsName(const std::string& name) {
  std::string encoded;
  std::size_t at = 0;
  while (at <= name.size()) {
    const std::size_t dot = std::min(name.find('.', at), name.size());
    encoded += static_cast<char>(dot - at);
    encoded += name.substr(at, dot - at);
    at = dot + 1;
  }
  return encoded + '\0';
}

}  // namespace

void WriteSsh(PlanWriter& writer) {
  Random& random = writer.random();
  writer.Server("SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n");
  writer.Client("SSH-2.0-OpenSSH_9.2\r\n");
  const uint32_t turns = random.Between(4, 60);
  for (uint32_t i = 0; i < turns; ++i) {
    // Encrypted packets; their lengths are multiples of the cipher's block.
    writer.SayFill(Side::kClient, Fill::kRandom, 16 * random.Between(2, 6) + 4);
    writer.SayFill(Side::kServer, Fill::kRandom, 16 * random.Between(2, 90) + 4);
    if (random.Chance(50)) writer.Pause(random.Magnitude(20'000, 2'000'000));
  }
}

void WritePostgres(PlanWriter& writer) {
  Random& random = writer.random();
  const std::string parameters("user\0app\0database\0app\0\0", 23);
  std::string startup;
  Append(startup, static_cast<uint32_t>(parameters.size()) + 8, 4);
  Append(startup, 0x00030000, 4);  // protocol 3.0
  writer.Client(startup + parameters);
  const std::string zero4(4, '\0');
  const std::string ready = PostgresMessage('Z', "I");
  writer.Server(PostgresMessage('R', zero4) + ready);
  const uint32_t queries = random.Between(2, 40);
  for (uint32_t i = 0; i < queries; ++i) {
    const std::string query =
        "SELECT name FROM item WHERE id = " + std::to_string(random.Below(99'999));
    writer.Client(PostgresMessage('Q', query + '\0'));
    std::string answer;
    const uint32_t rows = random.Between(1, 20);
    for (uint32_t row = 0; row < rows; ++row) {
      std::string columns;
      Append(columns, 1, 2);
      Append(columns, 12, 4);
      answer += PostgresMessage('D', columns + "twelve bytes");
    }
    answer += PostgresMessage('C', "SELECT " + std::to_string(rows) + '\0');
    writer.Server(answer + ready);
    if (random.Chance(30)) writer.Pause(random.Magnitude(5'000, 1'000'000));
  }
  writer.Client(PostgresMessage('X', ""));
}

void WriteMysql(PlanWriter& writer) {
  Random& random = writer.random();
  // Handshake V10 with a capability word that asks for 4.1 authentication.
  std::string greeting = std::string("\x0a") + "8.0.36" + '\0';
  greeting += std::string("\x08\0\0\0", 4) + "saltsalt" + '\0';
  greeting += std::string("\xff\xf7\x21\x02\0\xff\x81\x15", 8) + std::string(10, '\0');
  greeting += "saltsaltsalt" + std::string(1, '\0') + "mysql_native_password" + '\0';
  writer.Server(MysqlPacket(0, greeting));
  std::string login = std::string("\x85\xa6\x0f\x20\0\0\0\x01\x21", 9) + std::string(23, '\0');
  login += std::string("app") + '\0' + '\0' + "mysql_native_password" + '\0';
  const std::string ok("\0\0\0\x02\0\0\0", 7);
  writer.Client(MysqlPacket(1, login));
  writer.Server(MysqlPacket(2, ok));
  const uint32_t queries = random.Between(2, 40);
  for (uint32_t i = 0; i < queries; ++i) {
    writer.Client(MysqlPacket(0, "\x03UPDATE item SET n = " +
                                     std::to_string(random.Below(99'999)) + " WHERE id = 1"));
    writer.Server(MysqlPacket(1, ok));
    if (random.Chance(30)) writer.Pause(random.Magnitude(5'000, 1'000'000));
  }
  writer.Client(MysqlPacket(0, "\x01"));
}

void WriteDns(PlanWriter& writer) {
  Random& random = writer.random();
  writer.plan().transport = Transport::kUdp;
  constexpr uint32_t kTypeA = 1, kClassIn = 1;
  constexpr uint32_t kQuery = 0x0100, kAnswer = 0x8180;
  constexpr uint32_t kNameAt12 = 0xc00c;  // RFC 1035, 4.1.4
  const uint32_t id = random.Below(65'536);
  const std::string name = "host" + std::to_string(random.Below(9'999)) + ".example.com";
  std::string question = DnsName(name);
  Append(question, kTypeA, 2);
  Append(question, kClassIn, 2);
  const uint32_t answers = random.Between(1, 4);
  std::string query, answer;
  for (const bool is_answer : {false, true}) {
    std::string& message = is_answer ? answer : query;
    Append(message, id, 2);
    Append(message, is_answer ? kAnswer : kQuery, 2);
    Append(message, 1, 2);
    Append(message, is_answer ? answers : 0, 2);
    Append(message, 0, 4);
    message += question;
  }
  for (uint32_t i = 0; i < answers; ++i) {
    Append(answer, kNameAt12, 2);
    Append(answer, kTypeA, 2);
    Append(answer, kClassIn, 2);
    Append(answer, random.Between(30, 3'600), 4);
    Append(answer, 4, 2);
    Append(answer, 0xcb007100 + random.Below(256), 4);  // in 203.0.113.0/24
  }
  writer.Client(query);
  writer.Server(answer);
}

}  // namespace mailtap::gen

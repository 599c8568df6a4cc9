// What goes before a mail session that runs through a proxy: CONNECT (RFC 9110, 9.3.6), SOCKS 4
// and 4A, SOCKS5 (RFC 1928 and 1929), and the PROXY protocol's headers.
#include <string>
#include <string_view>

#include "app/mailtap-gen/mail.h"
#include "app/mailtap-gen/wire.h"

namespace mailtap::gen {
namespace {

using namespace std::string_literals;

// Of TEST-NET-1: where tunnels lead that are asked for by address.
constexpr std::string_view kTarget("\xc0\x00\x02\x19", 4);

std::string Port(uint16_t port) {
  std::string text;
  Append(text, port, 2);
  return text;
}

void SayConnect(PlanWriter& writer, const std::string& host, uint16_t port) {
  const std::string where = host + ":" + std::to_string(port);
  const std::string ask = "CONNECT " + where + " HTTP/1.1\r\nHost: " + where + "\r\n";
  if (writer.random().Chance(30)) {
    writer.Client(ask + "\r\n");
    writer.Server(
        "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\n"
        "Content-Length: 14\r\n\r\nWho are you?\r\n");
  }
  writer.Client(ask + "Proxy-Authorization: Basic dTpw\r\n\r\n");
  writer.Server("HTTP/1.1 200 Connection established\r\n\r\n");
}

void SaySocks4(PlanWriter& writer, const std::string& host, uint16_t port) {
  const std::string ask = "\4\1"s + Port(port);
  writer.Client(writer.random().Chance(50) ? ask + std::string(kTarget) + "user\0"s
                                           : ask + "\0\0\0\1user\0"s + host + '\0');
  writer.Server("\0\x5a\0\0\0\0\0\0"s);
}

void SaySocks5(PlanWriter& writer, const std::string& host, uint16_t port) {
  const bool password = writer.random().Chance(40);
  writer.Client(password ? "\5\2\0\2"s : "\5\1\0"s);
  writer.Server(password ? "\5\2"s : "\5\0"s);
  if (password) {
    writer.Client("\1\4user\6secret"s);
    writer.Server("\1\0"s);
  }
  const std::string name = static_cast<char>(host.size()) + host;
  writer.Client("\5\1\0"s +
                (writer.random().Chance(50) ? "\1"s + std::string(kTarget) : "\3"s + name) +
                Port(port));
  writer.Server("\5\0\0\1\0\0\0\0\0\0"s);
}

void SayHeader(PlanWriter& writer, uint16_t port) {
  if (writer.random().Chance(50)) {
    writer.Client("PROXY TCP4 192.0.2.77 192.0.2.25 40077 " + std::to_string(port) + "\r\n");
  } else {
    writer.Client("\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\2\x4d"s + std::string(kTarget) +
                  Port(40'077) + Port(port));
  }
}

}  // namespace

void SayProxy(PlanWriter& writer, MailVia via, const std::string& host, uint16_t port) {
  switch (via) {
    case MailVia::kNone:
      return;
    case MailVia::kHttpConnect:
      return SayConnect(writer, host, port);
    case MailVia::kSocks4:
      return SaySocks4(writer, host, port);
    case MailVia::kSocks5:
      return SaySocks5(writer, host, port);
    case MailVia::kHeader:
      return SayHeader(writer, port);
  }
}

}  // namespace mailtap::gen

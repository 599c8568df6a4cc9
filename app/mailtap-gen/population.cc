#include "app/mailtap-gen/population.h"

#include <algorithm>
#include <array>

namespace mailtap::gen {
namespace {

constexpr uint64_t kInternal6 = 0xfd00000100000000;
constexpr uint64_t kServers6 = 0xfd00002000000000;
constexpr uint64_t kOffice6 = 0xfd00002000010000;
constexpr uint64_t kRelays6 = 0x20010db800010000;
constexpr uint64_t kStrangers6 = 0x20010db800020000;
constexpr uint64_t kWeb6 = 0x20010db800030000;

Address Gateway(bool v6) { return v6 ? V6(kServers6, 0x10) : V4(10, 20, 0, 10); }
Address MailboxServer(bool v6) { return v6 ? V6(kServers6, 0x20) : V4(10, 20, 0, 20); }
Address Relay(bool v6, uint32_t i) {  // 1 to 14
  return v6 ? V6(kRelays6, i) : V4(192, 0, 2, static_cast<uint8_t>(i));
}
Address Stranger(bool v6, uint32_t i) {  // 1 to 254
  return v6 ? V6(kStrangers6, i) : V4(198, 51, 100, static_cast<uint8_t>(i));
}
Address WebServer(bool v6, uint32_t i) {  // 1 to 254
  return v6 ? V6(kWeb6, i) : V4(203, 0, 113, static_cast<uint8_t>(i));
}
Address OfficeServer(bool v6, uint32_t i) {  // 1 to 254
  return v6 ? V6(kOffice6, i) : V4(10, 20, 1, static_cast<uint8_t>(i));
}

// Names that tell the service, as a sensor needs them where the port does not.
constexpr std::array<const char*, 3> kTellingNames = {"smtp.example.net", "imap.example.net",
                                                      "pop.example.net"};

std::string ServerName(Random& random, MailService service, bool must_tell) {
  if (must_tell || random.Chance(60)) return kTellingNames[static_cast<std::size_t>(service)];
  constexpr const char* kNames[] = {"mail.example.net", "mx1.example.com",
                                    "outlook.example.org", ""};
  return kNames[random.Below(4)];
}

}  // namespace

uint16_t MailPort(MailService service, MailTls tls, bool odd, Random& random) {
  const bool implicit = tls == MailTls::kImplicit;
  switch (service) {
    case MailService::kSmtp:
      if (implicit) return odd ? 2465 : 465;
      if (odd) return random.Chance(70) ? 2525 : 8025;
      return random.Chance(60) ? 25 : 587;
    case MailService::kImap:
      if (implicit) return odd ? 10'993 : 993;
      return odd ? 10'143 : 143;
    case MailService::kPop3:
      if (implicit) return odd ? 10'995 : 995;
      return odd ? 10'110 : 110;
  }
  return 0;
}

bool IsOddPort(uint16_t port) {
  constexpr uint16_t kUsual[] = {25, 465, 587, 143, 993, 110, 995};
  return std::find(std::begin(kUsual), std::end(kUsual), port) == std::end(kUsual);
}

Choice Population::ChooseMail(Random& random, bool small) const {
  Choice choice;
  choice.mail = true;
  MailScript& script = choice.script;
  script.service = static_cast<MailService>(Pick(random, {45, 33, 22}));
  const double tls = random.Percentile();
  if (tls < options_.implicit_tls) {
    script.tls = MailTls::kImplicit;
  } else if (tls < options_.implicit_tls + options_.starttls) {
    script.tls = MailTls::kStarttls;
  }
  choice.odd_port = random.Chance(options_.odd_ports);
  choice.port = MailPort(script.service, script.tls, choice.odd_port, random);
  if (options_.proxied > 0 && random.Chance(options_.proxied)) PlaceProxy(random, choice);
  script.server_name = "mx" + std::to_string(random.Between(1, 20)) + ".example.net";
  if (script.tls != MailTls::kNone) {
    const bool must_tell = script.tls == MailTls::kImplicit && choice.odd_port;
    script.sni = ServerName(random, script.service, must_tell);
  }
  PlaceMail(random, random.Chance(options_.ipv6), choice);

  const uint32_t largest = small ? 1'000 : options_.message_bytes;
  script.upload_size = script.download_size = {std::min(500u, largest), largest};
  const uint32_t messages = small ? 1 : random.Magnitude(1, 8);
  switch (script.service) {
    case MailService::kSmtp:
      script.uploads = messages;
      script.rejected = random.Chance(25) && !small ? random.Between(1, 3) : 0;
      break;
    case MailService::kImap:
      script.downloads = messages;
      script.uploads = random.Chance(40) && !small ? random.Between(1, 3) : 0;
      script.idle_us =
          random.Chance(30) && !small ? random.Magnitude(1'000'000, 20'000'000) : 0;
      break;
    case MailService::kPop3:
      script.downloads = messages - (random.Chance(10) ? 1 : 0);
      break;
  }
  return choice;
}

// A tunnel leads to where the session would have gone, and its proxy listens on an odd port.
void Population::PlaceProxy(Random& random, Choice& choice) {
  constexpr std::array<uint16_t, 5> kPorts = {0, 3128, 1080, 9050, 0};
  MailScript& script = choice.script;
  script.via = static_cast<MailVia>(random.Between(1, 4));
  script.target_port = choice.port;
  const uint16_t port = kPorts[static_cast<std::size_t>(script.via)];
  if (port == 0) return;  // a header stands on the server's own port
  choice.port = port;
  choice.odd_port = true;
}

void Population::PlaceMail(Random& random, bool v6, Choice& choice) const {
  choice.client = Workstation(random, v6);
  if (random.Chance(options_.unlisted)) {
    choice.server = Stranger(v6, random.Between(1, 120));
  } else if (choice.script.service != MailService::kSmtp) {
    choice.server = random.Chance(70) ? MailboxServer(v6) : Relay(v6, random.Between(1, 14));
  } else {
    switch (random.Below(3)) {
      case 0:  // submission
        choice.server = Gateway(v6);
        break;
      case 1:  // out
        choice.client = Gateway(v6);
        choice.server = Relay(v6, random.Between(1, 14));
        break;
      default:  // in
        choice.client = Stranger(v6, random.Between(121, 254));
        choice.server = Gateway(v6);
        break;
    }
  }
}

Choice Population::ChooseBackground(Random& random) const {
  Choice choice;
  choice.background = PickBackground(random);
  const bool v6 = random.Chance(options_.ipv6);
  choice.client = Workstation(random, v6);
  choice.port = BackgroundPort(choice.background, random);
  switch (choice.background) {
    case Background::kSsh:
    case Background::kPostgres:
    case Background::kMysql:
    case Background::kDns:
    case Background::kRedis:
    case Background::kManageSieve:
      choice.server = OfficeServer(v6, random.Between(1, 40));
      break;
    case Background::kScan:
      choice.server = Stranger(v6, random.Between(1, 254));
      break;
    default:
      choice.server = WebServer(v6, random.Between(1, 254));
  }
  return choice;
}

Address Population::Workstation(Random& random, bool v6) const {
  const uint32_t i = random.Below(options_.hosts);
  if (v6) return V6(kInternal6, i + 1);
  // 250 to a /24, so that no address ends in 0 or 255.
  return V4(10, static_cast<uint8_t>(1 + i / 62'500), static_cast<uint8_t>(i % 62'500 / 250),
            static_cast<uint8_t>(1 + i % 250));
}

}  // namespace mailtap::gen

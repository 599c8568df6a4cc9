// Who lives in the generated network, and what each new session is about.
//
//   10.1.0.0/16 and on, fd00:1::/32    workstations
//   10.20.0.10, fd00:20::10            the internal mail gateway
//   10.20.0.20, fd00:20::20            the internal mailbox server
//   10.20.1.0/24, fd00:20:1::/48       internal servers of other kinds
//   192.0.2.1-14, 2001:db8:1::1-e      the enterprise's relays outside
//   198.51.100.0/24, 2001:db8:2::/48   strangers' mail servers and clients
//   203.0.113.0/24, 2001:db8:3::/48    web and other servers outside
#ifndef MAILTAP_APP_MAILTAP_GEN_POPULATION_H_
#define MAILTAP_APP_MAILTAP_GEN_POPULATION_H_

#include <cstdint>

#include "app/mailtap-gen/address.h"
#include "app/mailtap-gen/background.h"
#include "app/mailtap-gen/mail.h"
#include "app/mailtap-gen/random.h"

namespace mailtap::gen {

// All shares in percent.
struct PopulationOptions {
  uint32_t hosts = 200;
  double ipv6 = 20;
  double odd_ports = 20;     // of mail sessions
  double proxied = 0;        // of mail sessions: through a proxy, on its port
  double starttls = 30;      // of mail sessions
  double implicit_tls = 30;  // of mail sessions
  double unlisted = 30;      // of mail sessions: workstations straight to strangers' servers
  uint32_t message_bytes = 60'000;  // the largest message
};

// What a session is about, decided before it is planned.
struct Choice {
  Address client;
  Address server;
  uint16_t port = 0;  // the server's
  bool mail = false;
  bool odd_port = false;
  Background background = Background::kHttp;
  MailScript script;  // of mail
};

class Population {
 public:
  explicit Population(const PopulationOptions& options) : options_(options) {}

  // `small` asks for a short session, for what is left of a packet budget.
  Choice ChooseMail(Random& random, bool small) const;
  Choice ChooseBackground(Random& random) const;

 private:
  static void PlaceProxy(Random& random, Choice& choice);
  void PlaceMail(Random& random, bool v6, Choice& choice) const;
  Address Workstation(Random& random, bool v6) const;

  PopulationOptions options_;
};

// The usual port, or an odd one, of a mail service.
uint16_t MailPort(MailService service, MailTls tls, bool odd, Random& random);
// Whether no mail service usually has it.
bool IsOddPort(uint16_t port);

}  // namespace mailtap::gen

#endif  // MAILTAP_APP_MAILTAP_GEN_POPULATION_H_

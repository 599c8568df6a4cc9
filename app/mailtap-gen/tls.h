// TLS 1.3 handshakes (RFC 8446) as a sensor sees them: a complete ClientHello, a complete
// ServerHello, then records whose contents nobody can read.
#ifndef MAILTAP_APP_MAILTAP_GEN_TLS_H_
#define MAILTAP_APP_MAILTAP_GEN_TLS_H_

#include <string>
#include <string_view>

#include "app/mailtap-gen/plan.h"

namespace mailtap::gen {

// Says the handshake and seals the writer: what is said afterwards are records. `sni` and
// `alpn` may be empty, and are then left out.
void SayTlsHandshake(PlanWriter& writer, std::string_view sni, std::string_view alpn);

}  // namespace mailtap::gen

#endif  // MAILTAP_APP_MAILTAP_GEN_TLS_H_

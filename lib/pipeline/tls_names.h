// What the server name of a ClientHello says of the service behind it, by the patterns of the
// configuration. The client chooses the name: it labels a session, and proves nothing.
#ifndef MAILTAP_LIB_PIPELINE_TLS_NAMES_H_
#define MAILTAP_LIB_PIPELINE_TLS_NAMES_H_

#include <cstdint>
#include <optional>

#include "absl/strings/string_view.h"
#include "lib/base/mail.h"
#include "lib/config/config.h"

namespace mailtap::pipeline {

// Immutable; reading allocates nothing.
class TlsNames {
 public:
  explicit TlsNames(const config::TlsNames& names) : names_(names) {}

  // The service that `name`, in lower case, is usual for on a port that is no mail port;
  // nothing where no pattern fits, for a web mail host, and on the web's ports.
  std::optional<Service> ServiceOf(absl::string_view name, uint16_t port) const;

  bool IsWebPort(uint16_t port) const;

 private:
  const config::TlsNames names_;
};

}  // namespace mailtap::pipeline

#endif  // MAILTAP_LIB_PIPELINE_TLS_NAMES_H_

// What a TLS server name says of the service behind it.
#ifndef MAILTAP_LIB_CLASSIFY_SERVER_NAME_H_
#define MAILTAP_LIB_CLASSIFY_SERVER_NAME_H_

#include <optional>

#include "absl/strings/string_view.h"
#include "lib/base/mail.h"

namespace mailtap::classify {

// The service whose usual name is the first label ("smtp", "imap", "pop", "pop3") of `name`
// before at least two more labels; nothing otherwise. A web mail host ("mail.example.com") fits
// none. The client chooses the name: it labels a session, and proves nothing.
std::optional<Service> ServiceOfServerName(absl::string_view name);

}  // namespace mailtap::classify

#endif  // MAILTAP_LIB_CLASSIFY_SERVER_NAME_H_

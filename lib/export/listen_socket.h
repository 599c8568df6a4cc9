// A listening TCP socket.
#ifndef MAILTAP_LIB_EXPORT_LISTEN_SOCKET_H_
#define MAILTAP_LIB_EXPORT_LISTEN_SOCKET_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"

namespace mailtap::exporting {

struct ListenSocket {
  int fd = -1;        // non-blocking, listening; the caller closes it
  uint16_t port = 0;  // what it is bound to, in host order
};

// `address` is an IPv4 or IPv6 address, "::" takes connections of both; port 0: any that is
// free. Fails with address, port and the system's reason.
absl::StatusOr<ListenSocket> Listen(const std::string& address, uint16_t port);

}  // namespace mailtap::exporting

#endif  // MAILTAP_LIB_EXPORT_LISTEN_SOCKET_H_

#include "lib/export/listen_socket.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "lib/base/status.h"
#include "lib/net/address.h"

namespace mailtap::exporting {
namespace {

union SocketAddress {
  sockaddr any;
  sockaddr_in v4;
  sockaddr_in6 v6;
};

socklen_t Fill(const net::IpAddress& address, uint16_t port, SocketAddress& out) {
  std::memset(&out, 0, sizeof(out));
  if (address.is_v4()) {
    out.v4.sin_family = AF_INET;
    out.v4.sin_port = htons(port);
    std::memcpy(&out.v4.sin_addr, address.bytes + 12, 4);
    return sizeof(out.v4);
  }
  out.v6.sin6_family = AF_INET6;
  out.v6.sin6_port = htons(port);
  std::memcpy(&out.v6.sin6_addr, address.bytes, 16);
  return sizeof(out.v6);
}

// errno's value, or 0.
int BindAndListen(int fd, const SocketAddress& address, socklen_t size) {
  const int on = 1, off = 0;
  // A restart must not wait for connections of the last run that are in TIME_WAIT.
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  if (address.any.sa_family == AF_INET6) {
    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
  }
  if (bind(fd, &address.any, size) != 0) return errno;
  if (listen(fd, SOMAXCONN) != 0) return errno;
  return 0;
}

}  // namespace

absl::StatusOr<ListenSocket> Listen(const std::string& address, uint16_t port) {
  MAILTAP_ASSIGN_OR_RETURN(const net::IpAddress parsed, net::ParseAddress(address));
  const auto failed = [&](int error) {
    return absl::ErrnoToStatus(
        error, absl::StrCat("cannot listen on ", address, " port ", port, " (http)"));
  };
  SocketAddress name;
  socklen_t size = Fill(parsed, port, name);
  const int fd = socket(name.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return failed(errno);
  if (const int error = BindAndListen(fd, name, size); error != 0) {
    close(fd);
    return failed(error);
  }
  getsockname(fd, &name.any, &size);
  return ListenSocket{
      fd, ntohs(name.any.sa_family == AF_INET ? name.v4.sin_port : name.v6.sin6_port)};
}

}  // namespace mailtap::exporting

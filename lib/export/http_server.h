// A small web server for the sensor's own pages, over libmicrohttpd.
//
// Answers GET and HEAD; knows no request bodies and no parameters. One thread polls all
// connections, so a slow client holds up nobody. Bounded: connections in all and by address
// (from the configuration), 32 KiB a connection for its request's headers, and the time in all
// that a client may take for a request and for its answer.
#ifndef MAILTAP_LIB_EXPORT_HTTP_SERVER_H_
#define MAILTAP_LIB_EXPORT_HTTP_SERVER_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "lib/config/config.h"

namespace mailtap::exporting {

struct HttpResponse {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
};

// Makes one page. Called on the server's thread; whoever it asks must not need that thread.
using HttpHandler = std::function<HttpResponse()>;

// By path: "/metrics". Paths match whole and exactly; what follows a '?' is not looked at.
using HttpRoutes = std::map<std::string, HttpHandler>;

class HttpServer {
 public:
  // Binds to the configured address (IPv4, IPv6; "::" takes both) and port (0: any that is
  // free) and answers from then on. Fails with address, port and the system's reason.
  static absl::StatusOr<std::unique_ptr<HttpServer>> Start(const config::Http& config,
                                                           HttpRoutes routes);
  ~HttpServer();  // as Stop()
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // The port that it listens on, in host order.
  uint16_t port() const;

  // Takes no more connections, finishes the answers that are being sent (for at most two
  // seconds), closes all connections and ends the thread. Idempotent; not from a handler.
  void Stop();

 private:
  class Impl;
  explicit HttpServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace mailtap::exporting

#endif  // MAILTAP_LIB_EXPORT_HTTP_SERVER_H_

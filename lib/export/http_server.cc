#include "lib/export/http_server.h"

#include <microhttpd.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <exception>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "lib/base/log.h"
#include "lib/base/status.h"
#include "lib/export/connection_deadlines.h"
#include "lib/export/listen_socket.h"

namespace mailtap::exporting {
namespace {

constexpr std::size_t kConnectionMemoryBytes = 32 * 1024;
constexpr absl::Duration kStopGrace = absl::Seconds(2);
// How many times http.timeout a client may take for an answer: pages may be large.
constexpr int kAnswerTimeouts = 3;

HttpResponse PlainText(int status, absl::string_view text) {
  HttpResponse response;
  response.status = status;
  response.body = absl::StrCat(text, "\n");
  return response;
}

// A handler's exception must not unwind through libmicrohttpd's C frames.
HttpResponse CallHandler(const HttpHandler& handler) {
  try {
    return handler();
  } catch (const std::exception& error) {
    LogError(absl::StrCat("http: a page failed: ", error.what()));
    return PlainText(MHD_HTTP_INTERNAL_SERVER_ERROR, "internal error");
  }
}

MHD_Result Queue(MHD_Connection* connection, const HttpResponse& page, bool allow_header) {
  // libmicrohttpd copies the body, answers HEAD without it and sets Content-Length for both.
  MHD_Response* response = MHD_create_response_from_buffer(
      page.body.size(), const_cast<char*>(page.body.data()), MHD_RESPMEM_MUST_COPY);
  if (response == nullptr) return MHD_NO;
  MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, page.content_type.c_str());
  MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
  MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
  if (allow_header) MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
  const MHD_Result result =
      MHD_queue_response(connection, static_cast<unsigned>(page.status), response);
  MHD_destroy_response(response);
  return result;
}

int SocketOf(MHD_Connection* connection) {
  return MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
}

bool HasBody(MHD_Connection* connection) {
  for (const char* header :
       {MHD_HTTP_HEADER_CONTENT_LENGTH, MHD_HTTP_HEADER_TRANSFER_ENCODING}) {
    if (MHD_lookup_connection_value(connection, MHD_HEADER_KIND, header) != nullptr)
      return true;
  }
  return false;
}

// A request may name its server, too (RFC 9112, 3.2.2).
std::string PathOf(absl::string_view target) {
  if (absl::ConsumePrefix(&target, "http://")) {
    target.remove_prefix(std::min(target.find('/'), target.size()));
  }
  return std::string(target);
}

// No page's path needs escapes, and "%00" would end one early for whoever compares it.
std::size_t LeaveEscaped(void*, MHD_Connection*, char* text) { return std::strlen(text); }

__attribute__((format(printf, 2, 0))) void LogFromLibrary(void*, const char* format,
                                                          va_list arguments) {
  char text[256];
  std::vsnprintf(text, sizeof(text), format, arguments);
  absl::string_view message(text);
  while (!message.empty() && message.back() == '\n') message.remove_suffix(1);
  LogDebug(absl::StrCat("http: ", message));
}

}  // namespace

class HttpServer::Impl {
 public:
  explicit Impl(HttpRoutes routes) : routes_(std::move(routes)) {}
  ~Impl() { Stop(); }

  absl::Status Start(const config::Http& config);
  void Stop();
  uint16_t port() const { return port_; }

 private:
  static MHD_Result OnRequest(void* self, MHD_Connection* connection, const char* url,
                              const char* method, const char* version, const char* upload,
                              std::size_t* upload_size, void** request);
  static void OnCompleted(void* self, MHD_Connection* connection, void** request,
                          MHD_RequestTerminationCode code);
  static void OnConnection(void* self, MHD_Connection* connection, void** context,
                           MHD_ConnectionNotificationCode code);
  MHD_Result Answer(MHD_Connection* connection, const std::string& path,
                    const std::string& method);

  const HttpRoutes routes_;
  std::chrono::seconds timeout_{0};
  ConnectionDeadlines deadlines_;
  MHD_Daemon* daemon_ = nullptr;
  uint16_t port_ = 0;
  std::atomic<int> in_flight_{0};  // requests whose answer is not out yet
};

absl::Status HttpServer::Impl::Start(const config::Http& config) {
  MAILTAP_ASSIGN_OR_RETURN(const ListenSocket socket, Listen(config.address, config.port));
  port_ = socket.port;
  timeout_ = std::chrono::seconds(config.timeout_seconds);
  daemon_ = MHD_start_daemon(
      MHD_USE_AUTO | MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_ITC | MHD_USE_ERROR_LOG,
      /*port=*/0, /*apc=*/nullptr, nullptr, &OnRequest, this,  //
      MHD_OPTION_EXTERNAL_LOGGER, &LogFromLibrary, nullptr,    //
      MHD_OPTION_LISTEN_SOCKET, socket.fd,                     //
      MHD_OPTION_CONNECTION_LIMIT, static_cast<unsigned>(config.connections),
      MHD_OPTION_PER_IP_CONNECTION_LIMIT,
      static_cast<unsigned>(config.connections_per_address),  //
      MHD_OPTION_CONNECTION_TIMEOUT, static_cast<unsigned>(config.timeout_seconds),
      MHD_OPTION_CONNECTION_MEMORY_LIMIT, kConnectionMemoryBytes,  //
      MHD_OPTION_UNESCAPE_CALLBACK, &LeaveEscaped, nullptr,        //
      MHD_OPTION_NOTIFY_COMPLETED, &OnCompleted, this,             //
      MHD_OPTION_NOTIFY_CONNECTION, &OnConnection, this,           //
      MHD_OPTION_END);
  if (daemon_ == nullptr) {
    close(socket.fd);
    return absl::InternalError(
        absl::StrCat("cannot start the web server on ", config.address, " port ", port_));
  }
  return absl::OkStatus();
}

void HttpServer::Impl::Stop() {
  if (daemon_ == nullptr) return;
  const MHD_socket listening = MHD_quiesce_daemon(daemon_);
  const absl::Time deadline = absl::Now() + kStopGrace;
  while (in_flight_.load() > 0 && absl::Now() < deadline) {
    absl::SleepFor(absl::Milliseconds(5));
  }
  MHD_stop_daemon(std::exchange(daemon_, nullptr));
  if (listening != MHD_INVALID_SOCKET) close(listening);
}

// Called when a request's headers are complete, and again when the whole request is there. An
// answer at the first call closes the connection behind it (libmicrohttpd does not read on), so
// only requests with a body, which nothing here wants, are answered then.
MHD_Result HttpServer::Impl::OnRequest(void* self, MHD_Connection* connection, const char* url,
                                       const char* method, const char*, const char*,
                                       std::size_t*, void** request) {
  auto* impl = static_cast<Impl*>(self);
  if (*request == nullptr) {
    *request = impl;  // any mark will do
    impl->in_flight_.fetch_add(1);
    if (!HasBody(connection)) return MHD_YES;
  }
  return impl->Answer(connection, PathOf(url), method);
}

void HttpServer::Impl::OnCompleted(void* self, MHD_Connection* connection, void** request,
                                   MHD_RequestTerminationCode) {
  if (*request == nullptr) return;  // failed before its headers were complete
  auto* impl = static_cast<Impl*>(self);
  impl->in_flight_.fetch_sub(1);
  impl->deadlines_.Set(SocketOf(connection), impl->timeout_);
  *request = nullptr;
}

void HttpServer::Impl::OnConnection(void* self, MHD_Connection* connection, void**,
                                    MHD_ConnectionNotificationCode code) {
  auto* impl = static_cast<Impl*>(self);
  if (code == MHD_CONNECTION_NOTIFY_STARTED) {
    impl->deadlines_.Set(SocketOf(connection), impl->timeout_);
  } else {
    impl->deadlines_.Clear(SocketOf(connection));
  }
}

MHD_Result HttpServer::Impl::Answer(MHD_Connection* connection, const std::string& path,
                                    const std::string& method) {
  deadlines_.Set(SocketOf(connection), kAnswerTimeouts * timeout_);
  const auto route = routes_.find(path);
  if (route == routes_.end()) {
    return Queue(connection, PlainText(MHD_HTTP_NOT_FOUND, "not found"), false);
  }
  if (method != MHD_HTTP_METHOD_GET && method != MHD_HTTP_METHOD_HEAD) {
    return Queue(connection, PlainText(MHD_HTTP_METHOD_NOT_ALLOWED, "GET and HEAD only"), true);
  }
  return Queue(connection, CallHandler(route->second), false);
}

HttpServer::HttpServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
HttpServer::~HttpServer() = default;

absl::StatusOr<std::unique_ptr<HttpServer>> HttpServer::Start(const config::Http& config,
                                                              HttpRoutes routes) {
  auto impl = std::make_unique<Impl>(std::move(routes));
  MAILTAP_RETURN_IF_ERROR(impl->Start(config));
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(impl)));
}

uint16_t HttpServer::port() const { return impl_->port(); }
void HttpServer::Stop() { impl_->Stop(); }

}  // namespace mailtap::exporting

// HTTP clients for the tests: libcurl for well-behaved ones, a bare socket for the others.
#ifndef MAILTAP_TESTS_UNIT_EXPORT_HTTP_CLIENT_H_
#define MAILTAP_TESTS_UNIT_EXPORT_HTTP_CLIENT_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace mailtap::exporting {

struct Reply {
  int status = 0;                              // 0: no answer
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;
};

// One request on a connection of its own; `method` "HEAD" expects no body.
Reply Fetch(const std::string& url, const std::string& method = "GET",
            const std::vector<std::string>& headers = {});

// A TCP connection to 127.0.0.1. A test that would wait for ever ends after 20 s.
class RawClient {
 public:
  explicit RawClient(uint16_t port);
  ~RawClient();
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  bool connected() const { return connected_; }
  // False when the server has closed the connection.
  bool Send(const std::string& bytes);
  // What is there, and at most so much; nothing at the end of the connection.
  std::string Read(std::size_t most);
  // Everything up to the end of the connection, a reset included.
  std::string ReadToEnd();
  // Up to and including `mark`, or less where the connection ended.
  std::string ReadUntil(const std::string& mark);

 private:
  int fd_;
  bool connected_;
};

}  // namespace mailtap::exporting

#endif  // MAILTAP_TESTS_UNIT_EXPORT_HTTP_CLIENT_H_

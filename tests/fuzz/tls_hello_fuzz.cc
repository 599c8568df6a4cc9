// Any bytes as a TLS stream: the parser stays within its bounds, and its answer does not depend
// on how the bytes are cut.
#include <algorithm>
#include <cstdlib>
#include <memory>

#include "lib/classify/tls_hello.h"
#include "tests/fuzz/driver.h"
#include "tests/unit/classify/hello_builder.h"

namespace mailtap::fuzz {

std::vector<std::string> Seeds() {
  using namespace classify;
  const std::string all = GreaseExtension() + ServerNameExtension("imap.example.com") +
                          AlpnExtension({"imap", "pop3", "h2"}) + PaddingExtension(40);
  return {"\x01" + ClientHello(all), "\x07" + ClientHello(all, 30),
          "\x64" + ClientHello(all, 1), "\x03" + Records(HelloMessage(nullptr)),
          "\x09" + ServerHello() + ApplicationData(20)};
}

}  // namespace mailtap::fuzz

namespace {

using mailtap::classify::TlsHelloParser;

struct Parsed {
  TlsHelloParser::Status status;
  std::string name;
  std::optional<mailtap::Service> alpn;
  friend bool operator==(const Parsed&, const Parsed&) = default;
};

Parsed Parse(const uint8_t* data, std::size_t size, std::size_t step) {
  const auto name = std::make_unique<char[]>(TlsHelloParser::kMaxName);
  TlsHelloParser parser;
  parser.Start(name.get());
  for (std::size_t at = 0; at < size; at += step) {
    parser.Feed(data + at, std::min(step, size - at));
  }
  return {parser.status(), std::string(parser.server_name()), parser.alpn()};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::size_t step = std::max<std::size_t>(data[0], 1);
  const Parsed whole = Parse(data + 1, size - 1, size);
  if (!(Parse(data + 1, size - 1, step) == whole)) std::abort();
  if (whole.status == TlsHelloParser::Status::kDone && !whole.name.empty() &&
      whole.name.find('.') == std::string::npos) {
    std::abort();
  }
  mailtap::classify::LooksLikeTlsRecord(data, size);
  mailtap::classify::LooksLikeClientHello(data, size);
  if (whole.alpn.has_value() && !mailtap::classify::MayOfferMail(data + 1, size - 1))
    std::abort();
  return 0;
}

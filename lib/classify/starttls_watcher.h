// Finds the moment at which an IMAP or POP3 client turns to TLS (RFC 9051, 6.2.1; RFC 2595).
#ifndef MAILTAP_LIB_CLASSIFY_STARTTLS_WATCHER_H_
#define MAILTAP_LIB_CLASSIFY_STARTTLS_WATCHER_H_

#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"
#include "lib/classify/line_tail.h"

namespace mailtap::classify {

// Whether what a server has said ends with a whole line that may agree to turn to TLS: "220" of
// SMTP (RFC 3207, 4), "+OK" of POP3, OK behind an IMAP client's tag. They say the same to other
// commands.
bool MayAgreeToTls(absl::string_view said);

// Whether what a server says, in words, begins with a refusal: 4xx or 5xx of SMTP, "-ERR" of
// POP3, NO or BAD behind IMAP's tag or "*".
bool RefusesTls(absl::string_view said);

class StarttlsWatcher {
 public:
  // The client's next bytes, in order. Returns how many were taken: fewer than `size` exactly
  // when tls() has become true; the first byte not taken then starts the ClientHello.
  std::size_t OnClient(const uint8_t* data, std::size_t size);

  bool tls() const { return tls_; }
  // What it says is read as lines all the same: the server may take it for some.
  void ForgetTls() { tls_ = asked_ = false; }
  // The client has said so much in clear that it will not ask for TLS any more.
  bool done() const { return lines_ >= kMaxLines; }

 private:
  // Enough for CAPABILITY, ID and a few refused attempts.
  static constexpr int kMaxLines = 24;

  void Keep(absl::string_view text);
  bool AsksForTls() const;

  LineTail<16> tail_;  // of the line so far
  uint8_t lines_ = 0;
  bool line_empty_ = true;
  bool asked_ = false;  // the last whole line asked for TLS
  bool tls_ = false;
};

}  // namespace mailtap::classify

#endif  // MAILTAP_LIB_CLASSIFY_STARTTLS_WATCHER_H_

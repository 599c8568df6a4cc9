// What may go before a mail dialogue on its connection: a client's request to a proxy and the
// proxy's answer, or the header that a proxy sends to its server. Read over byte by byte, so
// that it needs no buffer however it is cut.
//
// RFC 9110, 9.3.6 (CONNECT) and RFC 9112; RFC 1928 and 1929 (SOCKS5); SOCKS: A protocol for TCP
// proxy across firewalls, and its 4A extension; the PROXY protocol, 2.1 and 2.2.
#ifndef MAILTAP_LIB_CLASSIFY_PREFACE_H_
#define MAILTAP_LIB_CLASSIFY_PREFACE_H_

#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"
#include "lib/base/mail.h"
#include "lib/classify/pattern_table.h"

namespace mailtap::classify {

inline constexpr uint8_t kSocks4 = 4, kSocks5 = 5;  // versions
inline constexpr uint8_t kSocksConnect = 1;         // the command
inline constexpr uint8_t kMostSocksMethods = 32;    // a dozen are known

// Whether a client's first payload is a SOCKS greeting or request, or may be the start of one:
// cheap enough for every packet. `size` is at least 1.
inline bool MayBeSocks(const uint8_t* data, std::size_t size) {
  if (data[0] == kSocks5) {
    const std::size_t greeting = size == 1 ? 1 : std::size_t{2} + data[1];
    return (size == 1 || data[1] <= kMostSocksMethods) &&
           (size <= greeting || data[greeting] == kSocks5);
  }
  return data[0] == kSocks4 && (size == 1 || data[1] == kSocksConnect);
}

// Whether a payload is all that a client says first to a SOCKS proxy, by its length too.
inline bool IsSocksOpening(const uint8_t* data, std::size_t size) {
  constexpr std::size_t kShortest4 = 9;  // command, port, address and an empty user
  if (data[0] == kSocks5) return size > 2 && size == std::size_t{2} + data[1];
  return data[0] == kSocks4 && size >= kShortest4 && data[1] == kSocksConnect &&
         data[size - 1] == 0;
}

class Preface {
 public:
  enum class Kind : uint8_t { kNone, kConnect, kSocks4, kSocks5, kProxy1, kProxy2 };

  // What a client's first bytes open: kNone where it is nothing of the kind, or cannot be told
  // yet.
  static Kind Detect(absl::string_view text);
  // What a server's first bytes answer, where the request is lost.
  static Kind DetectAnswer(absl::string_view text);
  // Whether more bytes may yet make `text` the binary start of one, so that nobody should judge
  // it as lines.
  static bool MayBecome(absl::string_view text);

  Preface() = default;
  explicit Preface(Kind kind);

  // The side's next bytes, in order. Returns how many of them belong to the preface: fewer than
  // `size` when reading(side) ends, or all has failed.
  std::size_t Feed(Side side, const uint8_t* data, std::size_t size);

  // What the side says next is the dialogue: the rest of the preface is missing.
  void Leave(Side side) { Expect(halves_[static_cast<int>(side)], Step::kInner); }

  // The side's next bytes are the preface's.
  bool reading(Side side) const { return half(side).step != Step::kInner; }
  bool reading() const { return reading(Side::kClient) || reading(Side::kServer); }
  // It is none after all, or the proxy was asked for something else than a connection.
  bool failed() const { return failed_; }
  // A proxy's header may go before another preface; a tunnel is followed by the dialogue.
  bool tunnel() const { return via() != Via::kNone; }
  Via via() const;
  // Where the tunnel leads; 0 where it is not known.
  uint16_t target_port() const { return target_port_; }

 private:
  // What a side's next bytes are.
  enum class Step : uint8_t {
    kInner,  // the dialogue's
    // CONNECT, client
    kMethod,
    kTarget,
    kVersion,
    kPath,  // some clients send one
    kHead,
    // CONNECT, server
    kStatus,
    kStatusCode,
    kAnswerHead,
    kRefusal,  // all that comes until the client asks again
    // The PROXY protocol
    kLine,
    kBinaryHeader,
    kBinaryRest,
    // SOCKS4
    kRequest4,
    kUser4,
    kDomain4,
    kReply4,
    // SOCKS5, client
    kGreeting,
    kMethods,
    kNextRequest,  // credentials, or what is wanted
    kUser,
    kPassword,
    kRequest,
    // SOCKS5, server
    kMethodChosen,
    kNextReply,
    kReply,
    // SOCKS5, either
    kDomainLength,
    kAddress,
  };
  struct Half {
    Step step = Step::kInner;
    uint8_t matched = 0;  // bytes of a fixed word, or line ends in a row
    uint16_t left = 0;    // bytes that the step still takes
    uint32_t value = 0;   // its last four bytes
    uint32_t taken = 0;   // since the last request or answer was complete
  };

  const Half& half(Side side) const { return halves_[static_cast<int>(side)]; }
  static void Expect(Half& half, Step step, uint16_t bytes = 0);
  static void ExpectNext(Half& half, Step step);
  void Take(Half& half, uint8_t byte);
  void TakeHttp(Half& half, uint8_t byte);
  void TakeAnswer(Half& half, uint8_t byte);
  void TakeHeaderName(Half& half, uint8_t byte);
  // The step's bytes are complete.
  void Finish(Half& half);
  void FinishSocks5(Half& half);
  void ExpectAddress(Half& half, uint8_t type);
  void Match(Half& half, uint8_t byte, absl::string_view word, Step next);
  void Fail() { failed_ = true; }

  Half halves_[2];  // by Side
  uint16_t target_port_ = 0;
  uint16_t status_ = 0;  // of the proxy's last answer
  Kind kind_ = Kind::kNone;
  bool in_port_ = false;
  bool asked_ = false;  // CONNECT was read
  bool failed_ = false;
};

}  // namespace mailtap::classify

#endif  // MAILTAP_LIB_CLASSIFY_PREFACE_H_

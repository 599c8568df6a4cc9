#include "lib/classify/preface.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/strip.h"
#include "lib/classify/first_word.h"

namespace mailtap::classify {
namespace {

constexpr absl::string_view kConnectWord = "CONNECT ";
constexpr absl::string_view kVersionWord = "HTTP/1.";
constexpr absl::string_view kBodyHeader = "content-type:";
constexpr absl::string_view kProxyWord = "PROXY ";
constexpr absl::string_view kSignature("\r\n\r\n\0\r\nQUIT\n", 12);
constexpr uint8_t kSocks4Granted = 90;
constexpr uint32_t kMostBytes = 16'384;  // of a side, between two requests

// VER, CMD, port (2), address (4), user, NUL, and for an address 0.0.0.x a domain, NUL. The
// client's first words may follow at once.
bool IsSocks4Request(absl::string_view text) {
  constexpr std::size_t kFixed = 8;
  if (text.size() <= kFixed || text[1] != kSocksConnect) return false;
  if (text[2] == '\0' && text[3] == '\0') return false;
  const bool named =
      absl::StartsWith(text.substr(4), absl::string_view("\0\0\0", 3)) && text[7] != '\0';
  absl::string_view rest = text.substr(kFixed);
  for (int words = named ? 2 : 1; words > 0; --words) {
    const std::size_t end = rest.find('\0');
    if (end == rest.npos ||
        std::any_of(rest.begin(), rest.begin() + end, absl::ascii_iscntrl)) {
      return false;
    }
    rest.remove_prefix(end + 1);
  }
  return true;
}

bool IsLineEnd(char c) { return c == '\r' || c == '\n'; }

// Line ends may go before a request (RFC 9112, 2.2), and some clients put more than one blank
// behind its first word.
bool IsConnectRequest(absl::string_view text) {
  text.remove_prefix(LineEndsBefore(reinterpret_cast<const uint8_t*>(text.data()),
                                    static_cast<uint32_t>(text.size())));
  if (!absl::ConsumePrefix(&text, kConnectWord)) return false;
  const std::size_t at = text.find_first_not_of(' ');
  if (at == text.npos) return false;
  const char host = text[at];
  return absl::ascii_isalnum(static_cast<unsigned char>(host)) || host == '[' || host == '_';
}

// VER, NMETHODS, METHODS: the client waits for the answer, or sends its request with them.
bool IsSocks5Greeting(absl::string_view text) {
  if (text.size() < 3) return false;
  const auto methods = static_cast<uint8_t>(text[1]);
  const std::size_t end = std::size_t{2} + methods;
  if (methods > kMostSocksMethods || text.size() < end) return false;
  const bool goes_on = text.size() == end || text[end] == kSocks5;
  return goes_on && text.substr(2, methods).find('\xff') == absl::string_view::npos;
}

}  // namespace

Preface::Kind Preface::Detect(absl::string_view text) {
  if (text.empty()) return Kind::kNone;
  if (text[0] == kSocks5) return IsSocks5Greeting(text) ? Kind::kSocks5 : Kind::kNone;
  if (text[0] == kSocks4) return IsSocks4Request(text) ? Kind::kSocks4 : Kind::kNone;
  if (absl::StartsWith(text, kSignature)) return Kind::kProxy2;
  if (absl::StartsWith(text, kProxyWord) && text.size() > kProxyWord.size()) {
    const char family = text[kProxyWord.size()];  // TCP4, TCP6, UNKNOWN
    return family == 'T' || family == 'U' ? Kind::kProxy1 : Kind::kNone;
  }
  return IsConnectRequest(text) ? Kind::kConnect : Kind::kNone;
}

Preface::Kind Preface::DetectAnswer(absl::string_view text) {
  constexpr std::size_t kMethodChosen = 2, kReply4 = 8;
  constexpr char kNoMethod = '\xff';
  if (absl::StartsWith(text, kVersionWord)) return Kind::kConnect;
  if (text.size() >= kMethodChosen && text[0] == kSocks5 && text[1] != kNoMethod) {
    return Kind::kSocks5;
  }
  const bool granted = text.size() >= kReply4 && text[0] == '\0' && text[1] == kSocks4Granted;
  return granted ? Kind::kSocks4 : Kind::kNone;
}

bool Preface::MayBecome(absl::string_view text) {
  constexpr std::size_t kLongestRequest4 = 160;
  if (text.empty() || Detect(text) != Kind::kNone) return false;
  if (text[0] == kSocks5) {
    return text.size() < 2 || text.size() < std::size_t{2} + static_cast<uint8_t>(text[1]);
  }
  if (text[0] == kSocks4) {
    return text.size() < kLongestRequest4 && (text.size() < 2 || text[1] == kSocksConnect);
  }
  return text.size() < kSignature.size() && absl::StartsWith(kSignature, text);
}

Preface::Preface(Kind kind) : kind_(kind) {
  Half& client = halves_[static_cast<int>(Side::kClient)];
  Half& server = halves_[static_cast<int>(Side::kServer)];
  switch (kind) {
    case Kind::kNone:
      break;
    case Kind::kConnect:
      Expect(client, Step::kMethod);
      Expect(server, Step::kStatus);
      break;
    case Kind::kSocks4:
      Expect(client, Step::kRequest4, 8);
      Expect(server, Step::kReply4, 8);
      break;
    case Kind::kSocks5:
      Expect(client, Step::kGreeting, 2);
      Expect(server, Step::kMethodChosen, 2);
      break;
    case Kind::kProxy1:
      Expect(client, Step::kLine);
      break;
    case Kind::kProxy2:
      Expect(client, Step::kBinaryHeader, 16);
      break;
  }
}

Via Preface::via() const {
  switch (kind_) {
    case Kind::kConnect:
      return Via::kHttpConnect;
    case Kind::kSocks4:
      return Via::kSocks4;
    case Kind::kSocks5:
      return Via::kSocks5;
    default:
      return Via::kNone;
  }
}

std::size_t Preface::Feed(Side side, const uint8_t* data, std::size_t size) {
  Half& half = halves_[static_cast<int>(side)];
  std::size_t at = 0;
  while (at < size && half.step != Step::kInner && !failed_) {
    if (half.step != Step::kRefusal && ++half.taken > kMostBytes) Fail();
    Take(half, data[at++]);
  }
  return at;
}

void Preface::Expect(Half& half, Step step, uint16_t bytes) {
  half.step = step;
  half.matched = 0;
  half.left = bytes;
  half.value = 0;
}

// Credentials may take several rounds, and as many bytes again in each.
void Preface::ExpectNext(Half& half, Step step) {
  Expect(half, step);
  half.taken = 0;
}

void Preface::Take(Half& half, uint8_t byte) {
  switch (half.step) {
    case Step::kMethod:
    case Step::kTarget:
    case Step::kVersion:
    case Step::kPath:
    case Step::kHead:
      return TakeHttp(half, byte);
    case Step::kStatus:
    case Step::kStatusCode:
    case Step::kAnswerHead:
    case Step::kRefusal:
      return TakeAnswer(half, byte);
    case Step::kLine:
      if (byte == '\n') Expect(half, Step::kInner);
      return;
    case Step::kUser4:
    case Step::kDomain4: {
      if (byte != 0) return;
      // 0.0.0.x, x not 0: a name follows (SOCKS 4A).
      const bool named = half.step == Step::kUser4 && half.value != 0 && half.value < 256;
      return Expect(half, named ? Step::kDomain4 : Step::kInner);
    }
    default:
      half.value = half.value << 8 | byte;
      if (half.step == Step::kRequest4 && half.left == 5) {
        target_port_ = static_cast<uint16_t>(half.value);
      }
      if (half.step == Step::kReply4 && half.left == 7 && byte != kSocks4Granted) Fail();
      if (--half.left == 0) Finish(half);
      return;
  }
}

void Preface::Match(Half& half, uint8_t byte, absl::string_view word, Step next) {
  if (byte != static_cast<uint8_t>(word[half.matched])) return Fail();
  if (++half.matched == word.size()) Expect(half, next);
}

// The client's side of CONNECT.
void Preface::TakeHttp(Half& half, uint8_t byte) {
  switch (half.step) {
    case Step::kMethod:
      if (half.matched == 0 && IsLineEnd(static_cast<char>(byte))) return;
      Match(half, byte, kConnectWord, Step::kTarget);
      target_port_ = 0;
      in_port_ = false;
      asked_ = true;
      return;
    case Step::kTarget:
      if (byte == ' ' && half.matched == 0) return;
      if (byte == ' ') return Expect(half, Step::kVersion);
      half.matched = 1;
      if (byte < ' ' || byte == '{')
        return Fail();  // STOMP's and NATS's CONNECT have no version
      if (byte == ':') {
        in_port_ = true;  // of an IPv6 address the last one counts
        target_port_ = 0;
      } else if (in_port_ && absl::ascii_isdigit(byte)) {
        const uint32_t port = target_port_ * 10u + (byte - '0');
        in_port_ = port <= UINT16_MAX;
        target_port_ = in_port_ ? static_cast<uint16_t>(port) : 0;
      } else {
        target_port_ = 0;
      }
      return;
    case Step::kVersion:
      if (byte == static_cast<uint8_t>(kVersionWord[half.matched])) {
        return Match(half, byte, kVersionWord, Step::kHead);
      }
      [[fallthrough]];
    case Step::kPath:
      if (byte < ' ') return Fail();
      return Expect(half, byte == ' ' ? Step::kVersion : Step::kPath);
    default:
      if (byte == '\r') return;
      half.matched = static_cast<uint8_t>(byte == '\n' ? half.matched + 1 : 0);
      if (half.matched < 2) return;
      Expect(half, Step::kInner);
      // A proxy that refused the last request has to answer this one.
      Half& server = halves_[static_cast<int>(Side::kServer)];
      if (server.step == Step::kRefusal) ExpectNext(server, Step::kStatus);
      return;
  }
}

// An answer with a body is none to CONNECT (RFC 9110, 9.3.6), unless that was seen. How much of
// the header's name the line has in common is in `left`.
void Preface::TakeHeaderName(Half& half, uint8_t byte) {
  constexpr uint16_t kOther = UINT16_MAX;
  if (byte == '\n') {
    half.left = 0;
  } else if (half.left < kBodyHeader.size()) {
    const bool same = absl::ascii_tolower(byte) == kBodyHeader[half.left];
    half.left = same ? half.left + 1 : kOther;
    if (half.left == kBodyHeader.size() && !asked_) Fail();
  }
}

// The proxy's side of CONNECT.
void Preface::TakeAnswer(Half& half, uint8_t byte) {
  switch (half.step) {
    case Step::kStatus:
      Match(half, byte, kVersionWord, Step::kStatusCode);
      status_ = 0;
      return;
    case Step::kStatusCode: {
      constexpr int kDigits = 3;
      if (half.matched < 2) {  // the minor version and a space
        ++half.matched;
        return;
      }
      if (!absl::ascii_isdigit(byte)) return Fail();
      status_ = static_cast<uint16_t>(status_ * 10 + (byte - '0'));
      if (++half.matched == 2 + kDigits) Expect(half, Step::kAnswerHead);
      return;
    }
    case Step::kAnswerHead:
      if (byte == '\r') return;
      half.matched = static_cast<uint8_t>(byte == '\n' ? half.matched + 1 : 0);
      TakeHeaderName(half, byte);
      if (half.matched < 2) return;
      if (status_ / 100 == 2) return Expect(half, Step::kInner);
      if (status_ / 100 == 1) return Expect(half, Step::kStatus);
      // It may want credentials: the client asks again on the same connection.
      Expect(half, Step::kRefusal);
      return ExpectNext(halves_[static_cast<int>(Side::kClient)], Step::kMethod);
    default:
      return;
  }
}

void Preface::Finish(Half& half) {
  switch (half.step) {
    case Step::kBinaryHeader: {
      const auto rest = static_cast<uint16_t>(half.value);
      return Expect(half, rest == 0 ? Step::kInner : Step::kBinaryRest, rest);
    }
    case Step::kBinaryRest:
      return Expect(half, Step::kInner);
    case Step::kRequest4: {
      // The address stays: it says whether a name follows.
      const uint32_t address = half.value;
      Expect(half, Step::kUser4);
      half.value = address;
      return;
    }
    case Step::kReply4:
      return Expect(half, Step::kInner);
    default:
      return FinishSocks5(half);
  }
}

}  // namespace mailtap::classify

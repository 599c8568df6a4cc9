// SOCKS5's greeting, credentials and request, and the answers.
#include "lib/classify/preface.h"

namespace mailtap::classify {

void Preface::FinishSocks5(Half& half) {
  const auto last = static_cast<uint8_t>(half.value);
  const bool client = &half == &halves_[static_cast<int>(Side::kClient)];
  switch (half.step) {
    case Step::kGreeting:
      return last == 0 ? Fail() : Expect(half, Step::kMethods, last);
    case Step::kMethods:
    case Step::kPassword:
      return Expect(half, Step::kNextRequest, 2);
    case Step::kNextRequest:
      // 01, length of the user's name; or 05, the command.
      if (half.value >> 8 == kSocks5) {
        return last == kSocksConnect ? Expect(half, Step::kRequest, 2) : Fail();
      }
      return half.value >> 8 == 1 ? Expect(half, Step::kUser, static_cast<uint16_t>(last + 1))
                                  : Fail();
    case Step::kUser:
      return Expect(half, last == 0 ? Step::kNextRequest : Step::kPassword,
                    last == 0 ? 2 : last);
    case Step::kMethodChosen:
      // No credentials, or a user's name and password.
      if (half.value >> 8 != kSocks5 || (last != 0 && last != 2)) return Fail();
      return Expect(half, Step::kNextReply, 2);
    case Step::kNextReply:
      // 01, status of the credentials; or 05, that of the request.
      if (last != 0) return Fail();
      if (half.value >> 8 == 1) return Expect(half, Step::kNextReply, 2);
      return half.value >> 8 == kSocks5 ? Expect(half, Step::kReply, 2) : Fail();
    case Step::kRequest:
    case Step::kReply:
      return ExpectAddress(half, last);
    case Step::kDomainLength:
      return Expect(half, Step::kAddress, static_cast<uint16_t>(last + 2));
    case Step::kAddress:
      if (client) target_port_ = static_cast<uint16_t>(half.value);
      return Expect(half, Step::kInner);
    default:
      return Fail();
  }
}

void Preface::ExpectAddress(Half& half, uint8_t type) {
  constexpr uint8_t kV4 = 1, kDomain = 3, kV6 = 4;
  constexpr uint16_t kPort = 2;
  if (type == kV4) return Expect(half, Step::kAddress, 4 + kPort);
  if (type == kV6) return Expect(half, Step::kAddress, 16 + kPort);
  return type == kDomain ? Expect(half, Step::kDomainLength, 1) : Fail();
}

}  // namespace mailtap::classify

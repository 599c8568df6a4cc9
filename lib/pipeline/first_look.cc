#include "lib/pipeline/first_look.h"

#include "lib/classify/preface.h"

namespace mailtap::pipeline {

namespace {

// Openings that are told by more than words: TLS 1.x (a version up to 3.7), SOCKS 4's command,
// and fewer than 64 methods of SOCKS 5 (MayBeSocks() knows of 32).
constexpr classify::FirstWordFilter::Opening kOpenings[] = {
    {classify::kTlsHandshakeRecord, 0xf8fc00},
    {classify::kSocks4, 0xfe00},
    {classify::kSocks5, 0xc000},
};

}  // namespace

FirstLook::FirstLook(const TlsNames& names) : first_words_(kOpenings), names_(names) {}

// A hello of either side: a mirror may deliver the answer first.
bool FirstLook::OpensWithHello(const net::Segment& segment) const {
  const bool client = classify::LooksLikeClientHello(segment.payload, segment.captured);
  if (!client && !classify::LooksLikeServerHello(segment.payload, segment.captured))
    return false;
  if (!IsOnWebPort(segment)) return true;
  return client && classify::MayOfferMail(segment.payload, segment.captured);
}

bool FirstLook::OpensWithWord(const net::Segment& segment) const {
  return segment.captured >= classify::FirstWordFilter::kWordBytes &&
         first_words_.Matches(segment.payload, segment.captured);
}

bool FirstLook::OpensLikeMail(const net::Segment& segment) const {
  const bool whole = segment.captured == segment.length;
  if (segment.captured < classify::FirstWordFilter::kWordBytes &&
      (!whole || segment.length == 0)) {
    return false;
  }
  switch (segment.payload[0]) {
    case classify::kTlsHandshakeRecord:
      return OpensWithHello(segment);
    case classify::kSocks4:
    case classify::kSocks5:
      return classify::MayBeSocks(segment.payload, segment.captured);
    default:
      break;
  }
  // A greeting may come one byte at a time.
  return segment.captured >= classify::FirstWordFilter::kWordBytes
             ? first_words_.Matches(segment.payload, segment.captured)
             : first_words_.MayMatch(segment.payload, segment.length);
}

}  // namespace mailtap::pipeline

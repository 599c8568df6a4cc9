#include "lib/pipeline/first_look.h"

#include <string>

#include "lib/classify/preface.h"

namespace mailtap::pipeline {

FirstLook::FirstLook(const TlsNames& names)
    : first_words_(std::string{kTlsHandshake, kSocks4, kSocks5}), names_(names) {}

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
    case kTlsHandshake:
      return OpensWithHello(segment);
    case kSocks4:
    case kSocks5:
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

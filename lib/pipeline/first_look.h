// Whether a packet on an odd port may be the first of mail, or of what goes before it: the
// cheap tests that nearly every packet fails.
#ifndef MAILTAP_LIB_PIPELINE_FIRST_LOOK_H_
#define MAILTAP_LIB_PIPELINE_FIRST_LOOK_H_

#include <cstdint>

#include "lib/classify/first_word.h"
#include "lib/classify/tls_hello.h"
#include "lib/net/decode.h"
#include "lib/net/wire.h"
#include "lib/pipeline/tls_names.h"

namespace mailtap::pipeline {

// Immutable; reading allocates nothing.
class FirstLook {
 public:
  // `names` outlives it.
  explicit FirstLook(const TlsNames& names);

  // False only where MayOpen() is.
  bool Glance(uint8_t flags, const uint8_t* payload, uint32_t captured) const {
    if ((flags & (net::kSyn | net::kRst)) != 0) [[unlikely]]
      return (flags & net::kSyn) != 0;
    return first_words_.Glance(payload, captured);
  }
  // By its payload or, for a server that has spoken mail before, by its SYN. What a RST carries
  // explains it to people (RFC 9293, 3.5.3).
  bool MayOpen(const net::Segment& segment) const {
    return Glance(segment.flags, segment.payload, segment.captured) &&
           ((segment.flags & net::kSyn) != 0 || OpensLikeMail(segment));
  }
  // Of what has passed the glance.
  bool OpensLikeMail(const net::Segment& segment) const;
  // On the web's ports a hello is no sign of mail, unless it says so.
  bool IsOnWebPort(const net::Segment& segment) const {
    return names_.IsWebPort(segment.src_port) || names_.IsWebPort(segment.dst_port);
  }
  // With one of the table's words, whole.
  bool OpensWithWord(const net::Segment& segment) const;

 private:
  bool OpensWithHello(const net::Segment& segment) const;

  classify::FirstWordFilter first_words_;
  const TlsNames& names_;
};

}  // namespace mailtap::pipeline

#endif  // MAILTAP_LIB_PIPELINE_FIRST_LOOK_H_

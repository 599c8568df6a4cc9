// Finds the end of SMTP message text: the line with a single dot (RFC 5321, 4.1.1.4).
#ifndef MAILTAP_LIB_CLASSIFY_MESSAGE_END_H_
#define MAILTAP_LIB_CLASSIFY_MESSAGE_END_H_

#include <cstddef>
#include <cstdint>

namespace mailtap::classify {

// Looks at the ends of those pieces behind which a client may have had no more to say (the
// pushed and the short ones): where it sends commands behind its text, these are in the last
// of them (RFC 2920).
class MessageEnd {
 public:
  static constexpr std::size_t kLookedAt = 384;  // bytes of a piece, the last ones
  static constexpr std::size_t kLineBytes = 3;   // the dot's line itself: no text

  // Message text starts: at a line's start.
  void Start();
  // How many of a piece's bytes there are up to the end of the dot's line; 0 where it is not
  // found. `follows`: the piece starts where the last one given ended. `whole`: look at all of
  // it. Not to be called any more once found.
  std::size_t Find(const uint8_t* data, std::size_t size, bool follows, bool whole);
  // Bytes of the dot's line where the server has taken the end of what was given last for it,
  // though Find did not: without carriage returns it is no mail's, and yet some write it.
  std::size_t overlooked_bytes() const;

 private:
  static constexpr std::size_t kKept = 4;

  char last_[kKept] = {};  // what went before
  uint8_t kept_ = 0;       // bytes of it
};

}  // namespace mailtap::classify

#endif  // MAILTAP_LIB_CLASSIFY_MESSAGE_END_H_

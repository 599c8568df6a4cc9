// Counts the messages that a POP3 client retrieves and their bytes (RFC 1939, 5; RFC 2449, 6.6
// pipelining), from commands, status lines and sequence numbers.
//
// A message's text is not read: it ends where the client, when it says its next command, has
// heard the server up to. Only behind a RETR with further commands outstanding, where numbers
// don't tell, it is searched for its last line.
#ifndef MAILTAP_LIB_CLASSIFY_POP3_RETRIEVALS_H_
#define MAILTAP_LIB_CLASSIFY_POP3_RETRIEVALS_H_

#include <cstddef>
#include <cstdint>

#include "lib/classify/command_queue.h"

namespace mailtap::classify {

class Pop3Retrievals {
 public:
  // The streams' next bytes, each in order, and neither ahead of what its sender had seen of
  // the other. OnServer must not be called while skipping(), and returns early, with how many
  // bytes it took, where that begins.
  void OnClient(const uint8_t* data, std::size_t size);
  std::size_t OnServer(const uint8_t* data, std::size_t size);

  // A message's text is under way: the server's bytes are of no interest until the client says
  // something.
  bool skipping() const { return skipping_; }
  // The client says something: the text was so long, its last line included. `measured`: as far
  // as is known, nothing else was among that.
  void EndText(uint64_t bytes, bool measured = true);
  // Bytes of the line that ends a text and is none of it: some servers leave out what goes
  // before a line's end.
  uint64_t dot_bytes() const { return bare_ ? 2 : 3; }

  uint32_t retrievals() const { return retrievals_; }
  // Bytes of their texts, as sent, without their last lines.
  uint64_t text_bytes() const { return text_bytes_; }
  bool text_bytes_known() const { return measured_; }
  // The server has said what no command explains: the counts may be wrong.
  bool lost() const { return lost_; }

 private:
  enum Command : uint8_t { kOneLine, kListing, kRetrieve, kAuthenticate };
  static constexpr int kMaxQueued = 12;  // runs of the same command
  static constexpr int kMaxLine = 8;

  void OnCommand();
  void OnStatus();
  void OnTextLine();
  void Push(Command command);

  char line_[kMaxLine] = {};  // the client's line so far
  char reply_[4] = {};        // the server's
  uint8_t line_length_ = 0;   // at most kMaxLine
  uint8_t reply_length_ = 0;  // at most 4
  CommandQueue<Command, kMaxQueued> outstanding_;

  bool greeted_ = false;
  bool auth_line_ = false;  // the client's next line answers a challenge
  bool listing_ = false;    // until a line with a dot
  bool in_text_ = false;    // the listing is a message
  bool skipping_ = false;
  bool lost_ = false;
  bool measured_ = true;
  bool bare_ = false;    // the server's lines end without carriage return
  bool return_ = false;  // its last byte is one
  uint32_t retrievals_ = 0;
  uint64_t text_bytes_ = 0;
  uint64_t reply_bytes_ = 0;  // of the server's line so far
};

}  // namespace mailtap::classify

#endif  // MAILTAP_LIB_CLASSIFY_POP3_RETRIEVALS_H_

// Counts the bytes of messages that an IMAP client appends and fetches (RFC 9051, 6.3.12 and
// 7.5.2), by the literals announced for them; what is in a literal is never read.
#ifndef MAILTAP_LIB_CLASSIFY_IMAP_TRANSFERS_H_
#define MAILTAP_LIB_CLASSIFY_IMAP_TRANSFERS_H_

#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"
#include "lib/base/mail.h"
#include "lib/classify/line_tail.h"
#include "lib/classify/starttls_watcher.h"

namespace mailtap::classify {

class ImapTransfers {
 public:
  // The next bytes of a side (kUp: the client's), in order, and neither side ahead of what its
  // sender had seen of the other. Lines, and no literals, go to `watcher` too, where there is
  // one. Returns how many bytes were taken: fewer than `size` where it has found TLS.
  std::size_t Read(Direction side, const uint8_t* data, std::size_t size,
                   StarttlsWatcher* watcher = nullptr);

  // Bytes of a literal still to come; the caller may skip that many without delivering them.
  uint64_t literal_left(Direction side) const { return sides_[side].left; }
  void SkipLiteral(Direction side, uint64_t bytes);

  // The server has agreed to compress what follows (RFC 4978): nothing more can be read.
  bool compressed() const { return compressed_; }

  // Bytes in the literals of APPEND (RFC 8508's REPLACE too), for kUp, and of FETCH responses,
  // for kDown. `unseen`: how many of those skipped last never came.
  uint64_t bytes(Direction side, uint64_t unseen) const;

 private:
  // The word that a line starts with. Tags may be of any length (RFC 9051, 9), so that a hash
  // has to tell one from another.
  class LineTag {
   public:
    // Takes the word's part of what comes next; returns how many bytes of it are the word's
    // and the blank's behind it.
    std::size_t Add(absl::string_view text);
    bool ended() const { return ended_; }
    char first() const { return first_; }
    uint32_t hash() const { return hash_; }
    bool IsStar() const { return first_ == '*' && length_ == 1; }

   private:
    uint32_t hash_ = 0;
    char first_ = 0;
    uint8_t length_ = 0;  // counts to 2
    bool ended_ = false;
  };

  static constexpr std::size_t kHead = 24;  // "UID REPLACE 4294967295 {", "4294967295 FETCH"
  static constexpr std::size_t kTail = 14;  // "{4294967295+}" and CR

  struct Side {
    uint64_t left = 0;   // of the literal under way
    uint64_t bytes = 0;  // of messages
    // The line so far: its tag, the first bytes behind it, and its last ones.
    LineTag tag;
    char head[kHead] = {};
    LineTail<kTail> tail;
    uint8_t head_length = 0;
    bool continued = false;  // the line goes on with a command or response behind a literal
    bool counted = false;    // its literals are messages
  };

  void AddToLine(Side& side, const char* data, std::size_t size);
  void OnClientLine();
  void OnServerLine();
  void Refuse();
  static bool Announces(const Side& side, uint64_t& bytes, bool& at_once);

  Side sides_[kDirectionCount];
  uint64_t awaited_ = 0;  // bytes of a literal that the server has yet to ask for
  bool awaits_ = false;
  // The client has gone on without being asked: with the literal, unless its command is refused
  // before it is asked for after all.
  bool unasked_ = false;
  uint64_t unasked_bytes_ = 0;      // of messages, in that literal
  uint32_t command_tag_ = 0;        // of the client's last command
  bool appends_ = false;            // the client's last command is an APPEND or a REPLACE
  bool compression_asked_ = false;  // by the command of that tag, and not answered yet
  uint32_t compression_tag_ = 0;
  bool compressed_ = false;
};

}  // namespace mailtap::classify

#endif  // MAILTAP_LIB_CLASSIFY_IMAP_TRANSFERS_H_

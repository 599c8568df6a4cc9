// Plays a TCP connection: what each side says becomes frames with the right sequence and ACK
// numbers, as a mirror port would deliver them.
#ifndef MAILTAP_TESTS_UNIT_PIPELINE_CONVERSATION_H_
#define MAILTAP_TESTS_UNIT_PIPELINE_CONVERSATION_H_

#include <cstdint>
#include <string>
#include <vector>

#include "lib/base/mail.h"
#include "lib/base/time.h"

namespace mailtap::pipeline {

struct Frame {
  std::string bytes;
  UnixNanos time = 0;
  Direction direction = kUp;
  uint32_t captured = 0xffffffff;  // bytes of it that were captured, where fewer
};
using Frames = std::vector<Frame>;

inline constexpr UnixNanos kStart = 1'700'000'000 * kNanosPerSecond;

class Conversation {
 public:
  // Addresses of either family, in text.
  Conversation(const std::string& client, uint16_t client_port, const std::string& server,
               uint16_t server_port);

  Conversation& At(UnixNanos time) { return time_ = time, *this; }
  Conversation& Wait(int64_t nanos) { return time_ += nanos, *this; }
  // Payload bytes that a segment takes from here on.
  Conversation& Cut(std::size_t bytes) { return segment_bytes_ = bytes, *this; }
  Conversation& Vlan(int id) { return vlan_ = id, *this; }
  Conversation& Numbers(uint32_t client_isn, uint32_t server_isn);

  // With what SYN and SYN-ACK carry (RFC 7413).
  Conversation& Handshake(const std::string& client = "", const std::string& server = "");
  Conversation& Client(const std::string& text) { return Say(kUp, text); }
  Conversation& Server(const std::string& text) { return Say(kDown, text); }
  // A pure ACK of all that the other side has said.
  Conversation& Ack(Direction from);
  Conversation& Fin(Direction from);
  // With what a host may say of it.
  Conversation& Reset(Direction from, const std::string& text = "");
  // FIN from the client, FIN from the server, the last ACK.
  Conversation& Close() { return Fin(kUp).Fin(kDown).Ack(kUp); }

  // Text that is said but never captured.
  Conversation& Lost(Direction from, const std::string& text);

  const Frames& frames() const { return frames_; }
  // Only what one side sent.
  Frames OneWay(Direction direction) const;

 private:
  Conversation& Say(Direction from, const std::string& text);
  void Emit(Direction from, uint8_t flags, const std::string& payload);

  std::string address_[2];
  bool v6_;
  uint16_t port_[2];
  uint32_t next_[2] = {1'000'000, 4'294'967'000};  // the server's wraps soon
  UnixNanos time_ = kStart;
  std::size_t segment_bytes_ = 1'400;
  int vlan_ = -1;
  Frames frames_;
};

// All frames in one stream, by time.
Frames Merge(const std::vector<Frames>& streams);

// Frames arrive up to `window` places from where they belong, but for the first `keep`; the
// stamps stay in order, as a capture card's do.
Frames Shuffled(Frames frames, std::size_t window, std::size_t keep, unsigned seed);
// Each frame twice.
Frames Doubled(const Frames& frames);

}  // namespace mailtap::pipeline

#endif  // MAILTAP_TESTS_UNIT_PIPELINE_CONVERSATION_H_

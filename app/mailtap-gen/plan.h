// What a session will say, decided before its first packet: a list of parts, spoken in turn.
// The engine walks the plan segment by segment, so a plan of megabytes is a few lines long.
#ifndef MAILTAP_APP_MAILTAP_GEN_PLAN_H_
#define MAILTAP_APP_MAILTAP_GEN_PLAN_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "app/mailtap-gen/random.h"

namespace mailtap::gen {

enum class Side : uint8_t { kClient, kServer };
constexpr Side Other(Side side) {
  return side == Side::kClient ? Side::kServer : Side::kClient;
}
constexpr std::size_t Index(Side side) { return static_cast<std::size_t>(side); }

// What a part's bytes are.
enum class Fill : uint8_t {
  kText,     // Plan::text from `offset`
  kLines,    // base64 text in lines of kLineBytes, CRLF included
  kRandom,   // bytes that look like random ones
  kRecords,  // TLS application data records with random contents
};
inline constexpr uint32_t kLineBytes = 78;

struct Part {
  uint32_t offset = 0;    // into Plan::text, or a seed for the other fills
  uint32_t length = 0;    // bytes
  uint32_t delay_us = 0;  // silence before the burst that the part begins
  Fill fill = Fill::kText;
  Side side = Side::kClient;
  bool last = false;  // the burst ends here: what follows waits, or is the other side's
};

enum class Transport : uint8_t { kTcp, kUdp, kIcmp };

enum class Ending : uint8_t {
  kFin,      // FIN, FIN, ACK
  kFinAck,   // FIN, ACK, FIN, ACK
  kReset,    // one side resets after the last byte
  kRefused,  // the SYN is answered by a reset
  kSilent,   // the SYN is never answered
};

struct Plan {
  std::string text;
  std::vector<Part> parts;
  Transport transport = Transport::kTcp;
  Ending ending = Ending::kFin;
  Side closer = Side::kClient;
  uint64_t gap_ns = 12'000;  // between the segments of a burst
  uint32_t rtt_us = 500;

  void Clear() {
    text.clear();
    parts.clear();
    *this = Plan{std::move(text), std::move(parts)};
  }
};

// Writes a plan. Bytes that one side says without Pause or the other's answer between are one
// burst, cut into segments as TCP would.
class PlanWriter {
 public:
  PlanWriter(Plan& plan, Random& random) : plan_(plan), random_(random) {}

  void Say(Side side, std::string_view text);
  void Client(std::string_view text) { Say(Side::kClient, text); }
  void Server(std::string_view text) { Say(Side::kServer, text); }
  // `length` bytes of `fill`; kLines wants a multiple of kLineBytes.
  void SayFill(Side side, Fill fill, uint32_t length);
  // The next bytes begin a burst of their own, after at least `microseconds`.
  void Pause(uint32_t microseconds);

  // From here on everything is said in TLS records: only its length remains.
  void Seal() { sealed_ = true; }
  bool sealed() const { return sealed_; }

  Random& random() { return random_; }
  Plan& plan() { return plan_; }

 private:
  void Add(Side side, Fill fill, uint32_t offset, uint32_t length);

  Plan& plan_;
  Random& random_;
  bool sealed_ = false;
  uint32_t pause_us_ = 0;
};

}  // namespace mailtap::gen

#endif  // MAILTAP_APP_MAILTAP_GEN_PLAN_H_

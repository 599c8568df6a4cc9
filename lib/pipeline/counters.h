// What a worker counts. The worker writes; any thread may read at any time.
#ifndef MAILTAP_LIB_PIPELINE_COUNTERS_H_
#define MAILTAP_LIB_PIPELINE_COUNTERS_H_

#include <array>

#include "absl/strings/string_view.h"
#include "lib/base/cache_line.h"
#include "lib/base/counter.h"
#include "lib/flow/sequence.h"
#include "lib/net/decode.h"

namespace mailtap::pipeline {

// State that was wanted and not to be had. Each is a bounded table that was full.
enum class Shortage : uint8_t {
  kSessions,        // a mail packet without a session: its payload is unattributed
  kHalfOpen,        // a mail packet while connections that nobody has answered fill their share
  kConversations,   // a session whose bytes went to a row that knows less
  kDialogues,       // a session judged by its port alone
  kUndecided,       // a flow on an odd port that looked like mail and was not looked at
  kReorderBuffers,  // a session whose text was read with a gap
  kNames,           // a server name not kept, or not passed on as the ring was full
  kEncapsulations,  // a session whose encapsulation is not told
  kAnswers,         // a name server's answer not passed on
};
inline constexpr int kShortageCount = 9;
inline constexpr std::array<absl::string_view, kShortageCount> kShortageNames = {
    "sessions",        "half_open", "conversations",  "dialogues", "undecided",
    "reorder_buffers", "names",     "encapsulations", "answers"};
// The key of [limits] that gives each more room.
inline constexpr std::array<absl::string_view, kShortageCount> kShortageLimits = {
    "sessions",        "sessions", "conversations",  "dialogues", "undecided",
    "reorder_buffers", "sessions", "encapsulations", "ring"};

// Flows whose content contradicts their port.
enum class Mismatch : uint8_t {
  kOtherOnMailPort,  // on a mail port, and no mail
  kMailOnOtherPort,  // mail on the port of another protocol, or of another mail service
};
inline constexpr int kMismatchCount = 2;
inline constexpr std::array<absl::string_view, kMismatchCount> kMismatchNames = {
    "other_on_mail_port", "mail_on_other_port"};

struct alignas(kCacheLine) WorkerCounters {
  SingleWriterCounter packets;
  SingleWriterCounter bytes;         // of frames, as they were on the wire
  SingleWriterCounter mail_packets;  // of mail sessions and candidates
  SingleWriterCounter fragments;  // pieces of IP packets; their outcome is the whole packet's
  SingleWriterCounter snapped;    // frames of which only a part was captured
  SingleWriterCounter cut;        // others, in which frame or tunnel held a packet's start only
  std::array<SingleWriterCounter, net::kOutcomeCount> outcomes;
  std::array<SingleWriterCounter, kShortageCount> shortages;
  flow::SequenceCounters sequence;
  // Ticks of which some records had to wait, as the ring was full. None is lost.
  SingleWriterCounter ring_full;
  std::array<SingleWriterCounter, kMismatchCount> port_content_mismatch;  // flows
  // Gauges, set at every tick.
  SingleWriterCounter sessions;
  SingleWriterCounter conversations;
  SingleWriterCounter dialogues;
  SingleWriterCounter openings;  // of them, those that are at their beginning
  SingleWriterCounter holes;
  SingleWriterCounter last_tick;  // see TickOf()
};

}  // namespace mailtap::pipeline

#endif  // MAILTAP_LIB_PIPELINE_COUNTERS_H_

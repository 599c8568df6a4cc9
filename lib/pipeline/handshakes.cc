#include "lib/pipeline/handshakes.h"

#include <algorithm>
#include <cstdlib>

#include "absl/strings/string_view.h"
#include "lib/classify/preface.h"
#include "lib/classify/tls_hello.h"
#include "lib/flow/sequence.h"

namespace mailtap::pipeline {

using flow::Distance;

namespace {

// A client asks a proxy for a tunnel.
bool AsksForTunnel(const net::Segment& segment) {
  const absl::string_view text(reinterpret_cast<const char*>(segment.payload),
                               segment.captured);
  return classify::Preface::Detect(text) == classify::Preface::Kind::kConnect;
}

// Whether a SYN, or the answer to one, goes with the client's number of a handshake. What the
// SYN carries is acknowledged with it (RFC 7413).
bool IsOf(const net::Segment& syn, const flow::Handshake& handshake) {
  const bool ack = (syn.flags & net::kAck) != 0;
  if (handshake.client_port != (ack ? syn.dst_port : syn.src_port)) return false;
  const int32_t ahead = Distance(ack ? syn.ack - 1 : syn.seq, handshake.client_isn);
  if (!ack || handshake.packets[0] == 0) return ahead == 0;
  return ahead >= 0 && ahead <= flow::kTrustedJump;
}

}  // namespace

flow::Handshake* Handshakes::FindOf(const Pending& pending) {
  flow::Handshake* handshake = Find(pending);
  return handshake != nullptr && IsOf(pending.segment, *handshake) ? handshake : nullptr;
}

bool Handshakes::Remember(const Pending& pending) {
  const net::Segment& segment = pending.segment;
  const bool ack = (segment.flags & net::kAck) != 0;
  // A SYN-ACK alone tells the client's number too.
  const uint32_t client_isn = ack ? segment.ack - 1 : segment.seq;
  const uint16_t client_port = ack ? segment.dst_port : segment.src_port;
  flow::Handshake& entry = table_.FindOrTake(pending.handshake_slot, pending.flow_hash);
  const int64_t since = pending.time - entry.time;
  const bool under_way =
      entry.time != INT64_MAX && since < (ack ? kHandshakeTime : kFirewallDelay);
  if (!IsOf(segment, entry)) {
    if (under_way) return false;
    entry = {.flow_hash = pending.flow_hash,
             .client_isn = client_isn,
             .client_port = client_port,
             .time = pending.time};
  }
  if (ack && entry.has_server && entry.server_isn != segment.seq && under_way) return false;
  entry.time = std::min(entry.time, pending.time);
  if (ack) {  // of a SYN that is late, or comes again, the server's number stays
    entry.server_isn = segment.seq;
    entry.has_server = true;
  }
  const int from = ack ? 1 : 0;
  entry.CountPacket(from);
  const bool first = entry.packets[from] == 1 && entry.packets[1] != 0;
  return first && segment.length == 0 && client_isn == entry.client_isn;
}

void Handshakes::Count(const Pending& pending) {
  flow::Handshake* handshake = Find(pending);
  if (handshake == nullptr) return;
  const int from = pending.segment.src_port == handshake->client_port ? 0 : 1;
  // A count of the client's packets says that its SYN was seen.
  if (handshake->packets[from] != 0) handshake->CountPacket(from);
}

bool Handshakes::Misses(const Pending& pending) {
  const flow::Handshake* handshake = Find(pending);
  if (handshake == nullptr) return false;
  const net::Segment& segment = pending.segment;
  const bool from_client = segment.src_port == handshake->client_port;
  const uint32_t own = from_client ? handshake->client_isn : handshake->server_isn;
  const uint32_t other = from_client ? handshake->server_isn : handshake->client_isn;
  const int32_t ahead = Distance(segment.seq, own + 1);
  const int32_t heard = Distance(segment.ack, other + 1);
  if (std::max(std::abs(ahead), std::abs(heard)) > flow::kTrustedJump) return false;
  return ahead > 0 || heard > 0;
}

void Handshakes::Dismiss(const Pending& pending) {
  if (flow::Handshake* handshake = Find(pending); handshake != nullptr) {
    handshake->dismissed = true;
  }
}

Beginning Handshakes::BeginningOf(const Pending& pending, bool word) {
  const net::Segment& segment = pending.segment;
  flow::Handshake* handshake = Find(pending);
  if (handshake == nullptr) return {};
  Beginning beginning = {.from_client = segment.src_port == handshake->client_port};
  const uint32_t isn = beginning.from_client ? handshake->client_isn : handshake->server_isn;
  const bool known = beginning.from_client || handshake->has_server;
  const int32_t ahead =
      known ? Distance(segment.seq, isn + 1) : Distance(segment.ack, handshake->client_isn + 1);
  if (std::abs(ahead) > flow::kTrustedJump) {
    beginning.contradicts = pending.time - handshake->time < kHandshakeTime;
    return beginning;
  }
  const bool answer = !beginning.from_client && segment.captured >= classify::kHelloStart &&
                      classify::LooksLikeServerHello(segment.payload, segment.captured);
  beginning.at_start = ahead == 0;
  // What went before may be another request to a proxy, and its answer (RFC 9112, 9.3): the
  // session begins with this one.
  const bool asks = word && ahead > 0 && beginning.from_client && AsksForTunnel(segment);
  const bool near = (word || answer) && ahead > 0 && !handshake->dismissed;
  if (!beginning.at_start && !near && !asks) return beginning;
  if (asks) {
    handshake->client_isn = segment.seq - 1;
    handshake->server_isn = segment.ack - 1;
    handshake->has_server = beginning.at_start = true;
  }
  beginning.handshake = handshake;
  return beginning;
}

bool Handshakes::IsFollowedBy(const net::Segment& segment, const flow::Handshake& handshake) {
  return (segment.flags & (net::kSyn | net::kAck | net::kRst)) == net::kAck &&
         segment.src_port == handshake.client_port && segment.seq == handshake.client_isn + 1;
}

bool Handshakes::IsConfirmedBy(const net::Segment& segment, const flow::Handshake& handshake,
                               bool hidden) {
  if (segment.src_port == handshake.client_port) {
    return IsFollowedBy(segment, handshake) && (handshake.has_server || hidden);
  }
  if ((segment.flags & (net::kAck | net::kRst)) != net::kAck) return false;
  const int32_t heard = Distance(segment.ack, handshake.client_isn + 1);
  if (heard < 0 || heard > flow::kTrustedJump) return false;
  // Where the SYN is not seen, the answer is, and what goes on with it.
  return handshake.packets[0] != 0 ||
         (hidden && handshake.has_server && segment.seq == handshake.server_isn + 1);
}

}  // namespace mailtap::pipeline

// What sessions have counted goes to their conversations, once a tick and where counters fill.
#include <algorithm>

#include "lib/pipeline/worker.h"

namespace mailtap::pipeline {

using flow::End;
using flow::kNone;

meter::ConversationKey Worker::KeyOf(const flow::HotSession& hot) const {
  const End client = ClientEnd(hot);
  const End server = flow::Other(client);
  meter::ConversationKey key;
  key.client = hot.address[client];
  key.server = hot.address[server];
  key.encap_tag = hot.encap_tag;
  key.server_port = hot.port[server];
  key.service = static_cast<Service>(hot.state.service);
  key.tls = static_cast<Tls>(hot.state.tls);
  return key;
}

// Moves a session's pending counts to its totals and, for established mail, to its
// conversation.
void Worker::Fold(flow::HotSession& hot) {
  flow::ColdSession& cold = sessions_.cold(hot);
  uint32_t pending[2][3];
  uint32_t packets[2];
  for (const End end : {0, 1}) {
    pending[end][flow::kObserved] = cold.pending_observed[end];
    pending[end][flow::kInferred] = cold.pending_inferred[end];
    pending[end][flow::kRepeated] = cold.pending_repeated[end];
    packets[end] = cold.pending_packets[end];
    for (int kind = 0; kind < 3; ++kind) cold.AddTotal(end, kind, pending[end][kind]);
    cold.packets[end] += packets[end];
    cold.pending_observed[end] = cold.pending_inferred[end] = cold.pending_repeated[end] = 0;
    cold.pending_packets[end] = 0;
    // Distances to the base stay meaningful: it follows at half a gigabyte.
    constexpr uint32_t kTrail = 1u << 29;
    if (hot.mark[end] - hot.base[end] > 2 * kTrail) hot.base[end] = hot.mark[end] - kTrail;
  }
  if (!IsMail(hot) || hot.state.established == 0) return;

  const bool first = hot.state.counted == 0;
  const auto [messages, rejected] = TakeMessages(hot, cold);
  const auto any = [](const uint32_t(&of)[3]) { return (of[0] | of[1] | of[2]) != 0; };
  // A session that ends long after its last packet must not lend that packet's time to what
  // others of the conversation bring.
  if (!first && (packets[0] | packets[1] | messages | rejected) == 0 && !any(pending[0]) &&
      !any(pending[1])) {
    return;
  }
  Converse(hot, cold);
  meter::DeltaRecord& delta = conversations_.Touch(cold.conversation);
  hot.state.counted = 1;
  const bool known = hot.state.synced == 0 && cold.first_seen < counted_before_;
  delta.sessions += first && !known ? 1 : 0;
  delta.proxied |= hot.state.via != static_cast<uint32_t>(Via::kNone);
  const UnixNanos since = first ? cold.first_seen : cold.last_seen;
  delta.first_seen = delta.first_seen == 0 ? since : std::min(delta.first_seen, since);
  delta.last_seen = std::max(delta.last_seen, cold.last_seen);
  for (const End end : {0, 1}) {
    meter::DirectionBytes& bytes = delta.bytes[end == ClientEnd(hot) ? kUp : kDown];
    // The first report carries all that was counted before the session was known for mail.
    bytes.observed += first ? cold.total(end, flow::kObserved) : pending[end][flow::kObserved];
    bytes.inferred += first ? cold.total(end, flow::kInferred) : pending[end][flow::kInferred];
    bytes.repeated += first ? cold.total(end, flow::kRepeated) : pending[end][flow::kRepeated];
    bytes.packets += first ? cold.packets[end] : packets[end];
    // Told by session: others of the conversation may be seen both ways.
    if (hot.state.seen != 3) {
      for (const int kind : {flow::kObserved, flow::kInferred}) {
        delta.one_way += first ? cold.total(end, kind) : pending[end][kind];
      }
    }
  }
  delta.messages += messages;
  delta.rejected += rejected;
}

Worker::Messages Worker::TakeMessages(const flow::HotSession& hot,
                                      const flow::ColdSession& cold) {
  if (!cold.has_dialogue() || hot.state.service != static_cast<uint32_t>(Service::kSmtp)) {
    return {};
  }
  Dialogue& dialogue = dialogues_[cold.dialogue];
  const classify::SmtpTransactions* smtp = dialogue.smtp();
  if (smtp == nullptr) return {};
  const Messages fresh = {smtp->messages() - dialogue.reported_messages,
                          smtp->rejected() - dialogue.reported_rejected};
  dialogue.reported_messages = smtp->messages();
  dialogue.reported_rejected = smtp->rejected();
  return fresh;
}

// Finds the session's conversation; another one when it has gone over to TLS since.
void Worker::Converse(const flow::HotSession& hot, flow::ColdSession& cold) {
  if (cold.conversation != kNone) {
    const meter::ConversationKey& key = conversations_.key(cold.conversation);
    if (key.tls == static_cast<Tls>(hot.state.tls) ||
        key.attribution != meter::Attribution::kFull) {
      return;
    }
    conversations_.Release(cold.conversation);
  }
  bool exact = false;
  cold.conversation = conversations_.Acquire(KeyOf(hot), exact);
  if (!exact) Short(Shortage::kConversations);
}

}  // namespace mailtap::pipeline

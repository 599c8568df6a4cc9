#include "lib/control/session_book.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace mailtap::control {
namespace {

auto BytesOf(const meter::DirectionBytes& b) {
  return std::tie(b.observed, b.inferred, b.repeated, b.packets);
}

// -1, 0 or 1. Layers past the depth say nothing.
int CompareEncap(const net::EncapStack& a, const net::EncapStack& b) {
  if (a.depth != b.depth) return a.depth < b.depth ? -1 : 1;
  for (uint32_t i = 0; i < a.depth; ++i) {
    const auto x = std::tie(a.layers[i].kind, a.layers[i].id);
    const auto y = std::tie(b.layers[i].kind, b.layers[i].id);
    if (x != y) return x < y ? -1 : 1;
  }
  return 0;
}

// All but the id, which depends on the worker, and the layers.
auto Shown(const meter::SessionRecord& r) {
  return std::tuple_cat(
      std::tie(r.first_seen, r.key, r.client_port, r.last_seen, r.evidence, r.tls, r.via,
               r.established, r.has_sni, r.messages, r.rejected, r.rejected_transient,
               r.recipients, r.retrievals, r.text_bytes[kUp], r.text_bytes[kDown]),
      BytesOf(r.bytes[kUp]), BytesOf(r.bytes[kDown]));
}

void AddTo(Totals& totals, const meter::SessionRecord& record) {
  const auto known = [](uint32_t count) -> uint64_t {
    return count == meter::SessionRecord::kUnknownCount ? 0 : count;
  };
  totals.rejected_transient += known(record.rejected_transient);
  totals.rejected_permanent += known(record.rejected) - known(record.rejected_transient);
  totals.recipients += known(record.recipients);
  totals.retrievals += known(record.retrievals);
  if (record.key.service == Service::kSmtp && record.established &&
      record.messages == meter::SessionRecord::kUnknownCount) {
    ++totals.hidden_sessions;
  }
  for (const Direction direction : {kUp, kDown}) {
    const uint64_t bytes = record.text_bytes[direction];
    if (bytes != meter::SessionRecord::kUnknownBytes) totals.text_bytes[direction] += bytes;
  }
}

}  // namespace

void SessionBook::Apply(const meter::SessionRecord& session) {
  state_.first_packet = std::min(state_.first_packet, session.first_seen);
  pending_.push_back({session, state_.names.TakeSni(session)});
}

bool SessionBook::Before(const Pending& a, const Pending& b) {
  if (a.record.first_seen != b.record.first_seen) {
    return a.record.first_seen < b.record.first_seen;
  }
  const auto x = Shown(a.record);
  const auto y = Shown(b.record);
  if (x != y) return x < y;
  if (a.sni != b.sni) return a.sni < b.sni;
  return CompareEncap(a.record.encap, b.record.encap) < 0;
}

void SessionBook::PutOut(int64_t tick) {
  std::vector<uint32_t> order(pending_.size());
  for (uint32_t i = 0; i < order.size(); ++i) order[i] = i;
  std::sort(order.begin(), order.end(),
            [&](uint32_t a, uint32_t b) { return Before(pending_[a], pending_[b]); });
  for (const uint32_t i : order) {
    JudgedSession session;
    session.record = pending_[i].record;
    // It may have ended long after it last said something, and be judged otherwise by now.
    const int64_t counted =
        session.record.counted_at_end ? tick : TickOf(session.record.last_seen);
    const Judgement judgement = intake_.JudgementAt(session.record.key, counted);
    session.sni = std::move(pending_[i].sni);
    session.verdict = judgement.verdict;
    AddTo(state_.totals[static_cast<int>(session.record.key.service)]
                       [static_cast<int>(judgement.verdict)],
          session.record);
    if (judgement.relay != kNoRelay)
      session.relay = state_.config->relays[judgement.relay].name;
    output_.OnSession(session);
  }
  pending_.clear();
}

}  // namespace mailtap::control

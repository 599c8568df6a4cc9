#include "lib/control/evidence.h"

#include <algorithm>
#include <array>
#include <bit>
#include <tuple>

namespace mailtap::control {
namespace {

using config::Metric;
using config::Verdict;

// What one conversation, or several of one peer, put into the window.
struct Share {
  AlertPeer peer;  // without a name
  Service service = Service::kSmtp;
  uint64_t messages = 0;
  uint64_t inferred = 0;
  uint64_t repeated = 0;
  uint32_t seen = 0;
  UnixNanos first_seen = INT64_MAX;
};

auto KeyOf(const Share& s) { return std::tie(s.peer.peer, s.peer.port, s.peer.verdict); }

uint64_t MetricOf(const Share& share, Metric metric) {
  switch (metric) {
    case Metric::kSentBytes:
    case Metric::kSentReceivedRatio:
      return share.peer.sent;
    case Metric::kReceivedBytes:
      return share.peer.received;
    case Metric::kSessions:
      return share.peer.sessions;
    case Metric::kMessages:
      return share.messages;
    case Metric::kDistinctPeers:
      return 1;
  }
  return 0;
}

std::vector<Share> SharesOf(const EvidenceSources& sources, const PreparedRule& rule,
                            const Entity& entity, int64_t tick) {
  std::vector<Share> shares;
  const EvidenceLog& log = sources.logs[rule.evidence_log];
  const bool client = entity.role == Role::kClient;
  const Direction out = client ? kUp : kDown;
  uint32_t id = sources.hosts.at(entity.host).first_conversation[static_cast<int>(entity.role)];
  for (; id != kNone; id = sources.conversations.Next(id, entity.role)) {
    const Conversation& conversation = sources.conversations.at(id);
    const meter::ConversationKey& key = conversation.key;
    if (!rule.Counts(key.service, conversation.verdict)) continue;
    Share share;
    log.ForEach(id, rule.shape.window_seconds, tick, [&](const EvidenceRow& row) {
      share.peer.sent += row.bytes[out];
      share.peer.received += row.bytes[Opposite(out)];
      share.peer.sessions += row.sessions;
      share.messages += row.messages;
      share.inferred += row.inferred;
      share.repeated += row.repeated;
      share.seen |= row.seen;
      share.first_seen = std::min(share.first_seen, row.first_seen);
    });
    if (share.first_seen == INT64_MAX) continue;
    share.peer.peer = client ? key.server : key.client;
    share.peer.port = key.server_port;
    share.peer.verdict = conversation.verdict;
    share.service = key.service;
    shares.push_back(share);
  }
  return shares;
}

double Ratio(uint64_t part, uint64_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

Confidence ConfidenceOf(const std::vector<Share>& shares) {
  uint64_t volume = 0, inferred = 0, repeated = 0, one_way = 0;
  for (const Share& share : shares) {
    const uint64_t bytes = share.peer.sent + share.peer.received;
    volume += bytes;
    inferred += share.inferred;
    repeated += share.repeated;
    if (std::has_single_bit(share.seen)) one_way += bytes;
  }
  return {Ratio(inferred, volume), Ratio(repeated, volume - inferred + repeated),
          Ratio(one_way, volume)};
}

// The index of the largest, the first of equals.
template <std::size_t N>
int Largest(const std::array<uint64_t, N>& shares) {
  return static_cast<int>(std::max_element(shares.begin(), shares.end()) - shares.begin());
}

// `shares` sorted by KeyOf(), so that those of one peer stand together.
void CountKinds(const std::vector<Share>& shares, Metric metric, Evidence& evidence) {
  std::array<uint64_t, config::kVerdictCount> verdicts = {};
  std::array<uint64_t, kServiceCount> services = {};
  for (std::size_t i = 0; i < shares.size();) {
    // A peer counts once for each kind, whatever it did and however often.
    uint32_t verdicts_met = 0, services_met = 0;
    const net::IpAddress& peer = shares[i].peer.peer;
    for (; i < shares.size() && shares[i].peer.peer == peer; ++i) {
      const int verdict = static_cast<int>(shares[i].peer.verdict);
      const int service = static_cast<int>(shares[i].service);
      if (metric == Metric::kDistinctPeers) {
        if ((verdicts_met >> verdict & 1) == 0) ++verdicts[verdict];
        if ((services_met >> service & 1) == 0) ++services[service];
      } else {
        verdicts[verdict] += MetricOf(shares[i], metric);
        services[service] += MetricOf(shares[i], metric);
      }
      verdicts_met |= 1u << verdict;
      services_met |= 1u << service;
    }
    ++evidence.peers;
  }
  // A window may hold sessions, but none of the metric.
  evidence.has_share = *std::max_element(verdicts.begin(), verdicts.end()) > 0;
  evidence.verdict = static_cast<Verdict>(Largest(verdicts));
  evidence.service = static_cast<Service>(Largest(services));
}

// One share a (peer, port, verdict) from shares sorted by it.
std::vector<Share> Merged(const std::vector<Share>& shares) {
  std::vector<Share> merged;
  for (const Share& share : shares) {
    if (merged.empty() || KeyOf(merged.back()) != KeyOf(share)) {
      merged.push_back(share);
      continue;
    }
    Share& sum = merged.back();
    sum.peer.sent += share.peer.sent;
    sum.peer.received += share.peer.received;
    sum.peer.sessions += share.peer.sessions;
    sum.messages += share.messages;
  }
  return merged;
}

}  // namespace

Evidence GatherEvidence(const EvidenceSources& sources, const PreparedRule& rule,
                        const Entity& entity, int64_t tick, std::size_t most_peers) {
  const Metric metric = rule.rule->metric;
  std::vector<Share> shares = SharesOf(sources, rule, entity, tick);
  Evidence evidence;
  if (shares.empty()) return evidence;
  evidence.empty = false;
  evidence.first_seen = INT64_MAX;
  for (const Share& share : shares) {
    evidence.first_seen = std::min(evidence.first_seen, share.first_seen);
  }
  evidence.confidence = ConfidenceOf(shares);
  std::sort(shares.begin(), shares.end(),
            [](const Share& a, const Share& b) { return KeyOf(a) < KeyOf(b); });
  CountKinds(shares, metric, evidence);

  std::vector<Share> merged = Merged(shares);
  const auto rank = [&](const Share& s) {
    return std::tuple(MetricOf(s, metric), s.peer.sent, s.peer.received, s.peer.sessions);
  };
  const std::size_t rows = std::min(most_peers, merged.size());
  std::partial_sort(merged.begin(), merged.begin() + rows, merged.end(),
                    [&](const Share& a, const Share& b) {
                      return rank(a) != rank(b) ? rank(a) > rank(b) : KeyOf(a) < KeyOf(b);
                    });
  for (std::size_t i = 0; i < rows; ++i) {
    AlertPeer& peer = evidence.top_peers.emplace_back(merged[i].peer);
    if (entity.role == Role::kClient) peer.name = sources.names.ServerName(peer.peer);
  }
  return evidence;
}

}  // namespace mailtap::control

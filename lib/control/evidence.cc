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
struct Contribution {
  AlertPeer peer;  // without a name
  Service service = Service::kSmtp;
  uint64_t messages = 0;
  Sight sight;  // volume, followed and one_way apart
  uint32_t seen = 0;
  UnixNanos first_seen = INT64_MAX;
};

auto KeyOf(const Contribution& s) { return std::tie(s.peer.peer, s.peer.port, s.peer.verdict); }

uint64_t MetricOf(const Contribution& share, Metric metric) {
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

std::vector<Contribution> SharesOf(const EvidenceSources& sources, const PreparedRule& rule,
                                   const Entity& entity, int64_t tick) {
  std::vector<Contribution> shares;
  const EvidenceLog& log = sources.logs[rule.evidence_log];
  const bool client = entity.role == Role::kClient;
  const Direction out = client ? kUp : kDown;
  uint32_t id = sources.hosts.at(entity.host).first_conversation[static_cast<int>(entity.role)];
  for (; id != kNone; id = sources.conversations.Next(id, entity.role)) {
    const Conversation& conversation = sources.conversations.at(id);
    const meter::ConversationKey& key = conversation.key;
    if (!rule.Counts(key.service, conversation.verdict)) continue;
    Contribution share;
    log.ForEach(id, rule.shape.window_seconds, tick, [&](const EvidenceRow& row) {
      share.peer.sent += row.bytes[out];
      share.peer.received += row.bytes[Opposite(out)];
      share.peer.sessions += row.sessions;
      share.messages += row.messages;
      share.sight.inferred += row.inferred;
      share.sight.repeated += row.repeated;
      share.sight.duplicate += row.duplicate;
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

Confidence ConfidenceOf(const std::vector<Contribution>& shares) {
  Sight sum;
  for (const Contribution& share : shares) {
    Sight sight = share.sight;
    sight.volume = sight.followed = share.peer.sent + share.peer.received;
    if (std::has_single_bit(share.seen)) sight.one_way = sight.volume;
    sum += sight;
  }
  return sum.confidence();
}

// The index of the largest, the first of equals.
template <std::size_t N>
int Largest(const std::array<uint64_t, N>& shares) {
  return static_cast<int>(std::max_element(shares.begin(), shares.end()) - shares.begin());
}

// `shares` sorted by KeyOf(), so that those of one peer stand together.
void CountKinds(const std::vector<Contribution>& shares, Metric metric, Evidence& evidence) {
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
std::vector<Contribution> Merged(const std::vector<Contribution>& shares) {
  std::vector<Contribution> merged;
  for (const Contribution& share : shares) {
    if (merged.empty() || KeyOf(merged.back()) != KeyOf(share)) {
      merged.push_back(share);
      continue;
    }
    Contribution& sum = merged.back();
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
  std::vector<Contribution> shares = SharesOf(sources, rule, entity, tick);
  Evidence evidence;
  if (shares.empty()) return evidence;
  evidence.empty = false;
  evidence.first_seen = INT64_MAX;
  for (const Contribution& share : shares) {
    evidence.first_seen = std::min(evidence.first_seen, share.first_seen);
  }
  evidence.confidence = ConfidenceOf(shares);
  std::sort(shares.begin(), shares.end(),
            [](const Contribution& a, const Contribution& b) { return KeyOf(a) < KeyOf(b); });
  CountKinds(shares, metric, evidence);

  std::vector<Contribution> merged = Merged(shares);
  const auto rank = [&](const Contribution& s) {
    return std::tuple(MetricOf(s, metric), s.peer.sent, s.peer.received, s.peer.sessions);
  };
  const Host& host = sources.hosts.at(entity.host);
  const std::size_t rows = std::min(most_peers, merged.size());
  std::partial_sort(merged.begin(), merged.begin() + rows, merged.end(),
                    [&](const Contribution& a, const Contribution& b) {
                      return rank(a) != rank(b) ? rank(a) > rank(b) : KeyOf(a) < KeyOf(b);
                    });
  for (std::size_t i = 0; i < rows; ++i) {
    AlertPeer& peer = evidence.top_peers.emplace_back(merged[i].peer);
    if (entity.role == Role::kClient)
      peer.name = sources.names.ServerName({peer.peer, host.key.encap_tag});
  }
  return evidence;
}

}  // namespace mailtap::control

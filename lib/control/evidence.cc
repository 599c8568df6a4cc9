#include "lib/control/evidence.h"

#include <algorithm>
#include <array>
#include <tuple>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"

namespace mailtap::control {
namespace {

using config::Metric;
using config::Verdict;

// What one conversation, or several of one peer, put into the window.
struct Contribution {
  AlertPeer peer;  // without a name
  HostKey server;  // that may have one
  Service service = Service::kSmtp;
  uint64_t messages = 0;
  uint64_t rejected = 0;
  Sight sight;  // volume and followed apart
  uint8_t seen = 0;
  UnixNanos first_seen = INT64_MAX;
};

auto KeyOf(const Contribution& s) { return std::tie(s.peer.peer, s.peer.port, s.peer.verdict); }

// By KeyOf(); of equals that with the smallest tag comes first and lends the peer its name.
bool Before(const Contribution& a, const Contribution& b) {
  return KeyOf(a) != KeyOf(b) ? KeyOf(a) < KeyOf(b) : a.server.encap_tag < b.server.encap_tag;
}

uint64_t MetricOf(const Contribution& share, Metric metric) {
  switch (metric) {
    case Metric::kSentBytes:
    case Metric::kSentReceivedRatio:
      return share.peer.sent;
    case Metric::kReceivedBytes:
      return share.peer.received;
    case Metric::kSessions:
    case Metric::kFailedSessions:
      return share.peer.sessions;
    case Metric::kMessages:
      return share.messages;
    case Metric::kRejected:
      return share.rejected;
    case Metric::kDistinctPeers:
    case Metric::kNewPeers:
      return 1;
  }
  return 0;
}

// Whether the conversation has a part in a value of the metric. Of failed sessions it has none
// and tells how well the capture shows such mail; a ratio is of both directions.
bool Counted(const Contribution& share, Metric metric) {
  if (metric == Metric::kFailedSessions) return true;
  return MetricOf(share, metric) > 0 ||
         (metric == Metric::kSentReceivedRatio && share.peer.received > 0);
}

// What the conversations of one host put into the window of `rule`.
void AddSharesOf(const Host& host, const EvidenceSources& sources, const PreparedRule& rule,
                 Role role, int64_t tick, std::vector<Contribution>& shares) {
  const EvidenceLog& log = sources.logs[rule.evidence_log];
  const bool client = role == Role::kClient;
  const Direction out = client ? kUp : kDown;
  uint32_t id = host.first_conversation[static_cast<int>(role)];
  for (; id != kNone; id = sources.conversations.Next(id, role)) {
    const Conversation& conversation = sources.conversations.at(id);
    const meter::ConversationKey& key = conversation.key;
    if (!rule.Counts(key.service, conversation.verdict, key.tls)) continue;
    if (rule.metric == Metric::kNewPeers) {
      // Of all the peers in the window few are new.
      const uint32_t peer = sources.conversations.peer(id, role);
      if (peer == kNone || !sources.peers.Counts(peer, rule.peer_slot)) continue;
    }
    Contribution share;
    const int64_t window = rule.shape.window_seconds;
    log.ForEach(id, window, tick, [&](const TickRow& row, int64_t added) {
      if (!sources.rules.Open(rule, added)) return;
      share.peer.sent += row.bytes[out];
      share.peer.received += row.bytes[Opposite(out)];
      share.peer.sessions += row.sessions;
      share.messages += row.messages;
      share.rejected += row.rejected;
      share.sight.inferred += row.inferred;
      share.sight.repeated += row.repeated;
      share.sight.duplicate += row.duplicate;
      share.sight.one_way += row.one_way;
      share.seen |= row.seen;
      share.first_seen = std::min(share.first_seen, row.first_seen);
    });
    if (share.first_seen == INT64_MAX || !Counted(share, rule.metric)) continue;
    share.peer.peer = client ? key.server : key.client;
    share.peer.port = key.server_port;
    share.peer.verdict = conversation.verdict;
    share.peer.tls = static_cast<uint8_t>(1u << static_cast<int>(key.tls));
    share.server = ServerOf(key);
    share.service = key.service;
    shares.push_back(share);
  }
}

// Whether a rule of another scope than the host's counts the host for `entity`.
bool Concerns(const EvidenceSources& sources, const PreparedRule& rule, const Entity& entity,
              const Host& host) {
  const std::vector<uint32_t>& groups = sources.rules.Groups(host.group_set);
  return rule.scope == config::Scope::kGroup
             ? std::find(groups.begin(), groups.end(), entity.host) != groups.end()
             : rule.Concerns(groups);
}

// The number of hosts that have a part in `shares`.
std::size_t SharesOf(const EvidenceSources& sources, const PreparedRule& rule,
                     const Entity& entity, int64_t tick, std::vector<Contribution>& shares) {
  if (rule.scope == config::Scope::kHost) {
    AddSharesOf(sources.hosts.at(entity.host), sources, rule, entity.role, tick, shares);
    return 1;
  }
  std::size_t hosts = 0;
  sources.hosts.ForEach([&](uint32_t id) {
    const Host& host = sources.hosts.at(id);
    if (!Concerns(sources, rule, entity, host)) return;
    const std::size_t before = shares.size();
    AddSharesOf(host, sources, rule, entity.role, tick, shares);
    if (shares.size() > before) ++hosts;
  });
  return hosts;
}

// The same of connections that came to nothing: of each peer as many as its sessions.
std::size_t FailuresOf(const EvidenceSources& sources, const PreparedRule& rule,
                       const Entity& entity, int64_t tick, std::vector<Contribution>& shares) {
  const FailureLog& log = sources.failures[rule.failure_log];
  absl::flat_hash_map<std::pair<uint32_t, FailureLog::Peer>, FailureLog::Sums> sums;
  absl::flat_hash_set<HostKey> hosts;
  const auto add = [&](const HostKey& host, const FailureLog::Peers& peers) {
    hosts.insert(host);
    for (const auto& [peer, counted] : peers) sums[{host.encap_tag, peer}] += counted;
  };
  if (rule.scope == config::Scope::kHost) {
    const HostKey& host = sources.hosts.at(entity.host).key;
    log.ForEachOf({host, entity.role}, tick,
                  [&](const FailureLog::Peers& peers) { add(host, peers); });
  } else {
    log.ForEach(tick, [&](const FailureLog::Subject& subject, const FailureLog::Peers& peers) {
      const uint32_t host = sources.hosts.Find(subject.host);
      if (subject.role != entity.role || host == kNone ||
          !Concerns(sources, rule, entity, sources.hosts.at(host))) {
        return;
      }
      add(subject.host, peers);
    });
  }
  for (const auto& [key, counted] : sums) {
    const auto& [encap_tag, peer] = key;
    Contribution& share = shares.emplace_back();
    share.peer.peer = peer.address;
    share.peer.port = peer.port;
    share.peer.sessions = counted.count;
    share.peer.verdict = peer.verdict;
    share.peer.tls = static_cast<uint8_t>(1u << static_cast<int>(peer.tls));
    share.server = {peer.address, encap_tag};
    share.service = peer.service;
    share.first_seen = counted.first_seen;
  }
  return hosts.size();
}

Confidence ConfidenceOf(const std::vector<Contribution>& shares) {
  Sight sum;
  for (const Contribution& share : shares) {
    Sight sight = share.sight;
    sight.volume = sight.followed = share.peer.sent + share.peer.received;
    sight.one_way = OneWay(share.seen, sight.volume, sight.one_way);
    sum += sight;
  }
  return sum.confidence();
}

// The index of the largest, the first of equals.
template <std::size_t N>
int Largest(const std::array<uint64_t, N>& shares) {
  return static_cast<int>(std::max_element(shares.begin(), shares.end()) - shares.begin());
}

template <std::size_t N>
KindSet WithShare(const std::array<uint64_t, N>& shares) {
  KindSet kinds;
  for (std::size_t i = 0; i < N; ++i) {
    if (shares[i] > 0) kinds.Add(static_cast<int>(i));
  }
  return kinds;
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
      if (CountsPeers(metric)) {
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
  evidence.verdicts = WithShare(verdicts);
  evidence.services = WithShare(services);
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
    sum.peer.tls |= share.peer.tls;
    sum.messages += share.messages;
    sum.rejected += share.rejected;
  }
  return merged;
}

}  // namespace

Evidence GatherEvidence(const EvidenceSources& sources, const Entity& entity,
                        const PreparedRule& rule, int64_t tick, std::size_t most_peers) {
  const Metric metric = rule.metric;
  std::vector<Contribution> shares;
  Evidence evidence;
  evidence.hosts = SharesOf(sources, rule, entity, tick, shares);
  // Where the capture shows little, what failed may only have been missed.
  evidence.confidence = ConfidenceOf(shares);
  if (metric == Metric::kFailedSessions) {
    shares.clear();
    evidence.hosts = FailuresOf(sources, rule, entity, tick, shares);
  }
  if (shares.empty()) return evidence;
  evidence.empty = false;
  evidence.first_seen = INT64_MAX;
  for (const Contribution& share : shares) {
    evidence.first_seen = std::min(evidence.first_seen, share.first_seen);
  }
  std::sort(shares.begin(), shares.end(), Before);
  CountKinds(shares, metric, evidence);

  std::vector<Contribution> merged = Merged(shares);
  const auto rank = [&](const Contribution& s) {
    return std::tuple(MetricOf(s, metric), s.peer.sent, s.peer.received, s.peer.sessions);
  };
  const std::size_t rows = std::min(most_peers, merged.size());
  std::partial_sort(merged.begin(), merged.begin() + rows, merged.end(),
                    [&](const Contribution& a, const Contribution& b) {
                      return rank(a) != rank(b) ? rank(a) > rank(b) : KeyOf(a) < KeyOf(b);
                    });
  for (std::size_t i = 0; i < rows; ++i) {
    AlertPeer& peer = evidence.top_peers.emplace_back(merged[i].peer);
    const HostKey key{peer.peer, merged[i].server.encap_tag};
    // What a resolver answered is worth more than what the peer claims.
    peer.name = sources.dns.NameOf(key);
    peer.name_observed = !peer.name.empty();
    if (!peer.name_observed && entity.role == Role::kClient) {
      peer.name = sources.names.ServerName(key);
    }
  }
  return evidence;
}

}  // namespace mailtap::control

// Writes checkpoints.
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "lib/control/checkpoint.h"
#include "lib/control/checkpoint_format.h"

namespace mailtap::control {
namespace {

// Numbers of hosts, conversations and entities in the bytes: dense, in the order written.
class Saver {
 public:
  explicit Saver(const State& state) : state_(state) {}

  std::string Save(const Approvals& approvals, const BlindSpots& blind_spots) {
    out_.Put(kCheckpointMagic);
    out_.Put(kCheckpointLayout);
    out_.Put(state_.first_tick);
    out_.Put(state_.last_tick);
    out_.Put(state_.first_packet);
    out_.Put(state_.ticks);
    out_.Put(state_.forgotten);
    out_.Put(state_.totals);
    state_.encaps.Save(out_);
    state_.names.Save(out_);
    state_.dns.Save(out_);
    state_.claims.Save(out_);
    state_.servers.Save(out_);
    approvals.Save(out_);
    state_.relays.Save(out_);
    state_.hours.Save(out_);
    state_.baselines.Save(out_);
    SaveRules();
    SaveHosts();
    SaveEntities();
    SaveConversations();
    SavePeers();
    SaveRows();
    SaveEvidence();
    SaveFailures();
    blind_spots.Save(out_);
    return Sealed(out_.Take());
  }

 private:
  void SaveRules() {
    uint64_t leads = 0;
    for (uint16_t i = 0; i < state_.rules.rules().size(); ++i) {
      leads += state_.rules.rules()[i].lead == i;
    }
    out_.Put(leads);
    for (uint16_t i = 0; i < state_.rules.rules().size(); ++i) {
      if (state_.rules.rules()[i].lead == i) PutShape(state_.rules.ShapeOf(i), out_);
    }
  }

  void SaveHosts() {
    out_.Put(uint64_t{state_.hosts.size()});
    state_.hosts.ForEach([&](uint32_t id) {
      const Host& host = state_.hosts.at(id);
      hosts_.emplace(id, static_cast<uint32_t>(hosts_.size()));
      out_.Put(host.key);
      out_.Put(host.totals);
      out_.Put(host.in_hour);
      out_.Put(host.hour);
      out_.Put(host.sight);
      out_.Put(host.last_tick);
    });
  }

  void SaveEntities() {
    std::vector<uint32_t> leads;
    state_.ForEachLead([&](uint32_t lead) { leads.push_back(lead); });
    out_.Put(uint64_t{leads.size()});
    for (const uint32_t lead : leads) {
      out_.Put(state_.windows.at(lead).rule);
      PutSubject(state_, state_.windows.at(lead), out_);
      for (uint32_t e = lead; e != kNone; e = state_.windows.at(e).next_condition) {
        entities_.emplace(e, static_cast<uint32_t>(entities_.size()));
        out_.Put(state_.windows.at(e).last_seen);
        out_.Put(state_.windows.PeakOf(e));
      }
    }
  }

  void SavePeers() {
    const PeerTable& peers = state_.windows.peers();
    out_.Put(uint64_t{peers.size()});
    peers.ForEach([&](uint32_t peer, uint32_t owner, Role role, const net::IpAddress& address) {
      peers_.emplace(peer, static_cast<uint32_t>(peers_.size()));
      const bool shared = PeerTable::IsEntity(owner);
      out_.Put(shared);
      out_.Put(shared ? entities_.at(PeerTable::EntityOf(owner)) : hosts_.at(owner));
      out_.Put(role);
      out_.Put(address);
      out_.Put(peers.Met(peer));
    });
  }

  void SaveConversations() {
    out_.Put(uint64_t{state_.conversations.size()});
    for (const uint32_t id : state_.retired) {
      if (state_.conversations.at(id).known && state_.conversations.at(id).retired) {
        SaveConversation(id);
      }
    }
    state_.conversations.ForEach([&](uint32_t id) { SaveConversation(id); });
  }
  void SaveConversation(uint32_t id) {
    if (!conversations_.emplace(id, static_cast<uint32_t>(conversations_.size())).second)
      return;
    const Conversation& conversation = state_.conversations.at(id);
    out_.Put(conversation.key);
    out_.Put(conversation.verdict);
    const absl::Span<const uint32_t> relays = state_.relay_sets.Of(conversation);
    out_.Put(static_cast<uint32_t>(relays.size()));
    for (const uint32_t relay : relays) out_.Put(relay);
    out_.Put(conversation.lanes[0] != kNone);
    out_.Put(conversation.lanes[1] != kNone);
    out_.Put(conversation.last_tick);
    out_.Put(static_cast<uint8_t>(conversation.seen | conversation.seen_before << 2));
    out_.Put(bool{conversation.retired});
  }

  void SaveRows() {
    for (uint16_t rule = 0; rule < state_.rules.rules().size(); ++rule) {
      const bool peers = config::CountsPeers(state_.rules.rules()[rule].metric);
      uint64_t count = 0;
      state_.windows.ForEachRow(rule, [&](auto&&...) { ++count; });
      out_.Put(count);
      state_.windows.ForEachRow(
          rule, [&](int64_t bucket, uint32_t entity, uint64_t a, uint64_t b, uint32_t peer) {
            out_.Put(bucket);
            out_.Put(entities_.at(entity));
            if (peers) {
              out_.Put(peers_.at(peer));
            } else {
              out_.Put(a);
              out_.Put(b);
            }
          });
    }
  }

  void SaveEvidence() {
    out_.Put(uint64_t{state_.evidence.size()});
    for (const EvidenceLog& log : state_.evidence) {
      out_.Put(log.shape().width);
      log.ForEachRow([&](std::size_t count) { out_.Put(uint64_t{count}); },
                     [&](int64_t tick, TickRow row) {
                       row.conversation = conversations_.at(row.conversation);
                       out_.Put(tick);
                       out_.Put(row);
                     });
    }
  }

  void SaveFailures() {
    for (const PreparedRule& rule : state_.rules.rules()) {
      if (rule.failure_log == PreparedRule::kNoLog) continue;
      const FailureLog& log = state_.failures[rule.failure_log];
      out_.Put(uint64_t{log.rows()});
      log.ForEachRow([&](int64_t tick, const FailureLog::Subject& subject,
                         const FailureLog::Peer& peer, const FailureLog::Sums& sums) {
        out_.Put(tick);
        out_.Put(subject.host);
        out_.Put(subject.role);
        out_.Put(peer.address);
        out_.Put(peer.port);
        out_.Put(peer.service);
        out_.Put(peer.verdict);
        out_.Put(peer.tls);
        out_.Put(sums.count);
        out_.Put(sums.first_seen);
      });
    }
  }

  const State& state_;
  ArchiveWriter out_;
  absl::flat_hash_map<uint32_t, uint32_t> hosts_, conversations_, entities_, peers_;
};

}  // namespace

std::string SaveCheckpoint(const State& state, const Approvals& approvals,
                           const BlindSpots& blind_spots) {
  return Saver(state).Save(approvals, blind_spots);
}

}  // namespace mailtap::control

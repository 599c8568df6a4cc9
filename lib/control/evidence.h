// What stands behind a value: gathered when an alert changes, from the conversations of its
// host.
#ifndef MAILTAP_LIB_CONTROL_EVIDENCE_H_
#define MAILTAP_LIB_CONTROL_EVIDENCE_H_

#include <cstdint>
#include <vector>

#include "lib/control/alert.h"
#include "lib/control/conversation_table.h"
#include "lib/control/dns_book.h"
#include "lib/control/evidence_log.h"
#include "lib/control/failure_log.h"
#include "lib/control/host_table.h"
#include "lib/control/name_book.h"
#include "lib/control/peer_table.h"
#include "lib/control/rule_index.h"
#include "lib/control/summary.h"
#include "lib/control/windows.h"

namespace mailtap::control {

struct Evidence {
  bool empty = true;                 // nothing in the window; then the rest says nothing
  UnixNanos first_seen = 0;          // of the window's traffic, to the bucket's oldest packet
  std::size_t hosts = 0;             // of ours, that had a part in it
  std::size_t peers = 0;             // different addresses
  std::vector<AlertPeer> top_peers;  // by (peer, port, verdict), largest share first
  Confidence confidence;
  bool has_share = false;  // some of it is of the metric; else the next two say nothing
  config::Verdict verdict = config::Verdict::kUnapprovedExternal;  // of the largest share
  Service service = Service::kSmtp;
  KindSet verdicts, services;  // of all that has a share
};

// The tables that evidence is read from. All outlive it.
struct EvidenceSources {
  const ConversationTable& conversations;
  const HostTable& hosts;
  const std::vector<EvidenceLog>& logs;     // as PreparedRule::evidence_log counts them
  const std::vector<FailureLog>& failures;  // as PreparedRule::failure_log does
  const NameBook& names;
  const DnsBook& dns;
  const RuleIndex& rules;
  const PeerTable& peers;
};

// Over exactly the window of `rule`, which is `entity`'s, at the end of `tick`, and of what the
// rule's hours and days let count: of conversations that have a part in the value, and of peers
// only those that are new where these are counted.
// Takes time in proportion to the conversations of the host, or of the group. Equal shares go
// by sent, received, sessions, then by peer.
Evidence GatherEvidence(const EvidenceSources& sources, const Entity& entity,
                        const PreparedRule& rule, int64_t tick, std::size_t most_peers);

}  // namespace mailtap::control

#endif  // MAILTAP_LIB_CONTROL_EVIDENCE_H_

#include "lib/control/explainer.h"

#include <algorithm>
#include <bit>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "lib/control/relay_miss.h"

namespace mailtap::control {
using config::Relay;

std::vector<Explanation> Explainer::Explain(const net::IpAddress& host,
                                            const std::optional<net::IpAddress>& peer) const {
  std::map<HostKey, Found> all = Find(host);
  if (all.empty()) all.try_emplace({host});
  std::vector<Explanation> explanations;
  for (const auto& [key, found] : all) {
    explanations.push_back(Whom(host));
    Explanation& e = explanations.back();
    e.encap = state_.encaps.Of(key.encap_tag);
    if (found.host != kNone) {
      e.known = true;
      e.totals = state_.hosts.at(found.host).totals;
      e.last_seen = StartOfTick(state_.first_tick + state_.hosts.at(found.host).last_tick);
    }
    AddConversations(found.conversations, peer, e);
    if (e.internal) AddRules(found.host, state_.policy.GroupsOf(host), e);
  }
  return explanations;
}

// Whatever it is: an external host is in no table but those of conversations.
std::map<HostKey, Explainer::Found> Explainer::Find(const net::IpAddress& host) const {
  std::map<HostKey, Found> all;
  state_.hosts.ForEach([&](uint32_t id) {
    const HostKey& key = state_.hosts.at(id).key;
    if (key.address == host) all[key].host = id;
  });
  state_.conversations.ForEach([&](uint32_t id) {
    const meter::ConversationKey& key = state_.conversations.at(id).key;
    for (const Role role : {Role::kClient, Role::kServer}) {
      const HostKey end = EndOf(key, role);
      if (end.address == host) all[end].conversations.emplace_back(id, role);
    }
  });
  return all;
}

Explanation Explainer::Whom(const net::IpAddress& host) const {
  Explanation explanation;
  explanation.host = host;
  explanation.internal = state_.policy.IsInternal(host);
  if (const config::Asset* asset = state_.policy.AssetOf(host)) {
    explanation.asset = asset->name;
    explanation.owner = asset->owner;
    explanation.shared = asset->shared();
  }
  for (const uint32_t group : state_.policy.GroupsOf(host)) {
    explanation.groups.push_back(state_.config->groups[group].name);
  }
  return explanation;
}

void Explainer::AddConversations(const std::vector<std::pair<uint32_t, Role>>& found,
                                 const std::optional<net::IpAddress>& peer,
                                 Explanation& explanation) const {
  // One that was judged otherwise before is there several times.
  std::map<std::pair<meter::ConversationKey, Role>, UnixNanos> last_seen;
  for (const auto& [id, role] : found) {
    const Conversation& conversation = state_.conversations.at(id);
    UnixNanos& last = last_seen[{conversation.key, role}];
    // Of what is not judged nobody notes when it was.
    if (conversation.verdict == config::Verdict::kTransit) continue;
    last = std::max(last, StartOfTick(state_.first_tick + conversation.last_tick));
  }
  std::set<std::pair<config::Verdict, net::IpAddress>> dealings;
  std::vector<ExplainedConversation>& all = explanation.conversations;
  for (const auto& [whose, last] : last_seen) {
    const auto& [key, role] = whose;
    // Of an external host all count: they tell who of ours deals with it.
    const net::IpAddress& other = role == Role::kClient ? key.server : key.client;
    if (peer && explanation.internal && other != *peer) continue;
    ExplainedConversation conversation = OfKey(key, role);
    conversation.last_seen = last;
    if (!explanation.internal) {
      explanation.known = true;
      explanation.last_seen = std::max(explanation.last_seen, last);
      if (conversation.peer_internal) dealings.emplace(conversation.verdict, conversation.peer);
    }
    if (peer && conversation.peer != *peer) continue;
    if (peer) AddEntries(key, conversation);
    all.push_back(std::move(conversation));
  }
  for (const auto& [verdict, host] : dealings)
    ++explanation.dealings[static_cast<int>(verdict)];
  if (peer && all.empty()) AddUnseen(*peer, explanation);
  const auto order = [](const ExplainedConversation& c) {
    return std::tuple(-c.last_seen, c.peer, c.port, c.role, c.service, c.tls);
  };
  std::sort(all.begin(), all.end(),
            [&](const auto& a, const auto& b) { return order(a) < order(b); });
  if (all.size() <= kMostConversations) return;
  explanation.more_conversations = all.size() - kMostConversations;
  all.resize(kMostConversations);
}

// What the policy would say of mail from the host to `peer`, on each service's first port.
void Explainer::AddUnseen(const net::IpAddress& peer, Explanation& explanation) const {
  for (int s = 0; s < kServiceCount; ++s) {
    const config::ServicePorts& ports = state_.config->services[s];
    const std::vector<uint16_t>& some = ports.ports.empty() ? ports.tls_ports : ports.ports;
    if (some.empty()) continue;
    meter::ConversationKey key;
    key.client = explanation.host;
    key.server = peer;
    key.server_port = some.front();
    key.service = static_cast<Service>(s);
    key.tls = ports.ports.empty() ? Tls::kImplicit : Tls::kNone;
    ExplainedConversation conversation = OfKey(key, Role::kClient);
    conversation.seen = false;
    AddEntries(key, conversation);
    explanation.conversations.push_back(std::move(conversation));
  }
}

ExplainedConversation Explainer::OfKey(const meter::ConversationKey& key, Role role) const {
  const Judgement judgement = intake_.Judge(key, tick_ + 1);
  const auto name_of = [this](uint32_t relay) {
    return relay == kNoRelay ? std::string() : state_.config->relays[relay].name;
  };
  ExplainedConversation out;
  out.role = role;
  out.peer = role == Role::kClient ? key.server : key.client;
  out.port = key.server_port;
  out.service = key.service;
  out.tls = key.tls;
  out.verdict = judgement.verdict;
  out.peer_internal = state_.policy.IsInternal(out.peer);
  out.relay = name_of(judgement.relay);
  if (!judgement.observed.empty()) out.observed = name_of(judgement.observed.front());
  out.name = state_.dns.NameOf(ServerOf(key));
  out.name_observed = !out.name.empty();
  if (!out.name_observed) out.name = state_.names.ServerName(ServerOf(key));
  out.claimed = state_.claims.Of(key);
  std::sort(out.claimed.begin(), out.claimed.end());
  // Rules look at internal ends: at the peer, where the host is external.
  const Role whose = judgement.internal[static_cast<int>(role)] ? role : Opposite(role);
  if (!judgement.internal[static_cast<int>(whose)]) return out;
  const std::vector<uint32_t> groups = state_.policy.GroupsOf(EndOf(key, whose).address);
  for (const PreparedRule& rule : state_.rules.rules()) {
    const bool leads = &rule == &state_.rules.rules()[rule.lead];
    if (leads && (rule.roles >> static_cast<int>(whose) & 1) != 0 &&
        rule.Counts(key.service, judgement.verdict, key.tls) && rule.Concerns(groups)) {
      out.counted_by.push_back(rule.rule->name);
    }
  }
  return out;
}

void Explainer::AddEntries(const meter::ConversationKey& key, ExplainedConversation& of) const {
  const bool client = state_.policy.IsInternal(key.client);
  const bool server = state_.policy.IsInternal(key.server);
  const std::vector<uint32_t> named = intake_.NamedOf(key, tick_ + 1);
  const std::vector<Relay>& relays = state_.config->relays;
  std::vector<std::pair<int, uint32_t>> order;  // how much of it doesn't fit, index
  std::vector<uint8_t> misses;
  for (uint32_t i = 0; i < relays.size(); ++i) {
    misses.push_back(state_.policy.relays().MissesOf(i, key, client, server, named, tick_ + 1));
    order.emplace_back(std::popcount(misses.back()), i);
  }
  const std::size_t shown = std::min(kMostEntries, order.size());
  std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(shown),
                    order.end());
  for (std::size_t i = 0; i < shown; ++i) {
    const uint32_t index = order[i].second;
    const DnsBook::Lapsed lapsed = state_.dns.LapsedOf(ServerOf(key), index, tick_ + 1);
    of.entries.push_back(
        {relays[index].name, relays[index].owner, relays[index].file, relays[index].mode,
         DescribeMisses(relays[index], misses[index], key, client, server, lapsed)});
  }
  of.more_entries = order.size() - shown;
}

uint32_t Explainer::EntityOf(uint16_t rule, uint32_t host, Role role) const {
  uint32_t id = host == kNone ? kNone : state_.hosts.at(host).first_entity;
  for (; id != kNone; id = state_.windows.at(id).next_of_host) {
    if (state_.windows.at(id).rule == rule && state_.windows.at(id).role == role) break;
  }
  return id;
}

void Explainer::AddRules(uint32_t host, const std::vector<uint32_t>& groups,
                         Explanation& explanation) const {
  for (uint16_t lead = 0; lead < state_.rules.rules().size(); ++lead) {
    const PreparedRule& prepared = state_.rules.rules()[lead];
    if (prepared.lead != lead) continue;
    for (const Role role : {Role::kClient, Role::kServer}) {
      if ((prepared.roles >> static_cast<int>(role) & 1) == 0) continue;
      ExplainedRule rule;
      rule.role = role;
      if (!prepared.Concerns(groups)) {
        rule.why_not = absl::StrCat(
            "it is for ",
            prepared.rule->groups.empty() ? "groups"
                                          : absl::StrJoin(prepared.rule->groups, ", "),
            ", and the host is in ",
            explanation.groups.empty() ? "no group" : absl::StrJoin(explanation.groups, ", "));
        AddRule(lead, kNone, std::move(rule), explanation);
      } else if (prepared.scope == config::Scope::kHost) {
        AddRule(lead, EntityOf(lead, host, role), std::move(rule), explanation);
      } else if (prepared.scope == config::Scope::kSite) {
        const auto found = state_.shared_entities.find({lead, 0, role});
        const bool none = found == state_.shared_entities.end();
        AddRule(lead, none ? kNone : found->second, std::move(rule), explanation);
      } else {
        for (const uint32_t group : groups) {
          if (!prepared.ConcernsGroup(group)) continue;
          rule.group = state_.config->groups[group].name;
          const auto found = state_.shared_entities.find({lead, group, role});
          const bool none = found == state_.shared_entities.end();
          AddRule(lead, none ? kNone : found->second, rule, explanation);
        }
      }
    }
  }
}

// `id`: of the first condition; kNone where nothing was counted.
void Explainer::AddRule(uint16_t lead, uint32_t id, ExplainedRule rule,
                        Explanation& explanation) const {
  const std::vector<PreparedRule>& prepared = state_.rules.rules();
  rule.rule = prepared[lead].rule->name;
  rule.severity = prepared[lead].rule->severity;
  rule.scope = prepared[lead].scope;
  if (rule.scope == config::Scope::kHost && rule.why_not.empty()) {
    const uint32_t covered =
        state_.suppressions.Find(prepared[lead].number, explanation.host, tick_);
    if (covered != Suppressions::kNone) {
      rule.suppression = state_.suppressions.entry(covered).name;
    }
  }
  rule.by_baseline = prepared[lead].by_baseline;
  Judge::Bar bar{std::nullopt, prepared[lead].raise, prepared[lead].clear};
  if (id != kNone) {
    const Entity& entity = state_.windows.at(id);
    bar = judge_.BarOf(entity);
    rule.baseline = bar.baseline;
    if (entity.alert != kNone) {
      rule.watch = state_.alerts.raised(entity.alert)       ? Watch::kRaised
                   : state_.alerts.suppressed(entity.alert) ? Watch::kSuppressed
                                                            : Watch::kPending;
    }
  }
  uint32_t at = id;
  for (uint16_t i = lead; i < prepared.size() && prepared[i].lead == lead; ++i) {
    const double value = at == kNone ? 0 : state_.windows.Value(state_.windows.at(at));
    const bool first = i == lead;
    rule.conditions.push_back({prepared[i].metric, value, first ? bar.raise : prepared[i].raise,
                               first ? bar.clear : prepared[i].clear,
                               prepared[i].condition->window_seconds});
    if (at != kNone) at = state_.windows.at(at).next_condition;
  }
  explanation.rules.push_back(std::move(rule));
}

}  // namespace mailtap::control

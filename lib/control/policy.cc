#include "lib/control/policy.h"

#include <algorithm>
#include <utility>

namespace mailtap::control {

using config::Verdict;

Policy::Policy(const config::Config& config)
    : internal_(config.networks.internal),
      relays_(config.relays),
      expected_relays_(config.relays),
      resolvers_(config.dns.resolvers),
      group_entries_(&config.groups),
      asset_rows_(&config.assets.rows) {
  for (const config::Relay& relay : config.relays) {
    if (relay.ends != INT64_MAX) ends_.push_back(relay.ends);
  }
  std::sort(ends_.begin(), ends_.end());
  for (uint32_t i = 0; i < group_entries_->size(); ++i) {
    for (const net::Prefix& prefix : (*group_entries_)[i].members) groups_.Add(prefix, i);
  }
  for (uint32_t i = 0; i < asset_rows_->size(); ++i) assets_.Add((*asset_rows_)[i].prefix, i);
}

Judgement Policy::Judge(const meter::ConversationKey& key, absl::Span<const uint32_t> named,
                        int64_t tick) const {
  Judgement judgement;
  if (key.attribution != meter::Attribution::kFull) {
    judgement.verdict = Verdict::kUnattributed;
    return judgement;
  }
  const bool client = internal_.Contains(key.client);
  const bool server = internal_.Contains(key.server);
  judgement.internal[static_cast<int>(Role::kClient)] = client;
  judgement.internal[static_cast<int>(Role::kServer)] = server;
  if (!client && !server) return judgement;

  RelayMatch match = relays_.Match(key, client, server, named, tick);
  judgement.relay = match.approved;
  judgement.observed = std::move(match.observed);
  if (judgement.relay != kNoRelay) {
    judgement.verdict = client ? Verdict::kApproved : Verdict::kInbound;
  } else {
    judgement.verdict =
        client && server ? Verdict::kUnapprovedInternal : Verdict::kUnapprovedExternal;
  }
  return judgement;
}

int64_t Policy::NextEnd(int64_t tick) const {
  const auto next = std::upper_bound(ends_.begin(), ends_.end(), tick);
  return next == ends_.end() ? INT64_MAX : *next;
}

std::vector<uint32_t> Policy::GroupsOf(const net::IpAddress& host) const {
  const config::Asset* asset = AssetOf(host);
  std::vector<uint32_t> groups;
  groups_.ForEachMatch(host, [&](uint32_t group) {
    if (AssetFits((*group_entries_)[group], asset) &&
        std::find(groups.begin(), groups.end(), group) == groups.end()) {
      groups.push_back(group);
    }
    return true;
  });
  for (uint32_t i = 0; asset != nullptr && i < group_entries_->size(); ++i) {
    const config::Group& group = (*group_entries_)[i];
    if (group.members.empty() && group.by_asset() && AssetFits(group, asset)) {
      groups.push_back(i);
    }
  }
  return groups;
}

const config::Asset* Policy::AssetOf(const net::IpAddress& host) const {
  const config::Asset* asset = nullptr;
  assets_.ForEachMatch(host, [&](uint32_t row) {
    asset = &(*asset_rows_)[row];
    return false;
  });
  return asset;
}

bool Policy::AssetFits(const config::Group& group, const config::Asset* asset) const {
  if (!group.by_asset()) return true;
  if (asset == nullptr) return false;
  const auto lists = [](const std::vector<std::string>& list, const std::string& text) {
    return list.empty() || std::find(list.begin(), list.end(), text) != list.end();
  };
  return lists(group.roles, asset->role) && lists(group.units, asset->unit) &&
         (group.tags.empty() ||
          std::any_of(asset->tags.begin(), asset->tags.end(),
                      [&](const std::string& tag) { return lists(group.tags, tag); }));
}

}  // namespace mailtap::control

// [[relay]] and [[group]].
#include "absl/strings/str_cat.h"
#include "lib/config/sections.h"

namespace mailtap::config {
namespace {

constexpr size_t kLongestText = 1'024;

// Keys of the fixed interface that this version can't honour yet. Ignoring one would approve
// more, or for longer, than its writer meant.
void RefuseRelayKeys(TableReader& t) {
  if (const toml::node* names = t.Find("names")) {
    t.Error(*names,
            "relay.names is not supported yet, and without it the entry would approve "
            "more than you mean; list the relay's addresses in relay.destinations");
  }
  if (const toml::node* expires = t.Find("expires")) {
    t.Error(*expires,
            "relay.expires is not supported yet, and the entry would go on approving "
            "after that day; remove the key to approve without an end");
  }
  const toml::node* mode = t.Find("mode");
  if (mode == nullptr || mode->value_or(std::string_view()) == "enforce") return;
  if (mode->value_or(std::string_view()) == "observe") {
    return t.Error(*mode,
                   "relay.mode = \"observe\" is not supported yet, and \"enforce\" would "
                   "approve mail that you only mean to count; remove the entry or use "
                   "\"enforce\"");
  }
  t.Error(*mode, absl::StrCat("relay.mode must be \"enforce\", not ", Describe(*mode)));
}

Relay ReadRelay(TableReader& t) {
  Relay relay;
  t.Name(relay.name);
  t.Prefixes("sources", IfEmpty::kRefuse, relay.sources);
  t.Prefixes("destinations", IfEmpty::kRefuse, relay.destinations);
  t.Choices("services", kServiceNames, IfEmpty::kRefuse, relay.services);
  t.Ports("ports", IfEmpty::kRefuse, relay.ports);
  t.Text("owner", 0, kLongestText, relay.owner);
  t.Text("reason", 0, kLongestText, relay.reason);
  RefuseRelayKeys(t);
  return relay;
}

Group ReadGroup(TableReader& t) {
  Group group;
  t.Name(group.name);
  t.Prefixes("members", IfEmpty::kRefuse, group.members);
  t.Strings("roles", IfEmpty::kRefuse, group.roles);
  t.Strings("units", IfEmpty::kRefuse, group.units);
  t.Strings("tags", IfEmpty::kRefuse, group.tags);
  const auto given = [&](absl::string_view key) { return t.table().contains(ToStd(key)); };
  if (!given("members") && !given("roles") && !given("units") && !given("tags")) {
    t.Require("members",
              "the group's networks, such as [\"10.1.0.0/16\"], or the roles, units or tags "
              "of its assets");
  }
  return group;
}

}  // namespace

void ReadPolicy(TableReader& root, Config& config) {
  root.Tables("relay", [&](TableReader& t) { config.relays.push_back(ReadRelay(t)); });
  root.Tables("group", [&](TableReader& t) { config.groups.push_back(ReadGroup(t)); });
}

}  // namespace mailtap::config

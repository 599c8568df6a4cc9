// [[group]], and where the [[relay]]s and [[relay_file]]s are.
#include "absl/strings/str_cat.h"
#include "lib/config/sections.h"

namespace mailtap::config {
namespace {

Group ReadGroup(TableReader& t) {
  Group group;
  t.Name(group.name);
  t.Prefixes("members", IfEmpty::kRefuse, group.members);
  t.Strings("roles", IfEmpty::kRefuse, group.roles);
  t.Strings("units", IfEmpty::kRefuse, group.units);
  t.LowerStrings("tags", IfEmpty::kRefuse, group.tags);
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
  root.Tables("relay", [&](TableReader& t) { config.relays.push_back(ReadRelay(t, config)); });
  root.Tables("relay_file", [&](TableReader& t) {
    config.relay_files.push_back(ReadRelayFileEntry(t, config));
  });
  root.Tables("group", [&](TableReader& t) { config.groups.push_back(ReadGroup(t)); });
}

}  // namespace mailtap::config

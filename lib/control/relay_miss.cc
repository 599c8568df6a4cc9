#include "lib/control/relay_miss.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "lib/base/time.h"
#include "lib/control/relay_matcher.h"

namespace mailtap::control {
namespace {

using config::Relay;

absl::string_view FlowName(bool client, bool server) {
  if (client) return Name(server ? config::MailFlow::kInternal : config::MailFlow::kOutbound);
  return server ? Name(config::MailFlow::kInbound) : "transit";
}

std::string WhyNotNamed(const Relay& relay, const std::string& server,
                        const DnsBook::Lapsed& lapsed) {
  const std::string resolved =
      lapsed.name.empty()
          ? absl::StrCat("no answer of a configured resolver gives ", server,
                         " one of its names")
          : absl::StrCat("the resolver's answer that gave ", server, " the name ", lapsed.name,
                         " lapsed at ", FormatSeconds(StartOfTick(lapsed.until)),
                         " (time to live and dns.grace)");
  return relay.trust == config::RelayTrust::kDns
             ? resolved
             : absl::StrCat(resolved, ", and none was claimed");
}

}  // namespace

std::vector<std::string> DescribeMisses(const Relay& relay, uint8_t bits,
                                        const meter::ConversationKey& key, bool client,
                                        bool server, const DnsBook::Lapsed& lapsed) {
  const std::string to = net::ToString(key.server);
  const auto names = [](std::string* out, Service service) {
    absl::StrAppend(out, Name(service));
  };
  std::vector<std::string> texts;
  for (int i = 0; i < kRelayMissCount; ++i) {
    if ((bits >> i & 1) == 0) continue;
    switch (static_cast<RelayMiss>(i)) {
      case RelayMiss::kService:
        texts.push_back(absl::StrCat("it is for ", absl::StrJoin(relay.services, ", ", names),
                                     ", not for ", Name(key.service)));
        break;
      case RelayMiss::kDirection:
        texts.push_back(
            absl::StrCat("it is for mail that is ",
                         relay.direction ? Name(*relay.direction) : "of an internal host",
                         ", and this is ", FlowName(client, server)));
        break;
      case RelayMiss::kEnded:
        texts.push_back(absl::StrCat("it expired with ", config::ToString(*relay.expires)));
        break;
      case RelayMiss::kPort:
        texts.push_back(absl::StrCat("it is for port ", absl::StrJoin(relay.ports, ", "),
                                     ", not for ", key.server_port));
        break;
      case RelayMiss::kSource:
        texts.push_back(absl::StrCat(net::ToString(key.client), " is not among its sources"));
        break;
      case RelayMiss::kDestination:
        texts.push_back(absl::StrCat(to, " is not among its destinations"));
        break;
      case RelayMiss::kName:
        texts.push_back(WhyNotNamed(relay, to, lapsed));
        break;
      case RelayMiss::kDestinationAndName:
        texts.push_back(absl::StrCat(to, " is not among its destinations"));
        if (!relay.names.empty()) texts.push_back(WhyNotNamed(relay, to, lapsed));
        break;
    }
  }
  return texts;
}

}  // namespace mailtap::control

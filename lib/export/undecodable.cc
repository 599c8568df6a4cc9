#include "lib/export/undecodable.h"

#include <array>
#include <string>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/string_view.h"
#include "lib/net/decode.h"

namespace mailtap::exporting {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::array<absl::string_view, 6> kLinkNames = {"ethernet", "raw_ip", "null",
                                                         "sll",      "sll2",   "ppp"};

Json SampleJson(const meter::SampleRecord& sample) {
  const absl::string_view bytes(reinterpret_cast<const char*>(sample.bytes), sample.length);
  return {{"time", FormatRfc3339(sample.time)},
          {"port", sample.port},
          {"link", std::string(kLinkNames[static_cast<std::size_t>(sample.link)])},
          {"wire_length", sample.wire_length},
          {"bytes", absl::BytesToHexString(bytes)}};
}

}  // namespace

Json UndecodableJson(const control::Snapshot* snapshot, const std::vector<DropCount>& drops) {
  Json array = Json::array();
  for (int i = net::kFirstDropOutcome; i < net::kOutcomeCount; ++i) {
    uint64_t packets = 0;
    for (const DropCount& drop : drops) {
      if (drop.reason == net::kOutcomeNames[i]) packets += drop.packets;
    }
    if (packets == 0) continue;
    Json samples = Json::array();
    if (snapshot != nullptr && snapshot->samples != nullptr) {
      for (const meter::SampleRecord& sample : (*snapshot->samples)[i]) {
        samples.push_back(SampleJson(sample));
      }
    }
    array.push_back({{"reason", std::string(net::kOutcomeNames[i])},
                     {"packets", packets},
                     {"samples", std::move(samples)}});
  }
  return array;
}

}  // namespace mailtap::exporting

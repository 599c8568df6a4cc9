#include "app/mailtap/explain.h"

#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "app/mailtap/stored_state.h"
#include "lib/base/log.h"
#include "lib/base/quoted.h"
#include "lib/base/status.h"
#include "lib/control/control.h"
#include "lib/export/explanation.h"
#include "lib/export/table.h"

namespace mailtap::app {
namespace {

constexpr int kUnknown = 2;

// Nothing that is judged again while the state is taken in goes anywhere.
class NoOutput : public control::Output {
 public:
  void OnAlert(const control::Alert&) override {}
  void OnSession(const control::JudgedSession&) override {}
};

std::string VersionOf(const std::string& report) {
  const auto json = nlohmann::json::parse(report, nullptr, /*allow_exceptions=*/false);
  const auto version = json.is_object() ? json.find("config_version") : json.end();
  return version != json.end() && version->is_string() ? version->get<std::string>() : "";
}

absl::StatusOr<exporting::ExplanationInput> Gather(
    const ExplainOptions& options, std::shared_ptr<const config::Config> config) {
  const auto address = [](absl::string_view which,
                          const std::string& text) -> absl::StatusOr<net::IpAddress> {
    const auto parsed = net::ParseAddress(text);
    if (parsed.ok()) return *parsed;
    return absl::InvalidArgumentError(
        absl::StrCat(which, " must be an IP address, not ", Quoted(text)));
  };
  MAILTAP_ASSIGN_OR_RETURN(const net::IpAddress host, address("HOST", options.host));
  std::optional<net::IpAddress> peer;
  if (!options.peer.empty()) {
    MAILTAP_ASSIGN_OR_RETURN(peer, address("PEER", options.peer));
  }
  MAILTAP_ASSIGN_OR_RETURN(
      StoredState state,
      ReadState(options.state.empty() ? config->state.directory : options.state));
  MAILTAP_ASSIGN_OR_RETURN(const auto open, state.database->AlertsOfCheckpoint());
  if (!open.has_value()) return absl::DataLossError("open alerts are missing");
  NoOutput output;
  control::Control control(config, output);
  MAILTAP_RETURN_IF_ERROR(
      control.Restore(state.checkpoint.bytes, open->bytes, /*same_capture=*/true));
  exporting::ExplanationInput input;
  input.explanations = control.Explain(host, peer);
  input.state_time = state.time();
  input.now = absl::ToUnixNanos(absl::Now());
  input.config_version = config->version;
  input.state_config_version = VersionOf(state.report);
  return input;
}

// Whether the state knows what was asked for.
bool Known(const std::vector<control::Explanation>& explanations) {
  return std::any_of(explanations.begin(), explanations.end(), [](const auto& e) {
    return e.known && std::all_of(e.conversations.begin(), e.conversations.end(),
                                  [](const auto& c) { return c.seen; });
  });
}

}  // namespace

int Explain(const ExplainOptions& options, std::shared_ptr<const config::Config> config) {
  const auto input = Gather(options, std::move(config));
  if (!input.ok()) {
    LogError(std::string(input.status().message()));
    return 1;
  }
  constexpr std::size_t kNoEdge = 100'000;
  const std::size_t width =
      isatty(STDOUT_FILENO) != 0 ? exporting::StyleFor(STDOUT_FILENO).width : kNoEdge;
  std::cout << (options.json ? exporting::ExplanationJson(*input)
                             : exporting::ExplanationText(*input, width))
            << std::flush;
  if (!std::cout.good()) {
    LogError("the explanation could not be written");
    return 1;
  }
  return Known(input->explanations) ? 0 : kUnknown;
}

}  // namespace mailtap::app

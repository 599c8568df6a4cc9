#include "lib/pipeline/tls_names.h"

#include <algorithm>
#include <string>
#include <vector>

#include "lib/config/name_pattern.h"

namespace mailtap::pipeline {
namespace {

bool FitsAny(const std::vector<std::string>& patterns, absl::string_view name) {
  return std::any_of(patterns.begin(), patterns.end(), [name](const std::string& pattern) {
    return config::Fits(pattern, name);
  });
}

}  // namespace

std::optional<Service> TlsNames::ServiceOf(absl::string_view name, uint16_t port) const {
  if (name.empty() || IsWebPort(port) || FitsAny(names_.web_mail, name)) return std::nullopt;
  for (int i = 0; i < kServiceCount; ++i) {
    if (FitsAny(names_.services[i], name)) return static_cast<Service>(i);
  }
  return std::nullopt;
}

bool TlsNames::IsWebPort(uint16_t port) const {
  return std::find(names_.web_ports.begin(), names_.web_ports.end(), port) !=
         names_.web_ports.end();
}

}  // namespace mailtap::pipeline

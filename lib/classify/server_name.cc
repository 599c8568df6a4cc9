#include "lib/classify/server_name.h"

namespace mailtap::classify {

std::optional<Service> ServiceOfServerName(absl::string_view name) {
  const size_t dot = name.find('.');
  if (dot == name.npos || name.find('.', dot + 1) == name.npos) return std::nullopt;
  const absl::string_view label = name.substr(0, dot);
  if (label == "smtp") return Service::kSmtp;
  if (label == "imap") return Service::kImap;
  if (label == "pop" || label == "pop3") return Service::kPop3;
  return std::nullopt;
}

}  // namespace mailtap::classify

#include "lib/control/alert_id.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "lib/control/stable_hash.h"

namespace mailtap::control {

std::string AlertId(absl::string_view sensor, const Alert& alert) {
  // Unit separators, since names may hold any other text.
  std::string text = absl::StrCat(sensor, "\x1f", alert.rule, "\x1f");
  if (!alert.by_rule()) {
    absl::StrAppend(&text, alert.port, alert.relay);
  } else if (alert.scope != config::Scope::kHost) {
    absl::StrAppend(&text, Name(alert.scope), "\x1f", alert.asset, "\x1f", Name(alert.role));
  } else {
    absl::StrAppend(&text, net::ToString(alert.host), "\x1f", Name(alert.role));
    if (alert.encap.depth > 0) absl::StrAppend(&text, "\x1f", net::ToString(alert.encap));
  }
  return absl::StrFormat("%016x", StableHash(absl::StrCat(text, "\x1f", alert.time)));
}

}  // namespace mailtap::control

#include "app/mailtap/link_watch.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "lib/base/log.h"

namespace mailtap::app {

void LinkWatch::Look(const std::string& port, Link link) {
  Link& known = known_.emplace(port, Link::kUp).first->second;
  if (std::exchange(known, link) == link) return;
  switch (link) {
    case Link::kUp:
      return LogInfo(absl::StrCat("port ", port, ": its link is up again"));
    case Link::kDown:
      return LogWarning(absl::StrCat(
          "port ", port,
          ": its link is down, so that nothing comes; look at the cable, the mirror and the "
          "interface (ip link)"));
    case Link::kGone:
      return LogError(absl::StrCat(
          "port ", port,
          ": its interface was deleted; restart the sensor once there is one again, which it "
          "doesn't find by itself"));
  }
}

}  // namespace mailtap::app

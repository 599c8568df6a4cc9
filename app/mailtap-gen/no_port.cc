// --port of a build without DPDK.
#include "app/mailtap-gen/port_sender.h"

namespace mailtap::gen {

absl::StatusOr<PortReport> SendOnPort(const PortOptions&, const FrameStore&) {
  return absl::UnimplementedError(
      "this build has no DPDK (meson option dataplane), so it can't send on a port");
}

}  // namespace mailtap::gen

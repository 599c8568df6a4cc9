// What the application counted of the capture itself, for the control core to judge how well it
// sees.
#ifndef MAILTAP_LIB_CONTROL_CAPTURE_SAMPLE_H_
#define MAILTAP_LIB_CONTROL_CAPTURE_SAMPLE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace mailtap::control {

// All counts are since the start, and never fall.

struct PortSample {
  std::string name;      // of the device, or the capture's path
  uint64_t packets = 0;  // received
  uint64_t dropped = 0;  // not received: for want of a descriptor or buffer, or damaged
  bool ended = false;    // a capture read to its end: not silent, but over
};

struct NamedCount {
  absl::string_view name;  // static, as the next
  uint64_t count = 0;
  absl::string_view limit = {};  // of a table: the key of [limits] that gives it more room
};

struct CaptureSample {
  std::vector<PortSample> ports;        // the same in each sample
  uint64_t packets = 0;                 // looked at
  uint64_t snapped = 0;                 // of these, captured short
  std::vector<NamedCount> undecodable;  // packets, by reason; always the same reasons
  std::vector<NamedCount> shortages;    // state there was no room for, by table; as above
};

}  // namespace mailtap::control

#endif  // MAILTAP_LIB_CONTROL_CAPTURE_SAMPLE_H_

// Why a host's mail is approved or not, for people and for programs.
#ifndef MAILTAP_LIB_EXPORT_EXPLANATION_H_
#define MAILTAP_LIB_EXPORT_EXPLANATION_H_

#include <cstdint>
#include <string>
#include <vector>

#include "lib/base/time.h"
#include "lib/control/explanation.h"

namespace mailtap::exporting {

struct ExplanationInput {
  std::vector<control::Explanation> explanations;  // as Control::Explain()
  UnixNanos state_time = 0;                        // of the checkpoint that they are of
  UnixNanos now = 0;
  std::string config_version;        // of the configuration that was asked
  std::string state_config_version;  // of that in force at the checkpoint; may be empty
};

// Any thread, as the next. Names off the wire are made harmless.
std::string ExplanationText(const ExplanationInput& input, std::size_t width);
// Indented, with a newline at its end. It doesn't hold `now`.
std::string ExplanationJson(const ExplanationInput& input);

}  // namespace mailtap::exporting

#endif  // MAILTAP_LIB_EXPORT_EXPLANATION_H_

// Output that waits for its reader, but not forever.
#ifndef MAILTAP_APP_MAILTAP_PATIENT_OUTPUT_H_
#define MAILTAP_APP_MAILTAP_PATIENT_OUTPUT_H_

#include <chrono>

#include "absl/strings/string_view.h"

namespace mailtap::app {

// Writes `text` to `file`; false where that can't be, or a pipe's reader, or a terminal that
// was stopped, takes nothing for `patience`. Any thread; blocks it.
bool WritePatiently(int file, absl::string_view text, std::chrono::milliseconds patience);

}  // namespace mailtap::app

#endif  // MAILTAP_APP_MAILTAP_PATIENT_OUTPUT_H_

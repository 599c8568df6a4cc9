// The process log: standard error, one line a message, levels debug info warn error.
//
// Only the control core, sinks and start-up code log; a worker counts instead (DESIGN: no
// logging on the data plane). Thread-safe. Messages are built by the caller (absl::StrCat).
#ifndef MAILTAP_LIB_BASE_LOG_H_
#define MAILTAP_LIB_BASE_LOG_H_

#include "absl/strings/string_view.h"

namespace mailtap {

enum class LogLevel { kDebug, kInfo, kWarning, kError };

// Sets the lowest level that is written. Default: kInfo. Call before threads start.
void SetLogLevel(LogLevel lowest);

void LogDebug(absl::string_view message);
void LogInfo(absl::string_view message);
void LogWarning(absl::string_view message);
void LogError(absl::string_view message);

}  // namespace mailtap

#endif  // MAILTAP_LIB_BASE_LOG_H_

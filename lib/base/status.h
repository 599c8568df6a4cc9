// Early returns for absl::Status.
#ifndef MAILTAP_LIB_BASE_STATUS_H_
#define MAILTAP_LIB_BASE_STATUS_H_

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#define MAILTAP_RETURN_IF_ERROR(expression)                                 \
  do {                                                                      \
    if (absl::Status status_ = (expression); !status_.ok()) return status_; \
  } while (false)

#define MAILTAP_CONCAT_INNER_(a, b) a##b
#define MAILTAP_CONCAT_(a, b) MAILTAP_CONCAT_INNER_(a, b)

// MAILTAP_ASSIGN_OR_RETURN(auto x, F()): x gets the value, or the function returns the error.
#define MAILTAP_ASSIGN_OR_RETURN(lhs, expression) \
  MAILTAP_ASSIGN_OR_RETURN_(MAILTAP_CONCAT_(statusor_, __LINE__), lhs, expression)
#define MAILTAP_ASSIGN_OR_RETURN_(statusor, lhs, expression) \
  auto statusor = (expression);                              \
  if (!statusor.ok()) return std::move(statusor).status();   \
  lhs = *std::move(statusor)

#endif  // MAILTAP_LIB_BASE_STATUS_H_

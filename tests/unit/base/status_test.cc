#include "lib/base/status.h"

#include <gtest/gtest.h>

#include <memory>

namespace mailtap {
namespace {

absl::StatusOr<std::unique_ptr<int>> Make(bool good) {
  if (!good) return absl::NotFoundError("none");
  return std::make_unique<int>(7);
}

absl::StatusOr<int> Use(bool good, absl::Status before) {
  MAILTAP_RETURN_IF_ERROR(before);
  MAILTAP_ASSIGN_OR_RETURN(const std::unique_ptr<int> made, Make(good));
  MAILTAP_ASSIGN_OR_RETURN(auto again, Make(good));
  return *made + *again;
}

TEST(StatusMacrosTest, GoOnOrReturnTheError) {
  EXPECT_EQ(*Use(true, absl::OkStatus()), 14);
  EXPECT_EQ(Use(false, absl::OkStatus()).status(), absl::NotFoundError("none"));
  EXPECT_EQ(Use(true, absl::AbortedError("before")).status(), absl::AbortedError("before"));
}

}  // namespace
}  // namespace mailtap

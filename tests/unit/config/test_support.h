// What the tests of the configuration share.
#ifndef MAILTAP_TESTS_UNIT_CONFIG_TEST_SUPPORT_H_
#define MAILTAP_TESTS_UNIT_CONFIG_TEST_SUPPORT_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "lib/config/parse.h"

namespace mailtap::config {

// The least that is accepted, ahead of what a test adds. Three lines long.
inline constexpr char kMinimal[] = "[networks]\ninternal = [\"10.0.0.0/8\"]\n\n";

inline std::vector<std::string> Texts(const std::vector<Fault>& faults) {
  std::vector<std::string> texts;
  for (const Fault& fault : faults) texts.push_back(ToString(fault));
  return texts;
}

// The configuration that `text` gives; a failure of the test where it is refused.
inline Config Accepted(absl::string_view text) {
  ParseResult result = Parse(text, "test.toml");
  EXPECT_THAT(Texts(result.faults), testing::IsEmpty());
  return result.config.value_or(Config());
}
inline Config AcceptedWith(absl::string_view more) {
  return Accepted(absl::StrCat(kMinimal, more));
}

// The faults for which the minimal configuration with `more` (from line 4 on) is refused.
inline std::vector<std::string> FaultsWith(absl::string_view more) {
  const ParseResult result = Parse(absl::StrCat(kMinimal, more), "f");
  EXPECT_EQ(result.config.has_value(), result.faults.empty());
  return Texts(result.faults);
}
inline std::vector<std::string> WarningsWith(absl::string_view more) {
  return Texts(Parse(absl::StrCat(kMinimal, more), "f").warnings);
}

}  // namespace mailtap::config

#endif  // MAILTAP_TESTS_UNIT_CONFIG_TEST_SUPPORT_H_

#include "lib/config/amount.h"

#include <cmath>
#include <cstdint>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "lib/base/bytes.h"

namespace mailtap::config {

std::string Number(uint64_t count) {
  return count < 100'000 ? absl::StrCat(count) : FormatCount(count);
}

std::string Amount(Metric metric, double value) {
  if (IsBytes(metric)) return FormatBytes(static_cast<uint64_t>(std::llround(value)));
  if (metric == Metric::kSentReceivedRatio) return absl::StrFormat("%.4g", value);
  return Number(static_cast<uint64_t>(std::llround(value)));
}

std::string Noun(Metric metric) { return absl::StrReplaceAll(Name(metric), {{"_", " "}}); }

std::string AmountOf(Metric metric, double value) {
  const std::string amount = Amount(metric, value);
  std::string noun = Noun(metric);
  if (metric == Metric::kSentReceivedRatio) return absl::StrCat("a ", noun, " of ", amount);
  if (IsBytes(metric)) return absl::StrCat(amount, " of ", noun);
  if (value == 1 && noun.back() == 's') noun.pop_back();
  return absl::StrCat(amount, " ", noun);
}

}  // namespace mailtap::config

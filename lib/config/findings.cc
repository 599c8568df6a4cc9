#include "lib/config/findings.h"

#include <algorithm>
#include <sstream>
#include <tuple>

#include "absl/strings/str_cat.h"

namespace mailtap::config {
namespace {

// Single-letter edits, with a swap of neighbours as one, that turn `a` into `b`.
int EditDistance(absl::string_view a, absl::string_view b) {
  std::vector<std::vector<int>> cost(a.size() + 1, std::vector<int>(b.size() + 1));
  for (size_t i = 0; i <= a.size(); ++i) {
    for (size_t j = 0; j <= b.size(); ++j) {
      if (i == 0 || j == 0) {
        cost[i][j] = static_cast<int>(i + j);
        continue;
      }
      const int change = a[i - 1] == b[j - 1] ? 0 : 1;
      cost[i][j] =
          std::min({cost[i - 1][j] + 1, cost[i][j - 1] + 1, cost[i - 1][j - 1] + change});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        cost[i][j] = std::min(cost[i][j], cost[i - 2][j - 2] + 1);
      }
    }
  }
  return cost[a.size()][b.size()];
}

}  // namespace

void Findings::Add(std::vector<Fault>& list, const At& at, std::string message) {
  // A place that toml++ doesn't know (an empty file's root) is given as 0:0.
  const int line = std::max<int>(1, static_cast<int>(at.begin.line));
  const int column = std::max<int>(1, static_cast<int>(at.begin.column));
  list.push_back({file_, line, column, std::move(message)});
}

std::vector<Fault> InFileOrder(std::vector<Fault> list) {
  std::stable_sort(list.begin(), list.end(), [](const Fault& a, const Fault& b) {
    return std::tie(a.line, a.column) < std::tie(b.line, b.column);
  });
  return list;
}

std::string Describe(const toml::node& node) {
  if (node.is_table()) return "a table";
  if (node.is_array()) return node.as_array()->empty() ? "an empty array" : "an array";
  if (const auto* text = node.as_string()) {
    constexpr size_t kShown = 60;
    absl::string_view shown(ToAbsl(text->get()));
    if (shown.size() <= kShown) return Quoted(shown);
    size_t cut = kShown;
    while (cut > 0 && (shown[cut] & 0xc0) == 0x80) --cut;  // not inside a UTF-8 sequence
    return absl::StrCat(Quoted(shown.substr(0, cut)), "...");
  }
  std::ostringstream out;
  node.visit([&](const auto& value) { out << value; });
  return out.str();
}

std::string Suggestion(absl::string_view word, const std::vector<std::string>& candidates) {
  constexpr size_t kLongestCompared = 100;
  if (word.size() > kLongestCompared) return "";
  // A third of the letters may be wrong, so that "prot" suggests "port" and "x" suggests
  // nothing.
  int allowed = std::max<int>(1, static_cast<int>(word.size()) / 3);
  const std::string* best = nullptr;
  for (const std::string& candidate : candidates) {
    if (candidate.size() > kLongestCompared) continue;
    const int distance = EditDistance(word, candidate);
    if (distance > allowed || distance >= static_cast<int>(candidate.size())) continue;
    best = &candidate;
    allowed = distance - 1;
  }
  return best == nullptr ? "" : absl::StrCat("; did you mean ", *best, "?");
}

}  // namespace mailtap::config

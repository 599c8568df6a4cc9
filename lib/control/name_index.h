// Which relay entries list a pattern that fits a name. One hash look-up for each label of the
// name, so that 100k names cost no more than the few that hold a * elsewhere than in front.
#ifndef MAILTAP_LIB_CONTROL_NAME_INDEX_H_
#define MAILTAP_LIB_CONTROL_NAME_INDEX_H_

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/inlined_vector.h"
#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "lib/config/name_pattern.h"

namespace mailtap::control {

// Built once, then only read; reading is thread-safe.
class NameIndex {
 public:
  // `pattern` as config::NormalizePattern() gives it.
  void Add(const std::string& pattern, uint32_t value) {
    constexpr absl::string_view kWildcards = "*?";
    if (pattern.find_first_of(kWildcards.data()) == std::string::npos) {
      exact_[pattern].push_back(value);
    } else if (absl::StartsWith(pattern, "*.") &&
               pattern.find_first_of(kWildcards.data(), 1) == std::string::npos) {
      below_[pattern.substr(2)].push_back(value);
    } else {
      others_.emplace_back(pattern, value);
    }
  }

  // The values of all patterns that fit `name`, in lower case: ascending, each once.
  std::vector<uint32_t> Find(absl::string_view name) const {
    std::vector<uint32_t> values;
    const auto add = [&](const Map& map, absl::string_view key) {
      const auto found = map.find(key);
      if (found == map.end()) return;
      values.insert(values.end(), found->second.begin(), found->second.end());
    };
    add(exact_, name);
    for (size_t dot = name.find('.'); dot != name.npos; dot = name.find('.', dot + 1)) {
      add(below_, name.substr(dot + 1));
    }
    for (const auto& [pattern, value] : others_) {
      if (config::Fits(pattern, name)) values.push_back(value);
    }
    std::sort(values.begin(), values.end());
    values.erase(std::unique(values.begin(), values.end()), values.end());
    return values;
  }

  bool empty() const { return exact_.empty() && below_.empty() && others_.empty(); }

 private:
  using Map = absl::flat_hash_map<std::string, absl::InlinedVector<uint32_t, 1>>;

  Map exact_;
  Map below_;  // of "*.x" by x
  std::vector<std::pair<std::string, uint32_t>> others_;
};

}  // namespace mailtap::control

#endif  // MAILTAP_LIB_CONTROL_NAME_INDEX_H_

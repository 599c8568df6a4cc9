// Faults and warnings with their places, gathered while a configuration is read.
#ifndef MAILTAP_LIB_CONFIG_FINDINGS_H_
#define MAILTAP_LIB_CONFIG_FINDINGS_H_

#include <toml++/toml.h>

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "lib/base/quoted.h"
#include "lib/config/parse.h"

namespace mailtap::config {

// Those of one file by line and column; of one place, in the order in which they were found.
std::vector<Fault> InFileOrder(std::vector<Fault> list);

// One thread. `At` is where in the file: a node's or a key's source().
class Findings {
 public:
  using At = toml::source_region;

  explicit Findings(absl::string_view file) : file_(file) {}

  void Error(const At& at, std::string message) { Add(errors_, at, std::move(message)); }
  void Warn(const At& at, std::string message) { Add(warnings_, at, std::move(message)); }

  // What was found, in file order. Leaves nothing behind.
  std::vector<Fault> TakeErrors() { return InFileOrder(std::move(errors_)); }
  std::vector<Fault> TakeWarnings() { return InFileOrder(std::move(warnings_)); }

 private:
  void Add(std::vector<Fault>& list, const At& at, std::string message);

  std::string file_;
  std::vector<Fault> errors_;
  std::vector<Fault> warnings_;
};

// A value as a message quotes it: 70000, "5 minutes", an array. Long strings are cut short.
std::string Describe(const toml::node& node);

// "; did you mean X?" for the candidate that differs from `word` least, or nothing where all of
// them differ too much to be a misspelling.
std::string Suggestion(absl::string_view word, const std::vector<std::string>& candidates);

// toml++ speaks std::string_view, which differs from Abseil's in a C++14 Abseil.
inline absl::string_view ToAbsl(std::string_view text) { return {text.data(), text.size()}; }
inline std::string_view ToStd(absl::string_view text) { return {text.data(), text.size()}; }

}  // namespace mailtap::config

#endif  // MAILTAP_LIB_CONFIG_FINDINGS_H_

// Recipes: explicit mail sessions at explicit times, from a TOML file.
#ifndef MAILTAP_APP_MAILTAP_GEN_RECIPE_H_
#define MAILTAP_APP_MAILTAP_GEN_RECIPE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "app/mailtap-gen/address.h"
#include "app/mailtap-gen/mail.h"

namespace mailtap::gen {

// One [[session]]: `count` sessions, `every_ns` apart. Run k goes from client + k % clients to
// server + k % servers.
struct RecipeSession {
  std::string name = "recipe";
  uint64_t at_ns = 0;  // since the capture's start
  uint64_t every_ns = 0;
  uint64_t count = 1;
  Address client;
  uint32_t clients = 1;
  Address server;
  uint32_t servers = 1;
  uint16_t port = 0;
  uint64_t speed = 125'000'000;  // bytes a second within a burst
  bool reset = false;
  MailScript script;
};

struct Recipe {
  // The keys of [traffic], as command line arguments ("--seed=7").
  std::vector<std::string> arguments;
  std::vector<RecipeSession> sessions;
};

// NotFound where the file can't be read; InvalidArgument with file, line and column where it
// makes no sense.
absl::StatusOr<Recipe> ReadRecipe(const std::string& path);

// For --help: the keys of a recipe.
std::string DescribeRecipe();

}  // namespace mailtap::gen

#endif  // MAILTAP_APP_MAILTAP_GEN_RECIPE_H_

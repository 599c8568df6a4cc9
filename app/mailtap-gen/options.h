// The command line.
#ifndef MAILTAP_APP_MAILTAP_GEN_OPTIONS_H_
#define MAILTAP_APP_MAILTAP_GEN_OPTIONS_H_

#include <string>
#include <variant>

#include "absl/status/statusor.h"
#include "app/mailtap-gen/capture_file.h"
#include "app/mailtap-gen/engine.h"
#include "app/mailtap-gen/mirror.h"
#include "app/mailtap-gen/port_sender.h"
#include "app/mailtap-gen/recipe.h"

namespace mailtap::gen {

struct Options {
  std::string out;      // empty: a port instead
  std::string truth;    // empty: none
  std::string summary;  // empty: none
  std::string recipe_file;
  CaptureFormat format = CaptureFormat::kPcapMicro;
  PortOptions port;
  EngineOptions engine;
  MirrorOptions mirror;
  Recipe recipe;
  // As given, the recipe's own arguments before those of the command line.
  std::vector<std::string> arguments;
};

// The program's exit status where there is nothing to run: --help, --version, or a fault that
// has been explained on standard error.
struct ExitStatus {
  int value;
};

std::variant<Options, ExitStatus> ParseCommandLine(int argc, const char* const* argv);

}  // namespace mailtap::gen

#endif  // MAILTAP_APP_MAILTAP_GEN_OPTIONS_H_

// Files that a command must not write because it reads them, or writes them as something else.
#ifndef MAILTAP_APP_MAILTAP_OVERWRITING_H_
#define MAILTAP_APP_MAILTAP_OVERWRITING_H_

#include <string>
#include <vector>

#include "absl/status/status.h"

namespace mailtap::app {

struct NamedFile {
  std::string name;  // as the user knows it: "--flows", "the configuration"
  std::string path;  // empty: none
};

// InvalidArgument, with both names, where an output is the same file as an input or as another
// output; links don't hide that. Several may go to a device or a pipe.
absl::Status RefuseOverwriting(const std::vector<NamedFile>& inputs,
                               const std::vector<NamedFile>& outputs);

}  // namespace mailtap::app

#endif  // MAILTAP_APP_MAILTAP_OVERWRITING_H_

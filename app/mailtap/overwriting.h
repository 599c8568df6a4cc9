// Files that a command must not write because it reads them, or writes them as something else.
#ifndef MAILTAP_APP_MAILTAP_OVERWRITING_H_
#define MAILTAP_APP_MAILTAP_OVERWRITING_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "lib/config/config.h"

namespace mailtap::app {

struct NamedFile {
  std::string name;  // as the user knows it: "--flows", "the configuration"
  std::string path;  // empty: none
};

// The configuration at `path`, and what it names that is read with it.
std::vector<NamedFile> FilesOf(const std::string& path, const config::Config& config);
// What a state in `folder` consists of; none where that is empty.
std::vector<NamedFile> StateFiles(const std::string& folder);

// InvalidArgument, with both names, where an output is the same file as an input or as another
// output; links don't hide that. Several may go to a device or a pipe.
absl::Status RefuseOverwriting(const std::vector<NamedFile>& inputs,
                               const std::vector<NamedFile>& outputs);

}  // namespace mailtap::app

#endif  // MAILTAP_APP_MAILTAP_OVERWRITING_H_

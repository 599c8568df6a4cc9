// What has to be right about the files that are written.
#ifndef MAILTAP_APP_MAILTAP_GEN_OUTPUTS_H_
#define MAILTAP_APP_MAILTAP_GEN_OUTPUTS_H_

#include "absl/status/status.h"
#include "app/mailtap-gen/options.h"

namespace mailtap::gen {

// Whether the files beside the capture can be written, and no output is the recipe or another
// output, whatever links lead there. Before anything is written: whoever hears of it later has
// waited for nothing, and has lost a file.
absl::Status CheckOutputs(const Options& options);

}  // namespace mailtap::gen

#endif  // MAILTAP_APP_MAILTAP_GEN_OUTPUTS_H_

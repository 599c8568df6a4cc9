// `mailtap report`: what the state knows of a stretch of time.
#ifndef MAILTAP_APP_MAILTAP_REPORT_H_
#define MAILTAP_APP_MAILTAP_REPORT_H_

#include <string>

namespace mailtap::app {

struct ReportOptions {
  std::string config;           // path; not to be overwritten
  std::string state;            // folder, or the file in it
  std::string since;            // see report.cc; empty: as far back as is known
  std::string until;            // empty: the last checkpoint
  std::string format = "text";  // or "json", "html"
  std::string output;           // file; empty: standard output
};

// Returns the process's exit status: 0, or 1 after saying why nothing could be reported.
int Report(const ReportOptions& options);

}  // namespace mailtap::app

#endif  // MAILTAP_APP_MAILTAP_REPORT_H_

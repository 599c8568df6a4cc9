// Reads the configuration anew, beside the control core, when it is asked to.
#ifndef MAILTAP_APP_MAILTAP_RELOADER_H_
#define MAILTAP_APP_MAILTAP_RELOADER_H_

#include <atomic>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <string>

#include "lib/base/time.h"
#include "lib/config/parse.h"
#include "lib/export/sensor_status.h"

namespace mailtap::app {

// A large inventory takes a moment to read, in which the control core must go on: reading has a
// thread of its own. One attempt at a time; requests that come meanwhile make one more.
class Reloader {
 public:
  Reloader(std::string path, std::shared_ptr<const config::Config> running)
      : path_(std::move(path)), running_(std::move(running)) {
    status_.config_version = running_->version;
  }

  // The control core's thread, often. `requested` is set by a signal handler; it is reset when
  // the file begins to be read. Once the file is read and without fault, returns the
  // configuration to put in force, else null; a faulty file is logged and leaves all as it was.
  std::shared_ptr<const config::Config> Poll(std::atomic<bool>& requested, UnixNanos now);

  // Any thread.
  exporting::ReloadStatus status() const;
  std::shared_ptr<const config::Config> running() const;

 private:
  std::shared_ptr<const config::Config> Adopt(config::ParseResult result, UnixNanos now);

  const std::string path_;
  std::future<config::ParseResult> reading_;  // control thread
  mutable std::mutex mutex_;                  // guards the rest
  std::shared_ptr<const config::Config> running_;
  exporting::ReloadStatus status_;
};

}  // namespace mailtap::app

#endif  // MAILTAP_APP_MAILTAP_RELOADER_H_

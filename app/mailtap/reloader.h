// Reads the configuration anew, beside the control core, when it is asked to.
#ifndef MAILTAP_APP_MAILTAP_RELOADER_H_
#define MAILTAP_APP_MAILTAP_RELOADER_H_

#include <atomic>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "app/mailtap/relay_watch.h"
#include "lib/base/time.h"
#include "lib/config/relay_file.h"
#include "lib/export/sensor_status.h"

namespace mailtap::app {

// A large inventory takes a moment to read, in which the control core must go on: reading has a
// thread of its own. One attempt at a time; requests that come meanwhile make one more.
class Reloader {
 public:
  Reloader(std::string path, std::shared_ptr<const config::Config> running)
      : path_(std::move(path)), running_(std::move(running)) {
    status_.config_version = running_->version;
    seen_ = read_ = StampOf(running_->assets.file);
    WatchRelays();
  }

  // The control core's thread, often. `requested` is set by a signal handler, and by this when
  // the inventory's file has changed; it is reset when the configuration begins to be read.
  // Once the file is read and without fault, returns the configuration to put in force, else
  // null; a faulty file is logged and leaves all as it was. The same when a relay file has
  // changed on disk: then only those are read.
  std::shared_ptr<const config::Config> Poll(std::atomic<bool>& requested, UnixNanos now);

  // Attempts to reload that have begun; the control core's thread.
  uint64_t begun() const { return begun_; }

  // Any thread.
  exporting::ReloadStatus status() const;
  std::shared_ptr<const config::Config> running() const;

 private:
  // Whether the inventory is another than when it was last read, and has been so for a look
  // before, so that nobody is just writing it. Looks once a second.
  bool AssetsChanged(UnixNanos now);
  std::shared_ptr<const config::Config> PollRelays();
  void WatchRelays();
  std::shared_ptr<const config::Config> Adopt(config::ParseResult result, UnixNanos now);
  // What came of an attempt; `next` is null where it failed, `kept` what it could not change.
  void Record(const std::vector<config::Fault>& faults,
              std::shared_ptr<const config::Config> next, const std::vector<std::string>& kept,
              UnixNanos now);
  // With mutex_ held.
  void PutInForce(std::shared_ptr<const config::Config> next);

  // What tells one state of a file from another.
  struct Stamp {
    int64_t modified = 0;  // in nanoseconds
    int64_t size = -1;
    uint64_t inode = 0;
    friend bool operator==(const Stamp&, const Stamp&) = default;
  };
  static Stamp StampOf(const std::string& path);

  const std::string path_;
  // Of the inventory; control thread, as all up to the mutex.
  int64_t looked_ = 0;  // the second
  Stamp seen_;          // at the last look
  Stamp read_;          // when it was last read
  RelayWatch relay_watch_;
  uint64_t begun_ = 0;
  std::future<config::ParseResult> reading_;
  std::future<config::RefreshedRelays> refreshing_;
  // Guards the rest, which only the control thread writes. Never held while logging: a scrape
  // would wait for whoever reads standard error.
  mutable std::mutex mutex_;
  std::shared_ptr<const config::Config> running_;
  exporting::ReloadStatus status_;
};

}  // namespace mailtap::app

#endif  // MAILTAP_APP_MAILTAP_RELOADER_H_

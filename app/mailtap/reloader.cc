#include "app/mailtap/reloader.h"

#include <sys/stat.h>

#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "app/mailtap/check.h"
#include "lib/base/log.h"

namespace mailtap::app {

std::shared_ptr<const config::Config> Reloader::Poll(std::atomic<bool>& requested,
                                                     UnixNanos now) {
  if (!reading_.valid()) {
    if (AssetsChanged(now)) requested = true;
    // One at a time, since each goes out from the configuration in force.
    if (!refreshing_.valid() && requested.exchange(false)) {
      ++begun_;
      read_ = StampOf(running_->assets.file);
      reading_ = std::async(std::launch::async, [path = path_] { return LoadForSensor(path); });
      return nullptr;
    }
    return PollRelays();
  }
  if (reading_.wait_for(std::chrono::seconds(0)) != std::future_status::ready) return nullptr;
  return Adopt(reading_.get(), now);
}

bool Reloader::AssetsChanged(UnixNanos now) {
  const int64_t second = TickOf(now);
  if (running_->assets.file.empty() || second == looked_) return false;
  looked_ = second;
  const Stamp before = std::exchange(seen_, StampOf(running_->assets.file));
  return seen_ == before && seen_ != read_;
}

Reloader::Stamp Reloader::StampOf(const std::string& path) {
  struct stat status = {};
  if (path.empty() || stat(path.c_str(), &status) != 0) return {};
  return {status.st_mtim.tv_sec * kNanosPerSecond + status.st_mtim.tv_nsec, status.st_size,
          status.st_ino};
}

std::shared_ptr<const config::Config> Reloader::PollRelays() {
  if (!refreshing_.valid()) {
    if (relay_watch_.TakeChanged()) {
      refreshing_ = std::async(std::launch::async,
                               [now = running()] { return config::RefreshRelays(*now); });
    }
    return nullptr;
  }
  if (refreshing_.wait_for(std::chrono::seconds(0)) != std::future_status::ready) {
    return nullptr;
  }
  config::RefreshedRelays refreshed = refreshing_.get();
  const std::vector<config::Fault>& faults = refreshed.faults;
  std::shared_ptr<const config::Config> next;
  if (refreshed.config.version != running_->version) {
    next = std::make_shared<const config::Config>(std::move(refreshed.config));
  }
  {
    const std::lock_guard lock(mutex_);
    ++status_.relay_reads;
    if (!faults.empty()) ++status_.relay_failures;
    status_.relay_fault = faults.empty() ? "" : config::ToString(faults.front());
    if (next != nullptr) PutInForce(next);
  }
  for (const config::Fault& fault : faults) LogError(config::ToString(fault));
  for (const config::Fault& fault : refreshed.warnings) LogWarning(config::ToString(fault));
  if (!faults.empty()) {
    LogError("a relay file is faulty; what it held before stays in force");
  }
  if (next != nullptr) {
    LogInfo(absl::StrCat("relay files read: configuration ", next->version, " is in force"));
  }
  return next;
}

void Reloader::WatchRelays() {
  std::vector<std::string> paths;
  for (const config::RelayFile& file : running_->relay_files) paths.push_back(file.path);
  relay_watch_.Watch(paths);
}

std::shared_ptr<const config::Config> Reloader::Adopt(config::ParseResult result,
                                                      UnixNanos now) {
  std::vector<std::string> kept;
  std::shared_ptr<const config::Config> next;
  if (result.config.has_value()) {
    kept = config::TakeOver(*running_, *result.config);
    const std::string& assets = result.config->assets.file;
    if (assets != running_->assets.file) read_ = seen_ = StampOf(assets);
    next = std::make_shared<const config::Config>(*std::move(result.config));
  }
  Record(result.faults, next, kept, now);
  for (const config::Fault& fault : result.warnings) LogWarning(config::ToString(fault));
  for (const config::Fault& fault : result.faults) LogError(config::ToString(fault));
  if (next == nullptr) {
    LogError(
        absl::StrCat("reload failed; configuration ", running_->version, " stays in force"));
    return nullptr;
  }
  if (!kept.empty()) {
    LogWarning(absl::StrCat("only a restart changes ", absl::StrJoin(kept, ", "),
                            ": kept as they were"));
  }
  WatchRelays();
  SetLogLevel(next->log_level);
  LogInfo(absl::StrCat("reloaded: configuration ", next->version, " is in force"));
  return next;
}

void Reloader::Record(const std::vector<config::Fault>& faults,
                      std::shared_ptr<const config::Config> next,
                      const std::vector<std::string>& kept, UnixNanos now) {
  const std::lock_guard lock(mutex_);
  ++status_.attempts;
  if (next != nullptr) {
    status_.fault.clear();
    status_.last_success = now;
    status_.awaits_restart = kept;
    PutInForce(std::move(next));
    return;
  }
  ++status_.failures;
  status_.fault = config::ToString(faults.front());
  if (faults.size() > 1) {
    absl::StrAppend(&status_.fault, " (and ", faults.size() - 1,
                    faults.size() == 2 ? " more fault)" : " more faults)");
  }
}

void Reloader::PutInForce(std::shared_ptr<const config::Config> next) {
  running_ = std::move(next);
  status_.config_version = running_->version;
}

exporting::ReloadStatus Reloader::status() const {
  const std::lock_guard lock(mutex_);
  return status_;
}

std::shared_ptr<const config::Config> Reloader::running() const {
  const std::lock_guard lock(mutex_);
  return running_;
}

}  // namespace mailtap::app

#include "app/mailtap/relay_watch.h"

#include <sys/stat.h>

#include <chrono>
#include <utility>

namespace mailtap::app {

RelayWatch::RelayWatch() : thread_([this] { Loop(); }) {}

RelayWatch::~RelayWatch() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void RelayWatch::Watch(const std::vector<std::string>& paths) {
  const std::lock_guard lock(mutex_);
  std::map<std::string, File> files;
  for (const std::string& path : paths) {
    const auto known = files_.find(path);
    files.emplace(path, known == files_.end() ? File{} : known->second);
  }
  files_ = std::move(files);
}

bool RelayWatch::TakeChanged() {
  const std::lock_guard lock(mutex_);
  return std::exchange(changed_, false);
}

RelayWatch::Stamp RelayWatch::StampOf(const std::string& path) {
  struct stat info = {};
  if (stat(path.c_str(), &info) != 0) return {};
  return {info.st_size, info.st_ino, info.st_mtim.tv_sec, info.st_mtim.tv_nsec};
}

void RelayWatch::Loop() {
  std::unique_lock lock(mutex_);
  while (!stop_) {
    std::vector<std::string> paths;
    for (const auto& [path, file] : files_) paths.push_back(path);
    lock.unlock();
    std::vector<Stamp> stamps;
    for (const std::string& path : paths) stamps.push_back(StampOf(path));
    lock.lock();
    for (std::size_t i = 0; i < paths.size(); ++i) {
      const auto found = files_.find(paths[i]);
      if (found == files_.end()) continue;
      File& file = found->second;
      const bool settled = file.looked && file.last == stamps[i];
      file.last = stamps[i];
      file.looked = true;
      if (!settled || (file.known && file.told == stamps[i])) continue;
      file.told = stamps[i];
      file.known = true;
      changed_ = true;
    }
    constexpr std::chrono::seconds kBetweenLooks(1);
    wake_.wait_for(lock, kBetweenLooks, [this] { return stop_; });
  }
}

}  // namespace mailtap::app

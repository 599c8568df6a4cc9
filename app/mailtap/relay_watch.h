// Notices when relay files change on disk.
#ifndef MAILTAP_APP_MAILTAP_RELAY_WATCH_H_
#define MAILTAP_APP_MAILTAP_RELAY_WATCH_H_

#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

namespace mailtap::app {

// Looks once a second, in a thread of its own: a file on a network mount may keep a look
// waiting. Works on any file system, and for files that are replaced, written in place, or come
// only later. A file counts as changed when it has stayed the same from one look to the next,
// so that one being written is left alone.
class RelayWatch {
 public:
  RelayWatch();
  ~RelayWatch();

  // Watches these files from now on. Each counts as changed once at first: it may have changed
  // since it was read. Any thread.
  void Watch(const std::vector<std::string>& paths);

  // Whether a file has changed since the last call. Any thread.
  bool TakeChanged();

 private:
  // Size, inode, seconds and nanoseconds of the last change; all zero where there is no file.
  using Stamp = std::tuple<int64_t, uint64_t, int64_t, int64_t>;
  struct File {
    Stamp last;           // of the last look
    bool looked = false;  // there was one
    Stamp told;           // of the last change that was told
    bool known = false;   // there was one
  };
  static Stamp StampOf(const std::string& path);
  void Loop();

  std::mutex mutex_;  // guards all below
  std::condition_variable wake_;
  std::map<std::string, File> files_;
  bool changed_ = false;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace mailtap::app

#endif  // MAILTAP_APP_MAILTAP_RELAY_WATCH_H_

// A disk that is full, for a while.
#ifndef MAILTAP_TESTS_UNIT_BASE_FILE_SIZE_LIMIT_H_
#define MAILTAP_TESTS_UNIT_BASE_FILE_SIZE_LIMIT_H_

#include <sys/resource.h>

#include <csignal>

namespace mailtap {

// Makes every write beyond `bytes` of a file fail with EFBIG, as a full disk does with ENOSPC,
// until it goes out of scope. A write across the limit comes out short.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) {
    std::signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit = {bytes, before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() { setrlimit(RLIMIT_FSIZE, &before_); }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;

 private:
  rlimit before_;
};

}  // namespace mailtap

#endif  // MAILTAP_TESTS_UNIT_BASE_FILE_SIZE_LIMIT_H_

// A directory of a test's own, removed with everything in it.
#ifndef MAILTAP_TESTS_UNIT_BASE_TEMP_DIR_H_
#define MAILTAP_TESTS_UNIT_BASE_TEMP_DIR_H_

#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <system_error>

namespace mailtap {

class TempDir {
 public:
  TempDir() {
    path_ = std::filesystem::temp_directory_path() / "mailtap-XXXXXX";
    if (mkdtemp(path_.data()) == nullptr) throw std::runtime_error("mkdtemp");
  }
  ~TempDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  const std::string& path() const { return path_; }
  std::string File(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

}  // namespace mailtap

#endif  // MAILTAP_TESTS_UNIT_BASE_TEMP_DIR_H_

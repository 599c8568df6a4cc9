#include "lib/export/file_writer.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"
#include "lib/base/directory.h"
#include "lib/base/log.h"
#include "lib/base/status.h"

namespace mailtap::exporting {
namespace {

constexpr uint64_t kFlushBytes = 64 * 1024;
constexpr uint64_t kMaxQueuedBytes = 4 * 1024 * 1024;
constexpr mode_t kFileMode = 0640;

absl::Status SystemError(absl::string_view what, const std::string& path) {
  return absl::ErrnoToStatus(errno, absl::StrCat("cannot ", what, " ", path));
}

// write() again after a signal.
ssize_t WriteSome(int fd, const char* data, std::size_t size) {
  ssize_t n;
  do {
    n = write(fd, data, size);
  } while (n < 0 && errno == EINTR);
  return n;
}

// Whether a regular file's last byte is something else than a newline.
bool EndsInHalfALine(const std::string& path, off_t size) {
  if (size == 0) return false;
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  char last = '\n';
  const ssize_t n = pread(fd, &last, 1, size - 1);
  close(fd);
  return n == 1 && last != '\n';
}

}  // namespace

FileWriter::FileWriter(std::string path, Mode mode)
    : path_(std::move(path)), mode_(mode), flush_at_(kFlushBytes) {}

FileWriter::~FileWriter() { Close().IgnoreError(); }

absl::StatusOr<std::unique_ptr<FileWriter>> FileWriter::Open(std::string path, Mode mode) {
  std::unique_ptr<FileWriter> writer(new FileWriter(std::move(path), mode));
  MAILTAP_RETURN_IF_ERROR(writer->OpenPath());
  return writer;
}

absl::Status FileWriter::OpenPath() {
  const int how = mode_ == Mode::kReplace ? O_TRUNC : O_APPEND | O_NONBLOCK;
  const int fd =
      open(path_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY | how, kFileMode);
  if (fd < 0) return SystemError("open", path_);
  struct stat file;
  const bool regular = fstat(fd, &file) == 0 && S_ISREG(file.st_mode);
  torn_ = regular && EndsInHalfALine(path_, file.st_size);
  if (fd_ >= 0) close(fd_);
  fd_ = fd;
  // A line begun in the file before is written whole in this one.
  offset_ = 0;
  return absl::OkStatus();
}

void FileWriter::Write(absl::string_view line) {
  if (queue_.size() + line.size() >= kMaxQueuedBytes) {
    ++lost_;
    return;
  }
  absl::StrAppend(&queue_, line, "\n");
  // As DropWritten() counts them, whatever is in `line`.
  pending_ += 1 + static_cast<uint64_t>(std::count(line.begin(), line.end(), '\n'));
  if (queue_.size() >= flush_at_) Flush();
}

bool FileWriter::PathMoved() const {
  struct stat file, there;
  if (fd_ < 0 || fstat(fd_, &file) != 0) return true;
  if (!S_ISREG(file.st_mode)) return false;
  if (stat(path_.c_str(), &there) != 0) return true;
  return file.st_dev != there.st_dev || file.st_ino != there.st_ino;
}

// True when there is an open file that the path leads to. Writing on into a file that was
// deleted would lose the lines; in the queue they wait.
bool FileWriter::FollowPath() {
  if (mode_ != Mode::kFollow || !PathMoved()) return true;
  absl::Status opened = absl::OkStatus();
  if (const auto folder = std::filesystem::path(path_).parent_path(); !folder.empty()) {
    opened = MakeDirectory(folder);
  }
  if (opened.ok()) opened = OpenPath();
  if (opened.ok()) return true;
  if (fd_ >= 0) close(std::exchange(fd_, -1));
  Failed(opened);
  return false;
}

bool FileWriter::Flush() {
  if (queue_.empty()) return true;
  const bool done = FollowPath() && WriteQueued();
  DropWritten();
  flush_at_ = queue_.size() + kFlushBytes;
  if (done) Recovered();
  return done;
}

bool FileWriter::WriteQueued() {
  if (torn_) {
    if (WriteSome(fd_, "\n", 1) != 1) {
      Failed(SystemError("write to", path_));
      return false;
    }
    torn_ = false;
  }
  while (offset_ < queue_.size()) {
    const ssize_t n = WriteSome(fd_, queue_.data() + offset_, queue_.size() - offset_);
    if (n <= 0) {
      if (n == 0) errno = EIO;
      Failed(SystemError("write to", path_));
      return false;
    }
    offset_ += static_cast<uint64_t>(n);
  }
  return true;
}

// Forgets the lines that are out, and keeps the whole of one that is half out.
void FileWriter::DropWritten() {
  if (offset_ == 0) return;
  const std::size_t newline = queue_.rfind('\n', offset_ - 1);
  if (newline == std::string::npos) return;
  const auto end = queue_.begin() + static_cast<std::ptrdiff_t>(newline) + 1;
  const auto lines = static_cast<uint64_t>(std::count(queue_.begin(), end, '\n'));
  written_ += lines;
  pending_ -= lines;
  offset_ -= newline + 1;
  queue_.erase(queue_.begin(), end);
}

void FileWriter::Failed(const absl::Status& why) {
  ++errors_;
  last_error_ = why;
  if (std::exchange(failing_, true)) return;
  LogError(absl::StrCat(why.message(), "; lines wait, and are lost beyond ",
                        kMaxQueuedBytes / (1024 * 1024), " MiB"));
}

void FileWriter::Recovered() {
  if (!std::exchange(failing_, false)) return;
  LogWarning(absl::StrCat("writing to ", path_, " again; lines lost so far: ", lost_));
}

void FileWriter::Reopen() {
  FollowPath();
  Flush();
}

// Of a line of which the rest will not follow.
void FileWriter::RemoveHalf() {
  struct stat file;
  if (offset_ == 0 || fd_ < 0 || fstat(fd_, &file) != 0 || !S_ISREG(file.st_mode)) return;
  // Where it fails, the next process begins a line of its own behind it.
  if (ftruncate(fd_, file.st_size - static_cast<off_t>(offset_)) != 0) ++errors_;
}

std::string FileWriter::TakePending() {
  RemoveHalf();
  offset_ = pending_ = 0;
  return std::exchange(queue_, {});
}

absl::Status FileWriter::Close() {
  Flush();
  lost_ += pending_;
  TakePending();
  if (fd_ >= 0 && close(std::exchange(fd_, -1)) != 0 && errno != EINTR) {
    ++errors_;
    return SystemError("close", path_);
  }
  if (lost_ == 0) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat(last_error_.message(), "; lines lost: ", lost_));
}

namespace {

// Where the content of a whole file is written to.
struct Target {
  explicit Target(const std::string& whole) : whole(whole) {
    // Not stat(): /dev/stdout is a link that must not be replaced by a file.
    exists = lstat(whole.c_str(), &there) == 0;
    direct = exists && !S_ISREG(there.st_mode);
    path = direct ? whole : absl::StrCat(whole, ".", getpid(), ".tmp");
  }
  absl::StatusOr<int> Open() const {
    const int fd =
        open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, kFileMode);
    if (fd < 0) return SystemError("open", whole);
    return fd;
  }

  const std::string& whole;  // what errors name, as it was asked for
  struct stat there;         // of the whole file, if it exists
  bool exists;
  bool direct;  // there is something that can't be replaced as one
  std::string path;
};

}  // namespace

absl::Status CheckWholeFile(const std::string& path) {
  const Target target(path);
  if (target.direct) {
    // A pipe's reader must not see it opened, and a link may lead to what is yet to be made.
    struct stat there;
    if (access(path.c_str(), W_OK) != 0 && errno != ENOENT) return SystemError("open", path);
    if (stat(path.c_str(), &there) != 0 || !S_ISDIR(there.st_mode)) return absl::OkStatus();
    errno = EISDIR;
    return SystemError("open", path);
  }
  MAILTAP_ASSIGN_OR_RETURN(const int fd, target.Open());
  close(fd);
  unlink(target.path.c_str());
  return absl::OkStatus();
}

absl::Status WriteWholeFile(const std::string& path, absl::string_view content) {
  const Target target(path);
  MAILTAP_ASSIGN_OR_RETURN(const int fd, target.Open());
  absl::Status status;
  while (status.ok() && !content.empty()) {
    const ssize_t n = WriteSome(fd, content.data(), content.size());
    if (n < 0) status = SystemError("write to", path);
    if (n >= 0) content.remove_prefix(static_cast<std::size_t>(n));
  }
  // Whoever was let in to read the old file may read the new one.
  if (target.exists && !target.direct && fchmod(fd, target.there.st_mode & 07777) != 0 &&
      status.ok()) {
    status = SystemError("set the mode of", path);
  }
  if (close(fd) != 0 && status.ok()) status = SystemError("close", path);
  if (target.direct) return status;
  if (status.ok() && rename(target.path.c_str(), path.c_str()) != 0) {
    status = SystemError("replace", path);
  }
  if (!status.ok()) unlink(target.path.c_str());
  return status;
}

}  // namespace mailtap::exporting

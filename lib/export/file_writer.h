// Files that the sensor writes: line by line, or whole.
#ifndef MAILTAP_LIB_EXPORT_FILE_WRITER_H_
#define MAILTAP_LIB_EXPORT_FILE_WRITER_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace mailtap::exporting {

// Writes lines to a file, a FIFO or a device through a buffer.
//
// A failing write (full disk, reader gone, directory gone) loses nothing at first: up to 4 MiB
// of lines wait and are tried again, from where the last write stopped, so that no line is torn
// or doubled. Lines beyond that are lost and counted. A failure is logged once when it begins
// and once when it is over.
//
// One thread at a time. The process must ignore SIGPIPE, as main() does.
class FileWriter {
 public:
  enum class Mode {
    // Created, or emptied first; a write to a FIFO waits for its reader. For a replay.
    kReplace,
    // Appended to, behind a newline where a crash left half a line. When the path no longer
    // leads to the open file (rotated or deleted), the next Flush() goes on in a new one, in a
    // folder that it makes where it is gone. Never waits for a FIFO's reader. For a live sink.
    kFollow,
  };

  // Files are created with mode 0640, since they tell who talks to whom. Fails with the path
  // and the system's reason.
  static absl::StatusOr<std::unique_ptr<FileWriter>> Open(std::string path, Mode mode);
  ~FileWriter();  // as Close(), without telling
  FileWriter(const FileWriter&) = delete;
  FileWriter& operator=(const FileWriter&) = delete;

  // Queues one line; `line` has no newline. Calls Flush() when 64 KiB have gathered.
  void Write(absl::string_view line);

  // Hands everything queued to the system. False where something is left for the next call.
  bool Flush();

  // Creates the file where the path no longer leads to the open one, and flushes; kFollow only.
  void Reopen();

  // The lines that wait, for whoever keeps them elsewhere: this writer forgets them.
  std::string TakePending();

  // Flushes and closes. DataLoss where lines were lost, with their number and the reason.
  absl::Status Close();

  uint64_t written() const { return written_; }  // lines, wholly handed to the system
  uint64_t lost() const { return lost_; }        // lines
  uint64_t errors() const { return errors_; }    // system calls that failed
  uint64_t pending() const { return pending_; }  // lines queued

 private:
  FileWriter(std::string path, Mode mode);

  absl::Status OpenPath();
  bool PathMoved() const;
  bool FollowPath();
  bool WriteQueued();
  void Failed(const absl::Status& why);
  void Recovered();
  void DropWritten();
  void RemoveHalf();

  const std::string path_;
  const Mode mode_;
  int fd_ = -1;
  bool torn_ = false;    // the file ends in half a line of an earlier process
  std::string queue_;    // whole lines
  uint64_t offset_ = 0;  // bytes of `queue_` already written
  uint64_t flush_at_ = 0;
  bool failing_ = false;
  absl::Status last_error_;
  uint64_t written_ = 0;
  uint64_t lost_ = 0;
  uint64_t errors_ = 0;
  uint64_t pending_ = 0;
};

// Replaces a file's content as one: readers see the old content or the new, never a part. What
// is not a regular file (/dev/stdout, a FIFO) is written to directly.
absl::Status WriteWholeFile(const std::string& path, absl::string_view content);

// Whether it could as of now, for those who will have the content much later. Changes nothing.
absl::Status CheckWholeFile(const std::string& path);

}  // namespace mailtap::exporting

#endif  // MAILTAP_LIB_EXPORT_FILE_WRITER_H_

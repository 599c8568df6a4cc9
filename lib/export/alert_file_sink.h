// The alert file: one JSON object a line, appended.
#ifndef MAILTAP_LIB_EXPORT_ALERT_FILE_SINK_H_
#define MAILTAP_LIB_EXPORT_ALERT_FILE_SINK_H_

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "absl/status/statusor.h"
#include "lib/export/alert_sink.h"
#include "lib/export/file_writer.h"

namespace mailtap::exporting {

class AlertFileSink : public AlertSink {
 public:
  // As many as there are hosts to raise at once, where a worm or a reload does so.
  static constexpr std::size_t kDefaultCapacity = 65'536;

  // Opens `path` (see FileWriter::Mode::kFollow), in a folder that it makes where it is
  // missing, and starts the thread. `sensor` is this sensor's name in each object; `capacity`
  // is the queue's bound in alerts. What can't be written by the end is kept in the file
  // `spool`, and written first by whoever starts with it next; empty: it is lost.
  static absl::StatusOr<std::unique_ptr<AlertFileSink>> Start(
      const std::string& path, std::string sensor, std::size_t capacity = kDefaultCapacity,
      std::string spool = "");
  ~AlertFileSink() override;  // as Stop()

  void Submit(const control::Alert& alert) override;
  SinkStatus status() const override;
  void Stop() override;

  // Asks the thread to go on in whatever file the path leads to now (logrotate's postrotate).
  // A file moved or deleted without this is noticed at the next alert. Any thread; not from a
  // signal handler.
  void RequestReopen();

 private:
  AlertFileSink(std::unique_ptr<FileWriter> writer, std::string sensor, std::size_t capacity,
                std::string spool);

  void Run();
  void WaitForWork(std::unique_lock<std::mutex>& lock);
  void WriteBatch(const std::deque<control::Alert>& batch);
  void Unspool();
  void Close();

  const std::string sensor_;
  const std::size_t capacity_;
  const std::string spool_;
  // The sink's thread only, up to the mutex.
  const std::unique_ptr<FileWriter> writer_;
  bool spooled_ = false;  // lines of the spool wait

  // Guards all below. Never held while logging: a scrape would wait for whoever reads that.
  mutable std::mutex mutex_;
  std::condition_variable wake_;      // with mutex_
  std::deque<control::Alert> queue_;  // Submit() adds, the sink's thread takes
  bool stopping_ = false;
  bool reopen_ = false;
  uint64_t refused_ = 0;  // queue full
  SinkStatus file_;       // what the writer said last
  std::thread thread_;
};

}  // namespace mailtap::exporting

#endif  // MAILTAP_LIB_EXPORT_ALERT_FILE_SINK_H_

#include "lib/export/alert_file_sink.h"

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "lib/base/directory.h"
#include "lib/base/log.h"
#include "lib/base/status.h"
#include "lib/export/json.h"

namespace mailtap::exporting {

absl::StatusOr<std::unique_ptr<AlertFileSink>> AlertFileSink::Start(const std::string& path,
                                                                    std::string sensor,
                                                                    std::size_t capacity,
                                                                    std::string spool) {
  if (const auto folder = std::filesystem::path(path).parent_path(); !folder.empty()) {
    MAILTAP_RETURN_IF_ERROR(MakeDirectory(folder));
  }
  MAILTAP_ASSIGN_OR_RETURN(auto writer, FileWriter::Open(path, FileWriter::Mode::kFollow));
  std::unique_ptr<AlertFileSink> sink(
      new AlertFileSink(std::move(writer), std::move(sensor), capacity, std::move(spool)));
  sink->thread_ = std::thread([s = sink.get()] { s->Run(); });
  return sink;
}

AlertFileSink::AlertFileSink(std::unique_ptr<FileWriter> writer, std::string sensor,
                             std::size_t capacity, std::string spool)
    : sensor_(std::move(sensor)),
      capacity_(capacity),
      spool_(std::move(spool)),
      writer_(std::move(writer)) {}

AlertFileSink::~AlertFileSink() { Stop(); }

void AlertFileSink::Submit(const control::Alert& alert) {
  bool room = false, first_lost = false;
  {
    const std::lock_guard lock(mutex_);
    room = !stopping_ && queue_.size() < capacity_;
    if (room) {
      queue_.push_back(alert);
    } else {
      first_lost = ++refused_ == 1;
    }
  }
  if (room) wake_.notify_one();
  if (first_lost) {
    LogError("alerts are lost: the alert file can't be written as fast as they come");
  }
}

SinkStatus AlertFileSink::status() const {
  const std::lock_guard lock(mutex_);
  SinkStatus status = file_;
  status.name = "alert_file";
  status.queued += queue_.size();
  status.queue_capacity = capacity_;
  status.dropped += refused_;
  return status;
}

void AlertFileSink::RequestReopen() {
  {
    const std::lock_guard lock(mutex_);
    reopen_ = true;
  }
  wake_.notify_one();
}

void AlertFileSink::Stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
}

// Sleeps until there is an alert or a request. While lines wait for a disk that was full, it
// also looks again each second.
void AlertFileSink::WaitForWork(std::unique_lock<std::mutex>& lock) {
  const auto something = [this] { return !queue_.empty() || stopping_ || reopen_; };
  if (writer_->pending() == 0) {
    wake_.wait(lock, something);
  } else {
    wake_.wait_for(lock, std::chrono::seconds(1), something);
  }
}

// What an earlier process could not write comes before all else.
void AlertFileSink::Unspool() {
  std::ifstream spool(spool_);
  if (spool_.empty() || !spool.is_open()) return;
  for (std::string line; std::getline(spool, line);) writer_->Write(line);
  spooled_ = true;
}

void AlertFileSink::Close() {
  if (writer_->pending() != 0 && !spool_.empty()) {
    const uint64_t lines = writer_->pending();
    const std::string text = writer_->TakePending();
    const absl::Status kept = WriteWholeFile(spool_, text);
    if (kept.ok()) {
      LogWarning(absl::StrCat(lines, " lines of alerts could not be written; ", spool_,
                              " has them until the next start"));
    } else {
      LogError(absl::StrCat(
          lines, " lines of alerts could not be written and are lost: ", kept.message()));
    }
  }
  if (const absl::Status closed = writer_->Close(); !closed.ok()) {
    LogError(closed.message());
  }
}

void AlertFileSink::Run() {
  Unspool();
  bool last = false;
  while (!last) {
    std::deque<control::Alert> batch;
    bool reopen = false;
    {
      std::unique_lock lock(mutex_);
      WaitForWork(lock);
      batch.swap(queue_);
      reopen = std::exchange(reopen_, false);
      last = stopping_;
      file_.queued = writer_->pending() + batch.size();
    }
    if (reopen) writer_->Reopen();
    WriteBatch(batch);
    if (spooled_ && writer_->pending() == 0) {
      std::remove(spool_.c_str());
      spooled_ = false;
    }
    if (last) Close();
    const std::lock_guard lock(mutex_);
    file_.queued = writer_->pending();
    file_.written = writer_->written();
    file_.dropped = writer_->lost();
    file_.errors = writer_->errors();
  }
}

void AlertFileSink::WriteBatch(const std::deque<control::Alert>& batch) {
  for (const control::Alert& alert : batch) writer_->Write(ToJsonLine(alert, sensor_));
  writer_->Flush();
}

}  // namespace mailtap::exporting

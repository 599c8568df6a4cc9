#include "lib/store/writer.h"

#include "absl/strings/str_cat.h"
#include "lib/base/log.h"

namespace mailtap::store {

Writer::Writer(std::unique_ptr<Database> database) : database_(std::move(database)) {
  thread_ = std::thread([this] { Run(); });
}

Writer::~Writer() { Stop(); }

bool Writer::ReadyForCheckpoint() {
  const std::lock_guard lock(mutex_);
  if (checkpoints_ == 0) return true;
  ++status_.skipped;
  return false;
}

void Writer::Submit(Batch batch, std::function<void()> then) {
  {
    const std::lock_guard lock(mutex_);
    if (batch.checkpoint.has_value()) ++checkpoints_;
    queue_.emplace_back(std::move(batch), std::move(then));
  }
  wake_.notify_one();
}

void Writer::Stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
}

WriterStatus Writer::status() const {
  const std::lock_guard lock(mutex_);
  WriterStatus status = status_;
  status.queued = queue_.size();
  return status;
}

void Writer::Run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
    if (queue_.empty()) return;
    const auto [batch, then] = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    const absl::Status stored = database_->Store(batch);
    then();
    lock.lock();
    if (batch.checkpoint.has_value()) --checkpoints_;
    ++(stored.ok() ? status_.stored : status_.errors);
    if (!stored.ok() && !failing_) {
      LogError(absl::StrCat("state is not stored: ", std::string(stored.message())));
    } else if (stored.ok() && failing_) {
      LogInfo("state is stored again");
    }
    failing_ = !stored.ok();
  }
}

}  // namespace mailtap::store

#include "lib/store/writer.h"

#include <iterator>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "lib/base/log.h"

namespace mailtap::store {
namespace {

std::size_t SizeOf(const Batch& batch) {
  std::size_t bytes = batch.report.size();
  for (const AlertRow& alert : batch.alerts) bytes += sizeof(alert) + alert.json.size();
  for (const HourRow& hour : batch.hours) {
    bytes += sizeof(hour) + hour.json.size() + hour.short_json.size();
  }
  if (batch.open_alerts.has_value()) bytes += batch.open_alerts->bytes.size();
  if (batch.checkpoint.has_value()) bytes += batch.checkpoint->bytes.size();
  return bytes;
}

}  // namespace

Writer::Writer(std::unique_ptr<Database> database, WriterBounds bounds)
    : bounds_(bounds), database_(std::move(database)), failing_(database_->awaits_file()) {
  if (failing_) status_.errors = 1;  // whoever opened it has told
  storing_ = std::thread([this] { StoreQueued(); });
  releasing_ = std::thread([this] { ReleaseSettled(); });
}

Writer::~Writer() { Stop(); }

bool Writer::ReadyForCheckpoint(int64_t due) {
  const std::lock_guard lock(mutex_);
  if (checkpoints_ == 0) return true;
  if (std::exchange(last_refused_, due) != due) ++status_.skipped;
  return false;
}

void Writer::Submit(Batch batch, std::function<void()> then) {
  {
    const std::lock_guard lock(mutex_);
    if (batch.checkpoint.has_value()) ++checkpoints_;
    unreleased_.push_back(
        {std::move(then), Clock::now() + bounds_.patience, !batch.alerts.empty()});
    queue_.push_back({std::move(batch), ++submitted_, 0});
    Measure(queue_.back());
    while (queued_bytes_ > bounds_.queue_bytes && DropLeastValuable()) {
    }
  }
  wake_storing_.notify_one();
  wake_releasing_.notify_one();
}

void Writer::Stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_storing_.notify_one();
  if (storing_.joinable()) storing_.join();
  if (releasing_.joinable()) releasing_.join();
}

WriterStatus Writer::status() const {
  const std::lock_guard lock(mutex_);
  WriterStatus status = status_;
  status.queued = queue_.size();
  return status;
}

// With mutex_ held, as the next.
void Writer::Measure(Waiting& waiting) {
  queued_bytes_ -= waiting.bytes;
  waiting.bytes = SizeOf(waiting.batch);
  queued_bytes_ += waiting.bytes;
}

// False where nothing can be dropped: a batch that waits alone stays, however large.
bool Writer::DropLeastValuable() {
  if (queue_.size() <= 1) return false;
  for (Waiting& waiting : queue_) {
    if (!waiting.batch.checkpoint.has_value()) continue;
    // The next one holds all of it, but for the hours that have ended: those stay.
    waiting.batch.checkpoint.reset();
    waiting.batch.report.clear();
    Measure(waiting);
    --checkpoints_;
    ++status_.dropped_checkpoints;
    return true;
  }
  for (Waiting& waiting : queue_) {
    if (&waiting == &queue_.back()) break;
    if (!waiting.batch.open_alerts.has_value()) continue;
    // No loss: a batch behind it says what is open then.
    waiting.batch.open_alerts.reset();
    Measure(waiting);
    return true;
  }
  Waiting oldest = std::move(queue_.front());
  queue_.pop_front();
  queued_bytes_ -= oldest.bytes;
  status_.dropped_alerts += oldest.batch.alerts.size();
  // Of an hour that both have, the later row counts.
  std::vector<HourRow>& hours = queue_.front().batch.hours;
  hours.insert(hours.begin(), std::make_move_iterator(oldest.batch.hours.begin()),
               std::make_move_iterator(oldest.batch.hours.end()));
  Measure(queue_.front());
  return true;
}

void Writer::StoreQueued() {
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_storing_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
    if (queue_.empty()) break;
    Waiting next = std::move(queue_.front());
    queue_.pop_front();
    queued_bytes_ -= next.bytes;
    lock.unlock();
    StoreOne(next.batch);
    lock.lock();
    if (next.batch.checkpoint.has_value()) --checkpoints_;
    settled_ = next.number;
    wake_releasing_.notify_one();
  }
  lock.unlock();
  StoreWhatIsLeft();
  lock.lock();
  storing_ended_ = true;
  wake_releasing_.notify_one();
}

void Writer::StoreOne(Batch& batch) {
  // Only with a checkpoint: whoever goes on from an older one counts these hours again.
  if (batch.checkpoint.has_value()) {
    waiting_hours_.MoveTo(batch.hours);
  } else {
    KeepHours(batch);
  }
  const std::size_t earlier = waiting_alerts_.MoveBefore(batch.alerts);
  absl::Status stored = Attempt(batch);
  if (!stored.ok() && !given_up_ && earlier > 0) {
    // What is new may fit where all that has gathered doesn't.
    KeepAlerts(earlier, batch);
    stored = Attempt(batch);
  }
  if (stored.ok()) {
    waiting_open_alerts_.reset();
    return;
  }
  KeepAlerts(batch.alerts.size(), batch);
  KeepHours(batch);
  if (batch.open_alerts.has_value()) waiting_open_alerts_ = std::move(batch.open_alerts);
}

// Again as long as another process has the file locked, unless the writer is to stop.
absl::Status Writer::Attempt(const Batch& batch) {
  if (given_up_) return absl::AbortedError("given up");
  for (;;) {
    absl::Status stored = database_->Store(batch);
    Tell(stored);
    std::unique_lock lock(mutex_);
    ++(stored.ok() ? status_.stored : status_.errors);
    if (!absl::IsAborted(stored)) return stored;
    // SQLite has waited already, but needn't have.
    constexpr std::chrono::milliseconds kPause(100);
    if (wake_storing_.wait_for(lock, kPause, [this] { return stopping_; })) {
      given_up_ = true;
      return stored;
    }
  }
}

// At the end: alerts may fit where the last checkpoint didn't.
void Writer::StoreWhatIsLeft() {
  if (waiting_alerts_.empty()) return;
  Batch rest;
  waiting_alerts_.MoveBefore(rest.alerts);
  rest.open_alerts = std::exchange(waiting_open_alerts_, std::nullopt);
  if (Attempt(rest).ok()) return;
  LogError(absl::StrCat("the state's history lacks ", rest.alerts.size(),
                        " lines of alerts that could not be stored"));
  const std::lock_guard lock(mutex_);
  status_.dropped_alerts += rest.alerts.size();
}

// They go with the next batch.
void Writer::KeepAlerts(std::size_t count, Batch& batch) {
  const uint64_t dropped = waiting_alerts_.TakeFirst(count, batch.alerts);
  const std::lock_guard lock(mutex_);
  status_.dropped_alerts += dropped;
}

// They go with the next checkpoint.
void Writer::KeepHours(Batch& batch) {
  const uint64_t cut = waiting_hours_.Add(std::exchange(batch.hours, {}));
  const std::lock_guard lock(mutex_);
  status_.hours_cut += cut;
}

void Writer::Tell(const absl::Status& stored) {
  if (!stored.ok() && !failing_) {
    LogError(absl::StrCat("state is not stored: ", std::string(stored.message())));
  } else if (stored.ok() && failing_) {
    LogInfo("state is stored again");
  }
  failing_ = !stored.ok();
}

void Writer::ReleaseSettled() {
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_releasing_.wait(lock, [this] { return storing_ended_ || !unreleased_.empty(); });
    if (unreleased_.empty()) return;
    const uint64_t number = ++released_;
    const bool settled = wake_releasing_.wait_until(
        lock, unreleased_.front().due, [&] { return storing_ended_ || settled_ >= number; });
    const Unreleased next = std::move(unreleased_.front());
    unreleased_.pop_front();
    if (!settled && next.has_alerts) ++status_.late;
    lock.unlock();
    next.then();
    lock.lock();
  }
}

}  // namespace mailtap::store

#include "lib/export/connection_deadlines.h"

#include <sys/socket.h>

#include <algorithm>

namespace mailtap::exporting {

ConnectionDeadlines::ConnectionDeadlines() {
  thread_ = std::thread([this] { Run(); });
}

ConnectionDeadlines::~ConnectionDeadlines() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void ConnectionDeadlines::Set(int socket, std::chrono::seconds time) {
  const Clock::time_point deadline = Clock::now() + time;
  const std::lock_guard lock(mutex_);
  deadlines_[socket] = deadline;
  if (deadline >= wakes_at_) return;  // it will look anyway
  wakes_at_ = deadline;
  wake_.notify_one();
}

void ConnectionDeadlines::Clear(int socket) {
  const std::lock_guard lock(mutex_);
  deadlines_.erase(socket);
}

void ConnectionDeadlines::Run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    if (wakes_at_ == Clock::time_point::max()) {
      wake_.wait(lock);
    } else {
      wake_.wait_until(lock, wakes_at_);
    }
    wakes_at_ = ShutDownOverdue(Clock::now());
  }
}

ConnectionDeadlines::Clock::time_point ConnectionDeadlines::ShutDownOverdue(
    Clock::time_point now) {
  Clock::time_point next = Clock::time_point::max();
  for (auto it = deadlines_.begin(); it != deadlines_.end();) {
    const auto [socket, deadline] = *it;
    if (deadline > now) {
      next = std::min(next, deadline);
      ++it;
    } else {
      ::shutdown(socket, SHUT_RDWR);
      it = deadlines_.erase(it);
    }
  }
  return next;
}

}  // namespace mailtap::exporting

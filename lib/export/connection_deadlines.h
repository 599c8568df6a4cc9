// Ends connections that take too long.
#ifndef MAILTAP_LIB_EXPORT_CONNECTION_DEADLINES_H_
#define MAILTAP_LIB_EXPORT_CONNECTION_DEADLINES_H_

#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>

namespace mailtap::exporting {

// libmicrohttpd's own limit is one for idle connections, and who sends or takes a byte now and
// then is never idle. This shuts such a connection's socket down, which libmicrohttpd sees as
// its end. A thread of its own, that sleeps until the next deadline.
class ConnectionDeadlines {
 public:
  ConnectionDeadlines();
  ~ConnectionDeadlines();
  ConnectionDeadlines(const ConnectionDeadlines&) = delete;
  ConnectionDeadlines& operator=(const ConnectionDeadlines&) = delete;

  // Shuts the socket down after this time, in place of what was set before. Any thread.
  void Set(int socket, std::chrono::seconds time);
  // Forgets the socket. Before it is closed, as its number may then be another's. Any thread.
  void Clear(int socket);

 private:
  using Clock = std::chrono::steady_clock;
  void Run();
  // With mutex_ held. Returns when the next deadline is.
  Clock::time_point ShutDownOverdue(Clock::time_point now);

  std::mutex mutex_;  // guards all below
  std::condition_variable wake_;
  std::map<int, Clock::time_point> deadlines_;  // by socket
  Clock::time_point wakes_at_ = Clock::time_point::max();
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace mailtap::exporting

#endif  // MAILTAP_LIB_EXPORT_CONNECTION_DEADLINES_H_

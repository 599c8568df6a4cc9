#include "app/mailtap/patient_output.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>

namespace mailtap::app {

bool WritePatiently(int file, absl::string_view text, std::chrono::milliseconds patience) {
  while (!text.empty()) {
    pollfd ready = {file, POLLOUT, 0};
    const int count = ::poll(&ready, 1, static_cast<int>(patience.count()));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    // As much as a pipe that is ready takes at once.
    const ssize_t n = ::write(file, text.data(), std::min<std::size_t>(text.size(), PIPE_BUF));
    if (n < 0 && errno != EINTR && errno != EAGAIN) return false;
    if (n > 0) text.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

}  // namespace mailtap::app

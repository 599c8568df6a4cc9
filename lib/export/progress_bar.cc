#include "lib/export/progress_bar.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <iostream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "lib/base/bytes.h"
#include "lib/base/time.h"
#include "lib/export/table.h"

namespace mailtap::exporting {
namespace {

constexpr double kDrawEverySeconds = 0.2;
constexpr std::size_t kWidestBar = 40;

double SteadySeconds() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration<double>(now).count();
}

}  // namespace

ProgressBar ProgressBar::OnStderr(bool wanted, uint64_t total_bytes) {
  const bool shown = wanted && isatty(STDERR_FILENO) != 0;
  return ProgressBar(shown ? &std::cerr : nullptr, StyleFor(STDERR_FILENO).width, total_bytes,
                     SteadySeconds);
}

ProgressBar::ProgressBar(std::ostream* out, std::size_t width, uint64_t total_bytes,
                         Clock clock)
    : out_(out),
      width_(width),
      total_bytes_(total_bytes),
      clock_(std::move(clock)),
      start_(clock_()),
      // A replay that is over at once shows no bar.
      next_draw_(start_ + kDrawEverySeconds) {}

ProgressBar::~ProgressBar() { Finish(); }

void ProgressBar::Update(uint64_t packets, uint64_t bytes_read) {
  if (out_ == nullptr) return;
  const double now = clock_();
  if (now < next_draw_) return;
  next_draw_ = now + kDrawEverySeconds;
  // Carriage return, the line, and "erase to the end" for what was longer before.
  *out_ << '\r' << Line(packets, bytes_read, now - start_) << "\033[K" << std::flush;
  drawn_ = true;
}

std::string ProgressBar::Line(uint64_t packets, uint64_t bytes_read, double elapsed) const {
  const auto rate = static_cast<uint64_t>(static_cast<double>(packets) / elapsed);
  const std::string speed =
      absl::StrCat(FormatCount(packets), " packets, ", FormatCount(rate), "/s");
  if (total_bytes_ == 0) return speed.substr(0, width_ - 1);
  const double done =
      std::min(1.0, static_cast<double>(bytes_read) / static_cast<double>(total_bytes_));
  const std::string left =
      done > 0 ? FormatDuration(static_cast<int64_t>(elapsed / done - elapsed + 0.5)) : "?";
  const std::string percent = absl::StrFormat("%3d%%", static_cast<int>(100 * done));
  const std::string tail = absl::StrCat(speed, ", ", left, " left");
  // "100% [####    ] tail", one column short of the edge so that no terminal wraps.
  const std::size_t rest = percent.size() + tail.size() + 5;
  std::string bar;
  if (width_ > rest + 4) {
    const std::size_t size = std::min(kWidestBar, width_ - rest);
    bar.assign(static_cast<std::size_t>(done * static_cast<double>(size)), '#');
    bar.resize(size, '.');
    bar = absl::StrCat("[", bar, "] ");
  }
  return absl::StrCat(percent, " ", bar, tail).substr(0, width_ - 1);
}

void ProgressBar::Finish() {
  if (std::exchange(drawn_, false)) *out_ << "\r\033[K" << std::flush;
  out_ = nullptr;
}

}  // namespace mailtap::exporting

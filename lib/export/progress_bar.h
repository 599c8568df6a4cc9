// The progress of a replay on a terminal.
#ifndef MAILTAP_LIB_EXPORT_PROGRESS_BAR_H_
#define MAILTAP_LIB_EXPORT_PROGRESS_BAR_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <ostream>
#include <string>

namespace mailtap::exporting {

// One line that is drawn over itself: percent, bar, packets a second, time left. Drawn at most
// five times a second. One thread.
class ProgressBar {
 public:
  using Clock = std::function<double()>;  // seconds from any start, never going back

  // On standard error, or silent where that is no terminal or `wanted` is false.
  static ProgressBar OnStderr(bool wanted, uint64_t total_bytes);

  // `out` null: silent. `total_bytes` 0: not known (standard input), so no percent and no time
  // left. `width` is the terminal's.
  ProgressBar(std::ostream* out, std::size_t width, uint64_t total_bytes, Clock clock);
  ~ProgressBar();  // as Finish()
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  // Call as often as is convenient, for example once a batch: most calls read the clock only.
  void Update(uint64_t packets, uint64_t bytes_read);

  // Wipes the line, so that what is printed next starts clean.
  void Finish();

 private:
  std::string Line(uint64_t packets, uint64_t bytes_read, double elapsed) const;

  std::ostream* out_;
  const std::size_t width_;
  const uint64_t total_bytes_;
  const Clock clock_;
  const double start_;
  double next_draw_;
  bool drawn_ = false;
};

}  // namespace mailtap::exporting

#endif  // MAILTAP_LIB_EXPORT_PROGRESS_BAR_H_

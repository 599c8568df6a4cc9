// The arithmetic of sliding windows.
#ifndef MAILTAP_LIB_CONTROL_WINDOW_SHAPE_H_
#define MAILTAP_LIB_CONTROL_WINDOW_SHAPE_H_

#include <algorithm>
#include <cstdint>

namespace mailtap::control {

// A window of W seconds is cut into buckets of `width` = max(1, W/60) whole seconds, aligned to
// multiples of the width since the epoch. At the end of tick T, which is second T+1, it holds
// every bucket that ends after T+1-W: W seconds, and at most one bucket more.
struct WindowShape {
  int64_t window_seconds;
  int64_t width;

  static WindowShape Of(int64_t window_seconds) {
    return {window_seconds, std::max<int64_t>(1, window_seconds / 60)};
  }

  // The bucket that tick `tick` falls into.
  int64_t BucketOf(int64_t tick) const { return tick / width - (tick % width < 0 ? 1 : 0); }
  // The first tick at whose end `bucket` is no longer in the window.
  int64_t LeavesAt(int64_t bucket) const { return (bucket + 1) * width + window_seconds - 1; }
  // Whether `bucket` is in the window at the end of `tick`.
  bool Holds(int64_t bucket, int64_t tick) const { return tick < LeavesAt(bucket); }
};

}  // namespace mailtap::control

#endif  // MAILTAP_LIB_CONTROL_WINDOW_SHAPE_H_

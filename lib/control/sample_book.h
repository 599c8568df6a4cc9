// The starts of frames that could not be decoded, for diagnosis.
#ifndef MAILTAP_LIB_CONTROL_SAMPLE_BOOK_H_
#define MAILTAP_LIB_CONTROL_SAMPLE_BOOK_H_

#include <algorithm>
#include <cstring>
#include <memory>
#include <tuple>
#include <vector>

#include "lib/control/snapshot.h"
#include "lib/meter/records.h"

namespace mailtap::control {

// Keeps the first few of each reason: by time, then by what they hold, so that it does not
// matter who sends them and in which order. Control thread only; what samples() gives is
// immutable.
class SampleBook {
 public:
  explicit SampleBook(std::size_t each) : each_(each) {}

  void Add(const meter::SampleRecord& sample) {
    const std::vector<meter::SampleRecord>& known =
        (*samples_)[static_cast<int>(sample.outcome)];
    if (known.size() >= each_ && (each_ == 0 || !Before(sample, known.back()))) return;
    auto next = std::make_shared<UndecodableSamples>(*samples_);
    std::vector<meter::SampleRecord>& list = (*next)[static_cast<int>(sample.outcome)];
    list.insert(std::upper_bound(list.begin(), list.end(), sample, Before), sample);
    if (list.size() > each_) list.pop_back();
    samples_ = std::move(next);
  }

  const std::shared_ptr<const UndecodableSamples>& samples() const { return samples_; }

 private:
  static bool Before(const meter::SampleRecord& a, const meter::SampleRecord& b) {
    if (a.time != b.time) return a.time < b.time;
    const int order = std::memcmp(a.bytes, b.bytes, sizeof(a.bytes));
    if (order != 0) return order < 0;
    return std::tie(a.length, a.wire_length, a.link, a.port) <
           std::tie(b.length, b.wire_length, b.link, b.port);
  }

  const std::size_t each_;
  std::shared_ptr<const UndecodableSamples> samples_ = std::make_shared<UndecodableSamples>();
};

}  // namespace mailtap::control

#endif  // MAILTAP_LIB_CONTROL_SAMPLE_BOOK_H_

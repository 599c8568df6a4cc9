// The learning mode of a live sensor.
#ifndef MAILTAP_APP_MAILTAP_LEARNER_H_
#define MAILTAP_APP_MAILTAP_LEARNER_H_

#include <cstdint>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "app/mailtap/learning.h"
#include "lib/config/config.h"
#include "lib/export/sensor_status.h"

namespace mailtap::app {

// Reads the state in a thread of its own, when as much traffic may have been learnt as
// [learning] asks for, and once a day of traffic from then on; what it makes of it goes into a
// file that nobody reads back. A failure is logged and counted, and tried again after an hour.
class Learner {
 public:
  // The control core's thread, after each tick.
  void EndTick(int64_t tick, const std::shared_ptr<const config::Config>& config);

  // Any thread. Nothing where [learning] is off.
  std::optional<exporting::LearningStatus> status() const;

 private:
  void Begin(std::shared_ptr<const config::Config> config);
  void Finish(int64_t tick, const LearningResult& result);
  // What came of a look, for status(). False where [learning] is off by now.
  bool Record(int64_t tick, const LearningResult& result);

  // Control thread, up to the mutex.
  config::Learning learning_;  // as it was when last looked at
  std::string path_;
  std::future<LearningResult> looking_;
  int64_t next_look_ = INT64_MIN;  // tick
  bool outdated_ = false;          // [learning] has changed since the look began
  bool said_ = false;              // how much is lacking
  // Guards the rest. Never held while logging: a scrape would wait for whoever reads that.
  mutable std::mutex mutex_;
  std::optional<exporting::LearningStatus> status_;
  int64_t known_at_ = 0;  // the tick that status_->seconds is of
  int64_t last_tick_ = 0;
};

}  // namespace mailtap::app

#endif  // MAILTAP_APP_MAILTAP_LEARNER_H_

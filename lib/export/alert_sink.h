// Where a live sensor's alerts go.
#ifndef MAILTAP_LIB_EXPORT_ALERT_SINK_H_
#define MAILTAP_LIB_EXPORT_ALERT_SINK_H_

#include "lib/control/alert.h"
#include "lib/export/sensor_status.h"

namespace mailtap::exporting {

// A destination with a bounded queue and a thread of its own, so that a slow disk or a dead
// receiver never holds up the control core.
class AlertSink {
 public:
  virtual ~AlertSink() = default;

  // One thread at a time: the control core's, or the store's where state is kept. Copies the
  // alert into the queue and returns at once; when the queue is full, the alert is dropped and
  // counted.
  virtual void Submit(const control::Alert& alert) = 0;

  // Any thread.
  virtual SinkStatus status() const = 0;

  // Delivers what is queued as far as that is possible without waiting for a receiver, and
  // ends the thread. Later calls of Submit() count as drops. Idempotent; not from two threads.
  virtual void Stop() = 0;
};

}  // namespace mailtap::exporting

#endif  // MAILTAP_LIB_EXPORT_ALERT_SINK_H_

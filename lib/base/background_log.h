// The process log beside the threads that log: for a live sensor, which waits for nobody.
#ifndef MAILTAP_LIB_BASE_BACKGROUND_LOG_H_
#define MAILTAP_LIB_BASE_BACKGROUND_LOG_H_

#include <chrono>

namespace mailtap {

// From now on messages are written by a thread of its own, so that nobody waits for whoever
// reads standard error. Up to 8192 wait; beyond that the oldest are lost, of which a line tells
// once somebody reads again. Once, before other threads start.
void LogInBackground();

// Waits until all that was logged is written, or lost, for at most `limit`. Whether it is; at
// once where there is no thread for it. Any thread.
bool FlushLog(std::chrono::milliseconds limit);

}  // namespace mailtap

#endif  // MAILTAP_LIB_BASE_BACKGROUND_LOG_H_

#include "lib/base/log.h"

#include <spdlog/async.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <thread>

#include "absl/strings/str_cat.h"
#include "lib/base/background_log.h"

namespace mailtap {
namespace {

constexpr char kPattern[] = "%Y-%m-%dT%H:%M:%S.%e%z %^%l%$ %v";
constexpr std::size_t kMostWaiting = 8192;

// Standard error, as the thread in the background writes to it.
class BackgroundSink : public spdlog::sinks::stderr_color_sink_mt {
 public:
  void log(const spdlog::details::log_msg& message) override {
    spdlog::sinks::stderr_color_sink_mt::log(message);
    written_.fetch_add(1, std::memory_order_release);
    if (const uint64_t lost = pool->overrun_counter(); lost != told_) {
      const std::string text =
          absl::StrCat("log lines lost, as nobody read them: ", lost - told_);
      told_ = lost;
      spdlog::sinks::stderr_color_sink_mt::log({"mailtap", spdlog::level::warn, text});
    }
  }
  bool Done(uint64_t posted) const {
    return written_.load(std::memory_order_acquire) + pool->overrun_counter() >= posted;
  }

  std::shared_ptr<spdlog::details::thread_pool> pool;  // set before the first message

 private:
  std::atomic<uint64_t> written_{0};
  uint64_t told_ = 0;  // lost ones; the pool's thread only
};

struct Background {
  std::shared_ptr<BackgroundSink> sink = std::make_shared<BackgroundSink>();
  std::shared_ptr<spdlog::async_logger> logger;
  std::atomic<uint64_t> posted{0};
};

// Never destroyed: the pool would wait for its thread, which may wait for a reader forever.
std::atomic<Background*> g_background{nullptr};

spdlog::logger& Logger() {
  static const auto logger = [] {
    auto made = spdlog::stderr_color_mt("mailtap");
    made->set_pattern(kPattern);
    made->flush_on(spdlog::level::info);
    return made;
  }();
  return *logger;
}

void Write(spdlog::level::level_enum level, absl::string_view message) {
  const spdlog::string_view_t text(message.data(), message.size());
  Background* const background = g_background.load(std::memory_order_acquire);
  if (!Logger().should_log(level)) return;
  if (background == nullptr) return Logger().log(level, "{}", text);
  background->posted.fetch_add(1, std::memory_order_relaxed);
  background->logger->log(level, "{}", text);
}

}  // namespace

void SetLogLevel(LogLevel lowest) {
  constexpr spdlog::level::level_enum kLevels[] = {spdlog::level::debug, spdlog::level::info,
                                                   spdlog::level::warn, spdlog::level::err};
  Logger().set_level(kLevels[static_cast<int>(lowest)]);
}

void LogInBackground() {
  auto* const background = new Background;
  BackgroundSink& sink = *background->sink;
  sink.pool = std::make_shared<spdlog::details::thread_pool>(kMostWaiting, 1);
  background->logger = std::make_shared<spdlog::async_logger>(
      "mailtap", background->sink, sink.pool, spdlog::async_overflow_policy::overrun_oldest);
  background->logger->set_pattern(kPattern);
  background->logger->set_level(spdlog::level::trace);  // Write() has asked for it
  g_background.store(background, std::memory_order_release);
}

bool FlushLog(std::chrono::milliseconds limit) {
  const Background* const background = g_background.load(std::memory_order_acquire);
  if (background == nullptr) return true;
  constexpr std::chrono::milliseconds kPause(2);
  const auto deadline = std::chrono::steady_clock::now() + limit;
  const uint64_t posted = background->posted.load();
  while (!background->sink->Done(posted)) {
    if (std::chrono::steady_clock::now() >= deadline) return false;
    std::this_thread::sleep_for(kPause);
  }
  return true;
}

void LogDebug(absl::string_view message) { Write(spdlog::level::debug, message); }
void LogInfo(absl::string_view message) { Write(spdlog::level::info, message); }
void LogWarning(absl::string_view message) { Write(spdlog::level::warn, message); }
void LogError(absl::string_view message) { Write(spdlog::level::err, message); }

}  // namespace mailtap

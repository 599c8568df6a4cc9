#include "tests/unit/pipeline/sensor.h"

#include <algorithm>
#include <type_traits>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace mailtap::pipeline {
namespace {

std::string Count(uint32_t count) {
  return count == meter::SessionRecord::kUnknownCount ? "null" : absl::StrCat(count);
}

std::string Describe(const meter::ConversationKey& key) {
  return absl::StrCat(ToString(key.client), ">", ToString(key.server), ":", key.server_port,
                      " ", Name(key.service), " ", static_cast<int>(key.attribution));
}

std::string Describe(const meter::DirectionBytes& b) {
  return absl::StrCat(b.observed, "+", b.inferred, " repeated ", b.repeated, " packets ",
                      b.packets);
}

PacketView ViewOf(const Frame& frame) {
  const auto size = static_cast<uint32_t>(frame.bytes.size());
  return {.data = reinterpret_cast<const uint8_t*>(frame.bytes.data()),
          .captured = std::min(size, frame.captured),
          .wire_length = size,
          .time = frame.time};
}

}  // namespace

config::Config SmallConfig() {
  config::Config config;
  config.limits = {.sessions = 1'024,
                   .conversations = 256,
                   .handshakes = 1'024,
                   .dialogues = 512,
                   .holes = 2'048,
                   .reorder_buffers = 512,
                   .ring_bytes = 1 << 20,
                   .encapsulations = 64};
  return config;
}

std::shared_ptr<const classify::PatternDatabase> SharedPatterns() {
  static const auto patterns = classify::PatternDatabase::Load().value();
  return patterns;
}

Sensor::Sensor(const config::Config& config)
    : ring_(static_cast<std::size_t>(config.limits.ring_bytes)),
      worker_(Worker::Create(config, SharedPatterns(), ring_, &known_servers).value()) {}

Sensor& Sensor::Play(const Frames& frames, std::size_t burst) {
  std::vector<PacketView> views;
  const auto flush = [&] {
    worker_->Process(views);
    views.clear();
  };
  for (const Frame& frame : frames) {
    if (!tick_.has_value()) tick_ = TickOf(frame.time);
    while (*tick_ < TickOf(frame.time)) {
      flush();
      EndTick();
    }
    views.push_back(ViewOf(frame));
    if (views.size() == burst) flush();
  }
  flush();
  return *this;
}

Sensor& Sensor::Idle(int64_t seconds) {
  for (int64_t i = 0; i < seconds; ++i) EndTick();
  return *this;
}

bool Sensor::EndTick() {
  const bool done = worker_->EndTick((*tick_)++);
  if (!hold_ring) Drain();
  return done;
}

Sensor& Sensor::Finish() {
  if (!tick_.has_value()) tick_ = 0;
  while (!worker_->Finish(*tick_)) Drain();
  Drain();
  return *this;
}

void Sensor::Drain() {
  ring_.Drain([this](const auto& record) {
    using Record = std::decay_t<decltype(record)>;
    if constexpr (std::is_same_v<Record, meter::SessionRecord>) {
      sessions_.push_back(record);
    } else if constexpr (std::is_same_v<Record, meter::DeltaRecord>) {
      deltas_.push_back(record);
    } else if constexpr (std::is_same_v<Record, meter::NameRecord>) {
      names_.push_back(record);
    } else if constexpr (std::is_same_v<Record, meter::AnswerRecord>) {
      answers_.push_back(record);
    } else if constexpr (std::is_same_v<Record, meter::EncapRecord>) {
      encaps_.push_back(record);
    } else if constexpr (std::is_same_v<Record, meter::SampleRecord>) {
      samples_.push_back(record);
    } else {
      ticks_.push_back(record);
    }
  });
}

meter::DeltaRecord Sensor::Total() const {
  meter::DeltaRecord total;
  for (const meter::DeltaRecord& delta : deltas_) {
    total.bytes[kUp] += delta.bytes[kUp];
    total.bytes[kDown] += delta.bytes[kDown];
    total.sessions += delta.sessions;
    total.failed_sessions += delta.failed_sessions;
    total.messages += delta.messages;
    total.rejected += delta.rejected;
    total.one_way += delta.one_way;
  }
  return total;
}

std::string Sensor::Sni() const {
  for (const meter::NameRecord& name : names_) {
    if (name.source == meter::NameSource::kSni) return {name.text, name.length};
  }
  return "";
}

std::string Sensor::BannerName() const {
  for (const meter::NameRecord& name : names_) {
    if (name.source == meter::NameSource::kBanner) return {name.text, name.length};
  }
  return "";
}

std::string Sensor::Transcript() const {
  std::vector<std::string> lines;
  for (const meter::SessionRecord& s : sessions_) {
    lines.push_back(absl::StrCat("session ", Describe(s.key), " from ", s.client_port, " ",
                                 s.first_seen, "-", s.last_seen, " ", pipeline::Describe(s),
                                 " up ", Describe(s.bytes[kUp]), " down ",
                                 Describe(s.bytes[kDown]), " established ", s.established));
  }
  for (const meter::DeltaRecord& d : deltas_) {
    lines.push_back(absl::StrCat(
        "delta ", Describe(d.key), " ", d.first_seen, "-", d.last_seen, " up ",
        Describe(d.bytes[kUp]), " down ", Describe(d.bytes[kDown]), " sessions ", d.sessions,
        " failed ", d.failed_sessions, " messages ", d.messages, " rejected ", d.rejected));
  }
  for (const meter::NameRecord& n : names_) {
    lines.push_back(absl::StrCat("name ", Describe(n.key), " ", n.time, " ",
                                 std::string(n.text, n.length), " ",
                                 static_cast<int>(n.source)));
  }
  std::sort(lines.begin(), lines.end());
  return absl::StrJoin(lines, "\n");
}

std::string Describe(const meter::SessionRecord& s) {
  const auto volume = [](const meter::DirectionBytes& b) {
    return b.inferred == 0 ? absl::StrCat(b.observed)
                           : absl::StrCat(b.observed, "+", b.inferred);
  };
  return absl::StrCat(Name(s.key.service), " ", Name(s.evidence), " ", Name(s.tls), " ",
                      volume(s.bytes[kUp]), "/", volume(s.bytes[kDown]), " messages ",
                      Count(s.messages), " rejected ", Count(s.rejected));
}

std::string Only(const Sensor& sensor) {
  if (sensor.sessions().empty()) return "none";
  if (sensor.sessions().size() > 1) return absl::StrCat(sensor.sessions().size(), " sessions");
  return Describe(sensor.sessions()[0]);
}

}  // namespace mailtap::pipeline

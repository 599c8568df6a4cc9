#include "tests/unit/pipeline/conversation.h"

#include <algorithm>
#include <random>

#include "lib/net/address.h"
#include "lib/net/decode.h"

namespace mailtap::pipeline {
namespace {

std::string Big16(uint32_t v) {
  return {static_cast<char>(v >> 8 & 0xff), static_cast<char>(v & 0xff)};
}
std::string Big32(uint32_t v) { return Big16(v >> 16) + Big16(v & 0xffff); }

}  // namespace

Conversation::Conversation(const std::string& client, uint16_t client_port,
                           const std::string& server, uint16_t server_port)
    : v6_(client.find(':') != std::string::npos), port_{client_port, server_port} {
  int side = 0;
  for (const std::string& text : {client, server}) {
    const net::IpAddress address = net::ParseAddress(text).value();
    const char* bytes = reinterpret_cast<const char*>(address.bytes);
    address_[side++] = v6_ ? std::string(bytes, 16) : std::string(bytes + 12, 4);
  }
}

Conversation& Conversation::Numbers(uint32_t client_isn, uint32_t server_isn) {
  next_[kUp] = client_isn;
  next_[kDown] = server_isn;
  return *this;
}

Conversation& Conversation::Handshake(const std::string& client, const std::string& server) {
  Emit(kUp, net::kSyn, client);
  next_[kUp] += 1 + static_cast<uint32_t>(client.size());
  Emit(kDown, net::kSyn | net::kAck, server);
  next_[kDown] += 1 + static_cast<uint32_t>(server.size());
  return Ack(kUp);
}

Conversation& Conversation::Say(Direction from, const std::string& text) {
  for (std::size_t at = 0; at < text.size(); at += segment_bytes_) {
    const std::string part = text.substr(at, segment_bytes_);
    Emit(from, net::kAck | net::kPsh, part);
    next_[from] += static_cast<uint32_t>(part.size());
  }
  return *this;
}

Conversation& Conversation::Lost(Direction from, const std::string& text) {
  next_[from] += static_cast<uint32_t>(text.size());
  return *this;
}

Conversation& Conversation::Ack(Direction from) {
  Emit(from, net::kAck, "");
  return *this;
}

Conversation& Conversation::Fin(Direction from) {
  Emit(from, net::kAck | net::kFin, "");
  ++next_[from];
  return *this;
}

Conversation& Conversation::Reset(Direction from, const std::string& text) {
  Emit(from, net::kRst, text);
  return *this;
}

void Conversation::Emit(Direction from, uint8_t flags, const std::string& payload) {
  const Direction to = Opposite(from);
  const uint32_t ack = (flags & net::kAck) != 0 ? next_[to] : 0;
  const std::string tcp = Big16(port_[from]) + Big16(port_[to]) + Big32(next_[from]) +
                          Big32(ack) + std::string{'\x50', static_cast<char>(flags)} +
                          Big16(0xffff) + Big32(0) + payload;
  std::string frame(12, '\x02');
  if (vlan_ >= 0) frame += Big16(0x8100) + Big16(static_cast<uint32_t>(vlan_));
  const auto length = static_cast<uint32_t>(tcp.size());
  if (v6_) {
    frame += Big16(0x86dd) + Big32(0x60000000) + Big16(length) + std::string{'\x06', '\x40'};
  } else {
    frame += Big16(0x0800) + Big16(0x4500) + Big16(20 + length) + Big32(0) +
             std::string{'\x40', '\x06'} + Big16(0);
  }
  frame += address_[from] + address_[to] + tcp;
  frames_.push_back({std::move(frame), time_, from});
  time_ += kNanosPerMilli;
}

Frames Conversation::OneWay(Direction direction) const {
  Frames some;
  std::copy_if(frames_.begin(), frames_.end(), std::back_inserter(some),
               [&](const Frame& frame) { return frame.direction == direction; });
  return some;
}

Frames Merge(const std::vector<Frames>& streams) {
  Frames all;
  for (const Frames& frames : streams) all.insert(all.end(), frames.begin(), frames.end());
  std::stable_sort(all.begin(), all.end(),
                   [](const Frame& a, const Frame& b) { return a.time < b.time; });
  return all;
}

Frames Shuffled(Frames frames, std::size_t window, std::size_t keep, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<UnixNanos> times;
  for (const Frame& frame : frames) times.push_back(frame.time);
  for (std::size_t at = keep; at < frames.size(); at += window) {
    const std::size_t end = std::min(at + window, frames.size());
    std::shuffle(frames.begin() + at, frames.begin() + end, random);
  }
  for (std::size_t i = 0; i < frames.size(); ++i) frames[i].time = times[i];
  return frames;
}

Frames Doubled(const Frames& frames) {
  Frames doubled;
  for (const Frame& frame : frames) doubled.insert(doubled.end(), 2, frame);
  return doubled;
}

}  // namespace mailtap::pipeline

#include "app/mailtap-gen/mirror.h"

#include <algorithm>
#include <utility>

#include "app/mailtap-gen/wire.h"

namespace mailtap::gen {
namespace {

constexpr uint32_t kMicrosecond = 1'000;
constexpr uint32_t kMillisecond = 1'000'000;

struct Layout {
  bool v6;
  std::size_t transport;
};

// Of a frame that the engine made: Ethernet, then IP without options.
Layout LayoutOf(const FrameBytes& frame) {
  const bool v6 = frame[kEthernetBytes] >> 4 == 6;
  return {v6, kEthernetBytes + (v6 ? 40u : 20u)};
}

Address AddressAt(const FrameBytes& frame, bool v6, bool destination) {
  Address address;
  address.v6 = v6;
  const std::size_t size = v6 ? 16 : 4;
  const std::size_t at = kEthernetBytes + (v6 ? 8 : 12) + (destination ? size : 0);
  std::copy_n(frame.begin() + static_cast<std::ptrdiff_t>(at), size, address.bytes.begin());
  return address;
}

}  // namespace

void Mirror::Accept(const FrameView& frame, const FrameInfo& info) {
  Release(frame.time_ns);
  Carry(FrameBytes(frame.data, frame.data + frame.length), frame.time_ns, info);
  if (info.payload != 0 && random_.Chance(options_.retransmit)) {
    ++retransmitted_;
    const int64_t delay = random_.Magnitude(kMillisecond, 200 * kMillisecond);
    Carry(Retransmission(frame, delay), frame.time_ns + delay, info);
  }
}

// One packet as it crosses the network at the mirrored port.
void Mirror::Carry(FrameBytes frame, int64_t time_ns, const FrameInfo& info) {
  if (Hidden(info)) {
    ++hidden_;
    return;
  }
  // Of its fragments, which a copy has too.
  const uint32_t id = options_.fragment == 0 ? 0 : static_cast<uint32_t>(random_.Next());
  if (random_.Chance(options_.duplicate)) {
    ++duplicated_;
    const int64_t delay = random_.Between(kMicrosecond, 300 * kMicrosecond);
    FrameBytes copy = frame;
    const Encapsulation* around = Change(copy);
    Capture(std::move(copy), time_ns + delay, info, id, around);
  }
  Capture(std::move(frame), time_ns, info, id, nullptr);
}

void Mirror::Capture(FrameBytes frame, int64_t time_ns, const FrameInfo& info,
                     uint32_t fragment_id, const Encapsulation* around) {
  const Encapsulation* wrap = info.encapsulation;
  if (wrap != nullptr) wrap->WrapBeforeFragments(frame);
  if (options_.fragment == 0) {
    if (wrap != nullptr) wrap->WrapAfterFragments(frame);
    if (around != nullptr) around->WrapAfterFragments(frame);
    Deliver(std::move(frame), time_ns);
    return;
  }
  std::vector<FrameBytes> fragments = Fragment(frame, options_.fragment, fragment_id);
  if (fragments.size() > 1) ++fragmented_;
  for (FrameBytes& fragment : fragments) {
    if (wrap != nullptr) wrap->WrapAfterFragments(fragment);
    if (around != nullptr) around->WrapAfterFragments(fragment);
    Deliver(std::move(fragment), time_ns);
  }
}

void Mirror::Deliver(FrameBytes frame, int64_t time_ns) {
  if (random_.Chance(options_.lose)) {
    ++lost_;
    return;
  }
  if (random_.Chance(options_.reorder)) {
    ++reordered_;
    time_ns += 1 + random_.Below(static_cast<uint32_t>(options_.reorder_by_ns));
  }
  if (options_.delays()) {
    held_.push({time_ns, order_++, std::move(frame)});
  } else {
    Write(frame, time_ns);
  }
}

void Mirror::Write(const FrameBytes& frame, int64_t time_ns) {
  const auto wire = static_cast<uint32_t>(frame.size());
  const uint32_t captured = options_.snap == 0 ? wire : std::min(wire, options_.snap);
  if (captured < wire) ++snapped_;
  out_.Write({time_ns, frame.data(), captured, wire});
}

void Mirror::Release(int64_t until_ns) {
  while (!held_.empty() && held_.top().time_ns <= until_ns) {
    Write(held_.top().bytes, held_.top().time_ns);
    held_.pop();
  }
}

bool Mirror::Hidden(const FrameInfo& info) const {
  switch (options_.one_way) {
    case OneWay::kOff:
      return false;
    case OneWay::kUp:
      return info.side == Side::kServer;
    case OneWay::kDown:
      return info.side == Side::kClient;
    case OneWay::kMixed:
      return info.side == (info.flow % 2 == 0 ? Side::kServer : Side::kClient);
  }
  return false;
}

// The sender's second try: a new IP id and a later timestamp around the same payload.
FrameBytes Mirror::Retransmission(const FrameView& original, int64_t delay_ns) {
  FrameBytes frame(original.data, original.data + original.length);
  const Layout layout = LayoutOf(frame);
  uint8_t* ip = frame.data() + kEthernetBytes;
  if (!layout.v6) {
    Put16(ip + 4, Get16(ip + 4) + 0x4000 + random_.Below(0x4000));
    FixIpv4Checksum(ip);
  }
  uint8_t* tcp = frame.data() + layout.transport;
  constexpr uint8_t kTimestampOption = 8;
  const uint32_t header = static_cast<uint32_t>(tcp[12] >> 4) * 4;
  if (header >= 32 && tcp[22] == kTimestampOption) {
    Put32(tcp + 24, Get32(tcp + 24) + static_cast<uint32_t>(delay_ns / kMillisecond));
  }
  StoreTransportChecksum(AddressAt(frame, layout.v6, false), AddressAt(frame, layout.v6, true),
                         kTcpProtocol, tcp,
                         static_cast<uint32_t>(frame.size() - layout.transport), tcp + 16);
  return frame;
}

// The same packet, met at a second place. Returns what that place wraps it in, besides all
// else.
const Encapsulation* Mirror::Change(FrameBytes& frame) {
  const CopyKind kind = options_.copy == CopyKind::kMixed
                            ? static_cast<CopyKind>(random_.Below(kCopyKinds))
                            : options_.copy;
  static const Encapsulation kVlan = *Encapsulation::Parse("vlan:321");
  static const Encapsulation kTunnel = *Encapsulation::Parse("vxlan:654");
  uint8_t* ip = frame.data() + kEthernetBytes;
  switch (kind) {
    case CopyKind::kTtl:
      if (LayoutOf(frame).v6) {
        --ip[7];
      } else {
        --ip[8];
        FixIpv4Checksum(ip);
      }
      return nullptr;
    case CopyKind::kVlan:
      return &kVlan;
    case CopyKind::kMac:
      for (const std::size_t last_byte : {5, 11}) frame[last_byte] ^= 0x55;
      return nullptr;
    case CopyKind::kTunnel:
      return &kTunnel;
    default:
      return nullptr;
  }
}

nlohmann::ordered_json Mirror::Summary() const {
  return {{"duplicated", duplicated_}, {"lost", lost_},
          {"reordered", reordered_},   {"retransmitted", retransmitted_},
          {"fragmented", fragmented_}, {"hidden", hidden_},
          {"snapped", snapped_}};
}

}  // namespace mailtap::gen

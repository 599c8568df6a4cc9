// A bad mirror port: what it does to the frames between the network and the capture. The truth
// does not know of it.
#ifndef MAILTAP_APP_MAILTAP_GEN_MIRROR_H_
#define MAILTAP_APP_MAILTAP_GEN_MIRROR_H_

#include <cstdint>
#include <queue>
#include <vector>

#include "app/mailtap-gen/encapsulation.h"
#include "app/mailtap-gen/flow.h"
#include "app/mailtap-gen/frame_writer.h"
#include "app/mailtap-gen/random.h"
#include "nlohmann/json.hpp"

namespace mailtap::gen {

enum class CopyKind { kExact, kTtl, kVlan, kMac, kTunnel, kMixed };
inline constexpr int kCopyKinds = 5;  // without kMixed
enum class OneWay { kOff, kUp, kDown, kMixed };

// Shares in percent of the frames.
struct MirrorOptions {
  uint64_t seed = 1;
  double duplicate = 0;
  CopyKind copy = CopyKind::kExact;  // what differs between a frame and its duplicate
  double lose = 0;
  double reorder = 0;
  uint64_t reorder_by_ns = 3'000'000;  // at most
  double retransmit = 0;               // of the segments with payload
  uint32_t fragment = 0;               // IP payload bytes in a fragment; 0: whole packets
  uint32_t snap = 0;                   // bytes captured of a frame; 0: all
  OneWay one_way = OneWay::kOff;

  bool delays() const { return duplicate > 0 || reorder > 0 || retransmit > 0; }
};

class Mirror final : public FrameSink {
 public:
  Mirror(const MirrorOptions& options, FrameWriter& out)
      : options_(options), out_(out), random_(options.seed * 0x9e3779b97f4a7c15 + 77) {}

  void Accept(const FrameView& frame, const FrameInfo& info) override;
  bool failed() const override { return out_.failed(); }
  // Writes what is still on its way.
  void Finish() { Release(INT64_MAX); }

  // What was asked for and how often it happened.
  nlohmann::ordered_json Summary() const;

 private:
  struct Held {
    int64_t time_ns;
    uint64_t order;
    FrameBytes bytes;
    friend bool operator>(const Held& a, const Held& b) {
      return a.time_ns != b.time_ns ? a.time_ns > b.time_ns : a.order > b.order;
    }
  };

  void Carry(FrameBytes frame, int64_t time_ns, const FrameInfo& info);
  void Capture(FrameBytes frame, int64_t time_ns, const FrameInfo& info, uint32_t fragment_id,
               const Encapsulation* around);
  void Deliver(FrameBytes frame, int64_t time_ns);
  void Write(const FrameBytes& frame, int64_t time_ns);
  void Release(int64_t until_ns);
  bool Hidden(const FrameInfo& info) const;
  FrameBytes Retransmission(const FrameView& frame, int64_t delay_ns);
  const Encapsulation* Change(FrameBytes& frame);

  const MirrorOptions& options_;
  FrameWriter& out_;
  Random random_;
  std::priority_queue<Held, std::vector<Held>, std::greater<>> held_;
  uint64_t order_ = 0;
  // How many frames each of these happened to.
  uint64_t duplicated_ = 0, lost_ = 0, reordered_ = 0, retransmitted_ = 0, fragmented_ = 0,
           hidden_ = 0, snapped_ = 0;
};

// Cuts the Ethernet frame's IP packet into fragments with at most `payload` bytes each (a
// multiple of 8); a packet that is small enough stays whole. `v6_id` goes into IPv6 fragment
// headers.
std::vector<FrameBytes> Fragment(const FrameBytes& frame, uint32_t payload, uint32_t v6_id);

}  // namespace mailtap::gen

#endif  // MAILTAP_APP_MAILTAP_GEN_MIRROR_H_

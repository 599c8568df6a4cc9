// What a mirror may wrap frames in: tags, labels and tunnels, in any order and mix.
#ifndef MAILTAP_APP_MAILTAP_GEN_ENCAPSULATION_H_
#define MAILTAP_APP_MAILTAP_GEN_ENCAPSULATION_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace mailtap::gen {

// A frame that grows and shrinks at its front.
using FrameBytes = std::vector<uint8_t>;

enum class Wrapping : uint8_t {
  kVlan,
  kServiceVlan,
  kEtag,
  kVntag,
  kMpls,
  kMplsEthernet,
  kMplsControlWord,
  kPppoe,
  kGre,
  kGreFull,
  kGreEthernet,
  kNvgre,
  kErspan1,
  kErspan2,
  kErspan3,
  kErspan3Platform,
  kVxlan,
  kVxlanGpe,
  kGeneve,
  kIpInIp,
  kGtpU,
  kGtpUExtended,
  kAh,
};

struct WrappingLayer {
  Wrapping kind = Wrapping::kVlan;
  uint32_t id = 0;
  bool outer_v6 = false;  // of tunnels over IP
};

class Encapsulation {
 public:
  // From a list as --encap takes it, outermost first: "vlan:100,vxlan/6:77". InvalidArgument
  // names what is not known or out of range.
  static absl::StatusOr<Encapsulation> Parse(const std::string& text);
  // One of each kind, for --encap mixed; the first is none at all.
  static std::vector<Encapsulation> All();
  // For --help: every kind with what it is.
  static std::string Describe();

  // Both wrap an Ethernet frame in place. The first does what happens before an IP packet may
  // be cut into fragments (AH as the innermost layer), the second the rest.
  void WrapBeforeFragments(FrameBytes& frame) const;
  void WrapAfterFragments(FrameBytes& frame) const;

  // As DESIGN's `encap` spells them, outermost first.
  std::vector<std::string> Tags() const;

 private:
  std::vector<WrappingLayer> layers_;  // outermost first
};

// Wraps `frame` in one layer. encapsulation_link.cc and encapsulation_tunnel.cc.
void WrapLink(const WrappingLayer& layer, FrameBytes& frame);
void WrapTunnel(const WrappingLayer& layer, FrameBytes& frame);
void WrapAh(const WrappingLayer& layer, FrameBytes& frame);

// Puts `head` in place of the frame's first `removed` bytes.
void ReplaceHead(FrameBytes& frame, std::size_t removed, const std::string& head);

}  // namespace mailtap::gen

#endif  // MAILTAP_APP_MAILTAP_GEN_ENCAPSULATION_H_

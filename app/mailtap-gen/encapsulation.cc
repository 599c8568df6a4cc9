#include "app/mailtap-gen/encapsulation.h"

#include <array>
#include <charconv>

namespace mailtap::gen {
namespace {

// How a kind is written, and how its layer reads in `encap`.
struct Kind {
  Wrapping wrapping;
  const char* name;
  const char* tag;  // null where it has no number
  uint32_t usual_id;
  uint32_t max_id;
  bool tunnel;  // over IP, so /6 may be asked for
  const char* help;
};

constexpr std::array<Kind, 23> kKinds = {{
    {Wrapping::kVlan, "vlan", "vlan", 100, 4094, false, "802.1Q tag"},
    {Wrapping::kServiceVlan, "svlan", "vlan", 200, 4094, false,
     "802.1ad tag; svlan,vlan is QinQ"},
    {Wrapping::kEtag, "etag", "vntag", 17, 0x3fff, false, "802.1BR E-tag"},
    {Wrapping::kVntag, "vntag", "vntag", 18, 0x3fff, false, "VN-tag"},
    {Wrapping::kMpls, "mpls", "mpls", 1000, 0xfffff, false,
     "MPLS label over IP; may be stacked"},
    {Wrapping::kMplsEthernet, "mpls-eth", "mpls", 1001, 0xfffff, false,
     "MPLS pseudowire without control word"},
    {Wrapping::kMplsControlWord, "mpls-cw", "mpls", 1002, 0xfffff, false,
     "MPLS pseudowire with control word"},
    {Wrapping::kPppoe, "pppoe", "pppoe", 7, 0xffff, false, "PPPoE session"},
    {Wrapping::kGre, "gre", "gre", 0, 0xffffffff, true,
     "GRE; the key is left out when it is 0"},
    {Wrapping::kGreFull, "gre-full", "gre", 42, 0xffffffff, true,
     "GRE with checksum, key and sequence number"},
    {Wrapping::kGreEthernet, "gre-eth", "gre", 0, 0, true, "transparent Ethernet over GRE"},
    {Wrapping::kNvgre, "nvgre", "nvgre", 5001, 0xffffff, true, "NVGRE"},
    {Wrapping::kErspan1, "erspan1", "erspan", 0, 0, true, "ERSPAN type I"},
    {Wrapping::kErspan2, "erspan2", "erspan", 33, 1023, true, "ERSPAN type II"},
    {Wrapping::kErspan3, "erspan3", "erspan", 34, 1023, true, "ERSPAN type III"},
    {Wrapping::kErspan3Platform, "erspan3-platform", "erspan", 35, 1023, true,
     "ERSPAN type III with the platform header"},
    {Wrapping::kVxlan, "vxlan", "vxlan", 77, 0xffffff, true, "VXLAN"},
    {Wrapping::kVxlanGpe, "vxlan-gpe", "vxlan-gpe", 78, 0xffffff, true,
     "VXLAN-GPE with Ethernet"},
    {Wrapping::kGeneve, "geneve", "geneve", 79, 0xffffff, true, "Geneve with two options"},
    {Wrapping::kIpInIp, "ipip", "", 0, 0, true, "IP in IP; with /6 in IPv6 (4in6, 6in6)"},
    {Wrapping::kGtpU, "gtpu", "gtpu", 4242, 0xffffffff, true, "GTP-U"},
    {Wrapping::kGtpUExtended, "gtpu-ext", "gtpu", 4243, 0xffffffff, true,
     "GTP-U with sequence number and an extension header"},
    {Wrapping::kAh, "ah", "ah", 99, 0xffffffff, false, "IPsec AH, transport mode"},
}};

// What a layer leaves behind the Ethernet header, for the next one around it.
enum class Carried { kIp, kMpls, kOther };

// Whether `layer` can go around what is `carried`; and what it then carries itself.
bool Fits(Wrapping layer, Carried& carried) {
  switch (layer) {
    case Wrapping::kPppoe:
      if (carried != Carried::kIp) return false;
      carried = Carried::kOther;
      return true;
    case Wrapping::kGtpU:
    case Wrapping::kGtpUExtended:
    case Wrapping::kIpInIp:
    case Wrapping::kAh:
      return carried == Carried::kIp;
    case Wrapping::kGre:
    case Wrapping::kGreFull:
      if (carried == Carried::kOther) return false;
      carried = Carried::kIp;
      return true;
    case Wrapping::kMpls:
      if (carried == Carried::kOther) return false;
      carried = Carried::kMpls;
      return true;
    case Wrapping::kMplsEthernet:
    case Wrapping::kMplsControlWord:
      carried = Carried::kMpls;
      return true;
    case Wrapping::kVlan:
    case Wrapping::kServiceVlan:
    case Wrapping::kEtag:
    case Wrapping::kVntag:
      carried = Carried::kOther;
      return true;
    default:
      carried = Carried::kIp;
      return true;
  }
}

const Kind& KindOf(Wrapping wrapping) { return kKinds[static_cast<std::size_t>(wrapping)]; }

absl::StatusOr<WrappingLayer> ParseLayer(std::string text) {
  const auto fault = [original = text](const std::string& what) {
    return absl::InvalidArgumentError("--encap: \"" + original + "\" " + what);
  };
  WrappingLayer layer;
  std::string id;
  bool has_id = false;
  if (const std::size_t colon = text.find(':'); colon != std::string::npos) {
    id = text.substr(colon + 1);
    has_id = true;
    text.resize(colon);
  }
  if (text.size() > 2 && text.ends_with("/6")) {
    layer.outer_v6 = true;
    text.resize(text.size() - 2);
  }
  for (const Kind& kind : kKinds) {
    if (text != kind.name) continue;
    if (layer.outer_v6 && !kind.tunnel) return fault("has no outer IP version");
    layer.kind = kind.wrapping;
    layer.id = kind.usual_id;
    if (has_id) {
      const auto [end, error] = std::from_chars(id.data(), id.data() + id.size(), layer.id);
      if (error != std::errc() || end != id.data() + id.size() || layer.id > kind.max_id) {
        return fault("wants a number up to " + std::to_string(kind.max_id));
      }
    }
    return layer;
  }
  return fault("is not a known kind");
}

}  // namespace

absl::StatusOr<Encapsulation> Encapsulation::Parse(const std::string& text) {
  Encapsulation encapsulation;
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t comma = std::min(text.find(',', at), text.size());
    absl::StatusOr<WrappingLayer> layer = ParseLayer(text.substr(at, comma - at));
    if (!layer.ok()) return layer.status();
    encapsulation.layers_.push_back(*layer);
    at = comma + 1;
  }
  Carried carried = Carried::kIp;
  for (std::size_t i = encapsulation.layers_.size(); i-- != 0;) {
    const Wrapping kind = encapsulation.layers_[i].kind;
    if (Fits(kind, carried)) continue;
    return absl::InvalidArgumentError(std::string("--encap: ") + KindOf(kind).name +
                                      " can't carry " +
                                      KindOf(encapsulation.layers_[i + 1].kind).name +
                                      " without an Ethernet frame between them");
  }
  return encapsulation;
}

std::vector<Encapsulation> Encapsulation::All() {
  std::vector<Encapsulation> all(1);
  for (const Kind& kind : kKinds) {
    for (const bool v6 : {false, true}) {
      if (v6 && !kind.tunnel) continue;
      all.emplace_back().layers_ = {{kind.wrapping, kind.usual_id, v6}};
    }
  }
  return all;
}

std::string Encapsulation::Describe() {
  std::string text;
  for (const Kind& kind : kKinds) {
    std::string name = std::string("  ") + kind.name;
    name.resize(20, ' ');
    text += name + kind.help;
    if (kind.max_id != 0) text += " (" + std::to_string(kind.usual_id) + ")";
    text += "\n";
  }
  return text;
}

void Encapsulation::WrapBeforeFragments(FrameBytes& frame) const {
  if (!layers_.empty() && layers_.back().kind == Wrapping::kAh) WrapAh(layers_.back(), frame);
}

void Encapsulation::WrapAfterFragments(FrameBytes& frame) const {
  for (std::size_t i = layers_.size(); i-- != 0;) {
    const WrappingLayer& layer = layers_[i];
    if (layer.kind == Wrapping::kAh) {
      if (i + 1 != layers_.size()) WrapAh(layer, frame);
    } else if (KindOf(layer.kind).tunnel) {
      WrapTunnel(layer, frame);
    } else {
      WrapLink(layer, frame);
    }
  }
}

std::vector<std::string> Encapsulation::Tags() const {
  std::vector<std::string> tags;
  for (const WrappingLayer& layer : layers_) {
    const Kind& kind = KindOf(layer.kind);
    tags.push_back(layer.kind == Wrapping::kIpInIp
                       ? "ipip"
                       : std::string(kind.tag) + ":" + std::to_string(layer.id));
  }
  return tags;
}

void ReplaceHead(FrameBytes& frame, std::size_t removed, const std::string& head) {
  const std::size_t common = std::min(removed, head.size());
  frame.erase(frame.begin(), frame.begin() + static_cast<std::ptrdiff_t>(removed - common));
  frame.insert(frame.begin(), head.begin(), head.end() - static_cast<std::ptrdiff_t>(common));
  std::copy(head.end() - static_cast<std::ptrdiff_t>(common), head.end(),
            frame.begin() + static_cast<std::ptrdiff_t>(head.size() - common));
}

}  // namespace mailtap::gen

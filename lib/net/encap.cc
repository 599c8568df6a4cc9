#include "lib/net/encap.h"

#include "absl/strings/str_cat.h"
#include "lib/net/hash.h"

namespace mailtap::net {

uint32_t SetOf(absl::Span<const EncapKind> kinds) {
  uint32_t set = 0;
  for (const EncapKind kind : kinds) set |= 1u << static_cast<int>(kind);
  return set;
}

EncapStack Select(const EncapStack& stack, uint32_t kinds) {
  EncapStack selected;
  for (uint32_t i = 0; i < stack.depth; ++i) {
    const EncapLayer& layer = stack.layers[i];
    // A priority tag names no VLAN (IEEE 802.1Q, 9.6), and one direction may be without.
    if (layer.kind == EncapKind::kVlan && layer.id == 0) continue;
    if ((kinds >> static_cast<int>(layer.kind) & 1) != 0) selected.Push(layer.kind, layer.id);
  }
  return selected;
}

uint32_t EncapTag(const EncapStack& stack, uint32_t kinds) {
  if (kinds == 0) return 0;  // as nearly everywhere: nothing is to be copied
  const EncapStack selected = Select(stack, kinds);
  if (selected.depth == 0) return 0;
  uint64_t hash = kHashSeed1;
  for (uint32_t i = 0; i < selected.depth; ++i) {
    const EncapLayer& layer = selected.layers[i];
    hash = Mix(hash ^ layer.id, kHashSeed2 ^ static_cast<uint64_t>(layer.kind) << 32);
  }
  const auto tag = static_cast<uint32_t>(hash >> 32);
  return tag != 0 ? tag : 1;
}

std::string ToString(const EncapLayer& layer) {
  const bool numbered = layer.kind != EncapKind::kIpInIp && layer.kind != EncapKind::kEtherIp;
  return numbered ? absl::StrCat(Name(layer.kind), ":", layer.id)
                  : std::string(Name(layer.kind));
}

std::string ToString(const EncapStack& stack) {
  std::string text;
  for (uint32_t i = 0; i < stack.depth; ++i) {
    absl::StrAppend(&text, i > 0 ? "," : "", ToString(stack.layers[i]));
  }
  return text;
}

}  // namespace mailtap::net

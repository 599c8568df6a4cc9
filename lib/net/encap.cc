#include "lib/net/encap.h"

#include "absl/strings/str_cat.h"

namespace mailtap::net {

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

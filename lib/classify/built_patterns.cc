#include "lib/classify/pattern_compiler.h"

namespace mailtap::classify {
namespace {

#ifdef MAILTAP_BUILT_PATTERNS
#include "built_patterns.inc"  // written by compile_patterns.cc
#else
constexpr absl::string_view kClient = "", kServer = "";
#endif

template <typename Bytes>
absl::string_view View(const Bytes& bytes) {
  return {reinterpret_cast<const char*>(std::data(bytes)), std::size(bytes)};
}

}  // namespace

absl::string_view BuiltPatterns(Side side) {
  return side == Side::kClient ? View(kClient) : View(kServer);
}

}  // namespace mailtap::classify

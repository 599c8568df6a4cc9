#include "lib/net/hash.h"

#include <random>

namespace mailtap::net {

HashKey RandomHashKey() {
  std::random_device random;
  const auto word = [&] { return uint64_t{random()} << 32 | random(); };
  return {word(), word()};
}

}  // namespace mailtap::net

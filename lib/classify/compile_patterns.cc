// Run by the build: writes the compiled pattern databases as C++ source to standard output.
#include <hs/hs.h>

#include <cstdio>
#include <cstdlib>

#include "lib/classify/pattern_compiler.h"

namespace mailtap::classify {
namespace {

bool WriteSide(const char* name, Side side) {
  const auto database = CompilePatterns(side);
  if (!database.ok()) {
    std::fprintf(stderr, "%s\n", std::string(database.status().message()).c_str());
    return false;
  }
  char* bytes = nullptr;
  size_t size = 0;
  if (hs_serialize_database(database->get(), &bytes, &size) != HS_SUCCESS) return false;
  std::printf("constexpr unsigned char %s[] = {", name);
  for (size_t i = 0; i < size; ++i) std::printf("%u,", static_cast<unsigned char>(bytes[i]));
  std::printf("};\n");
  std::free(bytes);
  return true;
}

}  // namespace
}  // namespace mailtap::classify

int main() {
  using mailtap::classify::Side;
  const bool written = mailtap::classify::WriteSide("kClient", Side::kClient) &&
                       mailtap::classify::WriteSide("kServer", Side::kServer);
  return written && std::fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

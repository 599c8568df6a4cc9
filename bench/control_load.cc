#include "bench/control_load.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <utility>

#include "lib/base/time.h"
#include "lib/config/parse.h"

namespace mailtap::bench {
namespace {

net::IpAddress V4(uint32_t address) {
  const uint8_t bytes[4] = {static_cast<uint8_t>(address >> 24),
                            static_cast<uint8_t>(address >> 16),
                            static_cast<uint8_t>(address >> 8), static_cast<uint8_t>(address)};
  return net::IpAddress::FromV4(bytes);
}

}  // namespace

std::shared_ptr<const config::Config> ShippedConfig() {
  config::ParseResult parsed = config::ParseFile(MAILTAP_CONF_FILE);
  for (const config::Fault& fault : parsed.faults) {
    std::fprintf(stderr, "%s\n", config::ToString(fault).c_str());
  }
  if (!parsed.config) std::exit(1);
  return std::make_shared<const config::Config>(*std::move(parsed.config));
}

meter::DeltaRecord RecordOf(uint32_t host, uint32_t peer, Service service, int64_t tick) {
  constexpr uint32_t kInternal = 10u << 24, kExternal = 198u << 24;
  constexpr uint16_t kPorts[kServiceCount] = {25, 143, 110};
  meter::DeltaRecord record;
  record.key.client = V4(kInternal | host);
  // Neighbouring hosts share no peers' lines in any table.
  record.key.server = V4(kExternal | ((host * 2'654'435'761u + peer * 40'503u) & 0xffffff));
  record.key.service = service;
  record.key.server_port = kPorts[static_cast<int>(service)];
  record.bytes[kUp] = {.observed = 1'500, .packets = 4};
  record.bytes[kDown] = {.observed = 400, .packets = 3};
  record.first_seen = StartOfTick(tick) + 1'000'000;
  record.last_seen = StartOfTick(tick) + 900'000'000;
  record.sessions = (host + tick) % 64 == 0 ? 1 : 0;
  return record;
}

double ResidentBytes() {
  std::ifstream statm("/proc/self/statm");
  double size = 0, resident = 0;
  statm >> size >> resident;
  return resident * static_cast<double>(sysconf(_SC_PAGESIZE));
}

}  // namespace mailtap::bench

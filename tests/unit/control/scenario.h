// Random configurations and traffic, small enough to meet themselves often: few hosts, few
// peers, thresholds near what they do, gaps longer than windows.
#ifndef MAILTAP_TESTS_UNIT_CONTROL_SCENARIO_H_
#define MAILTAP_TESTS_UNIT_CONTROL_SCENARIO_H_

#include <cstdint>
#include <map>
#include <random>
#include <vector>

#include "lib/config/config.h"
#include "lib/meter/records.h"

namespace mailtap::control {

struct Scenario {
  config::Config config;
  std::map<int64_t, std::vector<meter::DeltaRecord>> ticks;  // traffic, by tick
  int64_t first_tick = 0;
  int64_t last_tick = 0;  // when all alerts have cleared
};

using Random = std::mt19937_64;
// A number from `least` to `most`. Not std::uniform_int_distribution, of which the results
// differ between libraries.
int64_t Pick(Random& random, int64_t least, int64_t most);

// Windows from 10 s to `longest_window` s.
Scenario RandomScenario(uint64_t seed, int64_t longest_window);

}  // namespace mailtap::control

#endif  // MAILTAP_TESTS_UNIT_CONTROL_SCENARIO_H_

// Mail dialogues of every kind, left to chance, with counts kept beside them as they are
// written.
#ifndef MAILTAP_TESTS_UNIT_PIPELINE_RANDOM_SESSION_H_
#define MAILTAP_TESTS_UNIT_PIPELINE_RANDOM_SESSION_H_

#include <cstdint>
#include <random>
#include <string>

#include "lib/meter/records.h"
#include "tests/unit/pipeline/dialogues.h"

namespace mailtap::pipeline {

using Random = std::mt19937;

uint32_t Pick(Random& random, uint32_t low, uint32_t high);

// What a session's record should say.
struct Counts {
  uint32_t messages = 0, rejected[2] = {}, recipients = 0, retrievals = 0;  // 4xx, 5xx
  uint64_t text[kDirectionCount] = {};
};

struct Session {
  Service service;
  Script script;
  Counts counts;
  bool eager = false;  // an SMTP client that does not even wait for 354
};

Session Any(Random& random);

// The counts that a service has, in words; of a record "null" or "bytes null" where it knows
// none.
std::string Words(const Counts& c, Service service);
std::string Words(const meter::SessionRecord& s);

}  // namespace mailtap::pipeline

#endif  // MAILTAP_TESTS_UNIT_PIPELINE_RANDOM_SESSION_H_

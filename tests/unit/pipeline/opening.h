// First words of a connection, and what a sensor makes of them.
#ifndef MAILTAP_TESTS_UNIT_PIPELINE_OPENING_H_
#define MAILTAP_TESTS_UNIT_PIPELINE_OPENING_H_

#include <string>

#include "tests/unit/pipeline/dialogues.h"
#include "tests/unit/pipeline/sensor.h"

namespace mailtap::pipeline {

struct Opening {
  const char* name;
  const char* service;  // "smtp", "imap" or "pop3"
  Script script;
};

inline uint16_t MailPort(const std::string& service) {
  return service == "smtp" ? 25 : service == "imap" ? 143 : 110;
}

inline std::string Replayed(const Script& script, uint16_t port,
                            std::size_t segment_bytes = 1'400) {
  Sensor sensor;
  sensor.Play(Play(script, port, segment_bytes).frames()).Finish();
  return Only(sensor);
}

}  // namespace mailtap::pipeline

#endif  // MAILTAP_TESTS_UNIT_PIPELINE_OPENING_H_

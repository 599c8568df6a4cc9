// What the control core's tests share: short ways to write configurations and records, and an
// output that remembers.
#ifndef MAILTAP_TESTS_UNIT_CONTROL_TESTING_H_
#define MAILTAP_TESTS_UNIT_CONTROL_TESTING_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "lib/config/config.h"
#include "lib/control/control.h"
#include "lib/control/output.h"
#include "lib/meter/records.h"

namespace mailtap::control {

// A second in November 2023; a multiple of every bucket width up to an hour.
inline constexpr int64_t kT0 = 1'700'002'800 / 3600 * 3600;

net::IpAddress Ip(const std::string& text);
net::Prefix Net(const std::string& text);

// 10.0.0.0/8 and fd00::/8 are internal; no relay, group or rule; blind spots are not judged.
// Sensor "test".
config::Config BaseConfig();
// A rule for sent bytes, 60 s, raise 1000, clear 500, hold 0, of every host.
config::Rule BytesRule(const std::string& name = "bulk");

// A delta of one conversation in `tick`: `up` bytes by the client, `down` bytes by the server,
// one packet each way, one session.
meter::DeltaRecord Delta(const std::string& client, const std::string& server, int64_t tick,
                         uint64_t up, uint64_t down = 0, uint16_t port = 25,
                         Service service = Service::kSmtp);

class RecordingOutput : public Output {
 public:
  void OnAlert(const Alert& alert) override { alerts.push_back(alert); }
  void OnSuppressed(const Alert& alert) override { suppressed.push_back(alert); }
  void OnSession(const JudgedSession& session) override { sessions.push_back(session); }

  std::vector<Alert> alerts;
  std::vector<Alert> suppressed;
  std::vector<JudgedSession> sessions;
};

// A control core with its output.
struct Bench {
  explicit Bench(const config::Config& config, const Bounds& bounds = {})
      : control(std::make_shared<const config::Config>(config), output, bounds) {}
  // Applies `delta` and ends its tick.
  void Tick(const meter::DeltaRecord& delta);

  RecordingOutput output;
  Control control;
};

// Bytes by verdict since the start, as "approved=5 unapproved_external=7".
std::string Volumes(const Control& control);

// Everything an alert says in one line, so that whole runs can be compared and read.
std::string Describe(const Alert& alert);
std::vector<std::string> Describe(const std::vector<Alert>& alerts);
// "raised @12" for an alert 12 s after kT0.
std::vector<std::string> Changes(const std::vector<Alert>& alerts);

}  // namespace mailtap::control

#endif  // MAILTAP_TESTS_UNIT_CONTROL_TESTING_H_

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

// Where it makes no difference: who mails, and where to.
inline constexpr char kHost[] = "10.0.0.1";
inline constexpr char kOut[] = "198.51.100.1";

net::IpAddress Ip(const std::string& text);
net::Prefix Net(const std::string& text);

// 10.0.0.0/8 and fd00::/8 are internal; no relay, group or rule; blind spots are not judged.
// Sensor "test".
config::Config BaseConfig();
// A rule for sent bytes, 60 s, raise 1000, clear 500, hold 0, of every host.
config::Rule BytesRule(const std::string& name = "bulk");
// BaseConfig() with that rule.
config::Config OneRule();
// A rule for new peers, 60 s, raise 1, hold 0, of every host and whatever the verdict.
config::Rule NewPeersRule();
// An entry that covers everything, to be narrowed.
config::Relay Relay(const std::string& name);
// An entry by destination.
config::Relay RelayTo(const std::string& name, const std::string& destination);
// A port that was busy for a second is silent after 10 s, until it is below 5. Off in
// BaseConfig().
config::BlindSpot SilentPort();

// A delta of one conversation in `tick`: `up` bytes by the client, `down` bytes by the server,
// one packet each way, one session.
meter::DeltaRecord Delta(const std::string& client, const std::string& server, int64_t tick,
                         uint64_t up, uint64_t down = 0, uint16_t port = 25,
                         Service service = Service::kSmtp);

// What a name server said; kResolver is configured by those that need one.
inline constexpr char kResolver[] = "10.0.0.53";
meter::AnswerRecord Answer(const std::string& name, const std::string& address, int64_t tick,
                           uint32_t ttl = 60, const std::string& by = kResolver);

// The key of such a delta.
meter::ConversationKey Key(const std::string& client, const std::string& server,
                           uint16_t port = 25, Service service = Service::kSmtp);

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
// All that can be seen of a control core from outside, a line each.
std::vector<std::string> Visible(const RecordingOutput& output, const Control& control);
// "raised @12" for an alert 12 s after kT0.
std::vector<std::string> Changes(const std::vector<Alert>& alerts);

}  // namespace mailtap::control

#endif  // MAILTAP_TESTS_UNIT_CONTROL_TESTING_H_

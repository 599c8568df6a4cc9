// The truth about a capture: one JSON object a line for each mail session, in the order in
// which they end, and a summary of everything.
#ifndef MAILTAP_APP_MAILTAP_GEN_TRUTH_H_
#define MAILTAP_APP_MAILTAP_GEN_TRUTH_H_

#include <array>
#include <compare>
#include <cstdint>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "app/mailtap-gen/address.h"
#include "app/mailtap-gen/background.h"
#include "app/mailtap-gen/mail.h"
#include "nlohmann/json.hpp"

namespace mailtap::gen {

struct Traffic {
  std::array<uint64_t, 2> bytes = {};  // TCP payload, indexed by Side
  std::array<uint64_t, 2> packets = {};
};

// One mail session, as it was before any harm was done to the capture.
struct MailRecord {
  int64_t first_seen_ns = 0;
  int64_t last_seen_ns = 0;
  Address client;
  Address server;
  uint16_t client_port = 0;
  uint16_t server_port = 0;
  MailService service = MailService::kSmtp;
  MailTls tls = MailTls::kNone;
  MailVia via = MailVia::kNone;
  std::string sni;
  Traffic traffic;
  uint32_t accepted = 0;  // SMTP transactions
  uint32_t rejected = 0;
  uint32_t retrievals = 0;  // POP3
  MailCounts counts;
  uint32_t forged = 0;  // segments that neither end sent
  bool odd_port = false;
  bool reset = false;              // ended by a RST
  std::string origin;              // "traffic", or the name of a recipe's session
  std::vector<std::string> encap;  // outermost first
};

class TruthFile {
 public:
  // Unavailable where the file can't be made. An empty path writes no lines.
  static absl::StatusOr<TruthFile> Create(const std::string& path);

  void AddMail(const MailRecord& record);
  void AddBackgroundFlow(Background kind) { ++background_[Index(kind)].flows; }
  void AddBackgroundPacket(Background kind) { ++background_[Index(kind)].packets; }

  uint64_t mail_sessions() const { return mail_sessions_; }
  uint64_t mail_packets() const { return mail_packets_; }

  // Everything counted so far, by host and in total.
  nlohmann::ordered_json Summary() const;
  absl::Status Close();

 private:
  struct HostKey {
    Address host;
    Side role;
    MailService service;
    auto operator<=>(const HostKey&) const = default;
  };
  struct Totals {
    uint64_t sessions = 0, bytes_up = 0, bytes_down = 0, messages = 0, rejected = 0;
    void Add(const MailRecord& record);
    nlohmann::ordered_json Json() const;
  };
  struct BackgroundTotals {
    uint64_t flows = 0, packets = 0;
  };

  static std::size_t Index(Background kind) { return static_cast<std::size_t>(kind); }

  std::string path_;
  std::ofstream lines_;
  std::map<HostKey, Totals> hosts_;
  std::array<Totals, 3> services_;
  std::array<BackgroundTotals, kBackgroundCount> background_;
  uint64_t mail_sessions_ = 0;
  uint64_t mail_packets_ = 0;
};

// RFC 3339 in UTC with microseconds.
std::string FormatTime(int64_t unix_ns);

}  // namespace mailtap::gen

#endif  // MAILTAP_APP_MAILTAP_GEN_TRUTH_H_

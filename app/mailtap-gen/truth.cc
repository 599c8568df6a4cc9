#include "app/mailtap-gen/truth.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <ctime>

namespace mailtap::gen {
namespace {

using nlohmann::ordered_json;

constexpr std::array<const char*, 2> kRoleNames = {"client", "server"};

ordered_json NullUnless(bool known, uint64_t value) {
  return known ? ordered_json(value) : ordered_json(nullptr);
}

// TLS hides messages, and each service has counts of its own.
bool Seen(const MailRecord& record, MailService service) {
  return record.service == service && record.tls == MailTls::kNone;
}

}  // namespace

std::string FormatTime(int64_t unix_ns) {
  constexpr int64_t kSecond = 1'000'000'000;
  const std::time_t seconds = unix_ns / kSecond;
  std::tm utc = {};
  gmtime_r(&seconds, &utc);
  char text[64];
  std::snprintf(text, sizeof(text), "%04d-%02d-%02dT%02d:%02d:%02d.%06dZ", utc.tm_year + 1900,
                utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec,
                static_cast<int>(unix_ns % kSecond / 1'000));
  return text;
}

absl::StatusOr<TruthFile> TruthFile::Create(const std::string& path) {
  TruthFile file;
  file.path_ = path;
  if (!path.empty()) {
    file.lines_.open(path, std::ios::trunc);
    if (!file.lines_) return absl::UnavailableError(path + ": " + std::strerror(errno));
  }
  return file;
}

void TruthFile::AddMail(const MailRecord& r) {
  ++mail_sessions_;
  mail_packets_ += r.traffic.packets[0] + r.traffic.packets[1];
  hosts_[{r.client, Side::kClient, r.service}].Add(r);
  hosts_[{r.server, Side::kServer, r.service}].Add(r);
  services_[static_cast<std::size_t>(r.service)].Add(r);
  if (!lines_.is_open()) return;
  const bool smtp = Seen(r, MailService::kSmtp), imap = Seen(r, MailService::kImap),
             pop3 = Seen(r, MailService::kPop3);
  const char* via = kMailViaNames[static_cast<std::size_t>(r.via)];
  const ordered_json line = {
      {"first_seen", FormatTime(r.first_seen_ns)},
      {"last_seen", FormatTime(r.last_seen_ns)},
      {"client", ToString(r.client)},
      {"client_port", r.client_port},
      {"server", ToString(r.server)},
      {"server_port", r.server_port},
      {"service", kMailServiceNames[static_cast<std::size_t>(r.service)]},
      {"tls", kMailTlsNames[static_cast<std::size_t>(r.tls)]},
      {"sni", r.sni.empty() ? ordered_json(nullptr) : ordered_json(r.sni)},
      {"via", *via == '\0' ? ordered_json(nullptr) : ordered_json(via)},
      {"bytes_up", r.traffic.bytes[0]},
      {"bytes_down", r.traffic.bytes[1]},
      {"packets_up", r.traffic.packets[0]},
      {"packets_down", r.traffic.packets[1]},
      {"messages", NullUnless(smtp, r.accepted)},
      {"rejected", NullUnless(smtp, r.rejected)},
      {"rejected_4xx", NullUnless(smtp, r.counts.rejected_4xx)},
      {"rejected_5xx", NullUnless(smtp, r.rejected - r.counts.rejected_4xx)},
      {"recipients", NullUnless(smtp, r.counts.recipients)},
      {"message_bytes", NullUnless(smtp, r.counts.uploaded)},
      {"appended_bytes", NullUnless(imap, r.counts.uploaded)},
      {"fetched_bytes", NullUnless(imap, r.counts.downloaded)},
      {"retrievals", NullUnless(pop3, r.retrievals)},
      {"retrieved_bytes", NullUnless(pop3, r.counts.downloaded)},
      {"encap", r.encap},
      {"odd_port", r.odd_port},
      {"reset", r.reset},
      {"forged", r.forged},
      {"origin", r.origin}};
  lines_ << line.dump() << '\n';
}

void TruthFile::Totals::Add(const MailRecord& record) {
  ++sessions;
  bytes_up += record.traffic.bytes[0];
  bytes_down += record.traffic.bytes[1];
  if (!Seen(record, MailService::kSmtp)) return;
  messages += record.accepted;
  rejected += record.rejected;
}

ordered_json TruthFile::Totals::Json() const {
  return {{"sessions", sessions},
          {"bytes_up", bytes_up},
          {"bytes_down", bytes_down},
          {"messages", messages},
          {"rejected", rejected}};
}

ordered_json TruthFile::Summary() const {
  ordered_json services = ordered_json::object();
  for (std::size_t i = 0; i < services_.size(); ++i) {
    services[kMailServiceNames[i]] = services_[i].Json();
  }
  ordered_json hosts = ordered_json::array();
  for (const auto& [key, totals] : hosts_) {
    ordered_json host = {{"host", ToString(key.host)},
                         {"role", kRoleNames[static_cast<std::size_t>(key.role)]},
                         {"service", kMailServiceNames[static_cast<std::size_t>(key.service)]}};
    host.update(totals.Json());
    hosts.push_back(std::move(host));
  }
  ordered_json background = ordered_json::object();
  for (std::size_t i = 0; i < background_.size(); ++i) {
    background[kBackgroundNames[i]] = {{"flows", background_[i].flows},
                                       {"packets", background_[i].packets}};
  }
  return {{"mail", {{"sessions", mail_sessions_}, {"packets", mail_packets_}}},
          {"services", services},
          {"background", background},
          {"hosts", hosts}};
}

absl::Status TruthFile::Close() {
  if (!lines_.is_open()) return absl::OkStatus();
  errno = 0;
  lines_.close();
  if (!lines_) {
    return absl::UnavailableError(path_ + ": " +
                                  (errno == 0 ? "write failed" : std::strerror(errno)));
  }
  return absl::OkStatus();
}

}  // namespace mailtap::gen

// Everything that is not mail: what a sensor has to leave alone, and some that looks like mail.
#ifndef MAILTAP_APP_MAILTAP_GEN_BACKGROUND_H_
#define MAILTAP_APP_MAILTAP_GEN_BACKGROUND_H_

#include <array>
#include <cstdint>

#include "app/mailtap-gen/plan.h"

namespace mailtap::gen {

enum class Background : uint8_t {
  kHttp,
  kHttps,
  kSsh,
  kPostgres,
  kMysql,
  kDns,
  kFtp,
  kRedis,
  kNntp,
  kIrc,
  kManageSieve,
  kIcmp,
  kScan,  // of mail ports: refused or silent, never a word
};
inline constexpr std::size_t kBackgroundCount = 13;
inline constexpr std::array<const char*, kBackgroundCount> kBackgroundNames = {
    "http",  "https", "ssh", "postgresql",  "mysql", "dns", "ftp",
    "redis", "nntp",  "irc", "managesieve", "icmp",  "scan"};

// One of them, as likely as in the traffic of an office.
Background PickBackground(Random& random);

// The port of the kind's server; some kinds have odd ones too. 0 for ICMP.
uint16_t BackgroundPort(Background kind, Random& random);

// Writes the session's plan, with its transport and, for scans, its ending. `bulk` is how many
// bytes a download has at most.
void WriteBackground(PlanWriter& writer, Background kind, uint32_t bulk);

// The kinds in bytes rather than lines (background_binary.cc).
void WriteSsh(PlanWriter& writer);
void WritePostgres(PlanWriter& writer);
void WriteMysql(PlanWriter& writer);
void WriteDns(PlanWriter& writer);

}  // namespace mailtap::gen

#endif  // MAILTAP_APP_MAILTAP_GEN_BACKGROUND_H_

// The words every room uses for mail traffic. Their spellings are part of the fixed interfaces.
#ifndef MAILTAP_LIB_BASE_MAIL_H_
#define MAILTAP_LIB_BASE_MAIL_H_

#include <array>
#include <cstdint>
#include <optional>

#include "absl/strings/string_view.h"

namespace mailtap {

enum class Service : uint8_t { kSmtp, kImap, kPop3 };
inline constexpr int kServiceCount = 3;
inline constexpr std::array<absl::string_view, kServiceCount> kServiceNames = {"smtp", "imap",
                                                                               "pop3"};

// How a session is known to be mail, strongest first: the server's greeting, a client's
// command, a name in a TLS ClientHello, or only the port.
enum class Evidence : uint8_t { kBanner, kCommand, kSni, kPort };
inline constexpr int kEvidenceCount = 4;
inline constexpr std::array<absl::string_view, kEvidenceCount> kEvidenceNames = {
    "banner", "command", "sni", "port"};

enum class Tls : uint8_t { kNone, kStarttls, kImplicit };
inline constexpr int kTlsCount = 3;
inline constexpr std::array<absl::string_view, kTlsCount> kTlsNames = {"none", "starttls",
                                                                       "implicit"};

// The kind of proxy that a session's dialogue goes through, where its connection shows one.
enum class Via : uint8_t { kNone, kHttpConnect, kSocks4, kSocks5 };
inline constexpr int kViaCount = 4;
inline constexpr std::array<absl::string_view, kViaCount> kViaNames = {"none", "http-connect",
                                                                       "socks4", "socks5"};

// Which end of a connection: the one that opened it, or the one that accepted it.
enum class Role : uint8_t { kClient, kServer };
inline constexpr int kRoleCount = 2;
inline constexpr std::array<absl::string_view, kRoleCount> kRoleNames = {"client", "server"};
constexpr Role Opposite(Role r) { return r == Role::kClient ? Role::kServer : Role::kClient; }

// Direction of a byte: client to server, or server to client.
enum Direction : uint8_t { kUp = 0, kDown = 1 };
inline constexpr int kDirectionCount = 2;
constexpr Direction Opposite(Direction d) { return d == kUp ? kDown : kUp; }

// The interface's spelling of an enumerator; defined for each enum above.
constexpr absl::string_view Name(Service s) { return kServiceNames[static_cast<int>(s)]; }
constexpr absl::string_view Name(Evidence e) { return kEvidenceNames[static_cast<int>(e)]; }
constexpr absl::string_view Name(Tls t) { return kTlsNames[static_cast<int>(t)]; }
constexpr absl::string_view Name(Via v) { return kViaNames[static_cast<int>(v)]; }
constexpr absl::string_view Name(Role r) { return kRoleNames[static_cast<int>(r)]; }

// The enumerator that `names` spells as `name`, or nothing.
template <typename Enum, std::size_t N>
constexpr std::optional<Enum> FromName(const std::array<absl::string_view, N>& names,
                                       absl::string_view name) {
  for (std::size_t i = 0; i < N; ++i) {
    if (names[i] == name) return static_cast<Enum>(i);
  }
  return std::nullopt;
}

}  // namespace mailtap

#endif  // MAILTAP_LIB_BASE_MAIL_H_

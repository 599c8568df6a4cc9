// Ports that people know as another protocol's than mail. Mail on one of them is worth a count:
// somebody may want it to pass for something else.
#ifndef MAILTAP_LIB_CLASSIFY_FOREIGN_PORTS_H_
#define MAILTAP_LIB_CLASSIFY_FOREIGN_PORTS_H_

#include <algorithm>
#include <array>
#include <cstdint>

namespace mailtap::classify {

// IANA's service names and port numbers, in order.
inline constexpr std::array<uint16_t, 38> kForeignPorts = {
    20,     // FTP data
    21,     // FTP
    22,     // SSH
    23,     // Telnet
    24,     // LMTP, by custom
    53,     // DNS
    79,     // Finger
    80,     // HTTP
    88,     // Kerberos
    111,    // portmapper
    119,    // NNTP
    135,    // DCE endpoint mapper
    139,    // NetBIOS session
    179,    // BGP
    194,    // IRC
    389,    // LDAP
    443,    // HTTPS
    445,    // SMB
    514,    // shell
    554,    // RTSP
    563,    // NNTP over TLS
    636,    // LDAP over TLS
    853,    // DNS over TLS
    873,    // rsync
    990,    // FTP over TLS
    1'080,  // SOCKS
    1'433,  // SQL Server
    1'521,  // Oracle
    3'128,  // Squid, by custom
    3'306,  // MySQL
    3'389,  // RDP
    4'190,  // ManageSieve
    5'222,  // XMPP
    5'432,  // PostgreSQL
    5'900,  // VNC
    6'379,  // Redis
    6'667,  // IRC
    8'080,  // HTTP, alternate
};
static_assert(std::is_sorted(kForeignPorts.begin(), kForeignPorts.end()));

constexpr bool IsForeignPort(uint16_t port) {
  return std::binary_search(kForeignPorts.begin(), kForeignPorts.end(), port);
}

}  // namespace mailtap::classify

#endif  // MAILTAP_LIB_CLASSIFY_FOREIGN_PORTS_H_

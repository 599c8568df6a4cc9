#include "lib/dataplane/packet_socket.h"

#include <linux/if_packet.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cerrno>
#include <charconv>
#include <filesystem>
#include <string>
#include <system_error>

namespace mailtap::dataplane {
namespace {

bool IsBoundTo(int socket, unsigned interface_index) {
  sockaddr_ll address = {};
  socklen_t size = sizeof(address);
  return ::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size) == 0 &&
         address.sll_family == AF_PACKET &&
         address.sll_ifindex == static_cast<int>(interface_index);
}

}  // namespace

PacketSockets::PacketSockets(unsigned interface_index) : interface_index_(interface_index) {
  if (interface_index == 0) return;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd", error)) {
    const std::string name = entry.path().filename().string();
    int socket = -1;
    std::from_chars(name.data(), name.data() + name.size(), socket);
    if (IsBoundTo(socket, interface_index)) sockets_.push_back(socket);
  }
}

uint64_t PacketSockets::Dropped() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  for (const int socket : sockets_) {
    tpacket_stats stats = {};  // see packet(7), PACKET_STATISTICS
    socklen_t size = sizeof(stats);
    if (::getsockopt(socket, SOL_PACKET, PACKET_STATISTICS, &stats, &size) == 0) {
      dropped_ += stats.tp_drops;
    }
  }
  return dropped_;
}

bool PacketSockets::LinkUp() const {
  if (sockets_.empty()) return true;
  ifreq request = {};
  request.ifr_ifindex = static_cast<int>(interface_index_);
  // By its index: an interface may be renamed while it is in use.
  return ::ioctl(sockets_.front(), SIOCGIFNAME, &request) == 0 &&
         ::ioctl(sockets_.front(), SIOCGIFFLAGS, &request) == 0 &&
         (request.ifr_flags & IFF_RUNNING) != 0;
}

bool PacketSockets::InterfaceGone() const {
  if (sockets_.empty()) return false;
  ifreq request = {};
  request.ifr_ifindex = static_cast<int>(interface_index_);
  return ::ioctl(sockets_.front(), SIOCGIFNAME, &request) != 0 && errno == ENODEV;
}

}  // namespace mailtap::dataplane

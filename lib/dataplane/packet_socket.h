// What Linux knows of a port's packet sockets and their interface, and the driver doesn't tell.
#ifndef MAILTAP_LIB_DATAPLANE_PACKET_SOCKET_H_
#define MAILTAP_LIB_DATAPLANE_PACKET_SOCKET_H_

#include <cstdint>
#include <mutex>
#include <vector>

namespace mailtap::dataplane {

// net_af_packet of DPDK 22.11 reads packets from the rings of such sockets. It never asks how
// many did not fit, so the losses of a busy mirror would go unseen, nor whether the interface
// has a link: a started port is up for it.
class PacketSockets {
 public:
  // Looks up this process's packet sockets bound to the interface with this index; none for 0.
  // The sockets must stay open as long as the object lives.
  explicit PacketSockets(unsigned interface_index);

  // Packets dropped because a ring was full, since the object was made. Never counts backwards;
  // any thread.
  //
  // The kernel's count restarts when it is read. Where a newer driver reads it too, each drop
  // is told to one of the two, so that the sum of both is right.
  uint64_t Dropped() const;

  // Whether the interface is up and has a carrier (IFF_RUNNING, see netdevice(7)); false once
  // it is gone. True where there are no sockets: nothing is known then. Any thread.
  bool LinkUp() const;
  // Whether the interface was deleted. Any thread.
  bool InterfaceGone() const;

 private:
  const unsigned interface_index_;
  std::vector<int> sockets_;  // owned by the driver
  mutable std::mutex mutex_;
  mutable uint64_t dropped_ = 0;  // under mutex_
};

}  // namespace mailtap::dataplane

#endif  // MAILTAP_LIB_DATAPLANE_PACKET_SOCKET_H_

// What Linux dropped at a packet socket because its ring was full.
#ifndef MAILTAP_LIB_DATAPLANE_PACKET_SOCKET_H_
#define MAILTAP_LIB_DATAPLANE_PACKET_SOCKET_H_

#include <cstdint>
#include <mutex>
#include <vector>

namespace mailtap::dataplane {

// net_af_packet of DPDK 22.11 reads packets from such rings and never asks how many did not
// fit, so the losses of a busy mirror would go unseen.
class PacketSocketDrops {
 public:
  // Looks up this process's packet sockets bound to the interface with this index; none for 0.
  // The sockets must stay open as long as the object lives.
  explicit PacketSocketDrops(unsigned interface_index);

  // Packets dropped since the object was made. Never counts backwards; any thread.
  //
  // The kernel's count restarts when it is read. Where a newer driver reads it too, each drop
  // is told to one of the two, so that the sum of both is right.
  uint64_t Read() const;

 private:
  std::vector<int> sockets_;  // owned by the driver
  mutable std::mutex mutex_;
  mutable uint64_t dropped_ = 0;  // under mutex_
};

}  // namespace mailtap::dataplane

#endif  // MAILTAP_LIB_DATAPLANE_PACKET_SOCKET_H_

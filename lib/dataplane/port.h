// A mirror port: any DPDK device, physical or virtual, receive only.
#ifndef MAILTAP_LIB_DATAPLANE_PORT_H_
#define MAILTAP_LIB_DATAPLANE_PORT_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "lib/config/config.h"
#include "lib/dataplane/packet_socket.h"

struct rte_mempool;

namespace mailtap::dataplane {

struct QueueStats {
  uint64_t packets = 0;
  uint64_t bytes = 0;
  uint64_t errors = 0;  // dropped at this queue, where the device counts so
};

struct PortStats {
  uint64_t packets = 0;
  uint64_t bytes = 0;
  uint64_t missed = 0;           // no free descriptor, or the kernel's ring was full
  uint64_t missed_at_start = 0;  // the same, before BeginCounting(): in no other figure
  uint64_t errors = 0;           // damaged frames
  uint64_t no_mbuf = 0;          // pool empty
  bool link_up = false;
  bool gone = false;  // its interface was deleted; one that is made anew takes a restart
  std::vector<QueueStats> queues;
};

class Port {
 public:
  // The ids of all ports that EAL has found.
  static std::vector<uint16_t> Available();
  // How many receive queues the port can have.
  static absl::StatusOr<uint16_t> MaxQueues(uint16_t id);

  // Configures the port with `queues` receive queues, spread by a symmetric hash over the
  // addresses where the device can. Main thread, after Eal::Start, as the next. Settings that
  // the device refuses and that can be done without (a configured MTU, promiscuous mode, hash)
  // are logged as warnings. FailedPrecondition where the configured mbufs are too few.
  static absl::StatusOr<std::unique_ptr<Port>> Configure(uint16_t id, uint16_t queues,
                                                         const config::Dataplane& config);
  // Lets packets in, just before somebody takes them. Some drivers (net_af_packet) have done so
  // since EAL made the port.
  absl::Status Start();
  // Once the lcores poll: what was missed so far was missed while the sensor started, and says
  // nothing of whether it keeps up. Main thread.
  void BeginCounting();
  ~Port();
  Port(const Port&) = delete;
  Port& operator=(const Port&) = delete;

  uint16_t id() const { return id_; }
  uint16_t queues() const { return queues_; }
  const std::string& name() const { return name_; }
  // Any thread.
  PortStats stats() const;

 private:
  Port(uint16_t id, uint16_t queues, bool promiscuous)
      : id_(id), queues_(queues), promiscuous_(promiscuous) {}
  absl::Status SetUp(const config::Dataplane& config);

  const uint16_t id_;
  const uint16_t queues_;
  const bool promiscuous_;
  std::string name_;
  rte_mempool* pool_ = nullptr;
  bool started_ = false;
  std::unique_ptr<PacketSockets> sockets_;
  std::atomic<uint64_t> missed_at_start_{UINT64_MAX};  // main writes, any thread reads
};

}  // namespace mailtap::dataplane

#endif  // MAILTAP_LIB_DATAPLANE_PORT_H_

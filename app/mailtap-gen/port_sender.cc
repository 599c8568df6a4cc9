#include "app/mailtap-gen/port_sender.h"

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstring>
#include <memory>

#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "app/mailtap-gen/port_lane.h"
#include "app/mailtap-gen/wire.h"

namespace mailtap::gen {
namespace {

constexpr uint32_t kShortestFrame = 60;  // IEEE 802.3, without the check sequence

// Lock-free, so a signal handler may set it; the lcores read it.
std::atomic<bool> g_stop{false};
static_assert(std::atomic<bool>::is_always_lock_free);

absl::Status DpdkError(const std::string& what, int error) {
  return absl::UnavailableError(what + ": " + rte_strerror(error < 0 ? -error : error));
}

// The sum of the outermost IP addresses, behind VLAN tags: the same for both directions.
uint32_t AddressSum(const FrameStore::Frame& frame) {
  constexpr uint32_t kVlanTypes[] = {0x8100, 0x88a8, 0x9100};
  uint32_t at = 12;
  while (at + 6 < frame.length &&
         std::count(std::begin(kVlanTypes), std::end(kVlanTypes), Get16(frame.data + at)) > 0) {
    at += 4;
  }
  const uint32_t type = Get16(frame.data + at);
  const uint32_t ip = at + 2;
  if (type == kIpv4Type && ip + 20 <= frame.length) {
    return Get32(frame.data + ip + 12) + Get32(frame.data + ip + 16);
  }
  uint32_t sum = 0;
  if (type == kIpv6Type && ip + 40 <= frame.length) {
    for (uint32_t word = 8; word < 40; word += 4) sum += Get32(frame.data + ip + word);
  }
  return sum;
}

class Sender {
 public:
  Sender() = default;
  ~Sender() {
    if (port_ != kNoPort) {
      rte_eth_dev_stop(port_);
      rte_eth_dev_close(port_);
    }
    if (initialised_) rte_eal_cleanup();
  }
  Sender(const Sender&) = delete;
  Sender& operator=(const Sender&) = delete;

  absl::Status Start(const PortOptions& options);
  absl::Status Load(const FrameStore& store);
  PortReport Run(const PortOptions& options);

 private:
  static constexpr uint16_t kNoPort = UINT16_MAX;
  absl::Status StartEal(const std::vector<std::string>& arguments);
  absl::Status StartPort(uint16_t port);
  absl::Status SetUpUnread(uint16_t queues, uint16_t descriptors);
  absl::Status AwaitLink() const;

  bool initialised_ = false;
  uint16_t port_ = kNoPort;
  std::string device_;
  std::vector<std::string> arguments_;  // EAL keeps pointers into them
  std::vector<Lane> lanes_;
};

absl::Status Sender::StartEal(const std::vector<std::string>& arguments) {
  arguments_ = {"mailtap-gen"};
  // A receiver on the same machine is a DPDK process too: share no files with it.
  const auto given = [&](absl::string_view option) {
    return std::any_of(arguments.begin(), arguments.end(), [&](absl::string_view argument) {
      return absl::StartsWith(argument, option);
    });
  };
  if (!given("--file-prefix") && !given("--in-memory") && !given("--no-shconf")) {
    arguments_.push_back(given("--no-huge") ? "--no-shconf" : "--in-memory");
  }
  arguments_.insert(arguments_.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& argument : arguments_) argv.push_back(argument.data());
  argv.push_back(nullptr);
  if (rte_eal_init(static_cast<int>(arguments_.size()), argv.data()) < 0) {
    return DpdkError("DPDK's EAL does not start (its own messages are above)", rte_errno);
  }
  initialised_ = true;
  return absl::OkStatus();
}

// Queues that the port insists on, and nobody reads: what is left in them is dropped.
absl::Status Sender::SetUpUnread(uint16_t queues, uint16_t descriptors) {
  if (queues == 0) return absl::OkStatus();
  rte_mempool* pool = rte_pktmbuf_pool_create("mailtap_gen_rx", 2u * queues * descriptors, 0, 0,
                                              RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
  if (pool == nullptr) return DpdkError("no memory for receive queues", rte_errno);
  for (uint16_t queue = 0; queue < queues; ++queue) {
    if (const int error = rte_eth_rx_queue_setup(port_, queue, descriptors, 0, nullptr, pool);
        error != 0) {
      return DpdkError(device_ + " refuses receive queue " + std::to_string(queue), error);
    }
  }
  return absl::OkStatus();
}

absl::Status Sender::StartPort(uint16_t port) {
  rte_eth_dev_info info = {};
  if (!rte_eth_dev_is_valid_port(port) || rte_eth_dev_info_get(port, &info) != 0) {
    return absl::NotFoundError("DPDK has no port " + std::to_string(port) + ", but " +
                               std::to_string(rte_eth_dev_count_avail()) + " ports in all");
  }
  char name[RTE_ETH_NAME_MAX_LEN] = "";
  rte_eth_dev_get_name_by_port(port, name);
  device_ = name;
  const auto queues =
      static_cast<uint16_t>(std::min<unsigned>(rte_lcore_count(), info.max_tx_queues));
  const rte_eth_conf conf = {};
  uint16_t rx_queues = 0;
  int refused = rte_eth_dev_configure(port, rx_queues, queues, &conf);
  if (refused != 0) {
    rx_queues = queues;  // net_tap wants as many
    refused = rte_eth_dev_configure(port, rx_queues, queues, &conf);
  }
  if (refused != 0) {
    return DpdkError(device_ + " refuses " + std::to_string(queues) + " transmit queues",
                     refused);
  }
  port_ = port;
  uint16_t rx_descriptors = 64, descriptors = 1'024;
  rte_eth_dev_adjust_nb_rx_tx_desc(port, &rx_descriptors, &descriptors);
  if (absl::Status status = SetUpUnread(rx_queues, rx_descriptors); !status.ok()) return status;
  for (uint16_t queue = 0; queue < queues; ++queue) {
    if (const int error = rte_eth_tx_queue_setup(port, queue, descriptors, 0, nullptr);
        error != 0) {
      return DpdkError(device_ + " refuses transmit queue " + std::to_string(queue), error);
    }
    lanes_.emplace_back(port, queue, g_stop);
  }
  if (const int error = rte_eth_dev_start(port); error != 0) {
    return DpdkError(device_ + " does not start", error);
  }
  return AwaitLink();
}

absl::Status Sender::AwaitLink() const {
  constexpr int kTries = 100;
  constexpr unsigned kPauseMs = 100;
  for (int i = 0; i < kTries && !g_stop; ++i) {
    rte_eth_link link = {};
    if (rte_eth_link_get_nowait(port_, &link) == 0 && link.link_status != 0) {
      return absl::OkStatus();
    }
    rte_delay_ms(kPauseMs);
  }
  return absl::UnavailableError(device_ + " has no link: is the other end there?");
}

absl::Status Sender::Start(const PortOptions& options) {
  if (absl::Status status = StartEal(options.eal_arguments); !status.ok()) return status;
  return StartPort(static_cast<uint16_t>(options.port));
}

absl::Status Sender::Load(const FrameStore& store) {
  const uint32_t room = std::max(store.longest(), kShortestFrame) + RTE_PKTMBUF_HEADROOM;
  if (room > UINT16_MAX) return absl::InvalidArgumentError("frames are too long for a port");
  rte_mempool* pool =
      rte_pktmbuf_pool_create("mailtap_gen", static_cast<unsigned>(store.size()), 0, 0,
                              static_cast<uint16_t>(room), SOCKET_ID_ANY);
  if (pool == nullptr) {
    return DpdkError("no memory for " + std::to_string(store.size()) + " packets of " +
                         std::to_string(room) +
                         " bytes (fewer --packets, more hugepages, or -m)",
                     rte_errno);
  }
  for (std::size_t i = 0; i < store.size(); ++i) {
    const FrameStore::Frame frame = store.at(i);
    rte_mbuf* mbuf = rte_pktmbuf_alloc(pool);
    if (mbuf == nullptr) return DpdkError("no packet buffer", ENOMEM);
    const uint32_t length = std::max(frame.length, kShortestFrame);
    char* data = rte_pktmbuf_append(mbuf, static_cast<uint16_t>(length));
    std::memset(data, 0, length);
    std::memcpy(data, frame.data, frame.length);
    lanes_[AddressSum(frame) % lanes_.size()].Add(mbuf);
  }
  return absl::OkStatus();
}

PortReport Sender::Run(const PortOptions& options) {
  std::size_t total = 0;
  for (const Lane& lane : lanes_) total += lane.size();
  for (Lane& lane : lanes_) {
    const double share = static_cast<double>(lane.size()) / static_cast<double>(total);
    lane.Prepare(options.rate * share,
                 static_cast<uint64_t>(static_cast<double>(options.duration_ns) * 1e-9 *
                                       static_cast<double>(rte_get_tsc_hz())));
  }
  const auto run = [](void* self) {
    auto& lanes = *static_cast<std::vector<Lane>*>(self);
    const auto index =
        static_cast<std::size_t>(rte_lcore_index(static_cast<int>(rte_lcore_id())));
    if (index < lanes.size()) lanes[index].Run();
    return 0;
  };
  rte_eal_mp_remote_launch(run, &lanes_, CALL_MAIN);
  rte_eal_mp_wait_lcore();
  // What lies in the port's queues is still on its way.
  constexpr unsigned kDrainMs = 200;
  rte_delay_ms(kDrainMs);
  PortReport report;
  report.device = device_;
  for (const Lane& lane : lanes_) {
    report.queues.push_back(lane.report());
    report.seconds = std::max(report.seconds, lane.seconds());
    report.bytes += lane.bytes();
  }
  return report;
}

}  // namespace

absl::StatusOr<PortReport> SendOnPort(const PortOptions& options, const FrameStore& store) {
  if (store.size() == 0) return absl::InvalidArgumentError("there are no packets to send");
  const auto stop = [](int) { g_stop = true; };
  std::signal(SIGINT, stop);
  std::signal(SIGTERM, stop);
  Sender sender;
  if (absl::Status status = sender.Start(options); !status.ok()) return status;
  if (absl::Status status = sender.Load(store); !status.ok()) return status;
  return sender.Run(options);
}

}  // namespace mailtap::gen

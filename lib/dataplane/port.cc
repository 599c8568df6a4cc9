#include "lib/dataplane/port.h"

#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "lib/base/log.h"
#include "lib/base/status.h"
#include "lib/pipeline/feed.h"

namespace mailtap::dataplane {
namespace {

// Toeplitz with this pattern hashes (a, b) and (b, a) alike (Woo and Park, "Scalable TCP
// Session Monitoring with Symmetric Receive-side Scaling", 2012).
constexpr uint8_t kSymmetricKey[] = {0x6d, 0x5a};

// The addresses alone, for every kind of packet that has some: both directions, all fragments
// and all sessions of two hosts then meet at one queue.
constexpr uint64_t kAddressHash = RTE_ETH_RSS_IPV4 | RTE_ETH_RSS_FRAG_IPV4 |
                                  RTE_ETH_RSS_NONFRAG_IPV4_OTHER | RTE_ETH_RSS_IPV6 |
                                  RTE_ETH_RSS_FRAG_IPV6 | RTE_ETH_RSS_NONFRAG_IPV6_OTHER;

absl::Status DpdkError(absl::string_view what, const std::string& port, int error) {
  return absl::InternalError(
      absl::StrCat("port ", port, ": ", what, ": ", rte_strerror(error < 0 ? -error : error)));
}

// Asks for the configured MTU, or for one that jumbo frames pass. A port that stays below what
// somebody asked for is worth a warning; one that is as it always was is not.
void SetMtu(uint16_t id, const std::string& name, int64_t mtu, const rte_eth_dev_info& info) {
  constexpr int64_t kJumbo = 9'216;
  const int64_t wanted = mtu != 0 ? mtu : kJumbo;
  const int64_t most = info.max_mtu != 0 ? info.max_mtu : UINT16_MAX;
  const int error = rte_eth_dev_set_mtu(id, static_cast<uint16_t>(std::min(wanted, most)));
  uint16_t present = 0;
  rte_eth_dev_get_mtu(id, &present);
  if (mtu == 0) {
    LogInfo(absl::StrCat("port ", name, ": MTU ", present, "; larger frames may not arrive"));
  } else if (error != 0 || most < wanted) {
    LogWarning(absl::StrCat("port ", name, ": dataplane.mtu = ", mtu, " refused, the MTU is ",
                            present, "; larger frames may not arrive"));
  }
}

constexpr uint32_t kMbufCache = 256;  // of each lcore

// The mbufs of a port: those configured, or as many as it takes. FailedPrecondition where the
// configured ones may all be in the queues, so that none is left for a packet to come.
absl::StatusOr<uint32_t> MbufCount(const config::Dataplane& config, const std::string& port,
                                   uint16_t queues, uint16_t descriptors) {
  // A full ring, a burst in a worker's hands with what waited before it, and what its lcore's
  // cache keeps before it gives some back (half as much again, see rte_mempool_create).
  const uint32_t of_queue = descriptors + static_cast<uint32_t>(config.burst) +
                            pipeline::Feed<rte_mbuf>::kMostWaiting + kMbufCache +
                            kMbufCache / 2;
  const uint32_t least = queues * of_queue;
  if (config.mbufs != 0 && config.mbufs < least) {
    return absl::FailedPreconditionError(
        absl::StrCat("port ", port, ": dataplane.mbufs = ", config.mbufs, " is too few for ",
                     queues, " receive queues with dataplane.rx_descriptors = ", descriptors,
                     " each: from ", least, ", or 0 for as many as it takes"));
  }
  constexpr uint32_t kSpare = 4'096;  // what drivers take in advance
  return config.mbufs != 0 ? static_cast<uint32_t>(config.mbufs) : least + kSpare;
}

// A NIC spreads packets over as many queues as there are workers. These drivers have as many as
// they were told, and each of them gets its share from the start.
void WarnOfUnread(const std::string& port, const rte_eth_dev_info& info, uint16_t queues) {
  const absl::string_view driver = info.driver_name;
  const bool fixed =
      driver == "net_af_packet" || driver == "net_af_xdp" || driver == "net_pcap";
  if (!fixed || info.max_rx_queues <= queues) return;
  LogWarning(absl::StrCat("port ", port, ": ", info.max_rx_queues - queues, " of its ",
                          info.max_rx_queues,
                          " queues are read by nobody, and what comes to these is not counted: "
                          "start more worker lcores, or give it fewer queues"));
}

}  // namespace

std::vector<uint16_t> Port::Available() {
  std::vector<uint16_t> ids;
  uint16_t id;
  RTE_ETH_FOREACH_DEV(id) { ids.push_back(id); }
  return ids;
}

absl::StatusOr<uint16_t> Port::MaxQueues(uint16_t id) {
  rte_eth_dev_info info = {};
  if (const int error = rte_eth_dev_info_get(id, &info); error != 0) {
    return DpdkError("no device information", absl::StrCat(id), error);
  }
  return info.max_rx_queues;
}

absl::StatusOr<std::unique_ptr<Port>> Port::Configure(uint16_t id, uint16_t queues,
                                                      const config::Dataplane& config) {
  std::unique_ptr<Port> port(new Port(id, queues, config.promiscuous));
  char name[RTE_ETH_NAME_MAX_LEN] = "";
  rte_eth_dev_get_name_by_port(id, name);
  port->name_ = name;
  rte_eth_dev_info info = {};
  rte_eth_dev_info_get(id, &info);
  port->sockets_ = std::make_unique<PacketSockets>(info.if_index);
  MAILTAP_RETURN_IF_ERROR(port->SetUp(config));
  return port;
}

absl::Status Port::Start() {
  if (const int error = rte_eth_dev_start(id_); error != 0) {
    return DpdkError("does not start", name_, error);
  }
  started_ = true;
  if (promiscuous_ && rte_eth_promiscuous_enable(id_) != 0) {
    LogWarning(absl::StrCat("port ", name_,
                            ": promiscuous mode refused; a mirror's frames for "
                            "other MAC addresses may be dropped by the device"));
  }
  return absl::OkStatus();
}

void Port::BeginCounting() {
  missed_at_start_ = stats().missed_at_start;
  if (missed_at_start_ == 0) return;
  LogInfo(absl::StrCat("port ", name_, ": ", missed_at_start_.load(),
                       " packets were missed while the sensor started"));
}

absl::Status Port::SetUp(const config::Dataplane& config) {
  rte_eth_dev_info info = {};
  if (const int error = rte_eth_dev_info_get(id_, &info); error != 0) {
    return DpdkError("no device information", name_, error);
  }
  rte_eth_conf conf = {};
  // Chained mbufs for jumbo frames; LRO stays off, since it merges what must be counted apart.
  conf.rxmode.offloads = info.rx_offload_capa & RTE_ETH_RX_OFFLOAD_SCATTER;
  std::vector<uint8_t> key(info.hash_key_size != 0 ? info.hash_key_size : 40);
  for (std::size_t i = 0; i < key.size(); ++i) key[i] = kSymmetricKey[i % 2];
  if (queues_ > 1) {
    conf.rx_adv_conf.rss_conf.rss_hf = kAddressHash & info.flow_type_rss_offloads;
    if (conf.rx_adv_conf.rss_conf.rss_hf != 0) {
      conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
      conf.rx_adv_conf.rss_conf.rss_key = key.data();
      conf.rx_adv_conf.rss_conf.rss_key_len = static_cast<uint8_t>(key.size());
    } else {
      LogWarning(absl::StrCat("port ", name_,
                              ": cannot spread packets by address; a connection whose "
                              "packets reach several queues is counted in each. One queue is "
                              "safe (of net_af_packet always: the kernel moves packets to "
                              "another one while the first is full)"));
    }
  }
  WarnOfUnread(name_, info, queues_);
  uint16_t tx_queues = 0;
  int refused = rte_eth_dev_configure(id_, queues_, tx_queues, &conf);
  if (refused != 0) {
    tx_queues = queues_;  // net_tap wants as many, though nothing is ever sent
    refused = rte_eth_dev_configure(id_, queues_, tx_queues, &conf);
  }
  if (refused != 0) {
    return DpdkError(absl::StrCat("refuses ", queues_, " receive queues"), name_, refused);
  }
  SetMtu(id_, name_, config.mtu, info);
  auto descriptors = static_cast<uint16_t>(config.rx_descriptors);
  uint16_t tx_descriptors = 0;
  if (const int error = rte_eth_dev_adjust_nb_rx_tx_desc(id_, &descriptors, &tx_descriptors);
      error != 0) {
    return DpdkError("refuses its descriptors", name_, error);
  }
  const int socket = rte_eth_dev_socket_id(id_);
  const auto node = static_cast<unsigned>(socket < 0 ? 0 : socket);
  MAILTAP_ASSIGN_OR_RETURN(const uint32_t mbufs,
                           MbufCount(config, name_, queues_, descriptors));
  pool_ = rte_pktmbuf_pool_create(absl::StrCat("mailtap_rx_", id_).c_str(), mbufs, kMbufCache,
                                  0, RTE_MBUF_DEFAULT_BUF_SIZE, socket);
  if (pool_ == nullptr) {
    return DpdkError(
        absl::StrCat("no memory for its ", mbufs,
                     " mbufs (without huge pages EAL takes as many MB as its -m says)"),
        name_, rte_errno);
  }
  for (uint16_t queue = 0; queue < queues_; ++queue) {
    rte_eth_rxconf rx = info.default_rxconf;
    rx.offloads = conf.rxmode.offloads;
    // One slow queue must not hold up the others (82599).
    rx.rx_drop_en = 1;
    if (const int error = rte_eth_rx_queue_setup(id_, queue, descriptors, node, &rx, pool_);
        error != 0) {
      return DpdkError(absl::StrCat("refuses receive queue ", queue), name_, error);
    }
  }
  for (uint16_t queue = 0; queue < tx_queues; ++queue) {
    if (const int error = rte_eth_tx_queue_setup(id_, queue, tx_descriptors, node, nullptr);
        error != 0) {
      return DpdkError(absl::StrCat("refuses transmit queue ", queue), name_, error);
    }
  }
  return absl::OkStatus();
}

Port::~Port() {
  if (started_) rte_eth_dev_stop(id_);
  rte_eth_dev_close(id_);
  rte_mempool_free(pool_);
}

PortStats Port::stats() const {
  PortStats out;
  rte_eth_stats stats = {};
  if (rte_eth_stats_get(id_, &stats) == 0) {
    out.packets = stats.ipackets;
    out.bytes = stats.ibytes;
    const uint64_t missed = stats.imissed + sockets_->Dropped();
    out.missed_at_start = std::min(missed, missed_at_start_.load());
    out.missed = missed - out.missed_at_start;
    out.errors = stats.ierrors;
    out.no_mbuf = stats.rx_nombuf;
    const int counted = std::min<int>(queues_, RTE_ETHDEV_QUEUE_STAT_CNTRS);
    for (int q = 0; q < counted; ++q) {
      out.queues.push_back({stats.q_ipackets[q], stats.q_ibytes[q], stats.q_errors[q]});
    }
  }
  rte_eth_link link = {};
  out.link_up =
      rte_eth_link_get_nowait(id_, &link) == 0 && link.link_status != 0 && sockets_->LinkUp();
  out.gone = sockets_->InterfaceGone();
  return out;
}

}  // namespace mailtap::dataplane

#include "app/mailtap/replay_workers.h"

#include <rte_pause.h>
#include <sched.h>

#include <atomic>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <mutex>
#include <thread>

#include "app/mailtap/worker_status.h"
#include "lib/net/decode.h"
#include "lib/net/hash.h"
#include "lib/pipeline/sample.h"

namespace mailtap::app {
namespace {

// Where StatusOf() and AddTo() count fragments that could not be placed.
constexpr std::size_t kFragment =
    static_cast<std::size_t>(net::Outcome::kFragment) - net::kFirstDropOutcome;

// Packets for a worker, copied where they lie in no piece of a capture.
struct Batch {
  static constexpr std::size_t kPackets = 512;
  static constexpr std::size_t kBytes = 512 * 1024;

  std::vector<pipeline::PacketView> views;
  std::vector<uint8_t> bytes;          // never grows past what was reserved, so they stay put
  std::vector<CapturePiece*> pieces;   // used by the views
  std::deque<net::EncapStack> outers;  // of views that have one; a deque's elements stay put

  Batch() {
    views.reserve(kPackets);
    bytes.reserve(kBytes);
  }
  bool Fits(std::size_t size) const {
    return views.size() < kPackets && bytes.size() + size <= kBytes;
  }
  ~Batch() { Clear(); }
  void Add(const pipeline::PacketView& packet, CapturePiece* piece) {
    views.push_back(packet);
    if (piece != nullptr) return Use(piece);
    if (packet.outer != nullptr) views.back().outer = &outers.emplace_back(*packet.outer);
    views.back().data = bytes.data() + bytes.size();
    bytes.insert(bytes.end(), packet.data, packet.data + packet.captured);
  }
  void Use(CapturePiece* piece) {
    if (!pieces.empty() && pieces.back() == piece) return;
    piece->Use();
    pieces.push_back(piece);
  }
  void Clear() {
    for (CapturePiece* piece : pieces) piece->Release();
    pieces.clear();
    views.clear();
    bytes.clear();
    outers.clear();
  }
};

// What a worker's thread is told to do: packets, or a tick's end.
struct Order {
  std::unique_ptr<Batch> batch;
  int64_t tick = 0;
  bool finish = false;
};

// On how many CPUs this process may run; hardware_concurrency() counts those of the machine,
// whatever taskset or a container leaves.
int Cpus() {
  cpu_set_t cpus;
  // It fails where there are more CPUs than the set can hold.
  return ::sched_getaffinity(0, sizeof(cpus), &cpus) == 0 ? CPU_COUNT(&cpus) : CPU_SETSIZE;
}

// Hands a worker's records to the control core, unless that knows what they say.
struct Applier {
  control::Control& control;
  const bool known;

  template <typename Record>
  void operator()(const Record& record) const {
    if (!known) control.Apply(record);
  }
  // Samples are in no checkpoint.
  void operator()(const meter::SampleRecord& record) const { control.Apply(record); }
  void operator()(const exchange::TickRecord&) const {}
};

}  // namespace

struct ReplayWorkers::Lane {
  std::unique_ptr<exchange::RecordRing> ring;
  std::unique_ptr<pipeline::Worker> worker;

  std::unique_ptr<Batch> filling = std::make_unique<Batch>();  // the caller's

  std::thread thread;  // none where one worker shares one CPU with the caller
  std::mutex mutex;    // guards all below
  std::condition_variable changed;
  std::deque<Order> orders;
  std::vector<std::unique_ptr<Batch>> spare;  // empty batches
  bool busy = false;                          // an order is being carried out
  bool stop = false;
  static constexpr std::size_t kMaxOrders = 8;
  std::atomic<bool> ordered = false;  // there are orders; also read without the lock
  // How often a worker looks for an order before it sleeps: some tenth of a millisecond, in
  // which a batch fills up. Waking it up for each takes the reader longer than filling it.
  int looks = 0;

  void Submit(Order order) {
    std::unique_lock lock(mutex);
    changed.wait(lock, [this] { return orders.size() < kMaxOrders; });
    orders.push_back(std::move(order));
    ordered.store(true, std::memory_order_release);
    changed.notify_all();
  }
  bool Idle() {
    const std::lock_guard lock(mutex);
    return orders.empty() && !busy;
  }
  void SendBatch() {
    if (filling->views.empty()) return;
    if (!thread.joinable()) {
      worker->Process(filling->views);
      return filling->Clear();
    }
    Order order;
    order.batch = std::move(filling);
    Submit(std::move(order));
    filling = EmptyBatch();
  }
  std::unique_ptr<Batch> EmptyBatch() {
    const std::lock_guard lock(mutex);
    if (spare.empty()) return std::make_unique<Batch>();
    std::unique_ptr<Batch> batch = std::move(spare.back());
    spare.pop_back();
    return batch;
  }
  // In a replay nothing waits for the next tick: the ring is drained until all is through.
  bool Closed(const Order& order) {
    return order.finish ? worker->Finish(order.tick) : worker->EndTick(order.tick);
  }
  void Loop();
};

void ReplayWorkers::Lane::Loop() {
  std::unique_lock lock(mutex);
  while (true) {
    if (orders.empty()) {
      lock.unlock();
      for (int i = 0; i < looks && !ordered.load(std::memory_order_acquire); ++i) rte_pause();
      lock.lock();
    }
    changed.wait(lock, [this] { return stop || !orders.empty(); });
    if (orders.empty()) return;
    Order order = std::move(orders.front());
    orders.pop_front();
    ordered.store(!orders.empty(), std::memory_order_relaxed);
    busy = true;
    lock.unlock();
    if (order.batch != nullptr) {
      worker->Process(order.batch->views);
      order.batch->Clear();
    } else {
      while (!Closed(order)) std::this_thread::yield();
    }
    lock.lock();
    if (order.batch != nullptr) spare.push_back(std::move(order.batch));
    busy = false;
    changed.notify_all();
  }
}

ReplayWorkers::ReplayWorkers(control::Control& control) : control_(control) {
  control_.Tell(known_servers_);
}

absl::StatusOr<std::unique_ptr<ReplayWorkers>> ReplayWorkers::Create(
    const config::Config& config, int workers, control::Control& control) {
  auto patterns = classify::PatternDatabase::Load();
  if (!patterns.ok()) return patterns.status();
  std::unique_ptr<ReplayWorkers> all(new ReplayWorkers(control));
  all->fragment_samples_left_ = config.diagnostics.samples;
  if (workers > 1) all->reassembler_ = std::make_unique<pipeline::Reassembler>(config);
  const int cpus = Cpus();
  for (int i = 0; i < workers; ++i) {
    auto lane = std::make_unique<Lane>();
    lane->ring = std::make_unique<exchange::RecordRing>(
        static_cast<std::size_t>(config.limits.ring_bytes));
    auto worker =
        pipeline::Worker::Create(config, *patterns, *lane->ring, &all->known_servers_);
    if (!worker.ok()) return worker.status();
    lane->worker = *std::move(worker);
    constexpr int kLooks = 4'000;
    lane->looks = workers < cpus ? kLooks : 0;
    if (workers > 1 || cpus > 1) {
      lane->thread = std::thread([raw = lane.get()] { raw->Loop(); });
    }
    all->lanes_.push_back(std::move(lane));
  }
  return all;
}

ReplayWorkers::~ReplayWorkers() {
  for (const auto& lane : lanes_) {
    if (!lane->thread.joinable()) continue;
    {
      const std::lock_guard lock(lane->mutex);
      lane->stop = true;
      lane->changed.notify_all();
    }
    lane->thread.join();
  }
}

void ReplayWorkers::Process(const pipeline::PacketView& packet, CapturePiece* piece) {
  if (lanes_.size() == 1) return Give(packet, 0, piece);
  net::Segment segment;
  segment.address_hash = 0;
  if (reassembler_->Decode(packet, segment) == net::Outcome::kFragment) {
    if (segment.cut && packet.whole()) ++cut_fragments_;
    unplaced_fragments_ += reassembler_->Add(
        segment, packet.time, [this](const pipeline::PacketView& whole) { GiveWhole(whole); });
    return;
  }
  Give(packet, segment.address_hash, piece);
}

void ReplayWorkers::GiveWhole(const pipeline::PacketView& packet) {
  net::Segment segment;
  segment.address_hash = 0;
  const net::Outcome outcome = reassembler_->Decode(packet, segment);
  if (outcome == net::Outcome::kFragment) {  // an example of those that could not be placed
    if (fragment_samples_left_ == 0) return;
    --fragment_samples_left_;
    return control_.Apply(pipeline::SampleOf(packet, outcome, *reassembler_));
  }
  Give(packet, segment.address_hash, nullptr);
}

// The lane depends on the addresses alone; see net::kSpreadBits.
void ReplayWorkers::Give(const pipeline::PacketView& packet, uint64_t address_hash,
                         CapturePiece* piece) {
  Lane& lane = *lanes_[(address_hash & net::kSpreadBits) % lanes_.size()];
  if (!lane.filling->Fits(piece != nullptr ? 0 : packet.captured)) lane.SendBatch();
  lane.filling->Add(packet, piece);
}

// True when something was drained.
bool ReplayWorkers::DrainAll(int64_t tick) {
  const bool known = tick <= skip_until_;
  bool any = false;
  for (const auto& lane : lanes_) any = lane->ring->Drain(Applier{control_, known}) != 0 || any;
  return any;
}

void ReplayWorkers::CloseTick(int64_t tick, bool finish,
                              const control::CaptureSample& captures) {
  if (reassembler_ != nullptr) {
    unplaced_fragments_ +=
        reassembler_->Expire(finish ? INT64_MAX : StartOfTick(tick + 1),
                             [this](const pipeline::PacketView& whole) { GiveWhole(whole); });
  }
  for (const auto& lane : lanes_) {
    lane->SendBatch();
    Order order;
    order.tick = tick;
    order.finish = finish;
    if (lane->thread.joinable()) {
      lane->Submit(std::move(order));
    } else {
      while (!lane->Closed(order)) DrainAll(tick);
    }
  }
  for (const auto& lane : lanes_) {
    while (!lane->Idle()) {
      if (!DrainAll(tick)) std::this_thread::yield();
    }
  }
  DrainAll(tick);
  if (tick <= skip_until_) return control_.PassTick(tick);
  control::CaptureSample sample = captures;
  for (const auto& lane : lanes_) AddTo(lane->worker->counters(), sample);
  sample.undecodable[kFragment].count += unplaced_fragments_;
  sample.snapped += cut_fragments_;
  control_.Observe(sample);
  control_.EndTick(tick);
  if (after_tick_) after_tick_(tick, finish);
}

void ReplayWorkers::EndTick(int64_t tick, const control::CaptureSample& captures) {
  CloseTick(tick, /*finish=*/false, captures);
}
void ReplayWorkers::Finish(int64_t tick, const control::CaptureSample& captures) {
  CloseTick(tick, /*finish=*/true, captures);
}

std::vector<exporting::WorkerStatus> ReplayWorkers::Statuses(
    const config::Limits& limits) const {
  std::vector<exporting::WorkerStatus> statuses;
  for (std::size_t i = 0; i < lanes_.size(); ++i) {
    statuses.push_back(
        StatusOf(static_cast<int>(i), lanes_[i]->worker->counters(), *lanes_[i]->ring, limits));
  }
  statuses[0].drops[kFragment].packets += unplaced_fragments_;
  statuses[0].cut_packets += cut_fragments_;
  return statuses;
}

int64_t ReplayWorkers::NextEventTick() const {
  int64_t next = INT64_MAX;
  for (const auto& lane : lanes_) next = std::min(next, lane->worker->NextEventTick());
  if (reassembler_ != nullptr && reassembler_->NextExpiry() != INT64_MAX) {
    next = std::min(next, TickOf(reassembler_->NextExpiry()));
  }
  return next;
}

}  // namespace mailtap::app

#include "app/mailtap/replay_workers.h"

#include <condition_variable>
#include <cstring>
#include <deque>
#include <mutex>
#include <thread>

#include "app/mailtap/worker_status.h"
#include "lib/net/decode.h"

namespace mailtap::app {
namespace {

// Where StatusOf() and AddTo() count fragments that could not be placed.
constexpr std::size_t kFragment =
    static_cast<std::size_t>(net::Outcome::kFragment) - net::kFirstDropOutcome;

// Packets copied for a worker with a thread of its own.
struct Batch {
  static constexpr std::size_t kPackets = 512;
  static constexpr std::size_t kBytes = 512 * 1024;

  std::vector<pipeline::PacketView> views;
  std::vector<uint8_t> bytes;
  std::deque<net::EncapStack> outers;  // of views that have one; a deque's elements stay put

  Batch() {
    views.reserve(kPackets);
    bytes.reserve(kBytes);
  }
  bool Fits(std::size_t size) const {
    return views.size() < kPackets && bytes.size() + size <= kBytes;
  }
  void Add(const pipeline::PacketView& packet) {
    views.push_back(packet);
    if (packet.outer != nullptr) views.back().outer = &outers.emplace_back(*packet.outer);
    bytes.insert(bytes.end(), packet.data, packet.data + packet.captured);
  }
  // The bytes may have moved while the batch grew; they lie in the packets' order.
  void PlaceViews() {
    const uint8_t* at = bytes.data();
    for (pipeline::PacketView& view : views) {
      view.data = at;
      at += view.captured;
    }
  }
};

// What a worker's thread is told to do: packets, or a tick's end.
struct Order {
  std::unique_ptr<Batch> batch;
  int64_t tick = 0;
  bool finish = false;
};

}  // namespace

struct ReplayWorkers::Lane {
  std::unique_ptr<exchange::RecordRing> ring;
  std::unique_ptr<pipeline::Worker> worker;

  // The rest only with a thread.
  std::unique_ptr<Batch> filling;  // the caller's
  std::thread thread;
  std::mutex mutex;  // guards all below
  std::condition_variable changed;
  std::deque<Order> orders;
  bool busy = false;  // an order is being carried out
  bool stop = false;
  static constexpr std::size_t kMaxOrders = 16;

  void Submit(Order order) {
    std::unique_lock lock(mutex);
    changed.wait(lock, [this] { return orders.size() < kMaxOrders; });
    orders.push_back(std::move(order));
    changed.notify_all();
  }
  bool Idle() {
    const std::lock_guard lock(mutex);
    return orders.empty() && !busy;
  }
  void SendBatch() {
    if (filling == nullptr || filling->views.empty()) return;
    Order order;
    order.batch = std::move(filling);
    Submit(std::move(order));
  }
  // In a replay nothing waits for the next tick: the ring is drained until all is through.
  void Close(const Order& order) {
    while (!(order.finish ? worker->Finish(order.tick) : worker->EndTick(order.tick))) {
      std::this_thread::yield();
    }
  }
  void Loop();
};

void ReplayWorkers::Lane::Loop() {
  std::unique_lock lock(mutex);
  while (true) {
    changed.wait(lock, [this] { return stop || !orders.empty(); });
    if (orders.empty()) return;
    Order order = std::move(orders.front());
    orders.pop_front();
    busy = true;
    lock.unlock();
    if (order.batch != nullptr) {
      order.batch->PlaceViews();
      worker->Process(order.batch->views);
    } else {
      Close(order);
    }
    lock.lock();
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
  if (workers > 1) all->reassembler_ = std::make_unique<pipeline::Reassembler>(config);
  for (int i = 0; i < workers; ++i) {
    auto lane = std::make_unique<Lane>();
    lane->ring = std::make_unique<exchange::RecordRing>(
        static_cast<std::size_t>(config.limits.ring_bytes));
    auto worker =
        pipeline::Worker::Create(config, *patterns, *lane->ring, &all->known_servers_);
    if (!worker.ok()) return worker.status();
    lane->worker = *std::move(worker);
    if (workers > 1) lane->thread = std::thread([raw = lane.get()] { raw->Loop(); });
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

void ReplayWorkers::Process(const pipeline::PacketView& packet) {
  if (lanes_.size() == 1) return lanes_[0]->worker->Process({&packet, 1});
  net::Segment segment;
  segment.address_hash = 0;
  if (reassembler_->Decode(packet, segment) == net::Outcome::kFragment) {
    unplaced_fragments_ += reassembler_->Add(
        segment, packet.time, [this](const pipeline::PacketView& whole) { GiveWhole(whole); });
    return;
  }
  Give(packet, segment.address_hash);
}

void ReplayWorkers::GiveWhole(const pipeline::PacketView& packet) {
  net::Segment segment;
  segment.address_hash = 0;
  reassembler_->Decode(packet, segment);
  Give(packet, segment.address_hash);
}

// The lane depends on the addresses alone; see flow::HandshakeTable for why on these bits.
void ReplayWorkers::Give(const pipeline::PacketView& packet, uint64_t address_hash) {
  Lane& lane = *lanes_[(address_hash & 0xff) % lanes_.size()];
  if (lane.filling != nullptr && !lane.filling->Fits(packet.captured)) lane.SendBatch();
  if (lane.filling == nullptr) lane.filling = std::make_unique<Batch>();
  lane.filling->Add(packet);
}

// True when something was drained.
bool ReplayWorkers::DrainAll() {
  struct Applier {
    control::Control& control;
    void operator()(const meter::DeltaRecord& record) const { control.Apply(record); }
    void operator()(const meter::NameRecord& record) const { control.Apply(record); }
    void operator()(const meter::SessionRecord& record) const { control.Apply(record); }
    void operator()(const meter::EncapRecord& record) const { control.Apply(record); }
    void operator()(const meter::SampleRecord& record) const { control.Apply(record); }
    void operator()(const exchange::TickRecord&) const {}
  };
  bool any = false;
  for (const auto& lane : lanes_) any = lane->ring->Drain(Applier{control_}) != 0 || any;
  return any;
}

void ReplayWorkers::CloseTick(int64_t tick, bool finish,
                              const control::CaptureSample& captures) {
  if (lanes_.size() == 1) {
    pipeline::Worker& worker = *lanes_[0]->worker;
    while (!(finish ? worker.Finish(tick) : worker.EndTick(tick))) DrainAll();
  } else {
    unplaced_fragments_ +=
        reassembler_->Expire(finish ? INT64_MAX : StartOfTick(tick + 1),
                             [this](const pipeline::PacketView& whole) { GiveWhole(whole); });
    for (const auto& lane : lanes_) {
      lane->SendBatch();
      Order order;
      order.tick = tick;
      order.finish = finish;
      lane->Submit(std::move(order));
    }
    for (const auto& lane : lanes_) {
      while (!lane->Idle()) {
        if (!DrainAll()) std::this_thread::yield();
      }
    }
  }
  DrainAll();
  control::CaptureSample sample = captures;
  for (const auto& lane : lanes_) AddTo(lane->worker->counters(), sample);
  sample.undecodable[kFragment].count += unplaced_fragments_;
  control_.Observe(sample);
  control_.EndTick(tick);
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

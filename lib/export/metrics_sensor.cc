// Families of the sensor itself: ports, queues, workers, rings, sinks, build.
#include <cstdint>
#include <map>
#include <string>

#include "absl/strings/str_cat.h"
#include "lib/export/metrics.h"

namespace mailtap::exporting {
namespace {

void AddProcess(const SensorStatus& s, MetricFamilies& f) {
  f.Gauge("mailtap_build_info", "1; the labels say what is running.")
      .Add({MetricLabel("version", s.version), MetricLabel("compiler", s.compiler),
            MetricLabel("dpdk", s.dpdk)},
           1.0);
  if (s.start_time != 0) {
    f.Gauge("mailtap_start_time_seconds", "When the sensor started, in seconds since 1970.")
        .Add({}, static_cast<double>(s.start_time) / kNanosPerSecond);
    f.Gauge("mailtap_clock_offset_seconds",
            "By how much the system's clock is ahead of the sensor's, which follows it without "
            "a step.")
        .Add({}, static_cast<double>(s.clock_offset) / kNanosPerSecond);
  }
}

using PortField = uint64_t (*)(const PortStatus&);

void AddByPort(const SensorStatus& s, MetricFamilyBuilder family, PortField field) {
  for (const PortStatus& port : s.ports) {
    family.Add(
        {MetricLabel("port", absl::StrCat(port.port)), MetricLabel("device", port.device)},
        field(port));
  }
}

void AddPorts(const SensorStatus& s, MetricFamilies& f) {
  AddByPort(s, f.Counter("mailtap_port_packets_total", "Packets received from a mirror port."),
            [](const PortStatus& p) { return p.packets; });
  AddByPort(s,
            f.Counter("mailtap_port_bytes_total",
                      "Bytes of the frames received from a mirror port, as its driver counts "
                      "them: what is left of those that it cut, some with their checksums."),
            [](const PortStatus& p) { return p.bytes; });
  AddByPort(s,
            f.Counter("mailtap_port_missed_packets_total",
                      "Packets that the port lost because no receive descriptor was free: the "
                      "workers are too slow or a burst was too long."),
            [](const PortStatus& p) { return p.missed; });
  AddByPort(s,
            f.Counter("mailtap_port_missed_at_start_packets_total",
                      "Packets that the port lost while the sensor started, before its workers "
                      "ran; they are not among the missed."),
            [](const PortStatus& p) { return p.missed_at_start; });
  AddByPort(s,
            f.Counter("mailtap_port_no_mbuf_total",
                      "Receive attempts that failed because the packet pool was empty."),
            [](const PortStatus& p) { return p.no_mbuf; });
  AddByPort(s,
            f.Counter("mailtap_port_errors_total",
                      "Damaged frames that the port dropped (bad checksum, too long, short)."),
            [](const PortStatus& p) { return p.errors; });
  AddByPort(s, f.Gauge("mailtap_port_up", "1 while the port has a link, else 0."),
            [](const PortStatus& p) { return uint64_t{p.link_up}; });
}

using QueueField = uint64_t (*)(const QueueStatus&);

void AddByQueue(const SensorStatus& s, MetricFamilyBuilder family, QueueField field) {
  for (const PortStatus& port : s.ports) {
    for (const QueueStatus& queue : port.queues) {
      family.Add({MetricLabel("port", absl::StrCat(port.port)),
                  MetricLabel("queue", absl::StrCat(queue.queue))},
                 field(queue));
    }
  }
}

void AddQueues(const SensorStatus& s, MetricFamilies& f) {
  AddByQueue(s, f.Counter("mailtap_queue_packets_total", "Packets received from a queue."),
             [](const QueueStatus& q) { return q.packets; });
  AddByQueue(
      s,
      f.Counter("mailtap_queue_bytes_total",
                "Bytes of the frames received from a queue, as the port's driver counts them."),
      [](const QueueStatus& q) { return q.bytes; });
  AddByQueue(s,
             f.Counter("mailtap_queue_dropped_packets_total",
                       "Packets that the hardware dropped at a queue; 0 where the driver does "
                       "not count by queue."),
             [](const QueueStatus& q) { return q.dropped; });
}

using WorkerField = uint64_t (*)(const WorkerStatus&);

MetricLabels WorkerLabels(const WorkerStatus& worker) {
  return {MetricLabel("worker", absl::StrCat(worker.worker))};
}

void AddByWorker(const SensorStatus& s, MetricFamilyBuilder family, WorkerField field) {
  for (const WorkerStatus& worker : s.workers) family.Add(WorkerLabels(worker), field(worker));
}

void AddWorkers(const SensorStatus& s, MetricFamilies& f) {
  AddByWorker(s, f.Counter("mailtap_worker_packets_total", "Packets that a worker looked at."),
              [](const WorkerStatus& w) { return w.packets; });
  AddByWorker(s,
              f.Counter("mailtap_worker_bytes_total",
                        "Bytes of the packets that a worker looked at, as long as port or "
                        "capture say that they were on the wire."),
              [](const WorkerStatus& w) { return w.bytes; });
  AddByWorker(s,
              f.Counter("mailtap_worker_mail_packets_total",
                        "Packets of mail sessions among those that a worker looked at."),
              [](const WorkerStatus& w) { return w.mail_packets; });
  AddByWorker(s,
              f.Counter("mailtap_worker_cut_packets_total",
                        "Packets of which only the start was there: captured short, too long "
                        "for the port, or cut by the mirror."),
              [](const WorkerStatus& w) { return w.snapped_packets + w.cut_packets; });
}

void AddRings(const SensorStatus& s, MetricFamilies& f) {
  AddByWorker(
      s,
      f.Counter("mailtap_ring_full_total",
                "Ticks of which some records had to wait because the ring from a worker "
                "to the control core was full; none is lost."),
      [](const WorkerStatus& w) { return w.ring_full; });
  AddByWorker(s,
              f.Gauge("mailtap_ring_used_bytes",
                      "Bytes waiting in the ring from a worker to the control core."),
              [](const WorkerStatus& w) { return w.ring_used_bytes; });
  AddByWorker(s,
              f.Gauge("mailtap_ring_capacity_bytes",
                      "Size of the ring from a worker to the control core."),
              [](const WorkerStatus& w) { return w.ring_capacity_bytes; });
}

void AddWorkerTicks(const SensorStatus& s, MetricFamilies& f) {
  auto family = f.Gauge("mailtap_worker_last_tick_timestamp_seconds",
                        "End of the last tick that a worker closed, in seconds since 1970; it "
                        "stands still when the worker has stalled.");
  for (const WorkerStatus& worker : s.workers) {
    if (worker.last_tick == 0) continue;
    family.Add(WorkerLabels(worker), static_cast<double>(worker.last_tick) / kNanosPerSecond);
  }
}

using TableField = uint64_t (*)(const TableStatus&);

void AddByTable(const SensorStatus& s, MetricFamilyBuilder family, TableField field) {
  for (const WorkerStatus& worker : s.workers) {
    for (const TableStatus& table : worker.tables) {
      MetricLabels labels = WorkerLabels(worker);
      labels.push_back(MetricLabel("table", table.name));
      family.Add(std::move(labels), field(table));
    }
  }
}

void AddTables(const SensorStatus& s, MetricFamilies& f) {
  AddByTable(s, f.Gauge("mailtap_worker_table_entries", "Entries in use in a worker's table."),
             [](const TableStatus& t) { return t.used; });
  AddByTable(s,
             f.Gauge("mailtap_worker_table_capacity",
                     "Entries that a worker's table has room for (see [limits])."),
             [](const TableStatus& t) { return t.capacity; });
}

void AddWorkerDrops(const SensorStatus& s, MetricFamilies& f) {
  auto family = f.Counter("mailtap_worker_dropped_packets_total",
                          "Packets that a worker could not look into or did not need to, by "
                          "reason; of full_..., how often that table had no room.");
  for (const WorkerStatus& worker : s.workers) {
    for (const DropCount& drop : worker.drops) {
      MetricLabels labels = WorkerLabels(worker);
      labels.push_back(MetricLabel("reason", drop.reason));
      family.Add(std::move(labels), drop.packets);
    }
  }
}

// The sum over workers, in a family of its own: it does not depend on their number.
void AddDrops(const SensorStatus& s, MetricFamilies& f) {
  std::map<std::string, uint64_t> by_reason;
  for (const WorkerStatus& worker : s.workers) {
    for (const DropCount& drop : worker.drops) by_reason[drop.reason] += drop.packets;
  }
  auto family = f.Counter("mailtap_dropped_packets_total",
                          "Packets that were received and not looked into, by reason; of "
                          "full_..., how often that table had no room. All workers together.");
  for (const auto& [reason, packets] : by_reason) {
    family.Add({MetricLabel("reason", reason)}, packets);
  }
}

// By worker it would tell nothing more.
void AddMismatches(const SensorStatus& s, MetricFamilies& f) {
  std::map<std::string, uint64_t> by_kind;
  for (const WorkerStatus& worker : s.workers) {
    for (const MismatchCount& count : worker.mismatches) by_kind[count.kind] += count.flows;
  }
  auto family = f.Counter("mailtap_port_content_mismatch_total",
                          "Flows whose content contradicts their port: no mail on a mail port, "
                          "or mail on the port of something else.");
  for (const auto& [kind, flows] : by_kind) family.Add({MetricLabel("kind", kind)}, flows);
}

using SinkField = uint64_t (*)(const SinkStatus&);

void AddBySink(const SensorStatus& s, MetricFamilyBuilder family, SinkField field) {
  for (const SinkStatus& sink : s.sinks) {
    family.Add({MetricLabel("sink", sink.name)}, field(sink));
  }
}

void AddSinks(const SensorStatus& s, MetricFamilies& f) {
  AddBySink(s, f.Counter("mailtap_sink_written_total", "Alert messages that a sink delivered."),
            [](const SinkStatus& x) { return x.written; });
  AddBySink(
      s,
      f.Counter("mailtap_sink_dropped_total",
                "Alert messages that a sink lost: its queue was full or they could not be "
                "delivered."),
      [](const SinkStatus& x) { return x.dropped; });
  AddBySink(s, f.Counter("mailtap_sink_errors_total", "Failed attempts of a sink to deliver."),
            [](const SinkStatus& x) { return x.errors; });
  AddBySink(s, f.Gauge("mailtap_sink_queue_length", "Alert messages waiting in a sink."),
            [](const SinkStatus& x) { return x.queued; });
  AddBySink(s,
            f.Gauge("mailtap_sink_queue_capacity", "Alert messages that a sink's queue holds."),
            [](const SinkStatus& x) { return x.queue_capacity; });
}

}  // namespace

void AddSensorFamilies(const SensorStatus& status, MetricFamilies& families) {
  AddProcess(status, families);
  AddStateFamilies(status, families);
  AddPorts(status, families);
  AddQueues(status, families);
  AddWorkers(status, families);
  AddRings(status, families);
  AddWorkerTicks(status, families);
  AddTables(status, families);
  AddWorkerDrops(status, families);
  AddDrops(status, families);
  AddMismatches(status, families);
  AddSinks(status, families);
}

}  // namespace mailtap::exporting

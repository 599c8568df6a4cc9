"""Compares a live run's metrics with those of the same packets' replay.

usage: compare.py REPLAY.prom LIVE.prom ARRIVED [--lossy | --unordered]

ARRIVED packets crossed the sensor's interfaces by the kernel's own count: those sent, and now and
then a few that a kernel sends by itself. Each has to be received or counted as dropped by a port.
Where none was dropped, the mail counters have to be the same; with --lossy something has to have
been dropped. With --unordered, two ports deliver the directions, so that an acknowledgement may
overtake what it acknowledges: volumes, sessions and messages are still the same, but not all bytes
are observed.
"""
import re
import sys

SAMPLE = re.compile(r"^(\w+)(?:\{(.*)\})? (\S+)$")
EQUAL = ("mailtap_mail_bytes_total", "mailtap_mail_sessions_total", "mailtap_messages_total",
         "mailtap_messages_rejected_total")
EQUAL_IN_ORDER = ("mailtap_mail_packets_total", "mailtap_mail_inferred_bytes_total")
DROPPED = ("mailtap_port_missed_packets_total", "mailtap_port_missed_at_start_packets_total",
           "mailtap_port_errors_total", "mailtap_port_no_mbuf_total")

STRAY = 16  # packets that kernels may send by themselves


def read(path):
    """family -> labels -> value"""
    families = {}
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            if found := SAMPLE.match(line):
                families.setdefault(found[1], {})[found[2] or ""] = float(found[3])
    return families


def total(families, name):
    return sum(families.get(name, {}).values())


def differences(name, replay, live):
    return [f"{name}{{{labels}}}: {live.get(labels)} instead of {replay.get(labels)}"
            for labels in sorted(replay.keys() | live.keys())
            if live.get(labels) != replay.get(labels)]


def main():
    replay, live = read(sys.argv[1]), read(sys.argv[2])
    lossy = "--lossy" in sys.argv
    faults = []
    sent = total(replay, "mailtap_port_packets_total")
    arrived = int(sys.argv[3])
    received = total(live, "mailtap_port_packets_total")
    looked_at = total(live, "mailtap_worker_packets_total")
    dropped = sum(total(live, name) for name in DROPPED)
    print(f"sent {sent:.0f}, arrived {arrived}, received {received:.0f}, looked at {looked_at:.0f}, "
          f"dropped {dropped:.0f}")
    if sent == 0 or not sent <= arrived <= sent + STRAY:
        faults.append(f"{arrived - sent:.0f} packets more arrived than were sent")
    if received + dropped != arrived:
        faults.append(f"{arrived - received - dropped:.0f} packets are neither received nor dropped")
    if looked_at != received:
        faults.append(f"{received - looked_at:.0f} received packets were not looked at")
    if lossy:
        if dropped == 0:
            faults.append("nothing was dropped: the test shows nothing")
    elif dropped:
        faults.append("packets were dropped at a rate that one core can take")
    else:
        for name in EQUAL + EQUAL_IN_ORDER:
            print(f"{name}: {total(replay, name):.0f}, live {total(live, name):.0f}")
            if name in EQUAL or "--unordered" not in sys.argv:
                faults += differences(name, replay.get(name, {}), live.get(name, {}))
        if total(replay, "mailtap_mail_bytes_total") == 0:
            faults.append("the traffic holds no mail")
    for fault in faults:
        print(f"NOT AS EXPECTED: {fault}")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()

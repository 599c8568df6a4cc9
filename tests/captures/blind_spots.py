"""Blind spots raise alerts and clear them when arithmetic says so; a good mirror raises none.

Four ports: one that falls silent for a while; one on which packets are cut short, and frames come
whose encapsulation can't be opened; one that loses packets; one that shows one direction only. Then
tables that are too small for the mail.
"""
import collections
import dataclasses
import datetime
import pathlib
import re
import tempfile

import lib

CONFIG = """
[sensor]
name = "test"
[networks]
internal = ["10.0.0.0/8", "fd00::/8"]
"""
WINDOW = HOLD = 60  # seconds; of loss and one-way mail too, see main
for kind in ("loss", "one_way"):
    CONFIG += f'[blind_spots.{kind}]\nwindow = "{WINDOW}s"\n'
START = int(datetime.datetime(2026, 1, 5, 9, tzinfo=datetime.timezone.utc).timestamp())
LENGTH = 840
SILENT = (180, 330)        # seconds in which the first port carries nothing
CUT, UNKNOWN = (60, 90), (400, 420)
ONE_WAY, LOSSY = (210, 270), (480, 540)
HEADERS = 96  # bytes that hold any frame's headers here
MACSEC = bytes.fromhex("88e5")


def traffic(folder, name, seconds, *options):
    """A capture of the seconds from `seconds[0]` to `seconds[1]` after START."""
    start = datetime.datetime.fromtimestamp(START + seconds[0], datetime.timezone.utc)
    count = 150 * (seconds[1] - seconds[0])
    capture, _ = lib.generate(folder, "--packets", count, "--rate", 150, "--flows", 20,
                              "--hosts", 20, "--mail-share", 60, "--odd-ports", 0, "--start",
                              start.strftime("%Y-%m-%dT%H:%M:%SZ"), *options, name=name)
    return capture


def second(packet):
    return packet.time // 10**9 - START


def within(packet, span):
    return span[0] <= second(packet) < span[1]


def silent_port(folder):
    """Two captures in one file, so that no session lacks anything."""
    before = traffic(folder, "before", (0, SILENT[0]), "--seed", 1)
    after = traffic(folder, "after", (SILENT[1], LENGTH), "--seed", 6)
    packets = lib.read_pcap(before)[1] + lib.read_pcap(after)[1]
    capture = folder / "silent.pcap"
    capture.write_bytes(lib.pcap_bytes(lib.ETHERNET, packets))
    return capture, packets


def bad_port(folder):
    """Every tenth packet is cut short, later every tenth comes with an unknown wrapping."""
    capture = traffic(folder, "bad", (0, LENGTH), "--seed", 2)
    link, packets = lib.read_pcap(capture)
    out = []
    for number, packet in enumerate(packets):
        if number % 10 == 0 and within(packet, CUT) and len(packet.data) > HEADERS:
            packet = dataclasses.replace(packet, data=packet.data[:HEADERS])
        out.append(packet)
        if number % 10 == 0 and within(packet, UNKNOWN):
            hidden = packet.data[:12] + MACSEC + packet.data[14:]
            out.append(dataclasses.replace(packet, data=hidden))
    capture.write_bytes(lib.pcap_bytes(link, out))
    return capture, out


def judged(values, raise_at, clear_below):
    """(raised, cleared): the second's end at which a value by second raises and clears an alert."""
    raised = below = None
    for at, value in enumerate(values):
        if raised is None:
            raised = at + 1 if value >= raise_at else None
            continue
        below = (below if below is not None else at) if value < clear_below else None
        if below is not None and at - below >= HOLD:
            return raised, at + 1
    return raised, None


def shares(packets, bad):
    """By second: bad packets over all, within the window."""
    whole, part = collections.Counter(), collections.Counter()
    for packet in packets:
        whole[second(packet)] += 1
        part[second(packet)] += bad(packet)
    for at in range(LENGTH):
        span = range(at - WINDOW + 1, at + 1)
        total = sum(whole[i] for i in span)
        yield sum(part[i] for i in span) / total if total >= 1000 else 0


def silences(packets):
    """By second: how long the port has carried nothing."""
    busy, last = {second(packet) for packet in packets}, 0
    for at in range(LENGTH):
        last = at if at in busy else last
        yield at - last


def changes(done):
    """rule -> [(state, seconds after START)]"""
    found = collections.defaultdict(list)
    for alert in done.alerts:
        time = datetime.datetime.fromisoformat(alert["time"].replace("Z", "+00:00"))
        found[alert["rule"]].append((alert["state"], int(time.timestamp()) - START))
    return found


def about(checks, rule, found, *spans):
    """Raised while it happened, cleared once it had left the window for the hold."""
    if not checks.equal([state for state, _ in found], ["raised", "cleared"] * len(spans), rule):
        return
    settle = 15  # a gap counts as lost after 3 s; a closed session is kept for 10 s
    for (start, end), (_, raised), (_, cleared) in zip(spans, found[::2], found[1::2]):
        checks.expect(start < raised <= end + settle, f"{rule} raised at {raised}")
        checks.expect(end + HOLD < cleared <= end + WINDOW + HOLD + settle,
                      f"{rule} cleared at {cleared}")


def full_tables(checks, folder):
    """Whichever table is full: the alert and the metric tell of the same mail, and once."""
    capture, _ = lib.generate(folder, "--packets", 100_000, "--rate", 120_000, "--flows", 9000,
                              "--mail-share", 100, "--odd-ports", 0, "--hosts", 5000, "--message-size", "2kB",
                              "--start", "2026-01-05T09:00:00Z", name="many")
    for table in ("sessions", "conversations"):
        done = lib.replay(folder / table, [capture], f"{CONFIG}[limits]\n{table} = 1024\n",
                          outputs=("alerts", "report", "metrics"))
        unattributed = sum(row["bytes_up"] + row["bytes_down"] for row in done.report["totals"]
                           if row["verdict"] == "unattributed")
        metric = sum(int(line.split()[-1]) for line in done.files["metrics"].decode().splitlines()
                     if line.startswith("mailtap_mail_bytes_total{")
                     and 'verdict="unattributed"' in line)
        checks.expect(unattributed > 100_000, f"{table}: mail without hosts: {unattributed}")
        checks.equal(metric, unattributed, f"{table}: the metric")
        raised = [alert["summary"] for alert in done.alerts
                  if (alert["rule"], alert["state"]) == ("blind_spot:table_full", "raised")]
        told = re.search(r"and ([\d.]+) ([kM])B of mail could not", " ".join(raised))
        if checks.expect(told, f"{table}: {raised}"):
            told = float(told[1]) * {"k": 1e3, "M": 1e6}[told[2]]
            checks.expect(abs(told / unattributed - 1) < 0.01, f"{table}: {told} of {unattributed}")


def main():
    checks = lib.Checks()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        good = traffic(folder, "good", (0, 300), "--seed", 5, "--duplicate", 100, "--copy", "ttl",
                       "--reorder", 10, "--retransmit", 5)
        done = lib.replay(folder / "good", [good], CONFIG, outputs=("alerts",))
        checks.equal(done.alerts, [], "alerts on a mirror that loses nothing")

        (silent, first), (bad, second_port) = silent_port(folder), bad_port(folder)
        lossy = traffic(folder, "lossy", LOSSY, "--seed", 3, "--lose", 20)
        one_way = traffic(folder, "one_way", ONE_WAY, "--seed", 4, "--one-way", "up")
        packets = first + second_port + lib.read_pcap(lossy)[1] + lib.read_pcap(one_way)[1]
        done = lib.replay(folder / "bad", [silent, bad, lossy, one_way], CONFIG,
                          outputs=("alerts",))
        ports = {alert["port"] for alert in done.alerts if "silent" in alert["rule"]}
        checks.equal(ports, {str(silent)}, "silent ports")
        full_tables(checks, folder)

    found = changes(done)
    for rule, values, raise_at, clear_below in (
            ("silent_port", silences(first), 60, 30),
            ("snapped", shares(packets, lambda p: len(p.data) < p.wire_length), 0.01, 0.005),
            ("undecodable", shares(packets, lambda p: p.data[12:14] == MACSEC), 0.01, 0.005)):
        raised, cleared = judged(values, raise_at, clear_below)
        checks.expect(raised and cleared, f"{rule}: the traffic gives cause for an alert")
        checks.equal(found.pop(f"blind_spot:{rule}", []),
                     [("raised", raised), ("cleared", cleared)], rule)
    about(checks, "one_way", found.pop("blind_spot:one_way", []), ONE_WAY)
    # Of one-way mail half the bytes are known from acknowledgments alone.
    about(checks, "loss", found.pop("blind_spot:loss", []), ONE_WAY, LOSSY)
    checks.equal(dict(found), {}, "other alerts")
    checks.finish()


if __name__ == "__main__":
    main()

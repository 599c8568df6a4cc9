"""Relays by name, out of files, on trial and with a last day, over whole captures.

The capture holds what a mirror shows of five clients: answers of two name servers over UDP and
TCP, and SMTP sessions to servers that they named or not. Every verdict follows from who answered
what; the result is the same for any number of workers.
"""
import datetime
import ipaddress
import pathlib
import struct
import tempfile

import lib

RESOLVER, STRANGER = "10.0.0.53", "10.0.0.54"
BERLIN_MIDNIGHT = int(datetime.datetime(2026, 6, 30, 22, tzinfo=datetime.timezone.utc).timestamp())
START = BERLIN_MIDNIGHT - 120
CONFIG = f"""
[sensor]
name = "test"
timezone = "Europe/Berlin"
[networks]
internal = ["10.0.0.0/8"]
[dns]
resolvers = ["{RESOLVER}"]
grace = "10s"
[[relay]]
name = "cloud"
names = ["*.relay.example"]
direction = "outbound"
[[relay]]
name = "trial"
destinations = ["198.51.100.40"]
mode = "observe"
[[relay]]
name = "migration"
owner = "messaging team"
destinations = ["198.51.100.50"]
expires = 2026-06-30
[[relay_file]]
name = "feed"
path = "feed.txt"
[[relay_file]]
name = "list"
path = "list.csv"
"""
FEED = "# by address, or by name\n198.51.100.60\nfeed.example\n"
LIST = "name,destinations,ports,ticket\nbranch,198.51.100.70,25;2525,C-7\n"


def ipv4(source, destination, protocol, payload):
    addresses = b"".join(ipaddress.ip_address(a).packed for a in (source, destination))
    header = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(payload), 0, 0, 64, protocol, 0)
    return bytes(12) + b"\x08\x00" + header + addresses + payload


def dns_name(name):
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"


def dns_answer(names, address, ttl=60):
    """A response to the question for names[0], which leads to the others and the address."""
    records = b""
    for name, target in zip(names, names[1:]):
        data = dns_name(target)
        records += dns_name(name) + struct.pack(">HHIH", 5, 1, ttl, len(data)) + data
    records += dns_name(names[-1]) + struct.pack(">HHIH", 1, 1, ttl, 4)
    records += ipaddress.ip_address(address).packed
    return (struct.pack(">HHHHHH", 7, 0x8180, 1, len(names), 0, 0) + dns_name(names[0]) +
            struct.pack(">HH", 1, 1) + records)


class Mirror:
    """Packets as they pass, at a second after START."""

    def __init__(self):
        self.packets = []

    def add(self, second, frame):
        time = (START + second) * 10**9 + len(self.packets) * 1000
        self.packets.append(lib.Packet(time, frame, len(frame)))

    def answer(self, second, names, address, by=RESOLVER, client="10.1.0.1"):
        message = dns_answer(names, address)
        udp = struct.pack(">HHHH", 53, 40000, 8 + len(message), 0) + message
        self.add(second, ipv4(by, client, 17, udp))

    def talk(self, second, client, server, port, turns):
        """A TCP connection; turns are (from client?, bytes)."""
        numbers, ends = [1000, 5000], [(client, 40000 + second), (server, port)]

        def send(side, flags, payload=b""):
            (source, source_port), (destination, destination_port) = ends[side], ends[1 - side]
            tcp = struct.pack(">HHIIBBHHH", source_port, destination_port, numbers[side],
                              numbers[1 - side] if flags & 0x10 else 0, 0x50, flags, 65535, 0, 0)
            self.add(second, ipv4(source, destination, 6, tcp + payload))
            numbers[side] += len(payload) + (1 if flags & 3 else 0)

        send(0, 0x02)
        send(1, 0x12)
        send(0, 0x10)
        for from_client, payload in turns:
            send(0 if from_client else 1, 0x18, payload)
        send(0, 0x11)
        send(1, 0x11)
        send(0, 0x10)

    def mail(self, second, client, server, port=25):
        self.talk(second, client, server, port, [
            (False, b"220 mx.relay.example ESMTP\r\n"), (True, b"EHLO host.example\r\n"),
            (False, b"250 mx.relay.example\r\n"), (True, b"QUIT\r\n"), (False, b"221 bye\r\n")])

    def answer_by_tcp(self, second, names, address):
        message = dns_answer(names, address)
        stream = struct.pack(">H", len(message)) + message
        self.talk(second, "10.1.0.1", RESOLVER, 53,
                  [(True, b"\0\x03abc"), (False, stream[:1]), (False, stream[1:20]),
                   (False, stream[20:])])


def capture(folder):
    """The capture, and of each session its client, server, verdict and relay."""
    mirror, wanted = Mirror(), []

    def mail(second, client, server, verdict, relay, port=25):
        mirror.mail(second, client, server, port)
        wanted.append((client, server, verdict, relay))

    external = "unapproved_external"
    mirror.answer(0, ["mx.relay.example"], "198.51.100.10")
    mail(1, "10.1.0.1", "198.51.100.10", "approved", "cloud")
    # By an alias, and in the same second as its answer.
    mail(2, "10.1.0.2", "198.51.100.11", "approved", "cloud")
    mirror.answer(2, ["mail.corp.example", "tenant.relay.example"], "198.51.100.11")
    mirror.answer_by_tcp(3, ["imap.relay.example"], "198.51.100.12")
    mail(4, "10.1.0.3", "198.51.100.12", "approved", "cloud")
    # Who is no resolver can't name; a name of another zone doesn't count.
    mirror.answer(5, ["mx.relay.example"], "198.51.100.66", by=STRANGER)
    mail(6, "10.1.0.4", "198.51.100.66", external, None)
    mirror.answer(7, ["mx.relay.example.evil.example"], "198.51.100.67")
    mail(8, "10.1.0.4", "198.51.100.67", external, None)
    mail(9, "10.1.0.5", "198.51.100.40", external, None)
    mail(10, "10.1.0.5", "198.51.100.60", "approved", "feed")
    mirror.answer(11, ["feed.example"], "198.51.100.61")
    mail(12, "10.1.0.5", "198.51.100.61", "approved", "feed")
    mail(13, "10.1.0.5", "198.51.100.70", "approved", "list: branch", 2525)
    mail(14, "10.1.0.5", "198.51.100.50", "approved", "migration")
    # Over before midnight, though its record comes after it.
    mail(118, "10.1.0.6", "198.51.100.50", "approved", "migration")
    mail(121, "10.1.0.5", "198.51.100.50", external, None)
    # Its server's name comes once it is over, and before its record.
    mail(130, "10.1.0.6", "198.51.100.13", external, None)
    mirror.answer(135, ["mx.relay.example"], "198.51.100.13")
    # The first name's time is over: 60 s and 10 s of grace, and the pause of the session.
    mail(3000, "10.1.0.1", "198.51.100.10", external, None)
    path = folder / "names.pcap"
    path.write_bytes(lib.pcap_bytes(lib.ETHERNET, mirror.packets))
    return path, wanted


def by_verdict(rows, *keys):
    sums = {}
    for row in rows:
        before = sums.get(row["verdict"], (0,) * len(keys))
        sums[row["verdict"]] = tuple(a + row[key] for a, key in zip(before, keys))
    return {verdict: total for verdict, total in sums.items() if any(total)}


def main():
    checks = lib.Checks()
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        path, wanted = capture(folder)
        # In one place: the configuration's version tells where its files are.
        (folder / "feed.txt").write_text(FEED, encoding="utf-8")
        (folder / "list.csv").write_text(LIST, encoding="utf-8")
        runs = {}
        for workers in (1, 2, 5):
            runs[workers] = lib.replay(folder, [path], CONFIG, workers,
                                       ("flows", "alerts", "report", "metrics"))
            checks.equal(runs[workers].status, 0, f"exit status with {workers} workers")
        run = runs[1]
        flows = [(flow["client"], flow["server"], flow["verdict"], flow["relay"])
                 for flow in run.flows]
        checks.equal(sorted(flows, key=str), sorted(wanted, key=str), "verdicts and relays")
        for name in ("flows", "alerts"):
            for workers in (2, 5):
                checks.equal(runs[workers].files[name], run.files[name],
                             f"{name} with {workers} workers")
        checks.equal(by_verdict(run.report["totals"], "sessions", "bytes_up"),
                     by_verdict([{**flow, "sessions": 1} for flow in run.flows], "sessions",
                                "bytes_up"), "sessions and bytes by verdict, of report and flows")
        expired = [alert for alert in run.alerts if alert["rule"] == "relay:expired"]
        checks.equal([(a["time"], a["state"], a["relay"], a["hosts"]) for a in expired],
                     [("2026-06-30T22:00:00.000000Z", "raised", "migration", ["10.1.0.5", "10.1.0.6"])],
                     "alerts on the entry whose last day was over")
        relays = {relay["name"]: relay for relay in run.report["relays"]}
        checks.equal({name: relay["sessions"] for name, relay in relays.items()},
                     {"cloud": 3, "trial": 1, "migration": 2, "feed": 2, "list: branch": 1},
                     "sessions by relay entry")
        checks.equal(relays["trial"]["mode"], "observe", "the mode of the entry on trial")
        checks.equal(relays["list: branch"]["ticket"], "C-7", "the ticket out of the file")
        metrics = run.files["metrics"].decode()
        for line in ('mailtap_dns_answers_total{result="learnt"} 7',
                     'mailtap_dns_answers_total{result="ignored"} 1',
                     'mailtap_relay_sessions_total{relay="cloud"} 3'):
            checks.expect(line in metrics.splitlines(), f"metric {line}")
    checks.finish()


if __name__ == "__main__":
    main()

"""Reads a capture with tshark and puts its TCP connections together again.

Nothing here is shared with the generator or the sensor: decoding is tshark's, and volumes are
unions of sequence ranges.
"""

import subprocess
from collections import defaultdict

FIELDS = [
    "frame.time_epoch", "frame.protocols", "ip.src", "ip.dst", "ipv6.src", "ipv6.dst",
    "tcp.srcport", "tcp.dstport", "tcp.seq_raw", "tcp.len", "tcp.flags", "ip.checksum.status",
    "tcp.checksum.status", "udp.checksum.status", "icmp.checksum.status",
    "icmpv6.checksum.status", "_ws.malformed", "tls.handshake.extensions_server_name",
    "tls.handshake.type", "tcp.analysis.retransmission", "tcp.analysis.lost_segment",
    "tcp.analysis.out_of_order", "tcp.analysis.ack_lost_segment", "tcp.analysis.duplicate_ack",
    "frame.len", "frame.cap_len",
]
# Sequence analysis that has nothing to find in a clean capture.
TROUBLE = [field for field in FIELDS if field.startswith("tcp.analysis.")]
CHECKSUMS = [field for field in FIELDS if field.endswith(".checksum.status")]
DECODE_AS = [
    "tcp.port==2525,smtp", "tcp.port==8025,smtp", "tcp.port==10143,imap", "tcp.port==10110,pop",
    "tcp.port==2465,tls", "tcp.port==10993,tls", "tcp.port==10995,tls", "tcp.port==8443,tls",
    "mpls.label==1001,pwethnocw", "mpls.label==1002,pwethcw",
]
SYN, RST, ACK = 2, 4, 16


def packets(path):
    """The capture's frames, each a dict of field to its values, innermost last."""
    command = ["tshark", "-n", "-r", path, "-T", "fields", "-E", "separator=/t", "-E",
               "occurrence=a", "-E", "aggregator=;"]
    for protocol in ("tcp", "ip", "udp"):
        command += ["-o", f"{protocol}.check_checksum:TRUE"]
    for rule in DECODE_AS:
        command += ["-d", rule]
    for field in FIELDS:
        command += ["-e", field]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                               text=True)
    for line in process.stdout:
        values = line.rstrip("\n").split("\t")
        yield {field: value.split(";") for field, value in zip(FIELDS, values) if value}
    assert process.wait() == 0, f"tshark failed on {path}"


def addresses(packet):
    """Source and destination of the innermost IP header."""
    inner = [p for p in packet["frame.protocols"][-1].split(":") if p in ("ip", "ipv6")][-1]
    return packet[f"{inner}.src"][-1], packet[f"{inner}.dst"][-1]


class Half:
    """What one end of a connection sent."""

    def __init__(self):
        self.isn = None
        self.segments = []  # sequence number and length
        self.packets = 0

    def add(self, seq, length, flags):
        self.packets += 1
        if flags & SYN:
            self.isn = seq
        if length:
            self.segments.append((seq, length))

    def covered(self, limit=1 << 32):
        """How many different bytes up to `limit` were sent, and how many segments lie beyond."""
        total = end = beyond = 0
        # Numbers count from the first payload byte; the SYN may come after it in a bad capture.
        starts = sorted(((seq - self.isn - 1) % (1 << 32), length)
                        for seq, length in self.segments)
        for low, length in starts:
            high = low + length
            if high > limit:
                beyond += 1
                continue
            total += max(0, high - max(low, end))
            end = max(end, high)
        return total, beyond


class Connection:
    def __init__(self, first):
        self.first = self.last = first
        self.ends = {}  # by (address, port)
        self.client = None
        self.protocols = set()
        self.names = []
        self.hellos = 0
        self.reset = False

    def add(self, packet, source, destination):
        self.last = packet["frame.time_epoch"][0]
        flags = int(packet["tcp.flags"][-1], 16)
        if flags & SYN and not flags & ACK:
            self.client = self.client or source
        for end in (source, destination):
            self.ends.setdefault(end, Half())
        self.ends[source].add(int(packet["tcp.seq_raw"][-1]), int(packet["tcp.len"][-1]), flags)
        self.reset |= bool(flags & RST)
        self.protocols |= set(packet["frame.protocols"][-1].split(":"))
        self.names += packet.get("tls.handshake.extensions_server_name", [])
        self.hellos += packet.get("tls.handshake.type", []).count("1")


class Capture:
    """A capture's connections by (client, client port, server, server port), in order."""

    def __init__(self, path):
        self.frames = 0
        self.trouble = defaultdict(int)
        self.bad_checksums = self.malformed = 0
        self.times = []
        self.cut = 0
        self.connections = defaultdict(list)
        open_ones = {}
        for packet in packets(path):
            self.frames += 1
            self.times.append(packet["frame.time_epoch"][0])
            self.malformed += "_ws.malformed" in packet
            self.cut += packet["frame.len"] != packet["frame.cap_len"]
            self.bad_checksums += any("0" in packet.get(field, []) for field in CHECKSUMS)
            if "tcp.srcport" not in packet:
                continue
            # A SYN that nobody answers is sent again in the cleanest of captures.
            if not int(packet["tcp.flags"][-1], 16) & SYN:
                for field in TROUBLE:
                    self.trouble[field] += field in packet
            source, destination = addresses(packet)
            source = (source, int(packet["tcp.srcport"][-1]))
            destination = (destination, int(packet["tcp.dstport"][-1]))
            key = frozenset((source, destination))
            if key not in open_ones:
                open_ones[key] = Connection(packet["frame.time_epoch"][0])
            open_ones[key].add(packet, source, destination)
        for key, connection in open_ones.items():
            client = connection.client or min(key, key=lambda end: -end[1])
            server = next(end for end in key if end != client)
            self.connections[client + server] = connection


class Transactions:
    """Counts accepted and refused SMTP transactions in a clear dialogue, read in order.

    RFC 5321, with RFC 2920 (replies pair with commands in order) and RFC 3030 (BDAT).
    """

    def __init__(self):
        self.accepted = self.refused = 0
        self.waiting = ["greeting"]  # commands without a reply
        self.recipients = {True: 0, False: 0}  # of the open transaction, by whether accepted
        self.lines = {True: b"", False: b""}  # begun, by whether the client's
        self.chunk = 0
        self.text = self.challenge = self.sealed = False

    def add(self, from_client, data):
        while data and not self.sealed:
            if from_client and self.chunk:
                taken = min(self.chunk, len(data))
                self.chunk -= taken
                data = data[taken:]
                continue
            if from_client and self.text:
                return
            head, newline, data = data.partition(b"\n")
            line = self.lines[from_client] + head + newline
            self.lines[from_client] = b"" if newline else line
            if newline and from_client:
                self.command(line.decode().split())
            elif newline and line[3:4] == b" ":
                self.reply(int(line[:3]))

    def command(self, words):
        if self.challenge:
            self.challenge = False
            return
        self.waiting.append(" ".join(words) if words[0] == "BDAT" else words[0])
        if words[0] == "BDAT":
            self.chunk = int(words[1])

    def reply(self, code):
        if code == 334:
            self.challenge = True
            return
        ok = code // 100 == 2
        command = self.waiting.pop(0)
        if code == 354:
            self.text = True
            self.waiting.insert(0, "text")
        elif command == "text" or command.endswith(" LAST"):
            self.text = False
            self.close(ok)
        elif command == "STARTTLS":
            self.sealed = ok
        elif command == "MAIL" and not ok:
            self.close(False)
        elif command == "RCPT" and code != 503:
            self.recipients[ok] += 1
        elif command == "DATA" and code != 503:
            self.close(False)
        elif command == "RSET" and self.recipients[False] and not self.recipients[True]:
            self.close(False)

    def close(self, ok):
        self.accepted += ok
        self.refused += not ok
        self.recipients = {True: 0, False: 0}


def smtp_transactions(path):
    """(accepted, refused) of each clear SMTP connection in an undisturbed capture."""
    ports = " || ".join(f"tcp.port == {port}" for port in (25, 587, 2525, 8025))
    fields = ["tcp.srcport", "tcp.dstport", "tcp.stream", "tcp.payload"]
    command = ["tshark", "-n", "-r", path, "-Y", f"({ports}) && tcp.len > 0", "-T", "fields"]
    for field in ["ip.src", "ip.dst", "ipv6.src", "ipv6.dst", *fields]:
        command += ["-e", field]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    dialogues = {}
    for line in output.splitlines():
        v4_from, v4_to, v6_from, v6_to, source, destination, stream, payload = line.split("\t")
        # The server's greeting is the first thing that is said.
        client = (v4_to or v6_to, int(destination))
        server = (v4_from or v6_from, int(source))
        key, dialogue = dialogues.setdefault(stream, (client + server, Transactions()))
        dialogue.add(key[:2] == server, bytes.fromhex(payload))
    return {key: (d.accepted, d.refused) for key, d in dialogues.values()}

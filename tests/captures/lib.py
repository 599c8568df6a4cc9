"""What the capture tests share: running mailtap, captures as Python values, and verdicts.

Each test is a script that meson runs with MAILTAP and MAILTAP_GEN in its environment. It ends
with status 0, 1 where something was not as expected (every such thing is printed), or 77 where
it could not run, saying why.
"""
import dataclasses
import ipaddress
import json
import os
import pathlib
import re
import struct
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
REAL = HERE / "real"
SKIPPED = 77

# Tables are small, so that starting several hundred times takes no time.
LIMITS = """
[limits]
sessions = 16384
conversations = 16384
handshakes = 16384
dialogues = 4096
holes = 16384
reorder_buffers = 512
ring = "4MiB"
"""
# Every address is internal, so that each session is judged.
CONFIG = """
[sensor]
name = "test"
[networks]
internal = ["0.0.0.0/0", "::/0"]
""" + LIMITS


def skip(reason):
    print(f"SKIPPED: {reason}")
    sys.exit(SKIPPED)


class Checks:
    """Counts expectations; `finish` prints what was not met and ends the process."""

    def __init__(self):
        self.met = 0
        self.unmet = []

    def expect(self, condition, message):
        if condition:
            self.met += 1
        else:
            self.unmet.append(message)
            print(f"NOT AS EXPECTED: {message}")
        return bool(condition)

    def equal(self, got, wanted, what):
        return self.expect(got == wanted, f"{what}: got {got!r}, expected {wanted!r}")

    def finish(self):
        print(f"{self.met} expectations met, {len(self.unmet)} not")
        sys.exit(1 if self.unmet else 0)


# --- running the programs -------------------------------------------------------------------

def program(variable):
    """The program that the environment variable names."""
    path = os.environ.get(variable)
    if not path:
        sys.exit(f"{variable} is not set; run by `meson test`")
    return path


@dataclasses.dataclass
class Replay:
    """One run of `mailtap replay`: exit status, what it printed, and its files' bytes."""
    status: int
    stdout: str
    stderr: str
    files: dict

    @property
    def flows(self):
        return [json.loads(line) for line in self.files.get("flows", b"").splitlines()]

    @property
    def alerts(self):
        return [json.loads(line) for line in self.files.get("alerts", b"").splitlines()]

    @property
    def report(self):
        return json.loads(self.files["report"])


def replay(folder, captures, config=CONFIG, workers=1, outputs=("flows",), stdin=None,
           timeout=300):
    """Replays `captures` with the configuration text; its files go to `folder`, made if need
    be. A run that dies of a signal ends the test."""
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.toml").write_text(config, encoding="utf-8")
    command = [program("MAILTAP"), "replay", *map(str, captures), "--config",
               folder / "config.toml", "--no-progress", "--workers", str(workers)]
    for output in outputs:
        command += [f"--{output}", folder / output]
    done = subprocess.run(command, capture_output=True, stdin=stdin or subprocess.DEVNULL,
                          timeout=timeout, check=False)
    if done.returncode < 0:
        sys.exit(f"{command}: ended by signal {-done.returncode}\n"
                 f"{done.stderr[-4000:].decode(errors='replace')}")
    files = {output: (folder / output).read_bytes() for output in outputs
             if (folder / output).exists()}
    return Replay(done.returncode, done.stdout.decode(), done.stderr.decode(), files)


def generate(folder, *options, name="generated"):
    """Runs mailtap-gen; returns the capture's path and its truth, one dict a session."""
    folder = pathlib.Path(folder)
    capture, truth = folder / f"{name}.pcap", folder / f"{name}.truth.jsonl"
    subprocess.run([program("MAILTAP_GEN"), "--out", capture, "--truth", truth,
                    *map(str, options)], check=True, stdout=subprocess.DEVNULL)
    return capture, read_lines(truth)


def read_lines(path):
    """A JSONL file's objects."""
    with open(path, encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


# --- sessions -------------------------------------------------------------------------------

def address(text):
    """One spelling for every address."""
    return str(ipaddress.ip_address(text))


# What --flows says of a session's messages.
MESSAGES = ("messages", "rejected", "rejected_4xx", "rejected_5xx", "recipients", "message_bytes",
            "appended_bytes", "fetched_bytes", "retrievals", "retrieved_bytes")


def endpoints(flow):
    """(client, client port, server, server port) of a --flows line or of a truth."""
    return (address(flow["client"]), flow["client_port"],
            address(flow["server"]), flow["server_port"])


def metric_families(text):
    """Prometheus text as {family: sorted samples}; comments are left out."""
    families = {}
    for line in text.splitlines():
        if line and not line.startswith("#"):
            families.setdefault(re.match(r"[\w:]+", line)[0], []).append(line)
    return {name: sorted(samples) for name, samples in families.items()}


# --- captures -------------------------------------------------------------------------------

ETHERNET, RAW_IP, NULL, SLL, SLL2, LOOP = 1, 101, 0, 113, 276, 108
MICRO, NANO = 0xA1B2C3D4, 0xA1B23C4D


@dataclasses.dataclass
class Packet:
    """A captured packet; `time` in nanoseconds since 1970."""
    time: int
    data: bytes
    wire_length: int


def read_pcap(path):
    """(link type, packets) of a little-endian pcap file."""
    content = pathlib.Path(path).read_bytes()
    magic, _, _, _, _, _, link = struct.unpack_from("<IHHiIII", content)
    assert magic in (MICRO, NANO), f"{path}: no pcap of this byte order"
    unit = 1000 if magic == MICRO else 1
    packets, at = [], 24
    while at < len(content):
        seconds, fraction, captured, wire = struct.unpack_from("<IIII", content, at)
        packets.append(Packet(seconds * 10**9 + fraction * unit,
                              content[at + 16:at + 16 + captured], wire))
        at += 16 + captured
    return link, packets


def pcap_bytes(link, packets, magic=MICRO, order="<"):
    """The packets as a pcap file."""
    unit = 1000 if magic == MICRO else 1
    parts = [struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, 262144, link)]
    for packet in packets:
        seconds, rest = divmod(packet.time, 10**9)
        parts.append(struct.pack(order + "IIII", seconds, rest // unit, len(packet.data),
                                 packet.wire_length) + packet.data)
    return b"".join(parts)


def pcapng_block(kind, body):
    body += bytes(-len(body) % 4)
    size = struct.pack("<I", len(body) + 12)
    return struct.pack("<I", kind) + size + body + size


def pcapng_bytes(interfaces, packets):
    """A pcapng file. `interfaces`: (link type, snap length, digits of the time stamps); `packets`:
    (interface, Packet)."""
    parts = [pcapng_block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))]
    for link, snap, digits in interfaces:
        resolution = struct.pack("<HHB3xHH", 9, 1, digits, 0, 0)
        parts.append(pcapng_block(1, struct.pack("<HHI", link, 0, snap) + resolution))
    for interface, packet in packets:
        ticks = packet.time // 10 ** (9 - interfaces[interface][2])
        parts.append(pcapng_block(6, struct.pack(
            "<IIIII", interface, ticks >> 32, ticks & 0xFFFFFFFF, len(packet.data),
            packet.wire_length) + packet.data))
    return b"".join(parts)


def with_link(packets, link):
    """Ethernet packets with another link layer of the same IP packets."""
    def header(ether_type, incoming):
        version = {0x0800: 2, 0x86DD: 10}[ether_type]
        return {RAW_IP: b"",
                NULL: struct.pack("<I", version),   # in the capturing machine's byte order
                LOOP: struct.pack(">I", version),
                SLL: struct.pack(">HHH8sH", 0 if incoming else 4, 1, 6, bytes(8), ether_type),
                SLL2: struct.pack(">HHIHBB8s", ether_type, 0, 2, 1, 0 if incoming else 4, 6,
                                  bytes(8))}[link]
    out = []
    for number, packet in enumerate(packets):
        ether_type = struct.unpack_from(">H", packet.data, 12)[0]
        if ether_type not in (0x0800, 0x86DD):
            continue
        data = header(ether_type, number % 2) + packet.data[14:]
        out.append(Packet(packet.time, data, packet.wire_length - len(packet.data) + len(data)))
    return out

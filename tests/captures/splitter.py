"""A dialogue is judged the same however it is cut into segments.

usage: splitter.py [FOLDER]

Takes the mail dialogues of the captures in real/ and, where FOLDER is given, of the public
captures, and plays each again: as recorded, cut at every one of the first 200 bytes of both
directions, and with these bytes one by one. What is reported must not differ.
"""
import collections
import concurrent.futures
import ipaddress
import pathlib
import struct
import sys
import tempfile

import lib
from compare_truth import public_captures, real_captures

CUTS = 200
LONGEST = 12_000  # bytes of a direction that are played
BATCH = 16        # dialogues in one replay
COMPARED = ("service", "evidence", "tls", "sni", *lib.MESSAGES, "bytes_up", "bytes_down",
            "inferred_up", "inferred_down", "established")
SYN, ACK, PUSH, FIN = 2, 16, 8, 1


def segments(capture):
    """(client, port, server, port) -> [(from client, sequence number, payload)] of its TCP."""
    try:
        link, packets = lib.read_pcap(capture)
    except (AssertionError, ValueError, struct.error):
        return {}
    found = collections.defaultdict(list)
    if link != lib.ETHERNET:
        return found
    for packet in packets:
        data = packet.data
        kind = data[12:14]
        if kind == b"\x08\x00" and data[23:24] == b"\x06":
            head, total = 14 + (data[14] & 15) * 4, 14 + int.from_bytes(data[16:18], "big")
            ends = data[26:30], data[30:34]
        elif kind == b"\x86\xdd" and data[20:21] == b"\x06":
            head, total = 54, 54 + int.from_bytes(data[18:20], "big")
            ends = data[22:38], data[38:54]
        else:
            continue
        if len(data) < total or len(data) < head + 20:
            continue
        source, target, sequence = struct.unpack_from(">HHI", data, head)
        sender, receiver = (str(ipaddress.ip_address(end)) for end in ends)
        payload = data[head + (data[head + 12] >> 4) * 4:total]
        if payload:
            found[sender, source, receiver, target].append((True, sequence, payload))
            found[receiver, target, sender, source].append((False, sequence, payload))
    return found


def dialogue(pieces):
    """[(from client, payload)] in order, without what comes again; None where there are gaps."""
    following, lengths, out = {}, collections.Counter(), []
    for up, sequence, payload in pieces:
        skip = (following.get(up, sequence) - sequence) % 2**32
        if skip >= 2**31:
            return None
        payload = payload[skip:]
        if not payload:
            continue
        following[up] = (sequence + skip + len(payload)) % 2**32
        if lengths[up] < LONGEST:
            out.append((up, payload))
        lengths[up] += len(payload)
    return out


def dialogues(captures):
    """[(server port, pieces)] of the flows that are sure to be mail, each different one once."""
    found = {}
    for capture, flows in captures.items():
        held = segments(capture)
        for flow in flows:
            if flow.kind == "mail" and flow.exact and flow.ends in held:
                pieces = dialogue(held[flow.ends])
                if pieces and len({up for up, _ in pieces}) == 2:
                    found[flow.ends[3], tuple(pieces)] = (flow.ends[3], pieces)
    return list(found.values())


def cut(pieces, version):
    """The pieces with another cut in each direction; version 0 leaves them, CUTS + 1 makes single
    bytes."""
    passed, out = collections.Counter(), []
    for up, payload in pieces:
        start = passed[up]
        passed[up] += len(payload)
        if version > CUTS:
            single = max(min(CUTS - start, len(payload)), 0)
            out += [(up, payload[i:i + 1]) for i in range(single)]
            payload = payload[single:]
        elif start < version < start + len(payload):
            out.append((up, payload[:version - start]))
            payload = payload[version - start:]
        if payload:
            out.append((up, payload))
    return out


def play(number, version, port, pieces, start):
    """The dialogue as packets of a connection of its own."""
    client = bytes((10, number, version, 1))
    server = bytes((192, 0, 2, 1 + number))
    following = {True: 1_000, False: 5_000_000}
    packets = []

    def send(up, flags, payload=b""):
        ends = (client, server) if up else (server, client)
        ports = (40_000, port) if up else (port, 40_000)
        tcp = struct.pack(">HHIIBBHHH", *ports, following[up],
                          following[not up] if flags & ACK else 0, 5 << 4, flags, 65_535, 0, 0)
        ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 40 + len(payload), len(packets) + 1, 0x4000, 64,
                         6, 0, *ends)
        data = b"\2\0\0\0\0\1\2\0\0\0\0\2\x08\0" + ip + tcp + payload
        packets.append(lib.Packet(start + 10_000 * len(packets), data, len(data)))
        following[up] += len(payload) + (1 if flags & (SYN | FIN) else 0)

    send(True, SYN)
    send(False, SYN | ACK)
    send(True, ACK)
    for up, payload in pieces:
        send(up, PUSH | ACK, payload)
    send(True, FIN | ACK)
    send(False, FIN | ACK)
    send(True, ACK)
    return packets


def run(folder, batch):
    """(dialogue, version) -> what is reported of it"""
    packets, now = [], 1_700_000_000 * 10**9
    for number, (port, pieces) in enumerate(batch):
        for version in range(CUTS + 2):
            packets += play(number, version, port, cut(pieces, version), now)
            now = packets[-1].time + 10**7
    folder.mkdir()
    capture = folder / "cut.pcap"
    capture.write_bytes(lib.pcap_bytes(lib.ETHERNET, packets))
    found = collections.defaultdict(list)
    for flow in lib.replay(folder / "replay", [capture]).flows:
        _, number, version, _ = ipaddress.ip_address(flow["client"]).packed
        found[number, version].append({name: flow[name] for name in COMPARED})
    capture.unlink()
    return found


def main():
    folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 and sys.argv[1] else None
    captures = real_captures() | (public_captures(folder) if folder else {})
    if not folder:
        print("without the public captures, which were not given (meson option `captures`)")
    checks = lib.Checks()
    lines = dialogues(captures)
    batches = [lines[i:i + BATCH] for i in range(0, len(lines), BATCH)]
    with tempfile.TemporaryDirectory() as name, concurrent.futures.ProcessPoolExecutor(2) as pool:
        runs = pool.map(run, [pathlib.Path(name) / str(i) for i in range(len(batches))], batches)
        played = 0
        for batch, found in zip(batches, runs):
            for number, (port, pieces) in enumerate(batch):
                whole = found[number, 0]
                what = f"port {port}, {pieces[0][1][:40]!r}..."
                checks.equal(len(whole), 1, f"{what}: sessions as recorded")
                for version in range(1, CUTS + 2):
                    played += 1
                    if not checks.equal(found[number, version], whole, f"{what}: cut {version}"):
                        break
    checks.expect(len(lines) > 40, f"{len(lines)} dialogues")
    print(f"{len(lines)} dialogues, {played} ways of cutting them")
    checks.finish()


if __name__ == "__main__":
    main()

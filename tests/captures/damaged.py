"""Captures that are cut off, garbled or not captures at all: a clear message, everything before
the damage counted, and an exit status that says so."""
import gzip
import pathlib
import struct
import tempfile

import lib

SOURCE = lib.REAL / "smtp_clear.pcap"
NOTHING_DONE, INCOMPLETE = 1, 2
OUTPUTS = ("flows", "report")
OTHER_ORDER = "a second section of another byte order"


def at_packet(packets, number):
    """Where the record of packet `number` begins in a pcap file."""
    return 24 + sum(16 + len(packet.data) for packet in packets[:number])


def cut_captures(packets):
    """name -> (bytes, whole packets before the damage)"""
    whole = lib.pcap_bytes(lib.ETHERNET, packets)
    middle = len(packets) // 2
    start = at_packet(packets, middle)
    huge = struct.pack("<IIII", 0, 0, 0x7FFFFFFF, 0x7FFFFFFF)
    ng = lib.pcapng_bytes([(lib.ETHERNET, 262144, 6)], [(0, packet) for packet in packets])
    ng_start = len(lib.pcapng_bytes([(lib.ETHERNET, 262144, 6)],
                                    [(0, packet) for packet in packets[:middle]]))
    prefix = [(0, packet) for packet in packets[:middle]]
    other = (1, packets[middle])
    return {
        "cut within a packet": (whole[:start + 40], middle),
        "cut within a packet's header": (whole[:start + 7], middle),
        "cut within the first packet": (whole[:24 + 20], 0),
        "garbage in place of a packet": (whole[:start] + b"\xff" * 4000, middle),
        "a length beyond all bounds": (whole[:start] + huge + whole[start:], middle),
        "pcapng cut within a block": (ng[:ng_start + 30], middle),
        "pcapng with garbage": (ng[:ng_start] + b"\xff" * 4000, middle),
        "a second interface of another link type": (lib.pcapng_bytes(
            [(lib.ETHERNET, 262144, 6)], prefix) + second_interface(lib.RAW_IP, 262144, other),
            middle),
        "a second interface of another snap length": (lib.pcapng_bytes(
            [(lib.ETHERNET, 262144, 6)], prefix) + second_interface(lib.ETHERNET, 96, other),
            middle),
        OTHER_ORDER: (ng[:ng_start] + struct.pack(
            ">IIIHHqI", 0x0A0D0D0A, 28, 0x1A2B3C4D, 1, 0, -1, 28), middle),
    }


def second_interface(link, snap, packet):
    """The blocks of an interface that turns up late, and of its packet."""
    one = lib.pcapng_bytes([(lib.ETHERNET, 1, 6)], [])
    return lib.pcapng_bytes([(lib.ETHERNET, 1, 6), (link, snap, 6)], [packet])[len(one):]


def not_captures(packets):
    """name -> (bytes, words that the message holds)"""
    whole = lib.pcap_bytes(lib.ETHERNET, packets)
    return {
        "an empty file": (b"", []),
        "text": (b"this is no capture\n" * 50, []),
        "half a file header": (whole[:11], []),
        "a gzip file": (gzip.compress(whole), ["gzip"]),
        "an unknown link type": (lib.pcap_bytes(147, packets[:3]), ["link type"]),
        "802.11": (lib.pcap_bytes(105, packets[:3]), ["link type", "802_11",
                   "Ethernet, raw IP, null/loopback, PPP, Linux SLL and SLL2"]),
    }


def check_cut(checks, folder, name, content, before, packets):
    path = folder / "damaged.pcap"
    path.write_bytes(content)
    done = lib.replay(folder / "got", [path], outputs=OUTPUTS)
    said = done.stdout + done.stderr
    checks.equal(done.status, INCOMPLETE, f"{name}: exit status")
    checks.equal(said.count(f"{path}: damaged after {before} packets"), 1,
                 f"{name}: told once in {said!r}")
    checks.equal(said.count(str(path)), 1, f"{name}: told of nothing else in {said!r}")
    checks.equal(done.report["packets"], before, f"{name}: packets counted")
    damage = done.report["captures"][0]["damage"]
    checks.expect(damage, f"{name}: damage in the report")
    checks.equal("not supported" in damage, name == OTHER_ORDER, f"{name}: {damage}")
    (folder / "clean.pcap").write_bytes(lib.pcap_bytes(lib.ETHERNET, packets[:before]))
    clean = lib.replay(folder / "clean", [folder / "clean.pcap"], outputs=OUTPUTS)
    checks.equal(clean.status, 0, f"{name}: exit status without the damage")
    checks.expect(clean.files["flows"] == done.files["flows"], f"{name}: flows before the damage")
    checks.expect(before == 0 or done.flows, f"{name}: there are flows before the damage")


def check_beside_good(checks, folder, packets):
    """A damaged capture takes nothing from another one beside it."""
    (folder / "damaged.pcap").write_bytes(lib.pcap_bytes(lib.ETHERNET, packets)[:2000])
    other = lib.REAL / "pop3_clear.pcap"
    done = lib.replay(folder / "got", [folder / "damaged.pcap", other], outputs=OUTPUTS)
    alone = lib.replay(folder / "alone", [other], outputs=OUTPUTS)
    checks.equal(done.status, INCOMPLETE, "beside a good capture: exit status")
    checks.equal([flow for flow in done.flows if flow["service"] == "pop3"], alone.flows,
                 "beside a good capture: its flows")
    checks.equal(done.report["captures"][1]["packets"], alone.report["packets"],
                 "beside a good capture: its packets")


def main():
    checks = lib.Checks()
    _, packets = lib.read_pcap(SOURCE)
    with tempfile.TemporaryDirectory() as text:
        folder = pathlib.Path(text)
        for name, (content, before) in cut_captures(packets).items():
            check_cut(checks, folder, name, content, before, packets)
        for name, (content, words) in not_captures(packets).items():
            path = folder / "none.pcap"
            path.write_bytes(content)
            done = lib.replay(folder / "none", [path])
            checks.equal(done.status, NOTHING_DONE, f"{name}: exit status")
            for word in [str(path), *words]:
                checks.expect(word.lower() in done.stderr.lower(),
                              f"{name}: {word!r} in {done.stderr!r}")
        (folder / "packed").write_bytes(gzip.compress(SOURCE.read_bytes()))
        with (folder / "packed").open("rb") as packed:
            done = lib.replay(folder / "none", ["-"], stdin=packed)
        checks.equal(done.status, NOTHING_DONE, "gzip on standard input: exit status")
        checks.expect("standard input is gzip-compressed" in done.stderr
                      and "zcat -" not in done.stderr, f"gzip on standard input: {done.stderr!r}")
        for path in (folder / "missing.pcap", folder):
            done = lib.replay(folder / "none", [path])
            checks.equal(done.status, NOTHING_DONE, f"{path}: exit status")
            checks.expect(str(path) in done.stderr, f"{path}: named in {done.stderr!r}")
        (folder / "header.pcap").write_bytes(lib.pcap_bytes(lib.ETHERNET, []))
        done = lib.replay(folder / "none", [folder / "header.pcap"], outputs=OUTPUTS)
        checks.equal((done.status, done.flows, done.report["packets"]), (0, [], 0),
                     "a capture without packets")
        check_beside_good(checks, folder, packets)
    checks.finish()


if __name__ == "__main__":
    main()

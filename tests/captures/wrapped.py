"""Recorded mail gives the same sessions in every encapsulation, whole, cut into IP fragments, and
cut short before it is wrapped.

usage: wrapped.py WRAP [FOLDER]

Takes the captures in real/ and, where FOLDER is given, the public captures that hold mail straight
on Ethernet. All are replayed at once: what a session reports must be the same but for its `encap`.
"""
import collections
import concurrent.futures
import json
import pathlib
import struct
import subprocess
import sys
import tempfile

import lib

KINDS = ("", "vlan", "svlan,vlan", "etag", "vntag", "mpls", "mpls,mpls", "mpls-eth", "mpls-cw",
         "pppoe", "gre", "gre/6", "gre-full", "gre-eth", "nvgre", "erspan1", "erspan2", "erspan3",
         "erspan3-platform", "vxlan", "vxlan/6", "vxlan-gpe", "geneve", "ipip", "ipip/6", "gtpu",
         "gtpu-ext", "ah", "vlan,vxlan,vlan,gre/6")
FRAGMENT = 96
# Bytes of a frame that a mirror leaves, what goes before it, and what it has more than before.
KEPT = 200
MIRRORS = (("erspan2", 50, 0), ("erspan3", 54, 0), ("vxlan", 50, 0), ("vxlan,mpls", 50, 4),
           ("erspan2,vlan", 50, 4))
TUNNELS = (17, 47)  # protocols of the outer packet
ETHERNET_STACKS = ("eth:ip", "eth:ipv6")


def public_captures(folder):
    """Those with mail that nothing is wrapped around yet, and with all of its bytes."""
    rows = collections.defaultdict(list)
    for row in lib.read_lines(folder / "truth_flows.jsonl"):
        rows[row["file"]].append(row)
    return [folder / name for name, flows in rows.items()
            if any(row["label"] and row["label"]["kind"] == "mail" for row in flows)
            and all(stack in ETHERNET_STACKS for row in flows for stack in row["encap"])
            and not any(row["truncated_pkts"] for row in flows)]


def ethernet(capture):
    """Whether it is a plain capture of Ethernet, by its file header."""
    head = capture.read_bytes()[:24]
    order = {b"\xd4\xc3\xb2\xa1": "little", b"\xa1\xb2\xc3\xd4": "big",
             b"\x4d\x3c\xb2\xa1": "little", b"\xa1\xb2\x3c\x4d": "big"}.get(head[:4])
    return order is not None and int.from_bytes(head[20:24], order) == lib.ETHERNET


def sessions(done, encap=None):
    """What is reported, without `encap`; and how many sessions lack the `encap` given."""
    flows = done.flows
    other = sum(1 for flow in flows if flow["encap"] != encap) if encap is not None else 0
    lines = collections.Counter(
        json.dumps({key: value for key, value in flow.items() if key != "encap"}, sort_keys=True)
        for flow in flows)
    return lines, other


def run(folder, wrap, captures, kind, fragment):
    folder.mkdir()
    tags = subprocess.run([wrap, kind, str(fragment), folder, *captures], check=True,
                          capture_output=True, text=True).stdout.split()
    wrapped = [folder / f"{number}.pcap" for number in range(len(captures))]
    done = lib.replay(folder / "replay", wrapped)
    for capture in wrapped:
        capture.unlink()
    return sessions(done, tags)


def snapped(folder, captures):
    """The captures with the start of each frame alone."""
    folder.mkdir()
    paths = []
    for number, capture in enumerate(captures):
        link, packets = lib.read_pcap(capture)
        for packet in packets:
            packet.data = packet.data[:KEPT]
        paths.append(folder / f"{number}.pcap")
        paths[-1].write_bytes(lib.pcap_bytes(link, packets))
    return paths


def cut_short(folder, wrap, captures, kind, before, more):
    """As a mirror wraps frames that it has cut: the sessions, and how many packets were cut."""
    folder.mkdir()
    tags = subprocess.run([wrap, kind, "0", folder, *captures], check=True,
                          capture_output=True, text=True).stdout.split()
    wrapped = [folder / f"{number}.pcap" for number in range(len(captures))]
    size, cut = before + KEPT + more, 0
    for capture in wrapped:
        link, packets = lib.read_pcap(capture)
        for packet in packets:
            if packet.data[12:14] != b"\x08\x00" or packet.data[23] not in TUNNELS:
                packet.data = packet.data[:KEPT]  # what could not be wrapped
            if len(packet.data) <= size:
                continue
            packet.data = packet.data[:16] + struct.pack(">H", size - 14) + packet.data[18:size]
            packet.wire_length = size
            cut += 1
        capture.write_bytes(lib.pcap_bytes(link, packets))
    done = lib.replay(folder / "replay", wrapped, outputs=("flows", "report"))
    return *sessions(done, tags), done.report["cut_packets"], cut


def check_mirrors(checks, folder, wrap, captures):
    wanted, _ = sessions(lib.replay(folder / "short", snapped(folder / "snapped", captures)))
    for kind, before, more in MIRRORS:
        got, other, counted, cut = cut_short(folder / kind, wrap, captures, kind, before, more)
        checks.equal(sorted(wanted - got)[:1], [], f"{kind}, cut short: a session is missing")
        checks.equal(sorted(got - wanted)[:1], [], f"{kind}, cut short: a session is another")
        checks.equal(other, 0, f"{kind}, cut short: sessions with another encap")
        checks.expect(cut > 0, f"{kind}, cut short: packets to cut")
        checks.equal(counted, cut, f"{kind}, cut short: packets that count as cut")


def main():
    wrap = sys.argv[1]
    captures = sorted(lib.REAL.glob("*.pcap"))
    if len(sys.argv) > 2 and sys.argv[2]:
        captures += public_captures(pathlib.Path(sys.argv[2]))
    else:
        print("without the public captures, which were not given (meson option `captures`)")
    captures = [capture for capture in captures if ethernet(capture)]
    checks = lib.Checks()
    with tempfile.TemporaryDirectory() as name, concurrent.futures.ThreadPoolExecutor(2) as pool:
        folder = pathlib.Path(name)
        wanted, _ = sessions(lib.replay(folder / "plain", captures))
        print(f"{len(captures)} captures, {wanted.total()} sessions")
        checks.expect(wanted.total() > 0, "sessions to compare")
        cases = [(kind, fragment) for kind in KINDS for fragment in (0, FRAGMENT)]
        runs = [pool.submit(run, folder / str(number), wrap, captures, *case)
                for number, case in enumerate(cases)]
        for (kind, fragment), running in zip(cases, runs):
            got, other = running.result()
            what = f"{kind or 'not wrapped'}{', fragments' if fragment else ''}"
            print(f"  {what:34} the same {(wanted & got).total():4}, missing or other "
                  f"{(wanted - got).total():3}, more {(got - wanted).total():3}, "
                  f"another encap {other:3}")
            checks.equal(sorted(wanted - got)[:1], [], f"{what}: a session is missing")
            checks.equal(sorted(got - wanted)[:1], [], f"{what}: a session is another")
            checks.equal(other, 0, f"{what}: sessions with another encap")
        check_mirrors(checks, folder, wrap, captures)
    checks.finish()


if __name__ == "__main__":
    main()

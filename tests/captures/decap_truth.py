"""Every TCP flow of the public captures' encapsulations comes out of the decoder.

usage: decap_truth.py DECAP_DUMP [FOLDER]

FOLDER/truth_decap.jsonl says what there is. A flow's bytes are the distinct bytes of its sequence
space. Prints a table, and a line for each flow that is missed or off.
"""
import collections
import dataclasses
import pathlib
import subprocess
import sys

import lib

# Flows that are not as the truth has them: what is found instead, and why (see tests/README.md).
EXPLAINED = {
    ("gre-aruba-amsdu.pcap", 0): (
        "bytes_down 229, truth 23",
        "the frame holds two segments; mailtap counts the first, the truth the second"),
    ("gtp1_gn_normal_incl_fragmentation.pcap", 0): (
        "bytes_down 56638, truth 50942",
        "of four packets the capture lacks the last fragment: the truth leaves them out"),
    ("bgp_pmsi_tunnel-oobr.pcap", 0): (
        "missed", "a fragment that no host would accept: not the last one, and no multiple of 8"),
}

# As independent dissectors call layers, and as mailtap does. An address behind an address is a
# tunnel too.
LAYERS = {"vlan": "vlan", "vntag": "vntag", "mpls": "mpls", "pppoes": "pppoe", "gre": "gre",
          "vxlan": "vxlan", "geneve": "geneve", "gtp": "gtpu", "ieee8021ah": "pbb",
          "ayiya": "ipip"}
NETWORK = ("ip", "ipv6")


# Dissectors do not tell these apart, and tell a stack of labels once.
BRIDGED = {"nvgre": "bridged", "erspan": "bridged"}


def layers(encap):
    """The kinds in mailtap's own spelling, as far as dissectors tell them."""
    found = []
    for layer in encap:
        kind = BRIDGED.get(layer[0], layer[0])
        if kind != "mpls" or found[-1:] != ["mpls"]:
            found.append(kind)
    return tuple(found)


def kinds(stack):
    """mailtap's kinds for a dissector's stack such as "eth:ip:udp:vxlan:eth:ip"."""
    names, found = stack.split(":"), []
    for before, name, after in zip(["", *names], names, [*names[1:], ""]):
        if name == "gre" and after == "eth":
            found.append("bridged")
        elif name in LAYERS:
            found.append(LAYERS[name])
        elif name in NETWORK and before in NETWORK:
            found.append("ipip")
    return tuple(found)


class Bytes:
    """Distinct bytes of a sequence space."""

    def __init__(self):
        self.ranges = []
        self.first = None

    def add(self, sequence, length):
        if self.first is None:
            self.first = sequence
        # Signed distance, so that a number before the first seen counts as before it.
        start = (sequence - self.first + 2**31) % 2**32 - 2**31
        self.ranges.append((start, start + length))

    def count(self):
        total, reached = 0, None
        for start, end in sorted(self.ranges):
            start = start if reached is None else max(start, reached)
            total += max(end - start, 0)
            reached = end if reached is None else max(end, reached)
        return total


@dataclasses.dataclass
class Flow:
    """What the decoder found of one pair of ends: bytes by sender and kinds of wrapping."""
    sent: dict = dataclasses.field(default_factory=lambda: collections.defaultdict(Bytes))
    encaps: set = dataclasses.field(default_factory=set)
    vlans: set = dataclasses.field(default_factory=set)


def decode(dump, capture):
    """({frozenset of ends: Flow}, [drops])"""
    done = subprocess.run([dump, capture], check=True, capture_output=True, text=True)
    flows, drops = collections.defaultdict(Flow), []
    for line in done.stdout.splitlines():
        if line.startswith("drop "):
            drops.append(line[5:])
            continue
        source, port, destination, to_port, sequence, length, syn, encap = line.split()
        sender = (lib.address(source), int(port))
        flow = flows[frozenset((sender, (lib.address(destination), int(to_port))))]
        flow.sent[sender].add(int(sequence) + int(syn), int(length))
        wrapping = [] if encap == "-" else [layer.split(":") for layer in encap.split(",")]
        flow.encaps.add(layers(wrapping))
        flow.vlans.add(",".join(layer[1] for layer in wrapping if layer[0] == "vlan"))
    return flows, drops


def differences(rows, flow):
    """In what a decoded flow differs from the truth's rows of the same ends."""
    ends = [(lib.address(rows[0]["client"]), rows[0]["cport"]),
            (lib.address(rows[0]["server"]), rows[0]["sport"])]
    for end, field in zip(ends, ("bytes_up", "bytes_down")):
        got, wanted = flow.sent[end].count(), sum(row[field] for row in rows)
        if got != wanted:
            yield f"{field} {got}, truth {wanted}"
    wanted = {kinds(stack) for row in rows for stack in row["encap"]}
    if flow.encaps != wanted:
        yield f"encap {sorted(flow.encaps)}, truth {sorted(wanted)}"
    vlans = {tags for row in rows for tags in row["vlan"]}
    if flow.vlans - {""} != vlans:
        yield f"vlan {sorted(flow.vlans)}, truth {sorted(vlans)}"


def main():
    if len(sys.argv) < 3 or not sys.argv[2]:
        lib.skip("the public captures were not given (meson option `captures`): whether their "
                 "encapsulations are all opened was not tested")
    dump, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    wanted = collections.defaultdict(lambda: collections.defaultdict(list))
    for row in lib.read_lines(folder / "truth_decap.jsonl"):
        ends = frozenset(((lib.address(row["client"]), row["cport"]),
                          (lib.address(row["server"]), row["sport"])))
        wanted[row["file"]][ends].append(row)
    checks, count = lib.Checks(), collections.Counter()
    explained = set()
    for name, by_ends in wanted.items():
        flows, drops = decode(dump, folder / name)
        for ends, rows in by_ends.items():
            flow = flows.get(ends)
            fault = "missed" if flow is None else "; ".join(differences(rows, flow))
            count["flows"] += len(rows)
            count["missed" if flow is None else "found"] += len(rows)
            count["bytes exact"] += 0 if "missed" in fault or "bytes" in fault else len(rows)
            count["all as in the truth"] += 0 if fault else len(rows)
            key = (pathlib.Path(name).name, rows[0]["stream"])
            known, why = EXPLAINED.get(key, ("", ""))
            if known:
                explained.add(key)
                print(f"  - {name} stream {key[1]}: {fault}: {why}")
            checks.equal(fault, known, f"{name} stream {key[1]} (drops: {drops})")
    for outcome, number in count.items():
        print(f"  {outcome:20} {number:3} ({number / count['flows']:.1%})")
    checks.equal(explained, set(EXPLAINED), "flows with an explanation")
    checks.finish()


if __name__ == "__main__":
    main()

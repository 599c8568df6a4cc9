"""What a bad mirror does to a generated capture must not show in the volumes.

usage: mirror.py [CASE...]

Each case is one way to harm traffic; the truth is what was sent. Prints a table: sessions hidden by
TLS on odd ports, missed and made up; by how much the bytes of all hosts are off, as a share of all bytes, and how many hosts
are off at all; bytes inferred; counts of messages and refusals that are missing or wrong.
"""
import collections
import concurrent.futures
import dataclasses
import pathlib
import subprocess
import sys
import tempfile

import lib

CONFIG = """
[sensor]
name = "test"
[networks]
internal = ["10.0.0.0/8", "fd00::/8"]
"""
TRAFFIC = ("--packets", "200k", "--mail-share", "40", "--hosts", "60", "--seed", "11")
BAD_MIRROR = ("--duplicate", "100", "--copy", "mixed", "--reorder", "20", "--retransmit", "10")
KINDS = ("vlan", "svlan,vlan", "etag", "vntag", "mpls", "mpls,mpls", "mpls-eth", "mpls-cw", "pppoe",
         "gre", "gre-full", "gre-eth", "nvgre", "erspan1", "erspan2", "erspan3",
         "erspan3-platform", "vxlan", "vxlan-gpe", "geneve", "ipip", "ipip/6", "gtpu", "gtpu-ext",
         "ah", "vxlan,vlan,gre/6", "mixed")


@dataclasses.dataclass(frozen=True)
class Limits:
    """How far the reported may lie from the truth, as shares of it."""
    up: float = 0          # bytes from clients
    down: float = 0        # bytes from servers
    sessions: float = 0
    inferred: bool = False   # bytes may be inferred
    messages: str = "exact"  # or "null": a count may be missing, never wrong
    forged: int = 0        # bytes that a session may gain by each forged segment
    hidden: float = 0      # sessions with TLS on odd ports that may be missed, of all of these


EXACT = Limits()
WINDOW = 65536  # how far a forged segment is believed
CASES = {"clean": ((), EXACT)}
CASES |= {f"bad, {kind}": ((*BAD_MIRROR, "--encap", kind), EXACT) for kind in KINDS}
CASES |= {
    "bad": (BAD_MIRROR, EXACT),
    # Without copies, which bring most of what came late in time; small frames cut openings up.
    "reordered": (("--reorder", "20"), EXACT),
    "reordered, retransmitted": (("--reorder", "20", "--retransmit", "10", "--encap", "mixed"), EXACT),
    "reordered, small frames": (("--reorder", "20", "--packet-size", "imix", "--message-size", "3kB"), EXACT),
    "reordered, smallest": (("--reorder", "20", "--packet-size", "128", "--message-size", "3kB"), EXACT),
    # Where an answer overtakes its connection's handshake what was said before it is not known.
    "reordered, proxied": (("--reorder", "20", "--proxied", "100"),
                           Limits(0.01, 0.01, 0.01, True, "null")),
    "bad, small frames": ((*BAD_MIRROR, "--packet-size", "imix", "--message-size", "3kB"), EXACT),
    "bad, proxied": ((*BAD_MIRROR, "--proxied", "100"), EXACT),
    "bad, jumbo frames": ((*BAD_MIRROR, "--packet-size", "9000"), EXACT),
    "bad, mixed, fragments": ((*BAD_MIRROR, "--encap", "mixed", "--fragment", "600"), EXACT),
    # On an odd port both sides have to be seen.
    "clients only": (("--one-way", "up", "--odd-ports", "0"), Limits(0, 0.01, 0, True, "null")),
    "servers only": (("--one-way", "down", "--odd-ports", "0"), Limits(0.01, 0, 0, True, "null")),
    "one way each": (("--one-way", "mixed", "--odd-ports", "0"),
                     Limits(0.01, 0.01, 0, True, "null")),
    "forged, far": (("--forge", "1"), Limits(messages="null")),
    "forged, near": (("--forge", "1", "--forge-within", str(WINDOW)),
                     Limits(1, 1, 0, True, "null", WINDOW)),
    "snapped at 96": (("--snap", "96", "--odd-ports", "0"), Limits(0, 0, 0, False, "null")),
}
# Share lost, and the most by which bytes and sessions may then be off.
LOSSES = ((1, 0.0005, 0.005), (5, 0.002, 0.02), (20, 0.01, 0.05))
for lost, off_bytes, off_sessions in LOSSES:
    limits = Limits(off_bytes, off_bytes, off_sessions, True, "null")
    for seed in ("11", "40", "50"):
        options = ("--lose", str(lost), "--seed", seed)
        # On an odd port a lost ClientHello takes the only evidence with it, unless another session
        # has shown what its server is: at most as many are missed as have lost theirs.
        CASES[f"{lost} % lost, seed {seed}"] = (
            options, dataclasses.replace(limits, hidden=lost / 100))
        CASES[f"{lost} %, mail ports, seed {seed}"] = ((*options, "--odd-ports", "0"), limits)


def per_host(rows):
    """(host, role) -> bytes up, bytes down, messages and rejected of clear SMTP"""
    table = collections.defaultdict(lambda: [0, 0, 0, 0])
    for row in rows:
        for role in ("client", "server"):
            entry = table[lib.address(row[role]), role]
            for place, field in enumerate(("bytes_up", "bytes_down", "messages", "rejected")):
                entry[place] += row[field] or 0
    return table


def by_ends(rows):
    table = collections.defaultdict(list)
    for row in sorted(rows, key=lambda row: row["first_seen"]):
        table[*lib.endpoints(row), row["service"]].append(row)
    return table


def off(wanted, got, place):
    """By how much hosts are off, as a share of all they sent, and how many are."""
    by = [abs(got[key][place] - row[place]) for key, row in wanted.items()]
    total = sum(row[place] for row in wanted.values())
    return sum(by) / max(total, 1), sum(1 for distance in by if distance)


def hidden_sessions(wanted, got):
    """Those missed that TLS hid on an odd port."""
    for key, rows in wanted.items():
        for row in rows[len(got.get(key, ())):]:
            if row["odd_port"] and row["tls"] != "none":
                yield row


def compare(truth, flows, hides):
    wanted, got = by_ends(truth), by_ends(flows)
    might_hide = sum(row["odd_port"] and row["tls"] != "none" for row in truth)
    hidden = list(hidden_sessions(wanted, got)) if hides else []
    truth = [row for row in truth if row not in hidden]
    wanted = by_ends(truth)
    missed = sum(max(len(rows) - len(got.get(key, ())), 0) for key, rows in wanted.items())
    extra = sum(max(len(rows) - len(wanted.get(key, ())), 0) for key, rows in got.items())
    wrong = null = gained = 0
    for key, rows in wanted.items():
        for one, other in zip(rows, got.get(key, ())):
            distance = sum(abs(other[field] - one[field]) for field in ("bytes_up", "bytes_down"))
            gained = max(gained, distance / max(one["forged"], 1))
            for field in lib.MESSAGES:
                null += one[field] is not None and other[field] is None
                wrong += other[field] is not None and one[field] != other[field]
    hosts, ours = per_host(truth), per_host(flows)
    return {"sessions": len(truth), "missed": missed, "extra": extra,
            "hidden": len(hidden), "might_hide": might_hide,
            "up": off(hosts, ours, 0), "down": off(hosts, ours, 1),
            "null": null, "wrong": wrong, "gained": gained,
            "inferred": sum(row["inferred_up"] + row["inferred_down"] for row in flows)}


def faults(result, limits):
    if result["missed"] + result["extra"] > limits.sessions * result["sessions"]:
        yield "sessions"
    if result["hidden"] > limits.hidden * result["might_hide"]:
        yield f"{result['hidden']} of {result['might_hide']} sessions hidden by TLS"
    for direction in ("up", "down"):
        if result[direction][0] > getattr(limits, direction):
            yield f"bytes {direction}"
    if limits.forged and not 0 < result["gained"] <= limits.forged:
        yield f"{result['gained']} bytes gained by a forged segment"
    if result["inferred"] and not limits.inferred:
        yield "inferred"
    if result["wrong"]:
        yield "wrong messages"
    if result["null"] and limits.messages == "exact":
        yield "messages missing"


def run(folder, name, options, limits):
    truth = folder / f"{name}.truth"
    command = [lib.program("MAILTAP_GEN"), "--out", "-", "--truth", truth, "--summary",
               folder / f"{name}.summary", *TRAFFIC, *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as source:
        done = lib.replay(folder / name, ["-"], CONFIG, 1, ("flows",), stdin=source.stdout)
    return compare(lib.read_lines(truth), done.flows, limits.hidden != 0)


def main():
    checks = lib.Checks()
    names = sys.argv[1:] or list(CASES)
    print(f"{'case':24} {'sessions':>8} {'hidden':>6} {'missed':>6} {'extra':>5} "
          f"{'up off by':>9} {'hosts':>5} {'down off':>9} {'hosts':>5} {'inferred':>9} {'null':>5} {'wrong':>5}")
    with tempfile.TemporaryDirectory() as name, \
            concurrent.futures.ThreadPoolExecutor(2) as pool:
        folder = pathlib.Path(name)
        runs = {case: pool.submit(run, folder, str(number), *CASES[case])
                for number, case in enumerate(names)}
        for case, running in runs.items():
            result = running.result()
            print(f"{case:24} {result['sessions']:8} {result['hidden']:6} {result['missed']:6} "
                  f"{result['extra']:5} "
                  f"{result['up'][0]:9.4%} {result['up'][1]:5} {result['down'][0]:9.4%} "
                  f"{result['down'][1]:5} {result['inferred']:9} "
                  f"{result['null']:5} {result['wrong']:5}", flush=True)
            checks.equal(list(faults(result, CASES[case][1])), [], case)
    checks.finish()


if __name__ == "__main__":
    main()

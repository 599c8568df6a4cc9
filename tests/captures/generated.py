"""A large generated capture: every mail session is found with exact bytes, and so are the sums
per host, role and service. The capture goes through a pipe and never lies on the disk.

usage: generated.py PACKETS [GENERATOR OPTION...]

Options that cut packets into fragments make the number of frames another one.
"""
import collections
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
COMPARED = ("service", "tls", "sni", "via", "bytes_up", "bytes_down", *lib.MESSAGES, "encap")
SHOWN = 20  # differences printed at most


def by_ends(rows):
    """Sessions by their ends; several on the same ports in the order of time."""
    table = collections.defaultdict(list)
    for row in sorted(rows, key=lambda row: row["first_seen"]):
        table[lib.endpoints(row)].append(row)
    return table


def sums(rows):
    """(host, role, service) -> sessions, bytes up, bytes down"""
    table = collections.defaultdict(lambda: [0, 0, 0])
    for row in rows:
        for role in ("client", "server"):
            entry = table[lib.address(row[role]), role, row["service"]]
            entry[0] += 1
            entry[1] += row["bytes_up"]
            entry[2] += row["bytes_down"]
    return table


def check_sessions(checks, truth, flows):
    wanted, got = by_ends(truth), by_ends(flows)
    differing = collections.Counter()
    shown = 0
    for ends in wanted.keys() | got.keys():
        ours, theirs = wanted.get(ends, []), got.get(ends, [])
        faults = ["number of sessions"] if len(ours) != len(theirs) else \
            [field for one, other in zip(ours, theirs) for field in COMPARED
             if one[field] != other[field]]
        differing.update(faults)
        if faults and shown < SHOWN:
            shown += 1
            print(f"  {ends}: {faults}\n    truth {ours}\n    flows {theirs}")
    checks.equal(dict(differing), {}, "sessions that differ, by field")
    inferred = sum(flow["inferred_up"] + flow["inferred_down"] for flow in flows)
    checks.equal(inferred, 0, "bytes inferred in a whole capture")


def check_hosts(checks, truth, flows):
    wanted, got = sums(truth), sums(flows)
    off = [key for key in wanted.keys() | got.keys() if wanted.get(key) != got.get(key)]
    checks.equal(off[:SHOWN], [], "hosts whose sums differ")
    print(f"{len(wanted)} sums per host, role and service, {len(off)} of them off")


def replay_generated(folder, *options):
    """The generator's truth, and the replay of what it writes."""
    truth = folder / "truth.jsonl"
    command = [lib.program("MAILTAP_GEN"), "--out", "-", "--truth", truth, "--summary",
               folder / "summary.json", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as source:
        done = lib.replay(folder / "out", ["-"], CONFIG, 2, ("flows", "report"),
                          stdin=source.stdout, timeout=900)
    return lib.read_lines(truth), done


def main():
    checks = lib.Checks()
    packets, options = int(sys.argv[1]), sys.argv[2:]
    with tempfile.TemporaryDirectory() as name:
        truth, done = replay_generated(pathlib.Path(name), "--seed", "7", "--hosts", "1000",
                                       "--flows", "2000", "--packets", str(packets), *options)
        print(f"{packets} packets, {done.report['bytes'] >> 20} MiB, {len(truth)} mail sessions "
              f"in the truth, {len(done.flows)} reported")
        checks.equal(done.status, 0, "exit status")
        checks.expect(done.report["packets"] >= packets, "all packets read")
        drops = {reason: n for reason, n in done.report["drops"].items() if n}
        checks.equal(drops, {}, "drops")
        checks.expect(len(truth) > packets / 10000, "the truth holds many sessions")
        check_sessions(checks, truth, done.flows)
        check_hosts(checks, truth, done.flows)
    checks.finish()


if __name__ == "__main__":
    main()

"""Replays captures with known truths and compares every session.

usage: compare_truth.py real                the captures in real/, made by scripts/record-captures
       compare_truth.py public [FOLDER]     public captures, described by FOLDER/truth_flows.jsonl
"""
import collections
import concurrent.futures
import dataclasses
import pathlib
import sys
import tempfile

import lib
from comparison import Comparison, Expected, Limits

# All thresholds are here.
LIMITS = {"real": Limits(), "public": Limits()}
LABELS = {"real": ("tls", "sni", "via", *lib.MESSAGES), "public": ("tls", "sni", "via")}

PROXIES = ["http-connect", "socks4", "socks5"]

# Where a public truth says something else than the packets do; see tests/README.md.
CORRECTIONS = {
    # The server agrees to STARTTLS, but no ClientHello ever follows.
    ("OISF__suricata-verify/tests/protocol-change-failed-event/input.pcap", 0): {"tls": "none"},
}

# What a public truth's mode says of the session's TLS.
MODES = {"plain": "none", "starttls": "starttls", "starttls-no-tls-seen": "none",
         "implicit": "implicit"}


def real_flow(row):
    kind = {"mail": "mail", "lookalike": "not", "scan": "not", "undecided": "open"}[row["kind"]]
    return Expected(row["file"], lib.endpoints(row), kind, row["name"], row["service"],
                    row["bytes_up"], row["bytes_down"], row["tls"], [row["sni"]],
                    {field: row[field] for field in lib.MESSAGES})


def real_captures():
    """capture -> what it holds"""
    captures = {}
    for truth in sorted(lib.REAL.glob("*.truth.jsonl")):
        rows = lib.read_lines(truth)
        captures[lib.REAL / rows[0]["file"]] = [real_flow(row) for row in rows]
    return captures


def public_flow(row):
    label = row["label"] or {"kind": "unlabelled", "evidence": None, "mode": None, "proto": None}
    sure = label["kind"] == "mail" and label["evidence"] == "content" or \
        label["kind"] == "proxied-mail"
    kind = "mail" if sure else \
        "not" if label["kind"] in ("lookalike", "scan-empty", "other") else "open"
    incomplete = row["truncated_pkts"] or row["midstream"] or row["frag_pkts"]
    ends = (lib.address(row["client"]), row["cport"], lib.address(row["server"]), row["sport"])
    flow = Expected(row["file"], ends, kind, f"{label['kind']} {label['mode'] or ''}".strip(),
                    label["proto"], row["bytes_up"], row["bytes_down"],
                    MODES.get(label["mode"], "any"), row["sni"] or [None],
                    roles_known=row["role_from"] == "syn", exact=not incomplete, observed=True,
                    via=PROXIES if label["kind"] == "proxied-mail" else None)
    return dataclasses.replace(flow, **CORRECTIONS.get((row["file"], row["stream"]), {}))


def public_captures(folder):
    """capture -> what it holds; flows without an address are of no use here"""
    captures = collections.defaultdict(list)
    for row in sorted(lib.read_lines(folder / "truth_flows.jsonl"),
                      key=lambda row: (row["file"], row["stream"])):
        captures[folder / row["file"]].append(public_flow(row))
    return captures


def compare(captures, limits):
    comparison = Comparison(limits)
    with tempfile.TemporaryDirectory() as folder, \
            concurrent.futures.ThreadPoolExecutor(2) as pool:
        runs = {capture: pool.submit(lib.replay, pathlib.Path(folder) / str(number), [capture])
                for number, capture in enumerate(captures)}
        for capture, run in runs.items():
            done = run.result()
            if done.status == 1:
                comparison.note("not replayed", captures[capture][0], done.stderr.strip()[-300:])
            comparison.add(captures[capture], done.flows)
    return comparison


def main():
    which = sys.argv[1]
    if which == "real":
        captures = real_captures()
    elif len(sys.argv) < 3 or not sys.argv[2]:
        lib.skip("the public captures were not given (meson option `captures`): whether every "
                 "mail flow in them is found, and no lookalike, was not tested")
    else:
        captures = public_captures(pathlib.Path(sys.argv[2]))
    comparison = compare(captures, LIMITS[which])
    print(f"{which}: {len(captures)} captures, {sum(map(len, captures.values()))} flows")
    print(comparison.table())
    print(comparison.confusion())
    for exception in comparison.exceptions:
        print(f"  - {exception}")
    faults = comparison.shortfalls(LABELS[which])
    print("below the limits: " + "; ".join(faults) if faults else "within the limits")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()

"""The same captures give the same bytes of flows, alerts and report, with however many workers
and in every run, on one CPU too; the metrics differ only in families that name a worker or a
duration."""
import contextlib
import json
import os
import pathlib
import tempfile

import lib

# Thresholds low enough that every kind of rule raises and clears alerts on these captures.
CONFIG = """
[sensor]
name = "test"
[networks]
internal = ["10.0.0.0/8", "fd00::/8"]
[[relay]]
name = "gateway"
sources = ["10.20.0.10"]
[[relay]]
name = "partner"
destinations = ["192.0.2.0/28"]
services = ["smtp"]
[diagnostics]
samples = 8
""" + "".join(f"""
[[rule]]
name = "{metric}"
verdicts = ["unapproved_external", "unapproved_internal"]
metric = "{metric}"
window = "{window}"
raise = {limit}
clear = {limit}
hold = "1s"
""" for metric, window, limit in (("sent_bytes", "10s", 20000), ("received_bytes", "1m", 20000),
                                  ("sessions", "10s", 3), ("distinct_peers", "5m", 3),
                                  ("messages", "1m", 2), ("sent_received_ratio", "10s", 5)))
OUTPUTS = ("flows", "alerts", "report", "metrics")
# Metrics that may differ name a worker, queue or ring in a label, or a duration or the process in
# their name.
LABELS = ('worker="', 'queue="', 'ring="')
NAMES = ("seconds", "process_", "ring")


def may_differ(family, samples):
    return any(word in family for word in NAMES) or \
        any(label in sample for sample in samples for label in LABELS)


def compare(checks, what, first, other):
    for output in ("flows", "alerts", "report"):
        same = first.files[output] == other.files[output]
        if not checks.expect(same, f"{what}: {output} differ"):
            pairs = zip(first.files[output].splitlines(), other.files[output].splitlines())
            print(next(((a, b) for a, b in pairs if a != b), "one is longer"))
    ours, theirs = (lib.metric_families(run.files["metrics"].decode()) for run in (first, other))
    checks.equal(sorted(theirs), sorted(ours), f"{what}: metric families")
    for family in ours.keys() & theirs.keys():
        if not may_differ(family, ours[family] + theirs[family]):
            checks.equal(theirs[family], ours[family], f"{what}: {family}")


@contextlib.contextmanager
def one_cpu():
    """What is started meanwhile has one CPU: a single worker then gets no thread of its own."""
    cpus = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cpus)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, cpus)


def check_captures(checks, folder, name, captures):
    runs = {}
    for workers in (1, 2, 5):
        for turn in (1, 2):
            with one_cpu() if turn == 2 else contextlib.nullcontext():
                runs[workers, turn] = lib.replay(folder / f"{name}-{workers}-{turn}", captures,
                                                 CONFIG, workers, OUTPUTS)
            checks.equal(runs[workers, turn].status, 0, f"{name}: exit status")
    first = runs.pop((1, 1))
    print(f"{name}: {len(first.flows)} sessions, {len(first.alerts)} alerts")
    checks.expect(first.flows and first.alerts, f"{name}: there is something to compare")
    json.loads(first.files["report"])
    for (workers, turn), run in runs.items():
        compare(checks, f"{name}, {workers} workers, run {turn}", first, run)


def main():
    checks = lib.Checks()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        check_captures(checks, folder, "real", sorted(lib.REAL.glob("*.pcap")))
        capture, _ = lib.generate(folder, "--seed", 11, "--packets", 200000, "--mail-share", 40)
        check_captures(checks, folder, "generated", [capture])
        # So many mail flows at a time that some copies come when their packets are forgotten.
        doubled, _ = lib.generate(folder, "--seed", 12, "--packets", 100000, "--mail-share", 90,
                                  "--flows", 10000, "--duplicate", 100)
        check_captures(checks, folder, "doubled", [doubled])
        pieces, _ = lib.generate(folder, "--seed", 13, "--packets", 60000, "--mail-share", 60,
                                 "--encap", "mixed", "--fragment", 600, "--lose", 3)
        check_captures(checks, folder, "pieces", [pieces])
    checks.finish()


if __name__ == "__main__":
    main()

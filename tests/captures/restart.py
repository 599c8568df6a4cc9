"""A replay that is killed at random moments and begun again each time: its alerts are in the end those
of a replay that nobody disturbed, to the byte, and each is there once. Damaged state and that of another
version are set aside, and cost nothing but time.

    restart.py [KILLS]     for 1 worker and for 2 (60)

Uses $MAILTAP and $MAILTAP_GEN.
"""
import contextlib
import functools
import json
import os
import pathlib
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time

CONFIG = """
[sensor]
name = "restart"
[networks]
internal = ["10.0.0.0/8", "fd00::/8"]
[[relay]]
name = "gateway"
destinations = ["198.51.100.0/28"]
[[rule]]
name = "bytes"
window = "2m"
raise = "200kB"
hold = "30s"
[[rule]]
name = "slow bytes"
window = "1h"
raise = "1MB"
[[rule]]
name = "peers"
metric = "distinct_peers"
window = "5m"
raise = 2
hold = "1m"
[[rule]]
name = "lopsided"
metric = "sent_received_ratio"
window = "3m"
raise = 10
hold = "10s"
[[rule]]
name = "all together"
scope = "site"
window = "1m"
raise = "1MB"
hold = "20s"
"""


def execute(sql, state):
    with contextlib.closing(sqlite3.connect(state, isolation_level=None)) as database:
        return database.execute(sql).fetchall()


class Scenario:
    """Traffic of ten minutes and more, and the alerts of an undisturbed replay of it."""

    def __init__(self, folder):
        self.mailtap = os.environ["MAILTAP"]
        self.folder = folder
        (folder / "conf.toml").write_text(CONFIG)
        subprocess.run([os.environ["MAILTAP_GEN"], "--out", str(folder / "traffic.pcap"), "--seed",
                        "11", "--packets", "60000", "--mail-share", "60", "--rate", "80"],
                       check=True, stdout=subprocess.DEVNULL)
        start = time.monotonic()
        subprocess.run(self.replay("--alerts", str(folder / "undisturbed.jsonl")), check=True,
                       stdout=subprocess.DEVNULL)
        self.seconds = time.monotonic() - start
        self.alerts = (folder / "undisturbed.jsonl").read_text()
        states = [json.loads(line)["state"] for line in self.alerts.splitlines()]
        print(f"undisturbed: {len(states)} alert lines, {states.count('raised')} raised, "
              f"{states.count('cleared')} cleared, {self.seconds:.2f} s")
        assert states.count("raised") >= 20 and states.count("cleared") >= 5

    def replay(self, *more, capture="traffic.pcap"):
        return [self.mailtap, "replay", str(self.folder / capture), "--config",
                str(self.folder / "conf.toml"), "--no-progress", *more]

    def with_state(self, name, *more):
        return self.replay("--state", str(self.folder / name), "--alerts",
                           str(self.folder / f"{name}.jsonl"), *more)

    def check(self, name):
        """What the replay with that state left behind is what the undisturbed one did."""
        assert (self.folder / f"{name}.jsonl").read_text() == self.alerts, "the alerts differ"
        state = self.folder / name / "state.db"
        stored = execute("SELECT json FROM alerts ORDER BY seq", state)
        assert "".join(f"{row[0]}\n" for row in stored) == self.alerts, "the state's alerts differ"


def kill_often(scenario, workers, kills):
    """Each replay goes on from the one that was killed before, until one comes to its end; then the
    next begins anew."""
    chance = random.Random(7)
    name = f"killed{workers}"
    command = scenario.with_state(name, "--workers", str(workers))
    killed = resumed = ended = 0
    longest = 1.1 * scenario.seconds
    while killed < kills or not ended:
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                              text=True) as process:
            try:
                # After all the kills one may come to its end.
                limit = chance.uniform(0, longest) if killed < kills else None
                _, errors = process.communicate(timeout=limit)
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                _, errors = process.communicate()
            goes_on = "goes on from the state of" in errors
            resumed += goes_on
            if process.returncode == -signal.SIGKILL:
                killed += 1
                # The machine may be slower or faster than it was for the undisturbed run.
                if not goes_on:
                    longest *= 1.1
                continue
        assert process.returncode == 0, errors
        scenario.check(name)
        ended += 1
        longest *= 0.9
        shutil.rmtree(scenario.folder / name)
    print(f"{workers} workers: killed {killed} times, {resumed} times gone on, {ended} times come to "
          "the end, each time with the same alerts")
    assert resumed >= kills // 4, "hardly a run ever found a checkpoint: the test shows little"


def spoil(scenario, name, change, wanted, contents=pathlib.Path.read_bytes):
    """A state that `change` has spoiled is set aside as it is, with a message that says why, and the
    alerts are the same."""
    state = scenario.folder / name / "state.db"
    subprocess.run(scenario.with_state(name), check=True, stdout=subprocess.DEVNULL)
    scenario.check(name)
    execute("PRAGMA journal_mode = DELETE", state)  # all of it in one file
    change(state)
    before = contents(state)
    done = subprocess.run(scenario.with_state(name), check=True, capture_output=True, text=True)
    assert wanted in done.stderr and "is kept as" in done.stderr, done.stderr
    assert contents(state.parent / "state.db.set-aside-1") == before, "it was changed"
    scenario.check(name)
    print(f"{name}: set aside, and the same alerts again")


def rows(state):
    """What tables hold: the file itself may be arranged anew by who reads it."""
    return [execute(f"SELECT * FROM {table} ORDER BY 1", state)
            for table in ("alerts", "blobs", "texts")]


def cut(state):
    content = state.read_bytes()
    state.write_bytes(content[:4096] + bytes(4096) + content[8192:])


def drop_gone(scenario):
    """An alert whose rule is gone when the replay goes on is open no more, and no line says so."""
    capture = scenario.folder / "gone.pcap"
    content = (scenario.folder / "traffic.pcap").read_bytes()
    half = len(content) // 2
    capture.write_bytes(content[:half] + b"\xff" * (len(content) - half))
    without = scenario.folder / "without.toml"
    without.write_text(CONFIG.replace('name = "slow bytes"', 'name = "renamed"'))
    state = str(scenario.folder / "gone")
    command = scenario.replay("--state", state, capture="gone.pcap")

    def alerts():
        report = json.loads(subprocess.check_output([scenario.mailtap, "report", "--state", state,
                                                     "--format", "json"]))
        return [alert for alert in report["alerts"] if alert["rule"] == "slow bytes"]

    assert subprocess.run(command, check=False, capture_output=True).returncode == 2
    before = alerts()
    assert before and all(alert["cleared"] is None for alert in before), before
    capture.write_bytes(content)
    command[command.index(str(scenario.folder / "conf.toml"))] = str(without)
    lines = scenario.folder / "gone.jsonl"
    subprocess.run([*command, "--alerts", str(lines)], check=True, stdout=subprocess.DEVNULL)
    after = alerts()
    assert [alert["id"] for alert in after] == [alert["id"] for alert in before], after
    assert all(alert["cleared"] is not None for alert in after), after
    assert all(json.loads(line)["state"] in ("raised", "updated", "cleared")
               for line in lines.read_text().splitlines())
    print(f"{len(after)} alerts of a rule that is gone: open no more")


def refuse_another(scenario):
    """A replay of something else doesn't take the state over."""
    subprocess.run(scenario.with_state("taken"), check=True, stdout=subprocess.DEVNULL)
    content = (scenario.folder / "traffic.pcap").read_bytes()
    (scenario.folder / "other.pcap").write_bytes(content[:100_000])
    refused = subprocess.run(
        scenario.replay("--state", str(scenario.folder / "taken"), capture="other.pcap"),
        capture_output=True, text=True, check=False)
    assert refused.returncode == 1 and "holds the state of" in refused.stderr, refused.stderr


def main():
    kills = int(sys.argv[1]) if len(sys.argv) > 1 else 60
    with tempfile.TemporaryDirectory() as name:
        scenario = Scenario(pathlib.Path(name))
        for workers in (1, 2):
            kill_often(scenario, workers, kills)
        spoil(scenario, "damaged", cut, "damaged")
        spoil(scenario, "newer", functools.partial(execute, "PRAGMA user_version = 1000"), "has schema 1000")
        spoil(scenario, "foreign checkpoint",
              functools.partial(execute, "UPDATE blobs SET bytes = x'00' "
                                         "WHERE name = 'checkpoint'"),
              "of another version of mailtap", rows)
        drop_gone(scenario)
        refuse_another(scenario)


if __name__ == "__main__":
    main()

"""A replay that is killed at random moments, 200 times, and begun again each time: its alerts are in
the end those of a replay that nobody disturbed, to the byte, and each is there once.

Uses $MAILTAP and $MAILTAP_GEN.
"""
import json
import os
import pathlib
import random
import signal
import sqlite3
import subprocess
import tempfile
import time

KILLS = 200
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
"""


def replay(mailtap, folder, *more):
    return [mailtap, "replay", str(folder / "traffic.pcap"), "--config", str(folder / "conf.toml"),
            "--no-progress", *more]


def stored_alerts(state):
    with sqlite3.connect(f"file:{state}/state.db?mode=ro", uri=True) as database:
        return [row[0] for row in database.execute("SELECT json FROM alerts ORDER BY seq")]


def kill_often(command, seconds):
    """Runs `command`, kills it after a random part of `seconds`; how often it came that far."""
    chance = random.Random(7)
    killed = 0
    while killed < KILLS:
        with subprocess.Popen(command, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL) as process:
            time.sleep(chance.uniform(0, seconds))
            process.send_signal(signal.SIGKILL)
            # One that was done before is begun anew, and killed then.
            killed += process.wait() == -signal.SIGKILL
    return killed


def main():
    mailtap, generator = os.environ["MAILTAP"], os.environ["MAILTAP_GEN"]
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / "conf.toml").write_text(CONFIG)
        subprocess.run([generator, "--out", str(folder / "traffic.pcap"), "--seed", "11",
                        "--packets", "60000", "--mail-share", "60"], check=True,
                       stdout=subprocess.DEVNULL)
        start = time.monotonic()
        subprocess.run(replay(mailtap, folder, "--alerts", str(folder / "undisturbed.jsonl")),
                       check=True, stdout=subprocess.DEVNULL)
        seconds = time.monotonic() - start
        expected = (folder / "undisturbed.jsonl").read_text()
        states = [json.loads(line)["state"] for line in expected.splitlines()]
        print(f"undisturbed: {len(states)} alert lines, {states.count('raised')} raised, "
              f"{states.count('cleared')} cleared, {seconds:.2f} s")
        assert states.count("raised") >= 20 and states.count("cleared") >= 5

        for workers in ("1", "2"):
            state = folder / f"state{workers}"
            alerts = folder / f"alerts{workers}.jsonl"
            command = replay(mailtap, folder, "--state", str(state), "--workers", workers,
                             "--alerts", str(alerts))
            kills = kill_often(command, 1.5 * seconds)
            end = subprocess.run(command, check=True, capture_output=True, text=True)
            assert alerts.read_text() == expected, f"the alerts differ with {workers} workers"
            assert "\n".join(stored_alerts(state)) + "\n" == expected, "the state's alerts differ"
            resumed = "goes on from the state of" in end.stderr
            print(f"{workers} workers: killed {kills} times, the same alerts in the end; the last "
                  f"run {'resumed' if resumed else 'began anew'}")
            assert resumed, "no run ever found a checkpoint: the test shows nothing"

        # A replay of something else doesn't take it over.
        other = folder / "other.pcap"
        other.write_bytes((folder / "traffic.pcap").read_bytes()[:100_000])
        refused = subprocess.run([mailtap, "replay", str(other), "--config",
                                  str(folder / "conf.toml"), "--no-progress", "--state",
                                  str(folder / "state1")], capture_output=True, text=True,
                                 check=False)
        assert refused.returncode == 1 and "holds the state of" in refused.stderr, refused.stderr


if __name__ == "__main__":
    main()

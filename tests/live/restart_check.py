"""The alerts of a sensor that was killed and started again, against those of a replay of all that was
sent: restart_check.py REPLAY.jsonl ALERTS.jsonl STATE.db
"""
import collections
import json
import sqlite3
import sys


def raised(lines):
    """How often an alert was raised, by rule and host."""
    alerts = map(json.loads, lines)
    return collections.Counter((a["rule"], a["host"]) for a in alerts if a["state"] == "raised")


def main():
    with open(sys.argv[1], encoding="utf-8") as lines:
        expected = raised(lines)
    with open(sys.argv[2], encoding="utf-8") as lines:
        got = raised(lines)
    stored = raised(row[0] for row in sqlite3.connect(sys.argv[3]).execute("SELECT json FROM alerts"))
    faults = []
    for where, alerts in (("alert file", got), ("state", stored)):
        faults += [f"{where}: {subject} raised {n} times" for subject, n in alerts.items() if n > 1]
        faults += [f"{where}: {subject} should not be" for subject in alerts.keys() - expected.keys()]
        # Of these a minute's bytes more or less make no difference.
        faults += [f"{where}: {subject} is missing" for subject in expected.keys() - alerts.keys()
                   if subject[0] == "much"]
    much = sum(rule == "much" for rule, _ in got)
    if much != 3 or len(got) < len(expected) // 2:
        faults.append(f"{much} and {len(got)} of {len(expected)}: the test shows nothing")
    print("\n".join(faults) or f"alerts: {len(got)} of {len(expected)} hosts and rules, each once")
    sys.exit(bool(faults))


main()

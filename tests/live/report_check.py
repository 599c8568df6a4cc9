"""What is reported of a sensor that runs and was killed and started again: report_check.py
RUNNING.json AT_END.json EXPLAINED.json KILLS
"""
import json
import sys


def load(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def main():
    running, at_end, explained, kills = *map(load, sys.argv[1:4]), int(sys.argv[4])
    faults = []
    always = {f"10.1.0.{n}" for n in (1, 2, 3)}
    for name, report in (("running", running), ("at the end", at_end)):
        hosts = {host["host"] for host in report["hosts"] if host["unapproved_sent"] > 0}
        if not always <= hosts:
            faults.append(f"{name}: hosts {sorted(hosts)}")
        if report["source"] != "a live sensor":
            faults.append(f"{name}: source {report['source']}")
    coverage = at_end["coverage"]
    missed = coverage["seconds"] - coverage["covered_seconds"]
    # Each start takes a while, and what came after the last checkpoint before a kill is not known.
    if not kills <= missed < coverage["seconds"] or not coverage["gaps"]:
        faults.append(f"{missed} of {coverage['seconds']} s not covered with {kills} kills")
    host = explained["hosts"][0]
    if not host["known"] or not any(c["service"] == "imap" for c in host["conversations"]):
        faults.append(f"explained: {host}")
    print("\n".join(faults) or f"reported: {missed} of {coverage['seconds']} s not covered")
    sys.exit(bool(faults))


main()

#!/usr/bin/env python3
"""Plays every scenario: traffic by mailtap-gen's recipe, the configuration, and which alerts must
come when.

A scenario is a folder of scenarios/ with config.toml, recipe.toml and, where alerts must come,
expected.toml. Without rules in config.toml the shipped ones apply, those of conf/mailtap.toml.
expected.toml lists each alert as [[alert]] with rule, host (or asset, for one of a group; or relay),
role, raised and, unless it stays open, cleared, under [alert.says] what its fields must hold, and under
[alert.updated_says] and [alert.cleared_says] those of its last update and of the line that clears it. Where
packets alone tell the metric these times are those that arithmetic.py finds on the capture. Each alert
must be raised and cleared within a second of its times, once, and no other may come. Updates tell more
than all lines before, and no line less than the highest value that was told.

    scenarios.py [NAME...]     these, or all of them
    scenarios.py --times NAME  prints the times by arithmetic, and the alerts
"""
import datetime
import pathlib
import sys
import tempfile
import tomllib

import arithmetic
import lib

SCENARIOS = lib.HERE / "scenarios"
SHIPPED = lib.HERE.parent.parent / "conf" / "mailtap.toml"
# Scenarios' captures are snapped, so that days and gigabytes are small.
COMMON = """
[blind_spots.snapped]
enabled = false
""" + lib.LIMITS


def seconds(time):
    if isinstance(time, str):
        time = datetime.datetime.fromisoformat(time)
    return time.timestamp()


def shipped_rules():
    text = SHIPPED.read_text(encoding="utf-8")
    return text[text.index("\n[[rule]]"):text.index("\n[blind_spots.")]


def play(name, folder):
    """(configuration, capture, alerts) of a scenario."""
    source = SCENARIOS / name
    text = (source / "config.toml").read_text(encoding="utf-8")
    if "[[rule]]" not in text:
        text += shipped_rules()
    capture, _ = lib.generate(folder, "--recipe", source / "recipe.toml", name=name)
    for extra in source.glob("*.csv"):
        (pathlib.Path(folder) / extra.name).write_bytes(extra.read_bytes())
    run = lib.replay(folder, [capture], config=text + COMMON, outputs=("alerts",))
    if run.status != 0:
        sys.exit(f"{name}: mailtap ended with {run.status}\n{run.stderr}")
    return tomllib.loads(text), capture, run.alerts


def subject(alert):
    return (alert["rule"], alert.get("host") or alert.get("asset") or alert.get("relay"),
            alert.get("role"))


def by_arithmetic(config, alert, segments):
    rule = next((r for r in config["rule"] if r["name"] == alert["rule"]), None)
    if rule is None or alert.get("host") is None or rule.get("scope", "host") != "host":
        return None
    return arithmetic.changes(config, rule, alert["host"], alert["role"], segments)


def check_alert(alert, lines, computed, checks, what):
    changes = [line for line in lines if line["state"] != "updated"]
    wanted = [state for state in ("raised", "cleared") if state in alert]
    times = [seconds(alert[state]) for state in wanted]
    checks.equal([change["state"] for change in changes], wanted, what)
    for change, time in zip(changes, times):
        checks.expect(abs(seconds(change["time"]) - time) <= 1,
                      f"{what} {change['state']} at {change['time']}")
    if computed is not None:
        checks.equal(computed, times, f"{what}: times of expected.toml by arithmetic")
    last = {line["state"]: line for line in lines}
    for says, state in (("says", "raised"), ("updated_says", "updated"), ("cleared_says", "cleared")):
        for key, text in alert.get(says, {}).items():
            said = last[state][key] if state in last else None
            checks.expect(text in str(said), f"{what}: {key} must say {text!r}: {said!r}")


def check_growth(lines, checks, what):
    told = 0
    for line in lines:
        told = 0 if line["state"] == "raised" else told
        checks.expect(line["highest"] is None or line["highest"] >= max(told, line["value"]),
                      f"{what}: {line['state']} with highest {line['highest']} after {told}")
        if line["state"] == "updated":
            checks.expect(line["value"] > told, f"{what}: updated with {line['value']} after {told}")
        told = max(told, line["value"])


def check(name, checks):
    expected = []
    if (SCENARIOS / name / "expected.toml").exists():
        with open(SCENARIOS / name / "expected.toml", "rb") as file:
            expected = tomllib.load(file)["alert"]
    with tempfile.TemporaryDirectory() as folder:
        config, capture, alerts = play(name, folder)
        segments = list(arithmetic.segments(lib.read_pcap(capture)[1])) if expected else []
    states = {}
    for alert in alerts:
        states.setdefault(subject(alert), []).append(alert)
    for key, lines in states.items():
        check_growth(lines, checks, f"{name}: {key}")
    for alert in expected:
        check_alert(alert, states.pop(subject(alert), []), by_arithmetic(config, alert, segments),
                    checks, f"{name}: {' '.join(str(part) for part in subject(alert))}")
    checks.equal(sorted(map(str, states)), [], f"{name}: alerts that nobody expects")
    print(f"{name}: {len(expected)} alerts expected, "
          f"{sum(1 for a in alerts if a['state'] == 'raised')} raised")


def print_times(name):
    with tempfile.TemporaryDirectory() as folder:
        config, capture, alerts = play(name, folder)
        segments = list(arithmetic.segments(lib.read_pcap(capture)[1]))
    for alert in alerts:
        if alert["state"] == "updated":
            continue
        print(alert["state"], alert["time"], *subject(alert))
        print("   ", alert["summary"])
        if alert["state"] == "raised":
            for time in by_arithmetic(config, alert, segments) or []:
                print("    by arithmetic",
                      datetime.datetime.fromtimestamp(time, datetime.timezone.utc).isoformat())


def main():
    if sys.argv[1:2] == ["--times"]:
        return print_times(sys.argv[2])
    checks = lib.Checks()
    names = sys.argv[1:] or sorted(p.name for p in SCENARIOS.iterdir() if p.is_dir())
    for name in names:
        check(name, checks)
    checks.finish()


main()

"""conf/grafana-dashboard.json is whole: its PromQL is accepted by promtool, every metric and label
that it asks for is one of a running sensor, and its panels say what they show.

usage: grafana_dashboard_test.py SOURCE_FOLDER     (MAILTAP names the program)
"""
import collections
import copy
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

TARGET_LABELS = {"instance", "job"}  # that Prometheus adds
SELECTOR = re.compile(r"\b(mailtap_\w+)(?:\{([^}]*)\})?")
MATCHER = re.compile(r'(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"')
GROUPING = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)")

CONFIG = """
[sensor]
name = "test"
[networks]
internal = ["0.0.0.0/1"]
[[relay]]
name = "gateway"
destinations = ["192.0.2.1"]
[[rule]]
name = "bulk mail out"
window = "24h"
raise = "1B"
[alerts]
file = "{folder}/alerts.jsonl"
[state]
directory = "{folder}/state"
[http]
port = {port}
[limits]
sessions = 1024
conversations = 1024
[dataplane]
rx_descriptors = 512
idle_sleep_us = 1000
"""


def skip(why):
    print("SKIPPED:", why)
    sys.exit(77)


def without_variables(text):
    for variable, value in (("$__rate_interval", "5m"), ("$__range", "1h"), ("$sensor", ".*"),
                            ("$rule", ".*")):
        text = text.replace(variable, value)
    return text


def panels_of(dashboard):
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def expressions(dashboard):
    """(where, PromQL, legend) of each query."""
    found = []
    for panel in panels_of(dashboard):
        for target in panel["targets"]:
            found.append((panel["title"], without_variables(target["expr"]),
                          target["legendFormat"]))
    return found


def faults_of_panels(dashboard):
    faults = []
    ids = [panel["id"] for panel in dashboard["panels"]]
    if len(ids) != len(set(ids)):
        faults.append("two panels have the same id")
    places = collections.Counter()
    for panel in dashboard["panels"]:
        at = panel["gridPos"]
        places.update((x, y) for x in range(at["x"], at["x"] + at["w"])
                      for y in range(at["y"], at["y"] + at["h"]))
        if at["x"] + at["w"] > 24:
            faults.append(f"{panel['title']}: wider than the page")
    if any(count > 1 for count in places.values()):
        faults.append("two panels lie on each other")
    for panel in panels_of(dashboard):
        for what, value in (("title", panel.get("title")),
                            ("description", panel.get("description")),
                            ("unit", panel["fieldConfig"]["defaults"].get("unit")),
                            ("query", panel.get("targets"))):
            if not value:
                faults.append(f"{panel.get('title')}: has no {what}")
        for source in [panel, *panel["targets"]]:
            if source["datasource"]["uid"] != "${datasource}":
                faults.append(f"{panel['title']}: its data source is not the variable")
        for target in panel["targets"]:
            if "$sensor" not in target["expr"]:
                faults.append(f"{panel['title']}: does not heed the variable sensor")
    return faults


def faults_of_promql(dashboard, folder):
    rules = [{"record": f"panel:{number}", "expr": expression}
             for number, (_, expression, _) in enumerate(expressions(dashboard))]
    path = folder / "rules.yml"  # JSON is YAML
    path.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))
    done = subprocess.run(["promtool", "check", "rules", path], capture_output=True, text=True)
    return [] if done.returncode == 0 else ["promtool: " + done.stdout + done.stderr]


def matches(series, matchers):
    """Whether Prometheus would select it."""
    for label, operator, value in matchers:
        if label in TARGET_LABELS:
            continue
        equal = (re.fullmatch(value, series.get(label, "")) is not None if "~" in operator
                 else series.get(label, "") == value)
        if equal == operator.startswith("!"):
            return False
    return True


def faults_of_names(dashboard, metrics):
    """Of metrics and labels that the sensor doesn't have; `metrics`: labels of each's series."""
    queries = expressions(dashboard)
    for variable in dashboard["templating"]["list"]:
        if variable["type"] == "query":
            queries.append((variable["name"], without_variables(variable["query"]["query"]), ""))
    faults = []
    for where, query, legend in queries:
        labels = set(TARGET_LABELS)
        for name, selector in SELECTOR.findall(query):
            if name not in metrics:
                faults.append(f"{where}: the sensor has no metric {name}")
                continue
            own = TARGET_LABELS.union(*metrics[name])
            labels |= own
            matchers = MATCHER.findall(selector)
            faults += [f"{where}: {name} has no label {label}" for label, _, _ in matchers
                       if label not in own]
            if not any(matches(series, matchers) for series in metrics[name]):
                faults.append(f"{where}: no series of the sensor fits {name}{{{selector}}}")
        grouped = [label.strip() for group in GROUPING.findall(query)
                   for label in group.split(",") if label.strip()]
        faults += [f"{where}: groups by {label}, which is no label of its metrics"
                   for label in grouped if label not in labels]
        variable = re.fullmatch(r"label_values\(.*, (\w+)\)", query)
        shown = re.findall(r"{{(\w+)}}", legend) + ([variable[1]] if variable else [])
        faults += [f"{where}: shows {label}, which its query does not give" for label in shown
                   if label not in (grouped or labels)]
    return faults


def parse_metrics(text):
    metrics = collections.defaultdict(list)
    for line in text.splitlines():
        match = re.match(r"(\w+)(?:\{(.*)\})? ", line)
        if match and not line.startswith("#"):
            metrics[match[1]].append(dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', match[2] or "")))
    return metrics


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def metrics_of_a_sensor(root, folder):
    """What `mailtap run` says of itself once it has seen a mail session."""
    port = free_port()
    config = folder / "mailtap.toml"
    config.write_text(CONFIG.format(folder=folder, port=port))
    capture = root / "tests/captures/real/smtp_clear.pcap"
    log = folder / "sensor.log"
    with open(log, "wb") as out:
        sensor = subprocess.Popen(
            [os.environ["MAILTAP"], "run", "--config", config, "--", "--no-huge", "--no-shconf",
             "--no-pci", "-m", "256", "--lcores", "0@0,1@0", f"--vdev=net_pcap0,rx_pcap={capture}"],
            stdout=out, stderr=subprocess.STDOUT)
    try:
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline and sensor.poll() is None:
            time.sleep(0.2)
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as page:
                    text = page.read().decode()
            except (urllib.error.URLError, OSError):
                continue
            if "mailtap_host_window_value{" in text and "mailtap_relay_bytes_total{" in text:
                return parse_metrics(text)
        print(log.read_text())
        sys.exit("the sensor does not tell of its hosts and relays")
    finally:
        if sensor.poll() is None:
            sensor.send_signal(signal.SIGTERM)
            sensor.wait(timeout=30)


def check_that_it_can_fail(dashboard, metrics, folder):
    """What a careless change would bring in is found."""
    text = json.dumps(dashboard)
    unfound = []
    for before, after, finds in (
            ("mailtap_port_up", "mailtap_port_upp", faults_of_names),
            ("service, verdict", "service, verdikt", faults_of_names),
            ('direction=\\"up\\"', 'direction=\\"upwards\\"', faults_of_names),
            ("blind_spot:", "blindspot:", faults_of_names),
            ("{{sink}}", "{{sinks}}", faults_of_names),
            ("label_values(mailtap_build_info,", "label_values(mailtap_build,", faults_of_names),
            ("sum by (service)", "sum by service)", faults_of_promql),
            ('"unit": "percentunit"', '"unit": ""', faults_of_panels),
            ('"x": 0', '"x": 1', faults_of_panels)):
        if before not in text:
            unfound.append(f"{before} is not in the dashboard")
            continue
        spoiled = json.loads(text.replace(before, after))
        other = metrics if finds is faults_of_names else folder
        found = finds(spoiled) if finds is faults_of_panels else finds(spoiled, other)
        if not found:
            unfound.append(f"{after} in place of {before} is not found")
    bare = copy.deepcopy(dashboard)
    del panels_of(bare)[0]["description"]
    if not faults_of_panels(bare):
        unfound.append("a panel without a description is not found")
    return unfound


def main():
    root = pathlib.Path(sys.argv[1])
    if shutil.which("promtool") is None:
        skip("promtool is not installed")
    if os.environ["MAILTAP_DATAPLANE"] != "yes":
        skip("built without DPDK (meson option dataplane)")
    dashboard = json.loads((root / "conf/grafana-dashboard.json").read_text())
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        metrics = metrics_of_a_sensor(root, folder)
        faults = faults_of_panels(dashboard) + faults_of_promql(dashboard, folder)
        faults += faults_of_names(dashboard, metrics)
        faults += check_that_it_can_fail(dashboard, metrics, folder)
    for fault in faults:
        print(fault)
    print(len(panels_of(dashboard)), "panels,", len(expressions(dashboard)), "queries,",
          len(metrics), "metrics,", len(faults), "faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())

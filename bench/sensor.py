"""What measurements share: a `mailtap run`, its metrics, and rows of the table."""

import os
import pathlib
import re
import subprocess
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[1]

CONFIG = """\
[sensor]
name = "bench"
[networks]
internal = ["10.0.0.0/8", "fd00::/8"]
[http]
address = "127.0.0.1"
port = {http_port}
[state]
directory = "{folder}"
"""

NO_ALERT_FILE = """
[alerts]
file = ""
"""

SAMPLE = re.compile(r"^(\w+)(?:\{(.*)\})? (\S+)$")
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


class Metrics:
    """One scrape."""

    def __init__(self, url):
        with urllib.request.urlopen(url, timeout=10) as answer:
            text = answer.read().decode()
        self.samples = []
        for line in text.splitlines():
            match = SAMPLE.match(line)
            if match:
                self.samples.append((match[1], dict(LABEL.findall(match[2] or "")),
                                     float(match[3])))

    def sum(self, name):
        return sum(value for sample, _, value in self.samples if sample == name)

    def by_label(self, name, label):
        """label's value -> sum."""
        sums = {}
        for sample, labels, value in self.samples:
            if sample == name and label in labels:
                sums[labels[label]] = sums.get(labels[label], 0) + value
        return sums


class Sensor:
    """Starts in `folder`, is ready once made, and ends with the `with` block."""

    def __init__(self, build, folder, eal_arguments, more_config=NO_ALERT_FILE,
                 http_port=9382):
        self.url = f"http://127.0.0.1:{http_port}/metrics"
        self.log = pathlib.Path(folder) / "sensor.log"
        config = pathlib.Path(folder) / "mailtap.toml"
        config.write_text(CONFIG.format(http_port=http_port, folder=folder) + more_config)
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [str(pathlib.Path(build) / "app/mailtap/mailtap"), "run", "--config",
                 str(config), "--", *eal_arguments], stdout=log, stderr=log)
        try:
            self.await_ready()
        except Exception:
            self.stop()
            raise

    def await_ready(self):
        for _ in range(3_000):
            if self.process.poll() is not None:
                raise RuntimeError("the sensor ended:\n" + self.log.read_text())
            # No request before the ports are open.
            if "metrics on http" in self.log.read_text():
                try:
                    urllib.request.urlopen(self.url.replace("/metrics", "/readyz"), timeout=5)
                    return
                except OSError:
                    pass
            time.sleep(0.1)
        raise RuntimeError("the sensor does not become ready:\n" + self.log.read_text())

    def metrics(self):
        return Metrics(self.url)

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.stop()


def table_rows(text):
    """The rows that a program bench/compare_* has printed."""
    rows = [line.split("\t") for line in text.splitlines()]
    return [row for row in rows if len(row) == 5 and len(row[0]) == 1]


def lcores(count, first=0):
    """EAL's --lcores for `count` lcores from CPU `first` on, sharing CPUs where there are too
    few."""
    cpus = sorted(os.sched_getaffinity(0))
    return ",".join(f"{i}@{cpus[(first + i) % len(cpus)]}" for i in range(count))

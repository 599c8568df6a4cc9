"""The state that a replay left, for the commands that read it.

The capture goes over midnight: a workstation mails 160 MB out, a gateway mails to its provider, and
three hosts of a branch use a relay that is on trial. The workstation's alert is suppressed through
the first day.
"""
import json
import subprocess

import lib

MIDNIGHT = "2026-01-06T00:00:00"
HOST, GATEWAY, BRANCH = "10.1.0.23", "10.20.0.10", "198.51.100.7"
HOSTILE = "<script>alert('x')</script> & \\\"co\\\""
HOSTILE_TEXT = HOSTILE.replace("\\\"", "\"")
RECIPE = """
[traffic]
seed = 5
start = "2026-01-05T23:40:00Z"
packets = 0
packet-size = 9216
snap = 256
[[session]]
name = "exfiltration"
at = "1m"
every = "30s"
for = "40m"
client = "10.1.0.23"
server = "203.0.113.66"
servers = 2
upload = "2MB"
messages = 2
speed = "1MB"
[[session]]
name = "gateway"
at = "5s"
every = "1m"
for = "50m"
client = "10.20.0.10"
server = "192.0.2.1"
servers = 4
upload = "200kB"
messages = 3
[[session]]
name = "branch"
at = "10s"
every = "10m"
for = "50m"
client = "10.2.0.1"
clients = 3
server = "198.51.100.7"
upload = "20kB"
messages = 1
"""
CONFIG = f"""
[sensor]
name = "test"
[networks]
internal = ["10.0.0.0/8"]
[assets]
file = "assets.csv"
[[relay]]
name = "gateway"
sources = ["10.20.0.10"]
destinations = ["192.0.2.0/28"]
owner = "messaging team {HOSTILE}"
reason = "contract 4711"
ticket = "C-7"
expires = 2026-01-20
[[relay]]
name = "unused"
sources = ["10.1.0.0/16"]
destinations = ["192.0.2.200"]
[[relay]]
name = "trial"
destinations = ["198.51.100.0/24"]
mode = "observe"
[[group]]
name = "branch"
members = ["10.2.0.0/16"]
[[rule]]
name = "bulk"
window = "5m"
raise = "5MB"
hold = "1m"
[[rule]]
name = "branch peers"
groups = ["branch"]
metric = "distinct_peers"
raise = 5
[[suppress]]
name = "mover"
hosts = ["10.1.0.0/24"]
rules = ["bulk"]
expires = 2026-01-05
reason = "migration"
owner = "Ada"
[blind_spots.snapped]
enabled = false
"""
ASSETS = f"address,name,owner\n{HOST},{HOSTILE_TEXT.split('&')[0].strip()},Ada\n"


class State:
    """A replay's folder, and the commands that read its state."""

    def __init__(self, folder, capture):
        self.folder = folder
        (folder / "config.toml").write_text(CONFIG, encoding="utf-8")
        (folder / "assets.csv").write_text(ASSETS, encoding="utf-8")
        self.run("replay", capture, "--no-progress", "--alerts", folder / "alerts", "--report",
                 folder / "report.json", "--metrics", folder / "metrics", "--config",
                 folder / "config.toml", "--state", folder / "state")
        self.alerts = lib.read_lines(folder / "alerts")
        self.replay_report = json.loads((folder / "report.json").read_text())

    def run(self, *arguments, status=0):
        done = subprocess.run([lib.program("MAILTAP"), *map(str, arguments)],
                              capture_output=True, text=True, check=False)
        if done.returncode != status:
            raise SystemExit(f"{arguments}: status {done.returncode}\n{done.stderr}")
        return done

    def report(self, *arguments):
        done = self.run("report", "--state", self.folder / "state", "--format", "json",
                        *arguments)
        return json.loads(done.stdout)

    def explain(self, *arguments, status=0):
        return self.run("explain", *arguments, "--config", self.folder / "config.toml",
                        "--state", self.folder / "state", status=status)


def make(folder):
    """(State, truth) of the capture, in `folder`."""
    (folder / "recipe.toml").write_text(RECIPE, encoding="utf-8")
    capture, truth = lib.generate(folder, "--recipe", folder / "recipe.toml")
    return State(folder, capture), truth

"""`mailtap report` from a replay's state (see stored_state.py), and a suppression that ends within the
capture, all compared with the generator's truth."""
import collections
import html.parser
import json
import pathlib
import tempfile
import xml.etree.ElementTree

import lib
from stored_state import BRANCH, HOST, HOSTILE_TEXT, MIDNIGHT, make

VOID = {"meta"}


class WellFormed(html.parser.HTMLParser):
    """Every tag is closed in its turn; collects the text and what would load or run something."""

    def __init__(self):
        super().__init__()
        self.open, self.text, self.faults = [], [], []

    def handle_starttag(self, tag, attrs):
        if tag not in VOID:
            self.open.append(tag)
        if tag in ("script", "link", "img", "iframe", "object"):
            self.faults.append(tag)
        self.faults += [name for name, _ in attrs
                        if name.startswith("on") or name in ("src", "href")]

    def handle_endtag(self, tag):
        if tag in VOID:
            return
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"</{tag}>")

    def handle_data(self, data):
        if not self.open or self.open[-1] != "style":
            self.text.append(data)


def sums(truth, key):
    """Sessions and bytes each way by key(session)."""
    total = collections.defaultdict(lambda: [0, 0, 0])
    for session in truth:
        row = total[key(session)]
        row[0] += 1
        row[1] += session["bytes_up"]
        row[2] += session["bytes_down"]
    return {name: tuple(row) for name, row in total.items()}


def check_suppression(checks, state):
    changes = [(a["state"], a["time"]) for a in state.alerts if a["state"] != "updated"]
    checks.equal(changes[0], ("raised", f"{MIDNIGHT[:-2]}01.000000Z"),
                 "what is over its threshold when the suppression ends")
    checks.equal([state for state, _ in changes], ["raised", "cleared"], "alerts that are sent")
    raised = state.alerts[0]
    checks.expect(raised["value"] >= raised["threshold"] == 5_000_000, "the value at the raise")
    checks.equal([r["relay"] for r in raised["expected_relays"]], ["unused"], "expected relays")
    checks.equal({tuple(p["tls"]) for p in raised["top_peers"]}, {("none",)}, "the peers' TLS")
    suppressed = state.replay_report["suppressed"]
    checks.equal([(s["host"], s["rule"], s["suppression"]) for s in suppressed],
                 [(HOST, "bulk", "mover")], "suppressed alerts")
    checks.expect(suppressed[0]["time"] < "2026-01-05T23:45", "when it would have been raised")
    entry = state.replay_report["suppressions"][0]
    checks.equal((entry["name"], entry["expires"], entry["alerts"], entry["last_used"]),
                 ("mover", "2026-01-05", 1, suppressed[0]["time"]), "use of the suppression")
    metrics = (state.folder / "metrics").read_text().splitlines()
    for line in ('mailtap_alerts_suppressed_total{rule="bulk",severity="medium"} 1',
                 'mailtap_alerts_raised_total{rule="bulk",severity="medium"} 1'):
        checks.expect(line in metrics, f"metric {line}")


def check_whole(checks, state, truth):
    report = state.report()
    by_client = sums([s for s in truth if s["origin"] != "gateway"], lambda s: s["client"])
    checks.equal({h["host"]: (h["unapproved_sessions"], h["unapproved_sent"],
                              h["unapproved_received"]) for h in report["hosts"]},
                 by_client, "hosts with unapproved mail")
    checks.equal(report["hosts"][0]["owner"], "Ada", "the host's owner")
    checks.equal(report["hosts"][0]["alerts"], 1, "the host's alerts")
    by_origin = sums(truth, lambda s: s["origin"])
    used = {r["name"]: r for r in report["relays_used"]}
    for relay, origin in (("gateway", "gateway"), ("trial", "branch")):
        sessions, up, down = by_origin[origin]
        checks.equal((used[relay]["sessions"], used[relay]["bytes"]), (sessions, up + down),
                     f"use of {relay}")
        last = max(s["last_seen"] for s in truth if s["origin"] == origin)
        checks.equal(used[relay]["last_used"], last, f"when {relay} was last used")
    checks.equal(sorted(used), ["gateway", "trial"], "relays in use")
    checks.equal(used["gateway"]["owner"], f"messaging team {HOSTILE_TEXT}", "owner")
    checks.equal([r["name"] for r in report["relays_unused"]], ["unused"], "unused relays")
    exceptions = report["exceptions"]
    checks.equal([(r["name"], r["expires"], r["ends"], r["ticket"]) for r in
                  exceptions["relays"]],
                 [("gateway", "2026-01-20", "2026-01-21T00:00:00.000000Z", "C-7"),
                  ("trial", None, None, None)], "relay exceptions")
    checks.equal([(s["name"], s["expires"], s["expired"], s["alerts"], s["owner"]) for s in
                  exceptions["suppressions"]], [("mover", "2026-01-05", True, 1, "Ada")],
                 "suppressions")
    checks.equal([(a["rule"], a["host"], a["suppression"]) for a in report["suppressed"]],
                 [("bulk", HOST, "mover")], "suppressed alerts")
    checks.equal([(a["rule"], a["host"]) for a in report["alerts"]], [("bulk", HOST)], "alerts")
    by_server = sums([s for s in truth if s["origin"] != "gateway"], lambda s: s["server"])
    checks.equal({c["server"]: (c["sessions"], c["bytes_up"], c["bytes_down"])
                  for c in report["candidates"]}, by_server, "candidates for the inventory")
    branch = report["candidates"][0]
    checks.equal((branch["server"], branch["clients"], branch["in_alerts"]),
                 (BRANCH, sorted({s["client"] for s in truth if s["origin"] == "branch"}), False),
                 "the candidate that most hosts use")
    checks.expect(all(c["in_alerts"] for c in report["candidates"][1:]), "peers of the alert")
    coverage = report["coverage"]
    checks.equal(coverage["covered_seconds"], coverage["seconds"], "seconds that were judged")
    checks.equal(coverage["gaps"], [], "gaps")
    checks.equal(coverage["packets"], state.replay_report["packets"], "packets")
    checks.equal(coverage["blind_spots"], [], "blind spots")
    checks.equal(report["config_version"], state.replay_report["config_version"],
                 "configuration")


def check_periods(checks, state, truth):
    """Mail is counted by whole hours, in the second of its bytes; sessions when established."""
    second = state.report("--since", "2026-01-06")
    started = sums([s for s in truth if s["first_seen"] >= MIDNIGHT and
                    s["origin"] == "exfiltration"], lambda s: s["client"])
    row = next(h for h in second["hosts"] if h["host"] == HOST)
    checks.expect(abs(row["unapproved_sessions"] - started[HOST][0]) <= 1,
                  f"sessions of the second day: {row['unapproved_sessions']}")
    checks.expect(abs(row["unapproved_sent"] - started[HOST][1]) <= 2_000_000,
                  f"bytes of the second day: {row['unapproved_sent']}")
    first = state.report("--until", "2026-01-06")
    both = sums(truth, lambda s: s["client"])[HOST]
    other = next(h for h in first["hosts"] if h["host"] == HOST)
    checks.equal((row["unapproved_sessions"] + other["unapproved_sessions"],
                  row["unapproved_sent"] + other["unapproved_sent"]), both[:2],
                 "both days together")
    checks.equal((first["alerts"], len(first["suppressed"])), ([], 1), "alerts of the first day")
    checks.equal((len(second["alerts"]), second["suppressed"]), (1, []),
                 "alerts of the second day")
    raised = state.alerts[0]["time"]
    checks.equal((raised, len(state.report("--until", raised)["alerts"]),
                  state.report("--until", MIDNIGHT)["alerts"]),
                 (f"{MIDNIGHT[:-2]}01.000000Z", 1, []), "the second in which the alert was raised")
    later = state.report("--since", "2027-01-01", "--until", "2027-01-02")
    checks.equal((later["hosts"], later["coverage"]["covered_seconds"], later["counted_from"]),
                 ([], 0, None), "a day that nobody saw")
    checks.equal(later["coverage"]["gaps"][0]["seconds"], 86_400, "its gap")
    checks.equal(state.report("--since", "1h")["since"], "2026-01-05T23:29:06.000000Z",
                 "an hour before the end")


def check_forms(checks, state):
    text = state.run("report", "--state", state.folder / "state" / "state.db").stdout
    for wanted in ("Hosts with unapproved mail", "160 MB", "messaging team", "2026-01-20",
                   "expires soon", "mover: bulk on 10.1.0.0/24", "Candidates for the inventory",
                   "(100.00%)"):
        checks.expect(wanted in text, f"the text says {wanted!r}")
    page = state.folder / "report.html"
    done = state.run("report", "--config", state.folder / "config.toml", "--state",
                     state.folder / "state", "--format", "html", "--output", page)
    checks.equal(done.stdout, "", "output beside the file")
    content = page.read_text(encoding="utf-8")
    parser = WellFormed()
    parser.feed(content)
    parser.close()
    checks.equal((parser.open, parser.faults), ([], []), "the page's tags")
    xml.etree.ElementTree.fromstring(content.split("\n", 1)[1])
    shown = "".join(parser.text)
    checks.expect(HOSTILE_TEXT in shown, "a hostile owner is shown as it is")
    checks.expect("<script" not in content, "and is no mark-up")
    for line in text.splitlines():
        if "bulk" in line and "2026" in line and "10.1.0.23" in line:
            checks.expect(line.split("  ")[1] in shown, f"the page says too: {line[:60]}")


def check_end(checks, state):
    """What came after the last whole minute is in the state too."""
    folder = state.folder / "short"
    folder.mkdir()
    capture, _ = lib.generate(folder, "--seed", 3, "--packets", 4000, "--mail-share", 50)
    state.run("replay", capture, "--no-progress", "--config", state.folder / "config.toml",
              "--state", folder / "state", "--report", folder / "report.json")
    replay = json.loads((folder / "report.json").read_text())
    report = json.loads(state.run("report", "--state", folder / "state", "--format",
                                  "json").stdout)
    # Mail of nobody's hosts is in no hour.
    got, wanted = ([row for row in document["totals"] if row["verdict"] != "transit"]
                   for document in (report, replay))
    checks.expect(any(row["bytes_up"] for row in wanted), "a short capture has mail")
    checks.equal(report["coverage"]["packets"], replay["packets"], "packets of a short capture")
    for key in ("sessions", "bytes_up", "bytes_down"):
        checks.equal([row[key] for row in got], [row[key] for row in wanted],
                     f"{key} of a short capture")


def check_report_faults(checks, state):
    folder = state.folder / "state"
    for arguments, wanted in (
            (["--state", state.folder / "nowhere"], "there is no state"),
            (["--state", folder, "--since", "soon"], "--since must be a time"),
            (["--state", folder, "--since", "2026-02-02"], "the period begins"),
            (["--state", folder, "--until", "2026-01-04"],
             "before the state begins, at 2026-01-05T23:40:"),
            (["--state", folder, "--until", "9999-12-31"], "--until must lie from 1970 to 2200"),
            (["--state", folder, "--since", "1969-12-31"], "--since must lie from 1970 to 2200"),
            (["--state", folder, "--until", "1970-01-02", "--since", "7d"],
             "--since must lie from 1970 to 2200"),
            (["--state", folder, "--output", state.folder / "no" / "x"], "No such file")):
        done = state.run("report", *arguments, status=1)
        checks.expect(wanted in done.stderr and done.stdout == "", f"{arguments}: {done.stderr}")


def main():
    checks = lib.Checks()
    with tempfile.TemporaryDirectory() as temporary:
        state, truth = make(pathlib.Path(temporary))
        check_suppression(checks, state)
        check_whole(checks, state, truth)
        check_periods(checks, state, truth)
        check_forms(checks, state)
        check_end(checks, state)
        check_report_faults(checks, state)
    checks.finish()


if __name__ == "__main__":
    main()

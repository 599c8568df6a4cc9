"""The learning mode, from traffic to configuration and back: eight hours of an office that uses a
relay and a mail server which nobody has entered yet, and in which one workstation mails 60 MB out.
What is proposed is compared with the generator's truth; with it in force, a second replay raises the
workstation's alerts alone.
"""
import math
import pathlib
import subprocess
import tempfile
import tomllib

import lib

THIEF, DROP = "10.1.0.23", "203.0.113.66"
LONER, POSTBOX = "10.1.0.24", "203.0.113.99"
RELAY, MAILBOXES = "198.51.100.7", "10.20.0.5"
CLIENTS = [f"10.1.0.{i}" for i in range(1, 7)]
RECIPE = f"""
[traffic]
seed = 6
start = "2026-01-05T08:00:00Z"
packets = 0
packet-size = 9216
snap = 256
[[session]]
name = "relay"
at = "10s"
every = "2m"
for = "8h"
client = "{CLIENTS[0]}"
clients = {len(CLIENTS)}
server = "{RELAY}"
port = 587
upload = "200kB"
[[session]]
name = "mailboxes"
at = "20s"
every = "1m"
for = "8h"
client = "{CLIENTS[0]}"
clients = {len(CLIENTS)}
server = "{MAILBOXES}"
service = "imap"
download = "100kB"
messages = 3
[[session]]
name = "loner"
at = "5m"
every = "30m"
for = "8h"
client = "{LONER}"
server = "{POSTBOX}"
upload = "300kB"
[[session]]
name = "theft"
at = "190m"
every = "8s"
for = "4m"
client = "{THIEF}"
server = "{DROP}"
upload = "2MB"
"""
CONFIG = """
[sensor]
name = "test"
[networks]
internal = ["10.0.0.0/8"]
[blind_spots.snapped]
enabled = false
[[rule]]
name = "bulk"
verdicts = ["unapproved_external"]
roles = ["client"]
window = "5m"
raise = "50MB"
clear = "20MB"
severity = "high"
[[rule]]
name = "slow"
verdicts = ["unapproved_external"]
window = "24h"
raise = "500MB"
"""
OUTPUTS = ("flows", "alerts", "report", "metrics")


def learning(after, file=None):
    place = "" if file is None else f'file = "{file}"\n'
    return f'{CONFIG}[learning]\nafter = "{after}"\n{place}'


def run(*arguments, status=0):
    done = subprocess.run([lib.program("MAILTAP"), *map(str, arguments)], capture_output=True,
                          text=True, check=False)
    if done.returncode != status:
        raise SystemExit(f"{arguments}: status {done.returncode}\n{done.stderr}")
    return done


def hosts_of(alerts):
    return {(alert["rule"], alert["host"]) for alert in alerts if alert["state"] == "raised"}


def comments_before(text, heading, name):
    """The comment lines right above the entry of that name."""
    lines = text.splitlines()
    at = next(i for i, line in enumerate(lines)
              if line == f'name = "{name}"' and lines[i - 1] == heading)
    first = at - 1
    while lines[first - 1].startswith("#"):
        first -= 1
    return "\n".join(lines[first:at - 1])


def check_relays(checks, text, truth):
    relays = {relay["name"]: relay for relay in tomllib.loads(text)["relay"]}
    checks.equal(sorted(relays), [f"proposed: {MAILBOXES} imap", f"proposed: {RELAY} smtp"],
                 "relay entries")
    for origin, name, direction, ports in (("relay", f"proposed: {RELAY} smtp", "outbound", [587]),
                                           ("mailboxes", f"proposed: {MAILBOXES} imap",
                                            "internal", [143])):
        relay = relays[name]
        checks.equal(relay["sources"], CLIENTS, f"{name}: sources")
        checks.equal((relay["direction"], relay["ports"], relay["mode"]),
                     (direction, ports, "enforce"), f"{name}: where")
        checks.equal((relay["owner"], relay["reason"], str(relay["expires"])),
                     ("TODO: who answers for it", "proposed from the traffic of 8 hours; review",
                      "2026-04-05"), f"{name}: terms")
        sessions = [s for s in truth if s["origin"] == origin]
        evidence = comments_before(text, "[[relay]]", name)
        checks.expect(f"6 clients in {len(sessions)} sessions sent" in evidence,
                      f"{name}: sessions in {evidence}")
        checks.expect("in 8 of 8 hours on 1 day" in evidence, f"{name}: hours in {evidence}")
    for peer, why in ((DROP, "it is among the peers of an alert"),
                      (POSTBOX, f"one host alone used it, {LONER}, and sent 4.8")):
        checks.expect(any(line.startswith(f"# * {peer} port 25 (smtp") and why in line
                          for line in text.splitlines()), f"why {peer} is left out")


def check_groups_and_rules(checks, text, truth):
    parsed = tomllib.loads(text)
    groups = {group["name"]: group["members"] for group in parsed["group"]}
    checks.equal(groups, {"mail servers": [MAILBOXES], "mailbox clients": CLIENTS}, "groups")
    rules = {rule["name"]: rule for rule in parsed["rule"]}
    checks.expect("proposed: bulk" in rules, f"rules: {sorted(rules)}")
    rule = rules["proposed: bulk"]
    # A session's SMTP commands are sent bytes too; two digits of four times that, rounded up.
    most = max(s["bytes_up"] for s in truth if s["origin"] in ("relay", "loner"))
    checks.equal(rule["raise"], f"{math.ceil(4 * most / 100_000) * 100}kB", "the threshold")
    evidence = comments_before(text, "[[rule]]", "proposed: bulk")
    for wanted in ("8 hours of 8 hosts", f"not usual, as it has alerts: {THIEF} as client",
                   f"in force would have been reached by 1 host ({THIEF}), this by 1 host ({THIEF})"):
        checks.expect(wanted in evidence, f"{wanted!r} in {evidence}")
    checks.expect('# * rule "slow" stays as it is: its window of 1d is too long' in text,
                  "a window that is too long")


def check_in_force(checks, folder, capture, text):
    (folder / "both.toml").write_text(CONFIG + text, encoding="utf-8")
    checked = run("check", folder / "both.toml")
    checks.equal(checked.stdout, f"{folder / 'both.toml'}: ok\n", "check")
    done = lib.replay(folder / "second", [capture], CONFIG + text, outputs=OUTPUTS)
    checks.equal(done.status, 0, "status of the second replay")
    checks.equal(hosts_of(done.alerts), {("bulk", THIEF), ("proposed: bulk", THIEF)},
                 "alerts with the proposals in force")
    checks.equal({(f["server"], f["verdict"]) for f in done.flows},
                 {(RELAY, "approved"), (MAILBOXES, "approved"), (DROP, "unapproved_external"),
                  (POSTBOX, "unapproved_external")}, "verdicts with them")


def check_state(checks, folder, capture, text):
    """By a state: beside it, on demand, and again where it was learnt before."""
    state = folder / "state"

    def replay(config):
        (folder / "config.toml").write_text(config, encoding="utf-8")
        return run("replay", capture, "--no-progress", "--config", folder / "config.toml",
                   "--state", state)

    first = replay(learning("9h"))
    checks.expect("the captures hold 7h5" in first.stderr and "of 9h" in first.stderr,
                  f"what is lacking: {first.stderr}")
    checks.expect(not (state / "proposals.toml").exists(), "nothing is proposed too early")
    early = run("propose", "--config", folder / "config.toml", "--state", state).stdout
    checks.expect("# It may be too early: 1h" in early, "what propose says of that")
    checks.equal(tomllib.loads(early)["group"], tomllib.loads(text)["group"],
                 "the groups on demand")
    again = replay(learning("6h"))
    checks.expect(f"{state}/proposals.toml: 2 groups" in again.stderr, again.stderr)
    beside = (state / "proposals.toml").read_text(encoding="utf-8")
    checks.equal(tomllib.loads(beside), tomllib.loads(text), "proposals beside the state")
    part = run("propose", "--config", folder / "config.toml", "--state", state, "--until",
               "2026-01-05T10:00", "--output", folder / "part.toml")
    checks.equal(part.stdout, "", "output beside the file")
    part = (folder / "part.toml").read_text(encoding="utf-8")
    checks.expect("used in 2 of 2 hours only" in part, "two hours are too few")
    checks.equal(tomllib.loads(part), {}, "and show nothing")
    for arguments, wanted in ((["--since", "soon"], "--since must be a time"),
                              (["--since", "2027-01-01", "--until", "2027-01-02"],
                               "nothing is known from"),
                              (["--output", folder / "no" / "x"], "No such file")):
        done = run("propose", "--config", folder / "config.toml", "--state", state, *arguments,
                   status=1)
        checks.expect(wanted in done.stderr and done.stdout == "", f"{arguments}: {done.stderr}")


def check_unwritable(checks, folder, capture, good):
    done = lib.replay(folder / "unwritable", [capture],
                      learning("6h", folder / "no" / "proposals.toml"), outputs=OUTPUTS)
    checks.equal(done.status, 2, "status where the proposals can't be written")
    checks.expect("No such file" in " ".join(done.stdout.split()), "the summary says so")
    checks.expect("proposals could not be written: cannot open" in done.stderr, "so does the log, first")
    checks.equal((done.flows, hosts_of(done.alerts)), (good.flows, hosts_of(good.alerts)),
                 "nothing else is lost")
    checks.expect(b"\nmailtap_learning_errors_total 1\n" in done.files["metrics"], "it counts")
    done = lib.replay(folder / "nowhere", [capture], learning("6h"), outputs=OUTPUTS)
    checks.equal(done.status, 2, "status where there is no place for them")
    checks.expect("give learning.file or --state" in " ".join(done.stdout.split()),
                  f"the summary says what to give: {done.stdout[-400:]}")


def main():
    checks = lib.Checks()
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        (folder / "recipe.toml").write_text(RECIPE, encoding="utf-8")
        capture, truth = lib.generate(folder, "--recipe", folder / "recipe.toml")
        texts = []
        for workers in (1, 3):
            file = folder / f"proposals{workers}.toml"
            good = lib.replay(folder / "first", [capture], learning("6h", file), workers,
                              OUTPUTS)
            checks.equal(good.status, 0, f"status with {workers} workers")
            texts.append(file.read_text(encoding="utf-8"))
        checks.equal(texts[1].splitlines()[3:], texts[0].splitlines()[3:],
                     "the proposals, whatever the workers")
        text = texts[0]
        checks.equal(hosts_of(good.alerts), {("bulk", THIEF)}, "alerts while it learns")
        checks.expect(b"\nmailtap_learning_proposals_written_total 1\n" in good.files["metrics"],
                      "the metric")
        check_relays(checks, text, truth)
        check_groups_and_rules(checks, text, truth)
        check_in_force(checks, folder, capture, text)
        check_state(checks, folder, capture, text)
        check_unwritable(checks, folder, capture, good)
    checks.finish()


if __name__ == "__main__":
    main()

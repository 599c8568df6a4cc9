"""`mailtap explain` from a replay's state: see stored_state.py."""
import json
import pathlib
import tempfile

import lib
from stored_state import BRANCH, CONFIG, GATEWAY, HOST, make


def explain(state, *arguments, status=0):
    done = state.explain(*arguments, "--json", status=status)
    return json.loads(done.stdout)["hosts"][0]


def check_what_was_seen(checks, state):
    approved = explain(state, GATEWAY, "192.0.2.1")["conversations"]
    checks.equal([(c["verdict"], c["relay"], c["seen"], c["counted_by"]) for c in approved],
                 [("approved", "gateway", True, [])], "an approved conversation")
    checks.equal(approved[0]["entries"][0]["fits"], True, "the entry that fits comes first")
    host = explain(state, HOST, "203.0.113.66")
    checks.equal([(c["verdict"], c["relay"], c["counted_by"]) for c in host["conversations"]],
                 [("unapproved_external", None, ["bulk"])], "an unapproved conversation")
    misses = {e["relay"]: e["misses"] for e in host["conversations"][0]["entries"]}
    checks.equal(misses["unused"], ["203.0.113.66 is not among its destinations"],
                 "why an entry doesn't fit")
    checks.equal(misses["gateway"], [f"{HOST} is not among its sources",
                                     "203.0.113.66 is not among its destinations"],
                 "why another one doesn't")
    rules = {(r["rule"], r["role"]): r for r in host["rules"]}
    checks.equal(rules["bulk", "client"]["concerned"], True, "a rule that looks at the host")
    checks.equal(rules["branch peers", "client"]["why_not"],
                 "it is for branch, and the host is in no group", "one that doesn't")
    trial = explain(state, "10.2.0.1", BRANCH)
    checks.equal([(c["verdict"], c["observed"]) for c in trial["conversations"]],
                 [("unapproved_external", "trial")], "an entry on trial")
    standing = {(r["rule"], r["role"]): r for r in trial["rules"]}["bulk", "client"]
    checks.equal(standing["conditions"][0]["raise"], 5_000_000, "the threshold")


def check_what_was_not_seen(checks, state):
    unknown = explain(state, "10.9.9.9", status=2)
    checks.equal((unknown["known"], unknown["internal"], unknown["conversations"]),
                 (False, True, []), "a host that is not known")
    never = explain(state, HOST, "192.0.2.200", status=2)
    checks.equal({c["seen"] for c in never["conversations"]}, {False}, "a peer it never met")
    checks.equal([c["relay"] for c in never["conversations"]], ["unused"] * 3,
                 "what the policy would say")


def check_external(checks, state):
    host = explain(state, "203.0.113.66")
    checks.equal((host["known"], host["internal"], host["internal_hosts"], host["rules"]),
                 (True, False, {"unapproved_external": 1}, []), "an external host")
    checks.equal([(c["role"], c["peer"], c["verdict"], c["counted_by"])
                  for c in host["conversations"]],
                 [("server", HOST, "unapproved_external", ["bulk"])], "who deals with it")
    approved = explain(state, "192.0.2.1", GATEWAY)["conversations"]
    checks.equal([(c["seen"], c["relay"]) for c in approved], [(True, "gateway")],
                 "an external host and its peer")


def check_text(checks, state):
    text = state.explain(HOST, "203.0.113.66").stdout
    checks.expect("As of 2026-01-06 00:29:06 UTC, " in text and " ago" in text, "how old it is")
    checks.expect("no enforced relay entry fits, and one end is external" in text, "why")

    other = state.folder / "other.toml"
    other.write_text(CONFIG.replace("203.0.113", "").replace(
        'destinations = ["192.0.2.200"]', 'destinations = ["203.0.113.66"]'), encoding="utf-8")
    asked = state.run("explain", HOST, "203.0.113.66", "--config", other, "--state",
                      state.folder / "state").stdout
    checks.expect('approved by relay entry "unused"' in asked and
                  "The sensor judged by configuration" in asked, "another configuration")


def check_faults(checks, state):
    config = state.folder / "config.toml"
    for arguments, wanted in (
            (["banana"], "HOST must be an IP address"),
            ([HOST, "10.0.0.0/8"], "PEER must be an IP address"),
            ([HOST, "--state", state.folder / "nowhere"], "there is no state"),
            ([HOST, "--state", config], "is neither a state folder nor a file state.db")):
        arguments = [*arguments, "--config", config]
        if "--state" not in arguments:
            arguments += ["--state", state.folder / "state"]
        done = state.run("explain", *arguments, status=1)
        checks.expect(wanted in done.stderr and done.stdout == "", f"{arguments}: {done.stderr}")


def main():
    checks = lib.Checks()
    with tempfile.TemporaryDirectory() as temporary:
        state, _ = make(pathlib.Path(temporary))
        check_what_was_seen(checks, state)
        check_what_was_not_seen(checks, state)
        check_external(checks, state)
        check_text(checks, state)
        check_faults(checks, state)
    checks.finish()


if __name__ == "__main__":
    main()

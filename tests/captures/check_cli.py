"""`mailtap check`: good and bad configurations, exit status and messages."""
import pathlib
import re
import subprocess
import tempfile

import lib

PLACE = re.compile(r"^(?P<file>[^:\n]+):(?P<line>\d+):(?P<column>\d+): (?P<message>.+)$",
                   re.MULTILINE)
GOOD = """[networks]
internal = ["10.0.0.0/8", "fd00::/8"]
[[relay]]
name = "corporate gateway"
sources = ["10.20.0.10"]
destinations = ["192.0.2.0/28"]
services = ["smtp"]
ports = [25, 587]
owner = "messaging team"
reason = "contract 4711"
mode = "enforce"
[[group]]
name = "workstations"
members = ["10.1.0.0/16"]
[[rule]]
name = "bulk mail out"
groups = ["workstations"]
services = ["smtp"]
verdicts = ["unapproved_external"]
metric = "sent_bytes"
window = "5m"
raise = "50MB"
clear = "20MB"
hold = "10m"
severity = "high"
"""
NETWORKS = '[networks]\ninternal = ["10.0.0.0/8"]\n'
RULE = '[[rule]]\nname = "a"\nmetric = "sent_bytes"\nwindow = "5m"\nraise = "1MB"\n'
# what is wrong: (text, line of each fault, words that the messages hold)
BAD = {
    "a syntax fault": (NETWORKS + "[[rule]\n", [3], []),
    "no internal network": ("[networks]\ninternal = []\n", [None], ["internal"]),
    "an unknown key": (NETWORKS + "[http]\nprot = 80\n", [4], ["prot"]),
    "an unknown table": (NETWORKS + "[htpp]\nport = 80\n", [3], ["htpp"]),
    "no address": ('[networks]\ninternal = ["10.0.0.0/33"]\n', [2], ["10.0.0.0/33"]),
    "a port out of range": (NETWORKS + "[http]\nport = 70000\n", [4], ["port", "65535"]),
    "no such metric": (NETWORKS + RULE.replace("sent_bytes", "sent"), [5], ["metric"]),
    "a window too long": (NETWORKS + RULE.replace("5m", "25h"), [6], ["window", "1d"]),
    "an unknown group": (NETWORKS + RULE + 'groups = ["x"]\n', [8], ["x"]),
    "two faults at once": (NETWORKS + RULE.replace("5m", "25h").replace("sent_bytes", "sent"),
                           [5, 6], ["metric", "window"]),
}


def check(path, *options):
    return subprocess.run([lib.program("MAILTAP"), "check", path, *options], capture_output=True,
                          text=True, check=False)


def check_bad(checks, path, what, text, lines, words):
    path.write_text(text, encoding="utf-8")
    done = check(path)
    checks.equal(done.returncode, 1, f"{what}: exit status")
    faults = [match for match in PLACE.finditer(done.stdout + done.stderr)
              if not match["message"].endswith("(warning)")]
    checks.equal({match["file"] for match in faults}, {str(path)}, f"{what}: file named")
    checks.equal(len(faults), len(lines), f"{what}: number of faults")
    for match, line in zip(faults, lines):
        if line:
            checks.equal(int(match["line"]), line, f"{what}: line of {match['message']!r}")
    messages = " ".join(match["message"] for match in faults)
    for word in words:
        checks.expect(word in messages, f"{what}: {word!r} in {messages!r}")


def check_good(checks, path):
    path.write_text(GOOD, encoding="utf-8")
    checks.equal(check(path).returncode, 0, "a good file: exit status")
    printed = check(path, "--print")
    checks.equal(printed.returncode, 0, "--print: exit status")
    checks.expect("corporate gateway" in printed.stdout, "--print shows the relay")
    path.write_text(printed.stdout, encoding="utf-8")
    again = check(path, "--print")
    checks.equal(again.stdout, printed.stdout, "--print of what --print gave")


def check_full_output(checks, path):
    """What can't be written whole must not look like success."""
    path.write_text(GOOD, encoding="utf-8")
    mailtap, generator = lib.program("MAILTAP"), lib.program("MAILTAP_GEN")
    for command in ([mailtap, "check", path], [mailtap, "check", path, "--print"],
                    [mailtap, "--version"], [mailtap, "--help"], [mailtap, "check", "--help"],
                    [generator, "--help"]):
        with open("/dev/full", "wb") as full:
            done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True,
                                  check=False)
        checks.equal(done.returncode, 1, f"{command} on a full device: exit status")
        checks.expect("standard output could not be written" in done.stderr,
                      f"{command} on a full device: {done.stderr!r}")


def check_overwriting(checks, path):
    """A sensor must not write over what it reads: alerts are appended to their file for years."""
    folder = path.parent / "state"
    for keys, wanted in (
            (f'[alerts]\nfile = "{path}"\n', "alerts.file would overwrite the configuration"),
            (f'[alerts]\nfile = "{folder}/state.db"\n', "alerts.file would overwrite the state"),
            (f'[learning]\nafter = "1d"\nfile = "{path}"\n',
             "learning.file would overwrite the configuration")):
        path.write_text(f'{NETWORKS}[state]\ndirectory = "{folder}"\n{keys}', encoding="utf-8")
        for command in ("check", path), ("run", "--config", path), ("reload", "--config", path):
            done = subprocess.run([lib.program("MAILTAP"), *command], capture_output=True,
                                  text=True, check=False)
            checks.expect(done.returncode == 1 and wanted in done.stderr,
                          f"{command[0]}: {done.returncode} {done.stderr!r}, not {wanted}")


def check_unknown_word(checks):
    done = subprocess.run([lib.program("MAILTAP"), "chek", "x"], capture_output=True, text=True,
                          check=False)
    checks.expect(done.returncode >= 100 and 'no subcommand "chek"' in done.stderr,
                  f"an unknown subcommand: {done.returncode} {done.stderr!r}")


def check_reload(checks, path):
    """What never reaches a sensor says so, and where the sensor may be."""
    def reload():
        return subprocess.run([lib.program("MAILTAP"), "reload", "--config", path],
                              capture_output=True, text=True, check=False)
    path.write_text(NETWORKS + "[http]\nprot = 80\n", encoding="utf-8")
    done = reload()
    checks.equal(done.returncode, 1, "reload of a faulty file: exit status")
    checks.expect(f"{path}:4:1: " in done.stderr and "nothing is reloaded" in done.stderr,
                  f"reload of a faulty file: {done.stderr!r}")
    folder = path.parent / "another"
    path.write_text(f'{NETWORKS}[state]\ndirectory = "{folder}"\n', encoding="utf-8")
    done = reload()
    checks.equal(done.returncode, 1, "reload where no sensor is: exit status")
    checks.expect(f"no sensor runs on the state in {folder}" in done.stderr and
                  "before state.directory was changed" in done.stderr,
                  f"reload where no sensor is: {done.stderr!r}")


def main():
    checks = lib.Checks()
    with tempfile.TemporaryDirectory() as name:
        path = pathlib.Path(name) / "mailtap.toml"
        checks.equal(check(path).returncode, 1, "no such file: exit status")
        checks.equal(check(name).returncode, 1, "a folder: exit status")
        check_good(checks, path)
        check_full_output(checks, path)
        check_reload(checks, path)
        check_overwriting(checks, path)
        check_unknown_word(checks)
        for what, (text, lines, words) in BAD.items():
            check_bad(checks, path, what, text, lines, words)
    checks.finish()


if __name__ == "__main__":
    main()

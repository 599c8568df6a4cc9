"""What a replay can't write, what it refuses to, and what it says where there is too little memory."""
import os
import pathlib
import resource
import subprocess
import tempfile

import lib

SOURCE = lib.REAL / "smtp_clear.pcap"
NOTHING_DONE, INCOMPLETE = 1, 2
USAGE = 100  # and above: the command line makes no sense
CONFIG = lib.CONFIG + """
[[rule]]
name = "any"
verdicts = ["unapproved_internal"]
raise = "1kB"
"""


def mailtap(*arguments):
    return subprocess.run([lib.program("MAILTAP"), *map(str, arguments)], capture_output=True,
                          text=True, check=False)


def replay(folder, *arguments, config=CONFIG, stdout=subprocess.PIPE, **options):
    (folder / "config.toml").write_text(config, encoding="utf-8")
    return subprocess.run([lib.program("MAILTAP"), "replay", "--no-progress", "--config",
                           folder / "config.toml", *map(str, arguments)], stdout=stdout,
                          stderr=subprocess.PIPE, text=True, check=False, **options)


def check_full_disk(checks, folder):
    """Lost alerts are told of first, and in the log as well: the summary may be lost too."""
    done = replay(folder, SOURCE, "--flows", "/dev/full", "--alerts", "/dev/full")
    checks.equal(done.returncode, INCOMPLETE, "a full disk: exit status")
    sessions = len(lib.replay(folder / "whole", [SOURCE], CONFIG).flows)
    for where, text in (("summary", done.stdout.partition("Warnings")[2]), ("log", done.stderr)):
        lost = [int(part.split()[0]) for part in text.split("lines lost: ")[1:]]
        checks.equal(len(lost), 2, f"a full disk: files in the {where}")
        checks.equal(lost[1:], [sessions], f"a full disk: sessions lost in the {where}")
        checks.expect(lost and 0 < lost[0] < sessions, f"a full disk: alerts in the {where}")
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = replay(folder, SOURCE, stdout=full)
    checks.equal(done.returncode, 1, "no room for the summary: exit status")
    checks.expect("standard output could not be written" in done.stderr, "no room for the summary")


def check_reader_gone(checks, folder):
    """Whoever stops reading one output loses that one alone."""
    fifo = folder / "flows"
    os.mkfifo(fifo)
    capture = (lib.REAL / "pop3_tls.pcap").read_bytes()
    (folder / "config.toml").write_text(CONFIG, encoding="utf-8")
    with subprocess.Popen([lib.program("MAILTAP"), "replay", "--no-progress", "--config",
                           folder / "config.toml", "-", "--flows", fifo, "--alerts",
                           folder / "alerts", "--report", folder / "report"],
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE) as running:
        running.stdin.write(capture[:-100])
        running.stdin.flush()
        with open(fifo, "rb"):
            pass  # both have opened it, and the replay waits for the capture's end
        out, errors = (text.decode() for text in running.communicate(capture[-100:]))
    checks.equal(running.returncode, INCOMPLETE, "a reader that went away: exit status")
    checks.expect(f"cannot write to {fifo}" in errors, f"a reader that went away: {errors}")
    checks.expect("lines lost" in out, f"a reader that went away: {out}")
    for name in ("alerts", "report"):
        file = folder / name
        checks.expect(file.exists() and file.stat().st_size > 0, f"a reader that went away: {name}")


def check_nobody_reads(checks, folder):
    """Standard output that leads nowhere: a message, and no success."""
    state = folder / "state"
    replay(folder, SOURCE, "--state", state)
    config = folder / "config.toml"
    for arguments in (
            ("--version",), ("check", config), ("check", config, "--print"),
            ("report", "--state", state), ("propose", "--config", config, "--state", state),
            ("explain", "10.0.0.1", "--config", config, "--state", state),
            ("replay", SOURCE, "--config", config, "--no-progress")):
        reader, writer = os.pipe()
        os.close(reader)
        done = subprocess.run([lib.program("MAILTAP"), *map(str, arguments)], stdout=writer,
                              stderr=subprocess.PIPE, text=True, check=False)
        os.close(writer)
        checks.equal(done.returncode, 1, f"nobody reads {arguments[0]}: exit status")
        checks.expect("could not be written" in done.stderr,
                      f"nobody reads {arguments[0]}: {done.stderr}")


def check_overwriting(checks, folder):
    """Nothing that is read is written to, and nothing is written by two."""
    capture = folder / "capture.pcap"
    capture.write_bytes(SOURCE.read_bytes())
    (folder / "link.pcap").symlink_to(capture)
    config = folder / "config.toml"
    for wanted, *arguments in (
            ("--flows would overwrite a capture", capture, "--flows", folder / "link.pcap"),
            ("--report would overwrite the configuration", capture, "--report", config),
            ("--metrics would overwrite --report", capture, "--report", folder / "new",
             "--metrics", folder / "new"),
            ("--alerts would overwrite the state", capture, "--state", folder / "state",
             "--alerts", folder / "state" / "state.db")):
        done = replay(folder, *arguments)
        checks.equal(done.returncode, NOTHING_DONE, f"{wanted}: exit status")
        checks.expect(wanted in done.stderr, f"{wanted}: {done.stderr}")
        checks.expect(not (folder / "new").exists(), f"{wanted}: nothing is written")
    state = folder / "kept"
    replay(folder, capture, "--state", state)
    stored = (state / "state.db").read_bytes()
    for command in ("propose", "report"):
        for output, wanted in ((config, "the configuration"), (state / "state.db", "the state")):
            done = subprocess.run([lib.program("MAILTAP"), command, "--config", config, "--state",
                                   state, "--output", output],
                                  capture_output=True, text=True, check=False)
            checks.equal(done.returncode, 1, f"{command}: exit status")
            checks.expect(f"--output would overwrite {wanted}" in done.stderr,
                          f"{command}: {done.stderr}")
    checks.equal((state / "state.db").read_bytes(), stored, "the state")
    checks.equal(capture.read_bytes(), SOURCE.read_bytes(), "the capture")
    checks.equal(config.read_text(), CONFIG, "the configuration")
    done = replay(folder, capture, *(word for output in ("flows", "alerts", "report", "metrics")
                                     for word in (f"--{output}", "/dev/null")))
    checks.equal(done.returncode, 0, "all to /dev/null: exit status")


def check_unwritable(checks, folder):
    """Before anything is read, whatever the file."""
    for output in ("flows", "alerts", "report", "metrics"):
        for path in (folder / "no" / "x", folder):
            done = replay(folder, SOURCE, f"--{output}", path)
            checks.equal((done.returncode, done.stdout), (NOTHING_DONE, ""),
                         f"--{output} {path}: status and summary")
            checks.expect(f"cannot open {path}" in done.stderr, f"--{output}: {done.stderr}")


def check_empty_names(checks, folder):
    """A name out of a variable that isn't set is no wish for no output."""
    for output in ("flows", "alerts", "report", "metrics"):
        done = replay(folder, SOURCE, f"--{output}", "-", cwd=folder)
        checks.expect(done.returncode >= USAGE and done.stdout == "", f"--{output} -: status")
        checks.expect(f"--{output}: - is no file" in done.stderr, f"--{output}: {done.stderr}")
    checks.expect(not (folder / "-").exists(), "no file named -")
    for output in ("flows", "alerts", "report", "metrics", "state"):
        done = replay(folder, SOURCE, f"--{output}", "")
        checks.expect(done.returncode != 0 and done.stdout == "", f"--{output} '': status")
        checks.expect(f"--{output}: the name is empty" in done.stderr, f"--{output}: {done.stderr}")
    for arguments, wanted in ((["--output", ""], "--output: the name is empty"),
                              (["--output", "-"], "--output: - is no file"),
                              (["--since", ""], "--since: the time is empty"),
                              (["--until", ""], "--until: the time is empty")):
        for command in ("report", "propose"):
            done = mailtap(command, *arguments)
            checks.expect(wanted in done.stderr and done.returncode >= USAGE,
                          f"{command}: {done.returncode} {done.stderr}")
    done = mailtap("explain", "10.1.0.1", "")
    checks.expect("the address is empty" in done.stderr and done.returncode >= USAGE,
                  f"explain: {done.returncode} {done.stderr}")
    done = subprocess.run([lib.program("MAILTAP_GEN"), "--out", ""], capture_output=True, text=True,
                          check=False)
    checks.expect("--out: the name is empty" in done.stderr, f"mailtap-gen: {done.stderr}")


def check_no_memory(checks, folder):
    def limit():
        resource.setrlimit(resource.RLIMIT_AS, (8 << 30, 8 << 30))
    if replay(folder, SOURCE, preexec_fn=limit).returncode != 0:
        return  # sanitizers need more for themselves
    config = CONFIG.replace("sessions = 16384", "sessions = 268435456")
    done = replay(folder, SOURCE, config=config, preexec_fn=limit)
    checks.equal(done.returncode, NOTHING_DONE, "too large tables: exit status")
    checks.expect("out of memory; [limits]" in done.stderr, f"too large tables: {done.stderr}")


def main():
    checks = lib.Checks()
    with tempfile.TemporaryDirectory() as name:
        check_full_disk(checks, pathlib.Path(name))
        check_reader_gone(checks, pathlib.Path(name))
        check_nobody_reads(checks, pathlib.Path(name))
        check_overwriting(checks, pathlib.Path(name))
        check_unwritable(checks, pathlib.Path(name))
        check_empty_names(checks, pathlib.Path(name))
        check_no_memory(checks, pathlib.Path(name))
    checks.finish()


if __name__ == "__main__":
    main()

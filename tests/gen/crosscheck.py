"""Checks the generator's truth against tshark's own analysis of the capture.

usage: crosscheck.py MAILTAP_GEN {clean,encap,mirror,recipe,interface}
"""

import hashlib
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

from dissect import Capture
from truth import Run, check_clean, check_volumes, equal, halves, key, microseconds

SKIPPED = 77  # meson's exit code for a test that was not run


def clean(folder):
    cases = {
        "usual": (["--seed", "1", "--packets", "20k"], 20_000),
        "other": (["--seed", "2", "--packets", "20k", "--flows", "50", "--hosts", "5"], 20_000),
        "mail": (["--seed", "3", "--packets", "15k", "--mail-share", "100"], 15_000),
        "imix": (["--seed", "4", "--packets", "20k", "--packet-size", "imix", "--ipv6", "50",
                  "--mail-share", "60"], 20_000),
        "jumbo": (["--seed", "5", "--packets", "8k", "--packet-size", "9000", "--mail-share",
                   "60", "--message-size", "500kB", "--rate", "2000"], 8_000),
        "tiny": (["--seed", "6", "--packets", "300", "--flows", "4"], 300),
        "no mail": (["--seed", "7", "--packets", "3k", "--mail-share", "0"], 3_000),
    }
    for name, (arguments, frames) in cases.items():
        run = Run(folder, name, *arguments)
        check_clean(run, frames)
        kinds = {(s["service"], s["tls"], s["odd_port"], ":" in s["client"]) for s in run.truth}
        print(f"{name}: {frames} packets, {len(run.truth)} mail sessions of {len(kinds)} kinds")
        assert name != "no mail" or not run.truth
        assert name != "tiny" or run.truth
        if name == "mail":
            equal("service and TLS kinds", len({k[:2] for k in kinds}), 9)
            equal("ports and IP versions", len({k[2:] for k in kinds}), 4)


def encap(folder):
    plain = Run(folder, "plain", "--packets", "8k", "--mail-share", "80")
    stacks = ["mixed", "svlan:7,vlan:8,mpls:5,mpls:6", "vlan:3,vxlan:9,ipip", "geneve/6,pppoe",
              "gre:5,gtpu,ah", "erspan2,mpls-cw,vlan", "ipip/6,ipip,ipip"]
    for stack in stacks:
        run = Run(folder, "wrapped", "--packets", "8k", "--mail-share", "80", "--encap", stack)
        capture = Capture(run.path)
        equal(f"{stack}: frames", capture.frames, 8_000)
        equal(f"{stack}: malformed", capture.malformed, 0)
        equal(f"{stack}: bad checksums", capture.bad_checksums, 0)
        check_volumes(capture, run.truth)
        if stack == "mixed":
            kinds = {tuple(s["encap"]) for s in run.truth}
            print(f"mixed: {len(kinds)} kinds of encapsulation among {len(run.truth)} sessions")
            equal("mixed: tags", len(kinds), 23)
        else:
            same = [{**s, "encap": []} for s in run.truth]
            equal(f"{stack}: truth", same, plain.truth)
            equal(f"{stack}: layers", {len(s["encap"]) for s in run.truth},
                  {stack.count(",") + 1})


def check_forged(folder, base, *arguments):
    run = Run(folder, "forged", *base, "--forge", "50", *arguments)
    capture = Capture(run.path)
    forged = 0
    for session in run.truth:
        _, up, down = halves(capture, session)
        beyond = [half.covered(session[f"bytes_{name}"])[1]
                  for name, half in (("up", up), ("down", down))]
        forged += session["forged"]
        if not arguments:  # within 64 KiB a forged segment may look like payload to come
            equal(f"forged of {session}", sum(beyond), session["forged"])
    assert forged > 5
    equal("forged", run.summary["mirror"]["forged"], forged)
    equal("frames", capture.frames, 8_000 + forged)


def mirror(folder):
    base = ["--packets", "8k", "--mail-share", "60"]
    plain = Run(folder, "plain", *base)
    everything = ["--duplicate", "100", "--copy", "mixed", "--reorder", "20", "--retransmit",
                  "10", "--encap", "mixed"]
    exact = {
        "duplicate": ["--duplicate", "30"],
        "copies": ["--duplicate", "100", "--copy", "mixed"],
        "reorder": ["--reorder", "20"],
        "retransmit": ["--retransmit", "10"],
        "fragment": ["--fragment", "256"],
        "fragment and wrap": ["--fragment", "512", "--encap", "vlan,vxlan/6", "--reorder", "5"],
        "snap": ["--snap", "96"],
        "everything": everything,
    }
    for name, arguments in exact.items():
        run = Run(folder, "bad", *base, *arguments)
        capture = Capture(run.path)
        equal(f"{name}: bad checksums", capture.bad_checksums, 0)
        equal(f"{name}: order of times", capture.times, sorted(capture.times, key=microseconds))
        check_volumes(capture, run.truth)
        if name != "everything":
            equal(f"{name}: truth", [{**s, "encap": []} for s in run.truth], plain.truth)
        did = run.summary["mirror"]
        equal(f"{name}: frames", capture.frames, run.summary["packets"])
        if "fragment" not in name:
            equal(f"{name}: frames added", capture.frames,
                  8_000 + did["duplicated"] + did["retransmitted"])
        equal(f"{name}: frames cut", capture.cut, did["snapped"])
        print(name, {k: v for k, v in did.items() if v})
        assert any(did.values()), name
    check_loss(folder, base, plain)
    check_one_way(folder, base, plain)
    check_forged(folder, base)
    check_forged(folder, base, "--forge-within", "65536")


def check_loss(folder, base, plain):
    run = Run(folder, "lossy", *base, "--lose", "5")
    equal("truth under loss", run.truth, plain.truth)
    capture = Capture(run.path)
    lost = run.summary["mirror"]["lost"]
    equal("frames", capture.frames, 8_000 - lost)
    assert 300 < lost < 500, lost
    whole = seen = 0
    for session in run.truth:
        if key(session) in capture.connections:
            for half in halves(capture, session)[1:]:
                if half.isn is not None:
                    seen += half.covered()[0]
        whole += session["bytes_up"] + session["bytes_down"]
    assert 0.85 * whole < seen < whole


def check_one_way(folder, base, plain):
    for way, hidden in (("up", "down"), ("down", "up")):
        run = Run(folder, "one-way", *base, "--one-way", way)
        equal("truth one way", run.truth, plain.truth)
        capture = Capture(run.path)
        for session in run.truth:
            _, up, down = halves(capture, session)
            seen, unseen = (up, down) if way == "up" else (down, up)
            equal(f"{way} of {session}", seen.covered()[0], session[f"bytes_{way}"])
            equal(f"{hidden} of {session}", unseen.packets, 0)
        equal("hidden", run.summary["mirror"]["hidden"], 8_000 - capture.frames)


RECIPE = """
[traffic]
packets = 2000
flows = 20
duration = "60s"
start = "2026-03-01T12:00:00Z"

[[session]]
name = "bulk"
at = "10s"
every = "5s"
for = "20s"
client = "10.1.0.23"
server = "203.0.113.66"
servers = 3
upload = "300kB"
messages = 3
rejected = 2
speed = "1MB"

[[session]]
name = "sync"
at = "1500ms"
client = "fd00:1::77"
clients = 2
server = "2001:db8:2::9"
port = 10993
service = "imap"
tls = "implicit"
sni = "imap.example.net"
download = "2MB"
messages = 4
reset = true
"""


def recipe(folder):
    path = folder / "recipe.toml"
    path.write_text(RECIPE)
    run = Run(folder, "recipe", "--recipe", path)
    check_clean(run, run.summary["packets"])
    bulk = [s for s in run.truth if s["origin"] == "bulk"]
    equal("starts", [s["first_seen"] for s in bulk],
          [f"2026-03-01T12:00:{second}.000000Z" for second in (10, 15, 20, 25)])
    equal("servers", [s["server"] for s in bulk],
          [f"203.0.113.{last}" for last in (66, 67, 68, 66)])
    for session in bulk:
        equal("transactions", (session["messages"], session["rejected"]), (3, 2))
        assert 300_000 <= session["bytes_up"] < 310_000, session
    sync, = [s for s in run.truth if s["origin"] == "sync"]
    equal("start", sync["first_seen"], "2026-03-01T12:00:01.500000Z")
    equal("sync", (sync["client"], sync["server_port"], sync["tls"], sync["reset"]),
          ("fd00:1::77", 10993, "implicit", True))
    assert 2_000_000 <= sync["bytes_down"] < 2_020_000, sync
    alone = Run(folder, "alone", "--recipe", path, "--packets", "0")
    equal("recipe alone", {s["origin"] for s in alone.truth}, {"bulk", "sync"})
    for broken, where in (("[[session]]\nclient = 1\n", ":2:10: client"),
                          ("[[session]]\nservice = \"ftp\"\n", ":2:11: service"),
                          ("[[session]]\ncolour = \"red\"\n", ":2:10: unknown key colour"),
                          ("[[session]]\nclient = \"10.0.0.1\"\n", ":1:1: a session needs"),
                          ("[traffic]\nout = \"x\"\n", ":2:7: out is for the command line"),
                          (one_session("sni = \"mail.example.net\""), "sni needs tls"),
                          (one_session("idle = \"1s\""), "only IMAP idles"),
                          (one_session("clients = 70000").replace("10.0.0.1", "255.255.0.0"),
                           "beyond the last address"),
                          (one_session("upload = 0\nevery = \"100us\"\nfor = \"4s\""),
                           "10.0.0.1 has no port left"),
                          ("[[session]\n", ":1:")):
        path.write_text(broken)
        failed = subprocess.run([Run.generator, "--out", folder / "x.pcap", "--recipe", path],
                                capture_output=True, text=True)
        assert failed.returncode != 0 and where in failed.stderr, (where, failed.stderr)


def one_session(*lines):
    """A recipe of one session, with these keys besides."""
    return "\n".join(("[traffic]", "packets = 0", "[[session]]", 'client = "10.0.0.1"',
                      'server = "203.0.113.1"', *lines, ""))


def frames(path):
    """The bytes of a pcap's frames."""
    data, at = path.read_bytes(), 24
    while at < len(data):
        length = int.from_bytes(data[at + 8:at + 12], "little")
        yield data[at + 16:at + 16 + length]
        at += 16 + length


def links(folder):
    """What switches and receivers look at."""
    six = list(frames(Run(folder, "six", "--packets", "3k", "--ipv6", "100").path))
    assert all(frame[:6] != frame[6:12] for frame in six), "a frame to its own sender"
    hosts = {(frame[6:12], frame[22:38]) for frame in six}
    equal("hosts with an address of their own", len({mac for mac, _ in hosts}), len(hosts))
    short = [len(f) for f in frames(Run(folder, "short", "--packets", "1k", "--snap", "59").path)]
    equal("the longest that was captured", max(short), 59)
    twice = list(frames(Run(folder, "twice", "--packets", "1k", "--ipv6", "100", "--duplicate",
                            "100", "--copy", "exact", "--fragment", "600").path))
    equal("frames that are there twice", {twice.count(frame) for frame in twice}, {2})


def failing_output(folder):
    """Nothing goes on behind a write that failed, whatever is left to do."""
    full = subprocess.run([Run.generator, "--out", "/dev/full", "--packets", "1G", "--truth",
                           folder / "full.t", "--summary", folder / "full.s"],
                          capture_output=True, text=True, timeout=60)
    equal("a full device", (full.returncode, full.stderr),
          (1, "mailtap-gen: /dev/full: No space left on device\n"))
    reader = subprocess.Popen([Run.generator, "--out", "-", "--packets", "1G"],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=False)
    reader.stdout.read(1)
    reader.stdout.close()
    equal("a reader that goes away", (reader.stderr.read(), reader.wait(timeout=60)),
          (b"mailtap-gen: standard output: Broken pipe\n", 1))
    (folder / "link.truth.jsonl").symlink_to(folder / "elsewhere")
    Run(folder, "link", "--packets", "1k")
    assert (folder / "link.truth.jsonl").is_symlink() and (folder / "elsewhere").stat().st_size


def interface(folder):
    links(folder)
    failing_output(folder)
    base = ["--packets", "3k", "--duplicate", "5", "--reorder", "5"]
    first = Run(folder, "first", *base)
    equal("the same run", Run(folder, "second", *base).digest(), first.digest())
    assert Run(folder, "third", *base, "--seed", "9").digest()[0] != first.digest()[0]
    times = Capture(first.path).times
    for form in ("pcap-ns", "pcapng"):
        other = Capture(Run(folder, form, *base, "--format", form).path)
        equal(form, [microseconds(t) for t in other.times], [microseconds(t) for t in times])
        assert any(not t.endswith("000") for t in other.times), form
    piped = subprocess.run([Run.generator, "--out", "-", *base], check=True, capture_output=True)
    equal("standard output", hashlib.sha256(piped.stdout).hexdigest(), first.digest()[0])
    late = Capture(Run(folder, "late", *base, "--format", "pcapng", "--start",
                       "2200-01-01T00:00:00Z").path)
    assert late.times[0].startswith("7258118400."), late.times[0]
    for wrong in (["--packets", "many"], ["--encap", "vlan:5000"], ["--encap", "ipip,vlan"],
                  ["--rate", "5", "--flows", "1000"], ["--lose", "101"], ["--recipe", "/none"],
                  ["--starttls", "60", "--implicit-tls", "60"], ["--nonsense"],
                  ["--mail-share", "nan"], ["--lose", "-nan"], ["--start", "1960-01-01T00:00:00Z"],
                  ["--start", "2200-01-01T00:00:00Z"],
                  ["--start", "2300-01-01T00:00:00Z", "--format", "pcapng"],
                  ["--start", "2026-02-31T00:00:00Z"], ["--seed", "-1"], ["--seed", "1.5"],
                  ["--recipe", folder],
                  ["--truth", "-"], ["--summary", "-"], ["--truth", "/none/x"],
                  ["--summary", "/none/x"], ["--truth", folder / "x.pcap"],
                  ["--summary", folder / "sub/../x.pcap"],
                  ["--truth", os.path.relpath(folder / "x.pcap")],
                  ["--truth", folder / "t", "--summary", folder / "t"]):
        failed = subprocess.run([Run.generator, "--out", folder / "x.pcap", *wrong],
                                capture_output=True, text=True)
        assert failed.returncode != 0 and failed.stderr, wrong
        assert not (folder / "x.pcap").exists() and not (folder / "t").exists(), wrong
    recipe_file = folder / "recipe.toml"
    recipe_file.write_text("[traffic]\npackets = 10\n")
    (folder / "link").symlink_to(recipe_file)
    for option in ("--out", "--truth"):
        failed = subprocess.run([Run.generator, "--out", folder / "x.pcap", "--recipe", recipe_file,
                                 option, folder / "link"], capture_output=True, text=True)
        equal("status", failed.returncode, 1)
        assert f"{option} would overwrite the recipe" in failed.stderr, failed.stderr


def main():
    Run.generator = sys.argv[1]
    if shutil.which("tshark") is None:
        print("tshark is not installed")
        return SKIPPED
    case = {"clean": clean, "encap": encap, "mirror": mirror, "recipe": recipe,
            "interface": interface}[sys.argv[2]]
    with tempfile.TemporaryDirectory() as folder:
        case(pathlib.Path(folder))
    return 0


if __name__ == "__main__":
    sys.exit(main())

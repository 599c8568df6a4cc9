"""The truth beside a generated capture, and how a capture must agree with it."""
import datetime
import hashlib
import json
import subprocess

from dissect import Capture, smtp_transactions

DISSECTOR = {"smtp": "smtp", "imap": "imap", "pop3": "pop"}


class Run:
    """One run of the generator."""
    generator = ""

    def __init__(self, folder, name, *arguments):
        self.path = folder / f"{name}.pcap"
        subprocess.run([self.generator, "--out", self.path, *arguments], check=True,
                       stderr=subprocess.DEVNULL)
        text = self.path.with_suffix(".truth.jsonl").read_text()
        self.truth = [json.loads(line) for line in text.splitlines()]
        self.summary = json.loads(self.path.with_suffix(".summary.json").read_text())

    def digest(self):
        return [hashlib.sha256(self.path.with_suffix(suffix).read_bytes()).hexdigest()
                for suffix in (".pcap", ".truth.jsonl")]


def equal(what, got, wanted):
    assert got == wanted, f"{what}: got {got}, wanted {wanted}"


def microseconds(epoch):
    whole, fraction = epoch.split(".")
    return int(whole) * 1_000_000 + int(fraction[:6])


def truth_microseconds(text):
    time = datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%f%z")
    epoch = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
    return (time - epoch) // datetime.timedelta(microseconds=1)


def key(session):
    return (session["client"], session["client_port"], session["server"], session["server_port"])


def halves(capture, session):
    connection = capture.connections[key(session)]
    return (connection, connection.ends[key(session)[:2]], connection.ends[key(session)[2:]])


def check_volumes(capture, truth, directions=("up", "down")):
    """Different payload bytes of every session, whatever was repeated or moved."""
    for session in truth:
        assert key(session) in capture.connections, f"not in the capture: {session}"
        _, up, down = halves(capture, session)
        for name, half in (("up", up), ("down", down)):
            if name in directions:
                equal(f"{name} of {session}", half.covered()[0], session[f"bytes_{name}"])


def check_session(connection, up, down, session, transactions):
    """What only an undisturbed capture tells exactly."""
    equal(f"packets of {session}", (up.packets, down.packets),
          (session["packets_up"], session["packets_down"]))
    equal(f"first_seen of {session}", microseconds(connection.first),
          truth_microseconds(session["first_seen"]))
    equal(f"last_seen of {session}", microseconds(connection.last),
          truth_microseconds(session["last_seen"]))
    equal(f"reset of {session}", connection.reset, session["reset"])
    tls = session["tls"]
    equal(f"ClientHellos of {session}", connection.hellos, 0 if tls == "none" else 1)
    equal(f"names of {session}", connection.names, [session["sni"]] if session["sni"] else [])
    if tls != "implicit":
        assert DISSECTOR[session["service"]] in connection.protocols, f"not seen: {session}"
    if session["service"] == "smtp" and tls == "none":
        equal(f"transactions of {session}", transactions[key(session)],
              (session["messages"], session["rejected"]))
    else:
        equal(f"transactions of {session}", (session["messages"], session["rejected"]),
              (None, None))


def check_summary(run, capture):
    """The summary adds up to the sessions and to the capture."""
    summary, truth = run.summary, run.truth
    equal("mail sessions", summary["mail"]["sessions"], len(truth))
    equal("mail packets", summary["mail"]["packets"],
          sum(s["packets_up"] + s["packets_down"] for s in truth))
    background = summary["background"]
    equal("packets", summary["mail"]["packets"] + sum(b["packets"] for b in background.values()),
          capture.frames)
    tcp_flows = sum(b["flows"] for kind, b in background.items() if kind not in ("dns", "icmp"))
    equal("other connections", len(capture.connections) - len(truth), tcp_flows)
    totals = {}
    for s in truth:
        for role in ("client", "server"):
            total = totals.setdefault((s[role], role, s["service"]), [0] * 5)
            for i, value in enumerate((1, s["bytes_up"], s["bytes_down"], s["messages"] or 0,
                                       s["rejected"] or 0)):
                total[i] += value
    hosts = {(h["host"], h["role"], h["service"]):
             [h["sessions"], h["bytes_up"], h["bytes_down"], h["messages"], h["rejected"]]
             for h in summary["hosts"]}
    equal("hosts", hosts, totals)


def check_clean(run, frames):
    capture = Capture(run.path)
    equal("frames", capture.frames, frames)
    equal("malformed", capture.malformed, 0)
    equal("bad checksums", capture.bad_checksums, 0)
    equal("sequence trouble", {k: v for k, v in capture.trouble.items() if v}, {})
    equal("order of times", capture.times, sorted(capture.times, key=microseconds))
    check_volumes(capture, run.truth)
    transactions = smtp_transactions(run.path)
    known = set()
    for session in run.truth:
        check_session(*halves(capture, session), session, transactions)
        known.add(key(session))
    for connection_key, connection in capture.connections.items():
        if connection.protocols & set(DISSECTOR.values()):
            assert connection_key in known, f"mail that is not in the truth: {connection_key}"
    check_summary(run, capture)

"""The comparison itself: a perfect report passes, and each kind of fault is seen."""
import copy
import dataclasses

import lib
from comparison import Comparison, Expected, Limits

ENDS = ("10.1.0.23", 40001, "192.0.2.10", 25)
MAIL = Expected("a.pcap", ENDS, "mail", "a mail", "smtp", 100, 50, "none", [None],
                {"messages": 1, "rejected": 0})
NOT = Expected("a.pcap", ("10.1.0.23", 40002, "192.0.2.10", 21), "not", "ftp")
LINE = {"first_seen": "2026-01-01T00:00:00Z", "client": ENDS[0], "client_port": ENDS[1],
        "server": ENDS[2], "server_port": ENDS[3], "service": "smtp", "evidence": "banner",
        "tls": "none", "sni": None, "bytes_up": 100, "bytes_down": 50, "inferred_up": 0,
        "inferred_down": 0, "via": None, "messages": 1, "rejected": 0}
LABELS = ("tls", "sni", "messages", "rejected", "via")


def outcome(expected, lines):
    comparison = Comparison(Limits())
    comparison.add(expected, copy.deepcopy(lines))
    return comparison.count, comparison.shortfalls(LABELS)


def main():
    checks = lib.Checks()
    count, faults = outcome([MAIL, NOT], [LINE])
    checks.equal(faults, [], "a perfect report's faults")
    checks.equal((count["found"], count["bytes exact"], count["not mail, not reported"]),
                 (1, 1, 1), "a perfect report's counts")
    ftp = dict(LINE, client_port=40002, server_port=21)
    turned = dict(LINE, client=ENDS[2], client_port=25, server=ENDS[0], server_port=ENDS[1],
                  bytes_up=50, bytes_down=100)
    stray = dict(LINE, client_port=50000)
    for what, lines, name in (
            ("no line", [], "missed"),
            ("another service", [dict(LINE, service="imap")], "wrong"),
            ("exchanged ends", [turned], "wrong"),
            ("a byte too many", [dict(LINE, bytes_up=101)], "bytes differ"),
            ("a byte too few", [dict(LINE, bytes_down=49)], "bytes differ"),
            ("a lookalike reported", [LINE, ftp], "false"),
            ("a session that no truth knows", [LINE, stray], "false"),
            ("another TLS label", [dict(LINE, tls="implicit")], "tls differs"),
            ("another name", [dict(LINE, sni="example.net")], "sni differs"),
            ("a proxy", [dict(LINE, via="socks5")], "via differs"),
            ("null messages", [dict(LINE, messages=None)], "messages differs"),
            ("another count of refusals", [dict(LINE, rejected=2)], "rejected differs")):
        count, faults = outcome([MAIL, NOT], lines)
        checks.equal(count[name], 1, f"{what}: {name}")
        checks.expect(faults, f"{what}: a fault is told")
    guessed = dataclasses.replace(MAIL, roles_known=False)
    checks.equal(outcome([guessed], [turned])[1], [], "exchanged ends where they are guessed")
    halves = [dict(LINE, bytes_up=60, bytes_down=20), dict(LINE, bytes_up=40, bytes_down=30)]
    count, _ = outcome([MAIL], halves)
    checks.equal((count["split"], count["bytes exact"]), (1, 1), "one flow in two lines")
    checks.expect(outcome([], [])[1], "comparing nothing is a fault")
    checks.finish()


if __name__ == "__main__":
    main()

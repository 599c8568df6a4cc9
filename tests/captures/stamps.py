"""Time stamps that are wrong: a stray far ahead or behind, a clock that is set back, captures put together
out of order. Nothing is lost, volumes spread over the time that they took, and the summary says so.
"""
import datetime
import pathlib
import tempfile

import lib

SECOND = 10**9
CLIENT = bytes([10, 1, 0, 23])
HOUR, YEAR = 3600 * SECOND, 365 * 86400 * SECOND
OUTPUTS = ("flows", "alerts", "report")
# 200 kB a minute and 1 MB in five: never an alert, unless an hour becomes a second.
RECIPE = """
[traffic]
seed = 4
start = "2026-01-05T09:00:00Z"
packets = 0
[[session]]
name = "steady"
at = "1s"
every = "1m"
for = "2h"
client = "10.1.0.23"
server = "203.0.113.66"
upload = "200kB"
"""
CONFIG = """
[sensor]
name = "test"
[networks]
internal = ["10.0.0.0/8"]
[[rule]]
name = "bulk"
window = "5m"
raise = "2MB"
""" + lib.LIMITS


def shifted(packets, by):
    return [lib.Packet(packet.time + by, packet.data, packet.wire_length) for packet in packets]


def captures(packets):
    """name -> (packets, words of the warning, seconds that all take)"""
    # Between two sessions.
    middle = next(i for i in range(len(packets) // 2, len(packets))
                  if packets[i].time - packets[i - 1].time > 10 * SECOND)
    before, after = packets[:middle], packets[middle:]
    stray = after[0]
    span = (packets[-1].time - packets[0].time) // SECOND
    return {
        "as they are": (packets, None, span),
        "one far ahead": (before + shifted([stray], 10 * YEAR) + after[1:],
                          "around them: 1, by up to 3650d", span),
        "one in 1970": (before + shifted([stray], -stray.time) + after[1:], "around them: 1,", span),
        "the first far ahead": (shifted(packets[:1], 10 * YEAR) + packets[1:],
                                "around them: 1, by up to 3649d23h59m59s", span),
        "set back by an hour": (before + shifted(after, -HOUR),
                                "for good: 1, by up to ", span),
        "the second half first": (after + before, "for good: 1, by up to 1h59m", span),
    }


def lasts(report):
    first, last = (datetime.datetime.fromisoformat(report[key].replace("Z", "+00:00"))
                   for key in ("first_packet", "last_packet"))
    return (last - first).total_seconds()


def check(checks, folder, name, wrong, warning, span, truth):
    path = folder / "stamps.pcap"
    path.write_bytes(lib.pcap_bytes(lib.ETHERNET, wrong))
    done = lib.replay(folder / "one", [path], CONFIG, 1, OUTPUTS)
    checks.equal(done.status, 0, f"{name}: exit status")
    said = done.report["captures"][0].get("clock")
    checks.expect(said is None if warning is None else warning in (said or ""), f"{name}: {said!r}")
    checks.equal("Warnings" in done.stdout, warning is not None, f"{name}: the summary says it")
    checks.equal(done.alerts, [], f"{name}: alerts")
    checks.equal(sum(flow["bytes_up"] for flow in done.flows),
                 sum(session["bytes_up"] for session in truth), f"{name}: bytes")
    checks.expect(abs(lasts(done.report) - span) <= 60, f"{name}: lasts {lasts(done.report)} s")
    again = lib.replay(folder / "more", [path], CONFIG, 3, OUTPUTS)
    checks.equal(again.files, done.files, f"{name}: with 3 workers")
    # libpcap reads this one.
    path.write_bytes(lib.pcap_bytes(lib.ETHERNET, wrong, order=">"))
    again = lib.replay(folder / "other", [path], CONFIG, 1, OUTPUTS)
    checks.equal(again.files["flows"], done.files["flows"], f"{name}: in the other byte order")


def check_beside_another(checks, folder, packets):
    """A stray in one direction's capture holds nothing of it back while the other goes on."""
    up, down = ([packet for packet in packets if (packet.data[26:30] == CLIENT) == ours]
                for ours in (True, False))
    paths = [folder / "up.pcap", folder / "down.pcap"]
    flows = []
    for first in (up[:9], up[:8] + shifted(up[8:9], YEAR)):
        for path, one in zip(paths, (first + up[9:], down)):
            path.write_bytes(lib.pcap_bytes(lib.ETHERNET, one))
        flows.append(lib.replay(folder / "both", paths, CONFIG, 1, OUTPUTS).files["flows"])
    checks.expect(flows[0], "two captures: flows")
    checks.equal(flows[1], flows[0], "two captures: flows with a stray in one")


def main():
    checks = lib.Checks()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / "recipe.toml").write_text(RECIPE, encoding="utf-8")
        capture, truth = lib.generate(folder, "--recipe", folder / "recipe.toml")
        _, packets = lib.read_pcap(capture)
        for case, (wrong, warning, span) in captures(packets).items():
            check(checks, folder, case, wrong, warning, span, truth)
        check_beside_another(checks, folder, packets)
    checks.finish()


if __name__ == "__main__":
    main()

"""One recorded capture in every format, order and link type that is read: always the same flows.
"""
import pathlib
import resource
import tempfile

import lib

SOURCES = ("smtp_clear.pcap", "ipv6.pcap")  # IPv4 and IPv6


def variants(packets):
    """name -> the capture's bytes"""
    ether = lib.ETHERNET
    halves = [(number % 2, packet) for number, packet in enumerate(packets)]
    links = {"raw IP": lib.RAW_IP, "BSD null": lib.NULL, "BSD loop": lib.LOOP,
             "Linux cooked": lib.SLL, "Linux cooked 2": lib.SLL2}
    return {
        "microseconds": lib.pcap_bytes(ether, packets),
        "nanoseconds": lib.pcap_bytes(ether, packets, lib.NANO),
        "big endian": lib.pcap_bytes(ether, packets, order=">"),
        "pcapng": lib.pcapng_bytes([(ether, 262144, 6)], [(0, packet) for packet in packets]),
        "pcapng, nanoseconds": lib.pcapng_bytes([(ether, 262144, 9)],
                                                [(0, packet) for packet in packets]),
        "pcapng, two interfaces": lib.pcapng_bytes([(ether, 262144, 6), (ether, 262144, 9)],
                                                   halves),
    } | {name: lib.pcap_bytes(link, lib.with_link(packets, link))
         for name, link in links.items()}


def sizes(flows):
    """Flows without their stamps."""
    return [{key: value for key, value in flow.items() if not key.endswith("_seen")}
            for flow in flows]


def check_formats(checks, folder, source):
    link, packets = lib.read_pcap(lib.REAL / source)
    checks.equal(link, lib.ETHERNET, f"{source}: link type")
    wanted = lib.replay(folder / "wanted", [lib.REAL / source], outputs=("flows", "report"))
    checks.expect(len(wanted.flows) > 5, f"{source}: has flows")
    checks.equal(wanted.report["packets"], len(packets), f"{source}: packets")
    for name, content in variants(packets).items():
        path = folder / "variant.pcap"
        path.write_bytes(content)
        done = lib.replay(folder / "got", [path], outputs=("flows", "report"))
        checks.equal(done.status, 0, f"{source}, {name}: exit status {done.stderr}")
        checks.expect(done.files["flows"] == wanted.files["flows"], f"{source}, {name}: flows")
        checks.equal(done.report["packets"], len(packets), f"{source}, {name}: packets")
    with open(lib.REAL / source, "rb") as stdin:
        done = lib.replay(folder / "got", ["-"], stdin=stdin)
        checks.equal(done.status, 0, f"{source}, standard input: exit status")
        checks.expect(done.files["flows"] == wanted.files["flows"],
                      f"{source}, standard input: flows")


def check_late_stamps(checks, folder):
    """pcap's seconds are unsigned: they last until 2106."""
    _, packets = lib.read_pcap(lib.REAL / SOURCES[0])
    late = 2**32 * 10**9 - 3600 * 10**9 - packets[0].time // 10**9 * 10**9
    moved = [lib.Packet(packet.time + late, packet.data, packet.wire_length)
             for packet in packets]
    path = folder / "late.pcap"
    done = {}
    for name in ("microseconds", "nanoseconds", "big endian", "pcapng", "standard input"):
        path.write_bytes(variants(moved).get(name, lib.pcap_bytes(lib.ETHERNET, moved)))
        with open(path, "rb") as stdin:
            done[name] = lib.replay(folder / "late", ["-" if name == "standard input" else path],
                                    outputs=("flows", "report"), stdin=stdin)
        report = done[name].report
        checks.expect(report["first_packet"].startswith("2106-02-07T05:28:16."),
                      f"2106, {name}: begins {report['first_packet']}")
        checks.equal(report["captures"][0]["clock"], None, f"2106, {name}: clock")
        checks.expect(done[name].flows == done["microseconds"].flows, f"2106, {name}: flows")


def check_merging(checks, folder):
    """A capture dealt out to three files in any way is the same when merged by time."""
    _, packets = lib.read_pcap(lib.REAL / SOURCES[0])
    wanted = lib.replay(folder / "wanted", [lib.REAL / SOURCES[0]])
    deals = {"packet by packet": lambda number, packet: number % 3,
             "one direction a file": lambda number, packet: packet.data[26] == 10,
             "in three pieces": lambda number, packet: number * 3 // len(packets)}
    for name, deal in deals.items():
        paths = []
        for part in range(3):
            chosen = [packet for number, packet in enumerate(packets)
                      if deal(number, packet) == part]
            paths.append(folder / f"part{part}.pcap")
            paths[-1].write_bytes(lib.pcap_bytes(lib.ETHERNET, chosen))
        # The pieces are named last first: the order is that of time, not of the command line. It
        # decides between packets of the same microsecond, so that stamps are not compared.
        done = lib.replay(folder / "got", reversed(paths))
        checks.equal(done.status, 0, f"merging, {name}: exit status")
        checks.equal(sizes(done.flows), sizes(wanted.flows), f"merging, {name}: flows")


def check_many(checks, folder):
    """More captures than a process may have files open by default."""
    _, packets = lib.read_pcap(lib.REAL / SOURCES[0])
    wanted = lib.replay(folder / "wanted", [lib.REAL / SOURCES[0]])
    paths = [folder / f"many{part}.pcap" for part in range(1200)]
    for part, path in enumerate(paths):
        size = -(-len(packets) // len(paths))
        path.write_bytes(lib.pcap_bytes(lib.ETHERNET, packets[part * size:(part + 1) * size]))
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, before[1]))
    done = lib.replay(folder / "got", paths)
    resource.setrlimit(resource.RLIMIT_NOFILE, before)
    checks.equal(done.status, 0, f"{len(paths)} captures: {done.stderr[-200:]}")
    checks.expect(done.flows == wanted.flows, f"{len(paths)} captures: flows")


def main():
    checks = lib.Checks()
    with tempfile.TemporaryDirectory() as name:
        for source in SOURCES:
            check_formats(checks, pathlib.Path(name), source)
        check_late_stamps(checks, pathlib.Path(name))
        check_merging(checks, pathlib.Path(name))
        check_many(checks, pathlib.Path(name))
    checks.finish()


if __name__ == "__main__":
    main()

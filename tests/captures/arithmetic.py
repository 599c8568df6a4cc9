"""When a rule must raise and clear, by arithmetic on the packets of a clean capture.

Shares nothing with lib/ but the definition of a window: at the end of second T, which is T+1, a
window of W seconds holds every bucket of max(1, W // 60) seconds, aligned to the epoch, that ends
after T+1-W. Judges every second anew. For captures without loss, copies or tunnels, in which the
opener of a connection is its client.
"""
import collections
import ipaddress
import struct

SERVICES = {25: "smtp", 587: "smtp", 465: "smtp", 143: "imap", 993: "imap", 110: "pop3",
            995: "pop3"}
SIZES = {"kB": 10**3, "MB": 10**6, "GB": 10**9, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "B": 1}
DURATIONS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def size(value):
    if not isinstance(value, str):
        return value
    unit = value.lstrip("0123456789.")
    return float(value[:-len(unit)]) * SIZES[unit]


def duration(value):
    total, digits = 0, ""
    for letter in value:
        if letter.isdigit():
            digits += letter
        else:
            total += int(digits) * DURATIONS[letter]
            digits = ""
    return total


Segment = collections.namedtuple("Segment", "tick client server port up payload")


def segments(packets):
    """Every TCP segment with payload, as its connection's client and server see it."""
    openers = {}
    for packet in packets:
        data = packet.data
        kind = struct.unpack_from(">H", data, 12)[0]
        if kind == 0x0800 and data[23] == 6:
            header = (data[14] & 15) * 4
            source, target = data[26:30], data[30:34]
            length = struct.unpack_from(">H", data, 16)[0] - header
            tcp = 14 + header
        elif kind == 0x86DD and data[20] == 6:
            source, target = data[22:38], data[38:54]
            length = struct.unpack_from(">H", data, 18)[0]
            tcp = 54
        else:
            continue
        source_port, target_port = struct.unpack_from(">HH", data, tcp)
        flags = data[tcp + 13]
        ends = (source, source_port), (target, target_port)
        if flags & 0x12 == 0x02:
            openers[ends] = True
        up = ends in openers
        if not up and ends[::-1] not in openers:
            continue
        payload = length - (data[tcp + 12] >> 4) * 4
        if payload > 0:
            client, server = ends if up else ends[::-1]
            yield Segment(packet.time // 10**9, ipaddress.ip_address(client[0]),
                          ipaddress.ip_address(server[0]), server[1], up, payload)


def inside(address, networks):
    return any(address in network for network in map(ipaddress.ip_network, networks)
               if network.version == address.version)


def verdict(config, segment):
    internal = config["networks"]["internal"]
    client, server = inside(segment.client, internal), inside(segment.server, internal)
    if not client and not server:
        return "transit"
    for relay in config.get("relay", []):
        if (inside(segment.client, relay.get("sources", ["0.0.0.0/0", "::/0"]))
                and inside(segment.server, relay.get("destinations", ["0.0.0.0/0", "::/0"]))
                and SERVICES[segment.port] in relay.get("services", SERVICES.values())
                and segment.port in relay.get("ports", [segment.port])):
            return "approved" if client else "inbound"
    return "unapproved_internal" if client and server else "unapproved_external"


def counted(config, rule, host, role, packets):
    """{tick: (sent, received, peers)} of what the rule counts for the host in that role."""
    ticks = {}
    verdicts = rule.get("verdicts", ["unapproved_external", "unapproved_internal"])
    judged = {}  # of each conversation, whether it counts
    for segment in segments(packets):
        mine, peer = ((segment.client, segment.server) if role == "client"
                      else (segment.server, segment.client))
        if mine != host or segment.port not in SERVICES:
            continue
        conversation = segment.client, segment.server, segment.port
        if conversation not in judged:
            judged[conversation] = (
                SERVICES[segment.port] in rule.get("services", SERVICES.values())
                and verdict(config, segment) in verdicts)
        if not judged[conversation]:
            continue
        sent, received, peers = ticks.setdefault(segment.tick, (0, 0, set()))
        peers.add(peer)
        mine_sent = segment.payload if segment.up == (role == "client") else 0
        ticks[segment.tick] = (sent + mine_sent, received + segment.payload - mine_sent, peers)
    return ticks


def value(condition, ticks, tick):
    window = duration(condition.get("window", "5m"))
    width = max(1, window // 60)
    held = [row for at, row in ticks.items()
            if at <= tick and (at // width + 1) * width > tick + 1 - window]
    sent, received = sum(row[0] for row in held), sum(row[1] for row in held)
    metric = condition["metric"]
    if metric == "sent_received_ratio":
        return sent / max(1, received) if sent >= size(condition.get("minimum", 0)) else 0
    return {"sent_bytes": sent, "received_bytes": received,
            "distinct_peers": len(set().union(*(row[2] for row in held)))}[metric]


KNOWN = {"sent_bytes", "received_bytes", "sent_received_ratio", "distinct_peers"}


def changes(config, rule, host, role, packets):
    """The times, in seconds since 1970, at which the rule's alert must be raised and cleared: the
    ends of those seconds. None where the rule counts what packets alone don't tell."""
    conditions = [rule, *rule.get("condition", [])]
    if any(c["metric"] not in KNOWN for c in conditions) or "hours" in rule or "weekdays" in rule:
        return None
    ticks = counted(config, rule, ipaddress.ip_address(host), role, packets)
    if not ticks:
        return []
    longest = max(duration(c.get("window", "5m")) for c in conditions)
    hold, sustained = duration(rule.get("hold", "10m")), duration(rule.get("sustained", "0s"))
    # Values change where traffic is and where a bucket leaves; in between only timers end.
    marks = set()
    for condition in conditions:
        window = duration(condition.get("window", "5m"))
        width = max(1, window // 60)
        for at in ticks:
            marks |= {at, (at // width + 1) * width + window - 1}
    out, above, below, raised = [], None, None, False
    for start, end in zip(sorted(marks), [*sorted(marks)[1:], max(marks) + longest + hold + 1]):
        values = [value(c, ticks, start) for c in conditions]
        if not raised:
            reached = all(v >= size(c["raise"]) for v, c in zip(values, conditions))
            above = None if not reached else start if above is None else above
            if reached and above + sustained < end:
                raised, below = True, None
                out.append(max(above + sustained, start) + 1)
        if raised:
            held = all(v >= size(c.get("clear", size(c["raise"]) / 2))
                       for v, c in zip(values, conditions))
            below = None if held else start if below is None else below
            if not held and below + hold < end:
                raised, above = False, None
                out.append(max(below + hold, start) + 1)
    return out

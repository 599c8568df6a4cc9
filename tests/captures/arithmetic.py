"""When a rule must raise and clear, by arithmetic on the packets of a clean capture.

Shares nothing with lib/ but the definition of a window: at the end of second T, which is T+1, a
window of W seconds holds every bucket of max(1, W // 60) seconds, aligned to the epoch, that ends
after T+1-W. Judges every second anew. For captures without loss, copies or tunnels, in which the
opener of a connection is its client; messages only where their replies are in clear, and read as
mailtap-gen writes them.
"""
import collections
import datetime
import ipaddress
import statistics
import struct
import zoneinfo

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


Segment = collections.namedtuple("Segment",
                                 "tick client client_port server port up payload text")
# What the two ends of a connection did in a second, as one of them sees it.
Second = collections.namedtuple("Second", "sent received peers messages rejected")


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
            yield Segment(packet.time // 10**9, ipaddress.ip_address(client[0]), client[1],
                          ipaddress.ip_address(server[0]), server[1], up, payload,
                          data[tcp + (data[tcp + 12] >> 4) * 4:])


def inside(address, networks):
    return any(address in network for network in map(ipaddress.ip_network, networks)
               if network.version == address.version)


def expired(relay, tick):
    """Whether the entry's last day is over, in UTC: only scenarios in that zone have such."""
    if "expires" not in relay:
        return False
    end = datetime.datetime.combine(relay["expires"] + datetime.timedelta(days=1), datetime.time(),
                                    datetime.timezone.utc)
    return tick >= end.timestamp()


def verdict(config, segment):
    internal = config["networks"]["internal"]
    client, server = inside(segment.client, internal), inside(segment.server, internal)
    if not client and not server:
        return "transit"
    for relay in config.get("relay", []):
        if (not expired(relay, segment.tick)
                and inside(segment.client, relay.get("sources", ["0.0.0.0/0", "::/0"]))
                and inside(segment.server, relay.get("destinations", ["0.0.0.0/0", "::/0"]))
                and SERVICES[segment.port] in relay.get("services", SERVICES.values())
                and segment.port in relay.get("ports", [segment.port])):
            return "approved" if client else "inbound"
    return "unapproved_internal" if client and server else "unapproved_external"


class Replies:
    """The transactions of one SMTP connection, by what mailtap-gen's servers reply."""

    def __init__(self):
        self.recipients = self.refused = 0  # of the transaction under way

    def read(self, segment):
        """(accepted, refused) transactions that this segment ends."""
        if segment.up:
            # Nobody was left to write to.
            gave_up = segment.text.startswith(b"RSET") and self.refused and not self.recipients
            if segment.text.startswith((b"RSET", b"MAIL")):
                self.recipients = self.refused = 0
            return 0, int(gave_up)
        text = segment.text
        sender_refused = text.count(b"Sender refused")
        self.recipients += text.count(b" 2.1.5 ") + sender_refused
        self.refused += text.count(b" 5.1.1 ") + text.count(b" 4.2.0 ")
        return text.count(b"queued as"), sender_refused + text.count(b"Message refused")


def scheduled(config, rule, tick):
    """Whether the rule counts in that second, by its hours and weekdays."""
    zone = zoneinfo.ZoneInfo(config.get("sensor", {}).get("timezone", "UTC"))
    local = datetime.datetime.fromtimestamp(tick, zone)
    if local.strftime("%A").lower() not in rule.get("weekdays", [local.strftime("%A").lower()]):
        return False
    start, end = rule.get("hours", "00:00-24:00").split("-")
    now = local.strftime("%H:%M")
    return start <= now < end if start < end else now >= start or now < end


def counted(config, rule, host, role, segments):
    """{tick: Second} of what the rule counts for the host in that role."""
    ticks = {}
    verdicts = rule.get("verdicts", ["unapproved_external", "unapproved_internal"])
    judged, dialogues = {}, {}  # of each conversation, whether it counts; of each connection
    for segment in segments:
        mine, peer = ((segment.client, segment.server) if role == "client"
                      else (segment.server, segment.client))
        if mine != host or segment.port not in SERVICES:
            continue
        service = SERVICES[segment.port]
        conversation = (segment.client, segment.server, segment.port,
                        *(expired(relay, segment.tick) for relay in config.get("relay", [])))
        if conversation not in judged:
            judged[conversation] = (service in rule.get("services", SERVICES.values())
                                    and verdict(config, segment) in verdicts)
        if not judged[conversation]:
            continue
        dialogue = dialogues.setdefault((conversation, segment.client_port), Replies())
        messages, rejected = dialogue.read(segment) if service == "smtp" else (0, 0)
        if not scheduled(config, rule, segment.tick):
            continue
        so_far = ticks.setdefault(segment.tick, Second(0, 0, set(), 0, 0))
        so_far.peers.add(peer)
        sent = segment.payload if segment.up == (role == "client") else 0
        ticks[segment.tick] = Second(so_far.sent + sent,
                                     so_far.received + segment.payload - sent, so_far.peers,
                                     so_far.messages + messages, so_far.rejected + rejected)
    return ticks


def value(condition, ticks, tick):
    window = duration(condition.get("window", "5m"))
    width = max(1, window // 60)
    held = [row for at, row in ticks.items()
            if at <= tick and (at // width + 1) * width > tick + 1 - window]
    sent, received = sum(row.sent for row in held), sum(row.received for row in held)
    metric = condition["metric"]
    if metric == "sent_received_ratio":
        return sent / max(1, received) if sent >= size(condition.get("minimum", 0)) else 0
    return {"sent_bytes": sent, "received_bytes": received,
            "messages": sum(row.messages for row in held),
            "rejected": sum(row.rejected for row in held),
            "distinct_peers": len(set().union(*(row.peers for row in held)))}[metric]


WEEK = 7 * 24


def hour_of(tick):
    """Hours since a Monday, in UTC: only scenarios in that zone have baselines."""
    return (tick - 4 * 86400) // 3600


def usual(config, hours, hour):
    """(median, deviation) of what was sent in that hour of the week before; None while fewer weeks
    are known than the configuration wants. `hours`: what was sent in each hour."""
    past = [hours[hour - back * WEEK] for back in range(1, 9) if hour - back * WEEK >= min(hours)]
    if len(past) < config.get("baselines", {}).get("weeks", 3):
        return None
    middle = statistics.median(past)
    return middle, 1.4826 * statistics.median(abs(amount - middle) for amount in past)


def raise_at(config, rule, ticks, tick):
    """What the rule's value must reach at the end of `tick`: where it goes by the usual, one of the
    hour and the one before, into which the window reaches, has to stand out beside the other."""
    least = size(rule["raise"])
    if "multiple" not in rule and "deviations" not in rule:
        return least
    hours = collections.Counter()
    for at, row in ticks.items():
        hours[hour_of(at)] += {"sent_bytes": row.sent}[rule["metric"]]
    known = [usual(config, hours, hour_of(tick) - back) for back in (0, 1)]
    if None in known:
        return float("inf")
    bounds = [least]
    for (middle, deviation), (beside, _) in (known, reversed(known)):
        deviation = max(deviation, 0.05 * middle)
        bounds += [beside + rule.get("multiple", 0) * middle,
                   beside + middle + rule["deviations"] * deviation if "deviations" in rule else 0]
    return max(bounds)


KNOWN = {"sent_bytes", "received_bytes", "sent_received_ratio", "distinct_peers", "messages",
         "rejected"}


def judged_at(config, rule, ticks, longest, hold):
    """The seconds at whose end something may change: where traffic is, where a bucket leaves, and
    where another hour begins; each with the one after. In between only timers end."""
    marks = set()
    for condition in [rule, *rule.get("condition", [])]:
        window = duration(condition.get("window", "5m"))
        width = max(1, window // 60)
        for at in ticks:
            marks |= {at, (at // width + 1) * width + window - 1, (at // 3600 + 1) * 3600}
    marks = sorted(marks)
    return zip(marks, [*marks[1:], marks[-1] + longest + hold + 1])


def changes(config, rule, host, role, segments):
    """The times, in seconds since 1970, at which the rule's alert must be raised and cleared: the
    ends of those seconds. None where the rule counts what packets alone don't tell. `segments`: all
    that segments() gives."""
    conditions = [rule, *rule.get("condition", [])]
    if any(c["metric"] not in KNOWN for c in conditions):
        return None
    ticks = counted(config, rule, ipaddress.ip_address(host), role, segments)
    if not ticks:
        return []
    longest = max(duration(c.get("window", "5m")) for c in conditions)
    hold, sustained = duration(rule.get("hold", "10m")), duration(rule.get("sustained", "0s"))
    out, above, below, raised = [], None, None, False
    for start, end in judged_at(config, rule, ticks, longest, hold):
        values = [value(c, ticks, start) for c in conditions]
        if not raised:
            threshold = raise_at(config, rule, ticks, start)
            bounds = [threshold, *(size(c["raise"]) for c in conditions[1:])]
            reached = all(v >= bound for v, bound in zip(values, bounds))
            above = None if not reached else start if above is None else above
            if reached and above + sustained < end:
                raised, below = True, None
                out.append(max(above + sustained, start) + 1)
        if raised:
            bounds = [size(c.get("clear", size(c["raise"]) / 2)) for c in conditions]
            # What a baseline has raised it clears in proportion.
            bounds[0] *= threshold / size(rule["raise"])
            held = all(v >= bound for v, bound in zip(values, bounds))
            below = None if held else start if below is None else below
            if not held and below + hold < end:
                raised, above = False, None
                out.append(max(below + hold, start) + 1)
    return out

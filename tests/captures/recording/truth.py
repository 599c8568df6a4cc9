"""Joins what clients, servers and the kernel said of one group into its truth.

usage: truth.py RESULTS TRACES POSTFIX_LOG EXIM_LOG OPENSMTPD_EVENTS CAPTURE_NAME > TRUTH.jsonl

Bytes are the return values of the system calls by which each end wrote to its socket (strace of
both ends), so neither the capture nor any TCP analysis has a part in them. Messages are what
the server's log says of the connection, refusals what the client was told; both must agree with
what the client counted. A session whose ends disagree on the bytes is an error, but where an end
left without reading.
"""
import collections
import glob
import json
import re
import sys

# Exim and OpenSMTPD
ONE_BY_ONE = ("192.0.2.14", "2001:db8::14", "192.0.2.15", "2001:db8::15")
SENT, READ = {"write", "writev", "sendto", "sendmsg", "sendfile"}, \
             {"read", "readv", "recvfrom", "recvmsg"}
CALL = re.compile(r"^(\w+)\(\d+<TCP(?:v6)?:\[(.+)->(.+)\]>, (.*) = (\d+)$")
EXIM_ACCEPTED = re.compile(r" <= \S+ H=.*?\[([^]]+)\]:(\d+) ")
DISCONNECT = re.compile(r"smtpd\[\d+\]: disconnect from \S+?\[(\S+?)\]:(\d+) (.*)$")


# service -> what a session's line says of its messages, from what its client counted
COUNTS = {
    "smtp": {"messages": lambda known: known["accepted"],
             "rejected": lambda known: known["refused"],
             "rejected_4xx": lambda known: known["refused_4xx"],
             "rejected_5xx": lambda known: known["refused"] - known["refused_4xx"],
             "recipients": lambda known: known["recipients"],
             "message_bytes": lambda known: known["message_bytes"]},
    "imap": {"appended_bytes": lambda known: known["appended"],
             "fetched_bytes": lambda known: known["fetched"]},
    "pop3": {"retrievals": lambda known: known["retrievals"],
             "retrieved_bytes": lambda known: known["retrieved"]},
}


def endpoint(text):
    """'10.0.0.1:25' or '[fd00::1]:25' as (address, port)."""
    address, port = text.rsplit(":", 1)
    return address.strip("[]").removeprefix("::ffff:"), int(port)


def count_calls(folder):
    """(own end, other end, sent?) -> bytes, over all traced processes."""
    sums = collections.Counter()
    for name in glob.glob(f"{folder}/*"):
        with open(name, encoding="utf-8", errors="replace") as lines:
            for line in lines:
                call = CALL.match(line.rstrip())
                if not call or "MSG_PEEK" in call[4] or call[1] not in SENT | READ:
                    continue
                sums[endpoint(call[2]), endpoint(call[3]), call[1] in SENT] += int(call[5])
    return sums


def logged_messages(path):
    """(client, port) -> messages accepted, as `disconnect ... data=2/3 bdat=1` tells."""
    accepted = {}
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            if found := DISCONNECT.search(line):
                stats = dict(part.split("=") for part in found[3].split())
                accepted[found[1], int(found[2])] = stats
    return accepted


def exim_messages(path):
    """(client, port) -> messages accepted"""
    accepted = collections.Counter()
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            if found := EXIM_ACCEPTED.search(line):
                accepted[found[1], int(found[2])] += 1
    return accepted


def opensmtpd_messages(path):
    """(client, port) -> messages accepted, from the reports that smtpd-filters(7) describes"""
    clients, accepted = {}, collections.Counter()
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            event, session, *rest = line.rstrip().split("|")[4:]
            if event == "link-connect":
                clients[session] = endpoint(rest[2])
            elif event == "tx-commit":
                accepted[clients[session]] += 1
    return accepted


def truth_of(known, calls, log, one_by_one, capture):
    client, server = (known["client"], known["client_port"]), (known["server"], known["port"])
    wrote_up, read_up = calls[client, server, True], calls[server, client, False]
    wrote_down, read_down = calls[server, client, True], calls[client, server, False]
    if read_up > wrote_up or read_down > wrote_down:
        raise SystemExit(f"{known['name']}: read more than was written: {wrote_up} {read_up} "
                         f"{wrote_down} {read_down}")
    counts = dict.fromkeys(name for names in COUNTS.values() for name in names)
    if known["kind"] == "mail" and known["tls"] == "none" and known["visible"]:
        counts |= {name: count(known) for name, count in COUNTS[known["service"]].items()}
    stats = log.get(client, {}) if known["service"] == "smtp" else {}
    if known["service"] == "smtp" and known["server"] in ONE_BY_ONE:
        stats = {"data": str(one_by_one[client])}
    logged = int(stats.get("data", "0").split("/")[0])
    if "bdat" in stats:
        logged += 1  # chunks are not messages; the one dialogue that uses them sends one
    if known["service"] == "smtp" and logged != known["accepted"]:
        raise SystemExit(f"{known['name']}: the client counted {known['accepted']} messages, "
                         f"the server {stats}")
    return {"file": capture, "name": known["name"], "kind": known["kind"],
            "client": client[0], "client_port": client[1],
            "server": server[0], "server_port": server[1],
            "service": known["service"], "tls": known["tls"], "sni": known["sni"],
            "bytes_up": wrote_up, "bytes_down": wrote_down,
            "unread_up": wrote_up - read_up, "unread_down": wrote_down - read_down,
            **counts}


def main():
    results, traces, postfix_log, exim_log, opensmtpd_events, capture = sys.argv[1:]
    calls, log = count_calls(traces), logged_messages(postfix_log)
    one_by_one = exim_messages(exim_log) + opensmtpd_messages(opensmtpd_events)
    for name in sorted(glob.glob(f"{results}/*")):
        with open(name, encoding="utf-8") as lines:
            for line in lines:
                print(json.dumps(truth_of(json.loads(line), calls, log, one_by_one, capture)))


if __name__ == "__main__":
    main()

"""Joins what clients, servers and the kernel said of one group into its truth.

usage: truth.py RESULTS TRACES MAIL_LOG CAPTURE_NAME > TRUTH.jsonl

Bytes are the return values of the system calls by which each end wrote to its socket (strace of
both ends), so neither the capture nor any TCP analysis has a part in them. Messages are what
Postfix's log says of the connection, refusals what the client was told; both must agree with
what the client counted. A session whose ends disagree on the bytes is an error, but where an end
left without reading.
"""
import collections
import glob
import json
import re
import sys

SENT, READ = {"write", "writev", "sendto", "sendmsg", "sendfile"}, \
             {"read", "readv", "recvfrom", "recvmsg"}
CALL = re.compile(r"^(\w+)\(\d+<TCP(?:v6)?:\[(.+)->(.+)\]>, (.*) = (\d+)$")
DISCONNECT = re.compile(r"smtpd\[\d+\]: disconnect from \S+?\[(\S+?)\]:(\d+) (.*)$")


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


def truth_of(known, calls, log, capture):
    client, server = (known["client"], known["client_port"]), (known["server"], known["port"])
    wrote_up, read_up = calls[client, server, True], calls[server, client, False]
    wrote_down, read_down = calls[server, client, True], calls[client, server, False]
    if read_up > wrote_up or read_down > wrote_down:
        raise SystemExit(f"{known['name']}: read more than was written: {wrote_up} {read_up} "
                         f"{wrote_down} {read_down}")
    messages = rejected = None
    if known["service"] == "smtp" and known["tls"] == "none" and known["kind"] == "mail":
        messages, rejected = known["accepted"], known["refused"]
    stats = log.get(client, {}) if known["service"] == "smtp" else {}
    logged = int(stats.get("data", "0").split("/")[0])
    if "bdat" in stats:
        logged += 1  # chunks are not messages; the one dialogue that uses them sends one
    if known["service"] == "smtp" and logged != known["accepted"]:
        raise SystemExit(f"{known['name']}: the client counted {known['accepted']} messages, "
                         f"Postfix {stats}")
    return {"file": capture, "name": known["name"], "kind": known["kind"],
            "client": client[0], "client_port": client[1],
            "server": server[0], "server_port": server[1],
            "service": known["service"], "tls": known["tls"], "sni": known["sni"],
            "bytes_up": wrote_up, "bytes_down": wrote_down,
            "unread_up": wrote_up - read_up, "unread_down": wrote_down - read_down,
            "messages": messages, "rejected": rejected}


def main():
    results, traces, mail_log, capture = sys.argv[1:]
    calls, log = count_calls(traces), logged_messages(mail_log)
    for name in sorted(glob.glob(f"{results}/*")):
        with open(name, encoding="utf-8") as lines:
            for line in lines:
                print(json.dumps(truth_of(json.loads(line), calls, log, capture)))


if __name__ == "__main__":
    main()

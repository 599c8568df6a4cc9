"""Holds one group's dialogues from one client host, one after the other.

usage: clients.py GROUP HOST RESULT.jsonl      (or: clients.py --groups)

RESULT gets a line a dialogue: what was known beforehand and what the client counted.
"""
import dataclasses
import json
import sys

import dialogue
# Each of these registers its dialogues; their order fixes the client ports.
import smtp  # noqa: F401
import imap  # noqa: F401
import pop3  # noqa: F401
import others  # noqa: F401
import exim  # noqa: F401
import s_client  # noqa: F401
import opensmtpd  # noqa: F401


def main():
    dialogue.number_ports()
    if sys.argv[1:] == ["--groups"]:
        print(*dialogue.GROUPS)
        return
    group, host, result = sys.argv[1:]
    with open(result, "w", encoding="utf-8") as out:
        for entry in dialogue.REGISTRY:
            if (entry.group, entry.host) != (group, host):
                continue
            print(f"{entry.service or entry.kind}: {entry.name}", flush=True)
            entry.run(entry)
            known = dataclasses.asdict(entry) | {"client": entry.client}
            del known["run"]
            out.write(json.dumps(known) + "\n")


if __name__ == "__main__":
    main()

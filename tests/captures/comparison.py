"""Compares the sessions that mailtap reports with those a truth tells of."""
import collections
import dataclasses

import lib


@dataclasses.dataclass(frozen=True)
class Limits:
    """What a set of captures has to reach; shares of the sessions that are sure to be mail."""
    found: float = 1.0
    exact: float = 1.0  # of those found
    wrong: int = 0
    false: int = 0


@dataclasses.dataclass
class Expected:
    """One flow of a truth. `kind`: "mail" has to be found, "not" must not be reported, "open"
    may be either. Fields that are "any" are not compared."""
    where: str
    ends: tuple
    kind: str
    what: str
    service: str | None = None
    bytes_up: int = 0
    bytes_down: int = 0
    tls: str = "any"
    sni: list | str = "any"
    messages: dict = dataclasses.field(default_factory=dict)  # field of a line -> its value
    via: list | str | None = None
    roles_known: bool = True
    exact: bool = True  # False where the capture itself lacks bytes
    observed: bool = False  # bytes are those seen; what was inferred does not count


class Comparison:
    """Gathers the outcome over many captures."""

    def __init__(self, limits):
        self.limits = limits
        self.count = collections.Counter()
        self.matrix = collections.Counter()  # (what it is, what it is reported as)
        self.exceptions = []

    def note(self, outcome, flow, text=""):
        self.count[outcome] += 1
        if text:
            client, port, server, server_port = flow.ends
            self.exceptions.append(f"{outcome}: {flow.where} {client}:{port} > "
                                   f"{server}:{server_port} ({flow.what}): {text}")

    def add(self, expected, reported):
        """One replay's flows against what its captures hold."""
        rows = collections.defaultdict(list)
        for line in reported:
            rows[lib.endpoints(line)].append(line)
        wanted = collections.defaultdict(list)
        for flow in expected:
            wanted[flow.ends].append(flow)
        for ends, flows in wanted.items():
            client, port, server, server_port = ends
            turned = (server, server_port, client, port)
            lines = rows.pop(ends, [])
            if not lines and turned not in wanted:
                lines = [turn(line) for line in rows.pop(turned, [])]
            self.match(flows, lines)
        for ends, lines in rows.items():
            stray = Expected("", ends, "not", "in no truth")
            self.matrix["in no truth", lines[0]["service"]] += len(lines)
            self.note("false", stray, f"{len(lines)} reported, as {lines[0]['service']}")

    def match(self, flows, lines):
        """Flows and lines of the same ends, in the order of time."""
        lines.sort(key=lambda line: line["first_seen"])
        if len(lines) > len(flows) and len(flows) == 1:
            self.note("split", flows[0], f"{len(lines)} lines for one flow")
            lines = [total(lines)]
        for index, flow in enumerate(flows):
            self.judge(flow, lines[index] if index < len(lines) else None)

    def judge(self, flow, line):
        name = f"{flow.what.split()[0]} {flow.service or ''}".strip()
        self.matrix[name if flow.kind != "mail" else flow.service,
                    line["service"] if line else "-"] += 1
        if flow.kind == "open":
            self.note("open, reported" if line else "open, not reported", flow,
                      f"reported as {line['service']}, {line['evidence']}" if line else "")
        elif flow.kind == "not":
            if line:
                self.note("false", flow, f"reported as {line['service']}, {line['evidence']}")
            else:
                self.count["not mail, not reported"] += 1
        elif line is None:
            self.note("missed", flow, f"{flow.service}")
        elif line["service"] != flow.service or (flow.roles_known and line.get("turned")):
            self.note("wrong", flow, f"{line['service']} instead of {flow.service}"
                      + (", ends exchanged" if line.get("turned") else ""))
        else:
            self.count["found"] += 1
            self.compare_bytes(flow, line)
            self.compare_labels(flow, line)

    def compare_bytes(self, flow, line):
        got = [line[f"bytes_{way}"] - (line[f"inferred_{way}"] if flow.observed else 0)
               for way in ("up", "down")]
        same = got == [flow.bytes_up, flow.bytes_down]
        if not flow.exact:
            self.note("incomplete capture, same bytes" if same else
                      "incomplete capture, other bytes", flow,
                      "" if same else f"{got}, truth {[flow.bytes_up, flow.bytes_down]}")
        elif same:
            self.count["bytes exact"] += 1
        else:
            self.note("bytes differ", flow, f"{got}, truth {[flow.bytes_up, flow.bytes_down]}")

    def compare_labels(self, flow, line):
        for label, wanted in (("tls", flow.tls), ("sni", flow.sni), ("via", flow.via),
                              *flow.messages.items()):
            if wanted == "any":
                continue
            allowed = wanted if isinstance(wanted, list) else [wanted]
            if line[label] in allowed:
                self.count[f"{label} right"] += 1
            else:
                self.note(f"{label} differs", flow, f"{line[label]}, truth {wanted}")

    def table(self):
        """The outcome, a line each."""
        sure = sum(self.count[outcome] for outcome in ("found", "missed", "wrong"))
        judged = self.count["bytes exact"] + self.count["bytes differ"]
        share = f" of {sure} sure to be mail"
        rows = [("found", f"{self.count['found']}{share}"), ("missed", self.count["missed"]),
                ("wrong", self.count["wrong"]), ("false", self.count["false"]),
                ("bytes exact", f"{self.count['bytes exact']} of {judged}")]
        named = {"found", "missed", "wrong", "false", "bytes exact"}
        rows += sorted((key, value) for key, value in self.count.items() if key not in named)
        return "\n".join(f"  {name:34} {value}" for name, value in rows)

    def confusion(self):
        """What flows are against what they are reported as: mail first."""
        columns = ("smtp", "imap", "pop3", "-")
        names = sorted({name for name, _ in self.matrix},
                       key=lambda name: (name not in columns, name))
        rows = [f"  {'':28} " + " ".join(f"{column:>6}" for column in columns)]
        rows += [f"  {name:28} " + " ".join(f"{self.matrix[name, column]:6}"
                                            for column in columns) for name in names]
        return "\n".join(rows)

    def shortfalls(self, labels=()):
        """What keeps the outcome below the limits; differing `labels` count too."""
        sure = sum(self.count[outcome] for outcome in ("found", "missed", "wrong"))
        judged = self.count["bytes exact"] + self.count["bytes differ"]
        faults = []
        if sure == 0 or judged == 0:
            faults.append("nothing was compared")
        if self.count["found"] < self.limits.found * sure:
            faults.append(f"found less than {self.limits.found:.0%}")
        if self.count["bytes exact"] < self.limits.exact * judged:
            faults.append(f"bytes exact for less than {self.limits.exact:.0%}")
        if self.count["not replayed"]:
            faults.append(f"{self.count['not replayed']} captures not replayed")
        for outcome in ("wrong", "false"):
            if self.count[outcome] > getattr(self.limits, outcome):
                faults.append(f"{self.count[outcome]} {outcome}")
        faults += [f"{self.count[f'{label} differs']} times another {label}" for label in labels
                   if self.count[f"{label} differs"]]
        return faults


def turn(line):
    """A reported session seen from the other end."""
    turned = dict(line, client=line["server"], client_port=line["server_port"],
                  server=line["client"], server_port=line["client_port"], turned=True)
    for field in ("bytes", "inferred"):
        turned[f"{field}_up"] = line[f"{field}_down"]
        turned[f"{field}_down"] = line[f"{field}_up"]
    return turned


def total(lines):
    """Several lines of one connection as one."""
    fields = [f"{field}_{way}" for field in ("bytes", "inferred") for way in ("up", "down")]
    return dict(lines[0], **{field: sum(line[field] for line in lines) for field in fields})

"""What a recorded dialogue is: a function and what is known of its connection beforehand.

Every dialogue has a client port of its own, fixed by its place in the list, so that the capture,
the system calls of both ends and the servers' logs can be matched without guessing.
"""
import dataclasses
import socket
import ssl

POSTFIX = "192.0.2.10"   # and Dovecot, vsftpd, Redis, sn
STRICT = "192.0.2.11"    # port 25 refuses every client, 2587 knows no TLS
MISPLACED = "192.0.2.12"  # other protocols on mail's ports
SILENT = "192.0.2.13"
EXIM = "192.0.2.14"
OPENSMTPD = "192.0.2.15"
POSTFIX6 = "2001:db8::10"
EXIM6 = "2001:db8::14"
OPENSMTPD6 = "2001:db8::15"
SOURCES = {"c1": ("10.1.0.23", "fd00:1::23"), "c2": ("10.1.0.24", "fd00:1::24")}
HOST_NAME = "mail.example.net"
FIRST_CLIENT_PORT = 40001
TIMEOUT = 20

# Each is a capture of its own.
GROUPS = ("smtp_clear", "smtp_tls", "imap_clear", "imap_tls", "pop3_clear", "pop3_tls", "ipv6",
          "odd_ports", "tls_odd_ports", "offload", "lookalikes", "misplaced", "scans", "exim",
          "s_client", "opensmtpd")
REGISTRY = []


@dataclasses.dataclass
class Dialogue:
    """One connection to come; what its client counts is at the end."""
    name: str
    run: object
    group: str
    port: int
    service: str | None = None
    server: str = POSTFIX
    host: str = "c1"
    tls: str = "none"
    sni: str | None = None
    kind: str = "mail"
    client_port: int = 0
    accepted: int = 0       # SMTP transactions,
    refused: int = 0        # refused ones
    refused_4xx: int = 0    # and of these, those for now
    recipients: int = 0     # accepted ones of the accepted transactions
    message_bytes: int = 0  # of their text, as sent
    appended: int = 0       # bytes of messages appended by IMAP,
    fetched: int = 0        # and fetched
    retrievals: int = 0     # messages retrieved by POP3
    retrieved: int = 0      # and their bytes
    visible: bool = True    # False where compression hides messages

    @property
    def client(self):
        return SOURCES[self.host][":" in self.server]

    def connect(self):
        """A connected socket from this dialogue's own address and port."""
        return socket.create_connection((self.server, self.port), TIMEOUT,
                                        (self.client, self.client_port))

    def accept(self, text, recipients=1):
        """The server has accepted a message of so many bytes."""
        self.accepted += 1
        self.recipients += recipients
        self.message_bytes += text

    def refuse(self, code):
        """The server has refused a transaction."""
        self.refused += 1
        self.refused_4xx += 400 <= code < 500

    def wrap(self, sock, version=ssl.TLSVersion.TLSv1_3):
        """TLS of exactly `version` over `sock`, naming `sni`."""
        context = ssl._create_unverified_context()
        context.minimum_version = context.maximum_version = version
        return context.wrap_socket(sock, server_hostname=self.sni)


def dialogue(group, service=None, port=0, **known):
    """Registers a function as a dialogue; may be stacked to run it in several places."""
    def register(function):
        assert group in GROUPS, group
        entry = Dialogue(function.__name__, function, group, port, service, **known)
        REGISTRY.append(entry)
        return function
    return register


def number_ports():
    """Gives every registered dialogue its client port."""
    for index, entry in enumerate(REGISTRY):
        entry.client_port = FIRST_CLIENT_PORT + index


def message(size, subject="numbers", sender="alice"):
    """A made-up message of about `size` bytes, some of its lines looking like commands."""
    head = (f"From: {sender}@example.net\r\nTo: bob@example.net\r\nSubject: {subject}\r\n"
            f"Message-ID: <{subject}.{size}@example.net>\r\n\r\n")
    lines = ["MAIL FROM:<nobody@example.net>", "RCPT TO:<nobody@example.net>", "DATA", "QUIT"]
    length = len(head) + sum(len(line) + 2 for line in lines)
    while length < size:
        lines.append(f"line {len(lines)} of a message made for a recording, nothing more")
        length += len(lines[-1]) + 2
    return (head + "\r\n".join(lines) + "\r\n").encode()

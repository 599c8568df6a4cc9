"""IMAP with Dovecot: Python's imaplib and curl."""
import imaplib
import ssl
import subprocess
import time
import zlib

from dialogue import HOST_NAME, POSTFIX6, dialogue, message


class Client(imaplib.IMAP4):
    """imaplib over a dialogue's own socket; `implicit` starts with TLS."""

    def __init__(self, at, implicit=None):
        self.at, self.implicit = at, implicit
        super().__init__(at.server, at.port)
        self.host = at.sni  # what starttls() names

    def _create_socket(self, timeout):
        sock = self.at.connect()
        return self.at.wrap(sock, self.implicit) if self.implicit else sock

    def upgrade(self, version):
        context = ssl._create_unverified_context()
        context.minimum_version = context.maximum_version = version
        self.starttls(context)

    def put(self, size, flags=None):
        """Appends a message, and counts it."""
        text = message(size)
        kind, _ = self.append("INBOX", flags, None, text)
        assert kind == "OK"
        self.at.appended += len(text)

    def take(self, numbers, what):
        """Fetches, and counts what came in literals."""
        _, parts = self.fetch(numbers, what)
        self.at.fetched += sum(len(part[1]) for part in parts if isinstance(part, tuple))

    def until(self, start):
        """Reads lines up to one that begins so."""
        line = self.readline()
        while not line.startswith(start):
            line = self.readline()


def append_and_fetch(client, size):
    client.login("alice", "secret")
    client.put(size)
    _, (count,) = client.select()
    client.take(count.decode(), "(RFC822)")
    client.close()


@dialogue("imap_clear", "imap", 143)
@dialogue("ipv6", "imap", 143, server=POSTFIX6)
@dialogue("odd_ports", "imap", 10143)
def mailbox(at):
    with Client(at) as client:
        append_and_fetch(client, 8000)


@dialogue("imap_clear", "imap", 143)
def large_message(at):
    with Client(at) as client:
        append_and_fetch(client, 90000)


@dialogue("imap_clear", "imap", 143)
def several_fetches(at):
    with Client(at) as client:
        client.login("bob", "secret")
        for size in (300, 5000, 900):
            client.put(size, "(\\Seen)")
        _, (count,) = client.select()
        client.take("1:*", "(FLAGS ENVELOPE BODYSTRUCTURE)")
        client.take(f"{int(count) - 2}:*", "(BODY.PEEK[])")
        client.search(None, "ALL")
        client.create("Archive")
        client.copy("1", "Archive")
        client.list()


@dialogue("imap_clear", "imap", 143)
def idle(at):
    with Client(at) as client:
        client.login("alice", "secret")
        client.select()
        client.send(b"X1 IDLE\r\n")
        client.until(b"+")
        time.sleep(1)
        client.send(b"DONE\r\n")
        client.until(b"X1")


@dialogue("imap_clear", "imap", 143)
def wrong_password(at):
    with Client(at) as client:
        try:
            client.login("alice", "guess")
        except imaplib.IMAP4.error:
            at.refused = 0  # of no account: nothing is sent by IMAP


@dialogue("imap_clear", "imap", 143)
def compressed(at):
    at.visible = False
    with Client(at) as client:
        client.login("alice", "secret")
        client.send(b"X1 COMPRESS DEFLATE\r\n")
        client.until(b"X1")
        out = zlib.compressobj(wbits=-15)
        client.send(out.compress(b"X2 SELECT INBOX\r\nX3 FETCH 1 BODY[]\r\nX4 LOGOUT\r\n")
                    + out.flush(zlib.Z_SYNC_FLUSH))
        client.file.read()  # until the server closes
        client.state = "LOGOUT"
        client.shutdown()


@dialogue("imap_clear", "imap", 143, host="c2")
@dialogue("odd_ports", "imap", 10143, host="c2")
def curl_clear(at):
    curl(at, "imap")


@dialogue("imap_tls", "imap", 143, tls="starttls", sni=HOST_NAME)
@dialogue("ipv6", "imap", 143, server=POSTFIX6, tls="starttls", sni=HOST_NAME)
@dialogue("odd_ports", "imap", 10143, tls="starttls", sni=HOST_NAME)
def starttls(at):
    with Client(at) as client:
        client.upgrade(ssl.TLSVersion.TLSv1_3)
        append_and_fetch(client, 4000)


@dialogue("imap_tls", "imap", 143, tls="starttls", sni=HOST_NAME)
def starttls_old(at):
    with Client(at) as client:
        client.upgrade(ssl.TLSVersion.TLSv1_2)
        append_and_fetch(client, 2000)


@dialogue("imap_tls", "imap", 993, tls="implicit", sni=HOST_NAME)
@dialogue("ipv6", "imap", 993, server=POSTFIX6, tls="implicit", sni=HOST_NAME)
@dialogue("tls_odd_ports", "imap", 10993, tls="implicit", sni="imap.example.net")
def implicit_tls(at):
    with Client(at, ssl.TLSVersion.TLSv1_3) as client:
        append_and_fetch(client, 20000)


@dialogue("imap_tls", "imap", 993, tls="implicit")
def implicit_tls_without_name(at):
    with Client(at, ssl.TLSVersion.TLSv1_2) as client:
        append_and_fetch(client, 2000)


@dialogue("imap_tls", "imap", 993, host="c2", tls="implicit", sni=HOST_NAME)
def curl_implicit(at):
    curl(at, "imaps")


@dialogue("imap_tls", "imap", 143, host="c2", tls="starttls", sni=HOST_NAME)
def curl_starttls(at):
    curl(at, "imap", "--ssl-reqd")


def curl(at, scheme, *options):
    name = at.sni or HOST_NAME
    command = ["curl", "-sS", "-k", f"{scheme}://{name}:{at.port}/INBOX", "--user", "bob:secret",
               "--resolve", f"{name}:{at.port}:{at.server}", "--interface", at.client,
               "--local-port", str(at.client_port), "--request", "EXAMINE INBOX", *options]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)

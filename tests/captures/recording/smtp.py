"""SMTP with Postfix: Python's smtplib, bare sockets, swaks and curl."""
import smtplib
import ssl
import subprocess
import tempfile

from dialogue import (HOST_NAME, POSTFIX6, STRICT, dialogue, message)

ALICE, BOB, STRANGER = "alice@example.net", "bob@example.net", "stranger@example.net"


class Client(smtplib.SMTP):
    """smtplib over a dialogue's own socket; `implicit` starts with TLS."""

    def __init__(self, at, implicit=None):
        self.at, self.implicit = at, implicit
        super().__init__(at.server, at.port, "client.example.net")
        self._host = at.sni  # what starttls() names

    def _get_socket(self, host, port, timeout):
        sock = self.at.connect()
        return self.at.wrap(sock, self.implicit) if self.implicit else sock

    def upgrade(self, version):
        context = ssl._create_unverified_context()
        context.minimum_version = context.maximum_version = version
        self.starttls(context=context)

    def deliver(self, size, recipients=(BOB,), sender=ALICE, subject="numbers"):
        """One transaction, counted by what the server answered."""
        text = message(size, subject)
        try:
            refused = self.sendmail(sender, list(recipients), text)
            self.at.accept(len(text), len(recipients) - len(refused))
        except smtplib.SMTPRecipientsRefused as error:
            codes = [code for code, _ in error.recipients.values()]
            self.at.refuse(min(codes))  # for now, if any of them is
        except smtplib.SMTPResponseException as error:
            self.at.refuse(error.smtp_code)


class Lines:
    """A bare dialogue: what is written goes out as it stands."""

    def __init__(self, at):
        self.sock = at.connect()
        self.file = self.sock.makefile("rb")

    def send(self, text):
        self.sock.sendall(text if isinstance(text, bytes) else text.encode())

    def reply(self, count=1):
        """The last of the next `count` replies."""
        for _ in range(count):
            line = self.file.readline()
            while line[3:4] == b"-":
                line = self.file.readline()
        return line

    def close(self):
        self.file.read()  # until the server closes
        self.sock.close()


@dialogue("smtp_clear", "smtp", 25)
@dialogue("ipv6", "smtp", 25, server=POSTFIX6)
@dialogue("odd_ports", "smtp", 2525)
def three_messages(at):
    with Client(at) as client:
        client.deliver(500)
        client.deliver(9000, [BOB, ALICE], subject="two")
        client.deliver(2500, [BOB, STRANGER], subject="three")  # one recipient is refused


@dialogue("smtp_clear", "smtp", 25)
def refusals(at):
    with Client(at) as client:
        client.deliver(400, [STRANGER])                            # every recipient
        client.deliver(400, sender="nobody@example.org")           # the sender
        client.deliver(800, subject="forbidden")                   # the message
        client.deliver(400, ["someone@example.com"])               # no relaying
        client.deliver(600)


@dialogue("smtp_clear", "smtp", 25)
def too_large(at):
    with Client(at) as client:
        client.deliver(450000)  # refused by its SIZE, so it is never sent
        client.deliver(300)


@dialogue("smtp_clear", "smtp", 25)
def large_message(at):
    with Client(at) as client:
        client.deliver(200000)


@dialogue("offload", "smtp", 25)
def large_message_in_large_segments(at):
    with Client(at) as client:
        client.deliver(120000)


@dialogue("smtp_clear", "smtp", 25)
@dialogue("odd_ports", "smtp", 2525)
def pipelining(at):
    client = Lines(at)
    client.reply()
    client.send("EHLO client.example.net\r\n")
    client.reply()
    client.send(f"MAIL FROM:<{ALICE}>\r\nRCPT TO:<{BOB}>\r\nRCPT TO:<{STRANGER}>\r\nDATA\r\n")
    assert client.reply(4).startswith(b"354")
    client.send(message(1200) + b".\r\n"
                + f"MAIL FROM:<{ALICE}>\r\nRCPT TO:<{STRANGER}>\r\nRSET\r\n"
                  f"MAIL FROM:<{ALICE}>\r\nRCPT TO:<{BOB}>\r\nDATA\r\n".encode())
    assert client.reply().startswith(b"250")
    at.accept(len(message(1200)))
    assert client.reply(2).startswith(b"550")
    at.refuse(550)
    assert client.reply(4).startswith(b"354")
    client.send(message(700) + b".\r\nQUIT\r\n")
    assert client.reply().startswith(b"250")
    at.accept(len(message(700)))
    client.close()


@dialogue("smtp_clear", "smtp", 25)
def chunking(at):
    client = Lines(at)
    client.reply()
    client.send("EHLO client.example.net\r\n")
    client.reply()
    text = message(6000)
    client.send(f"MAIL FROM:<{ALICE}>\r\nRCPT TO:<{BOB}>\r\nBDAT 4000\r\n".encode() + text[:4000])
    assert client.reply(3).startswith(b"250")
    client.send(f"BDAT {len(text) - 4000} LAST\r\n".encode() + text[4000:])
    assert client.reply().startswith(b"250")
    at.accept(len(text))
    client.send(f"MAIL FROM:<{ALICE}>\r\nRCPT TO:<{STRANGER}>\r\nRSET\r\nNOOP\r\nQUIT\r\n")
    assert client.reply(2).startswith(b"550")
    at.refuse(550)
    client.close()


@dialogue("smtp_clear", "smtp", 25)
def nothing_sent(at):
    client = Lines(at)
    client.reply()
    client.send("helo client.example.net\r\n")
    client.reply()
    client.send(f"mail from:<{ALICE}>\r\nrset\r\nnoop\r\nvrfy {BOB}\r\nquit\r\n")
    client.close()


@dialogue("smtp_clear", "smtp", 25)
def byte_by_byte(at):
    client = Lines(at)
    client.sock.setsockopt(6, 1, 1)  # TCP_NODELAY: each byte a segment of its own
    client.reply()
    for byte in b"EHLO client.example.net\r\nQUIT\r\n":
        client.send(bytes([byte]))
    client.close()


@dialogue("smtp_clear", "smtp", 25, server=STRICT)
def refused_client(at):
    client = Lines(at)
    assert client.reply().startswith(b"554")
    client.send("EHLO client.example.net\r\nQUIT\r\n")
    client.close()


@dialogue("odd_ports", "smtp", 2587, server=STRICT)
def starttls_refused(at):
    client = Lines(at)
    client.reply()
    client.send("EHLO client.example.net\r\n")
    client.reply()
    client.send("STARTTLS\r\n")
    assert client.reply().startswith(b"5")
    client.send(f"MAIL FROM:<{ALICE}>\r\nRCPT TO:<{BOB}>\r\nDATA\r\n")
    assert client.reply(3).startswith(b"354")
    client.send(message(900) + b".\r\n")
    assert client.reply().startswith(b"250")
    at.accept(len(message(900)))
    client.send("QUIT\r\n")
    client.close()


@dialogue("smtp_tls", "smtp", 587, tls="starttls", sni=HOST_NAME)
@dialogue("ipv6", "smtp", 587, server=POSTFIX6, tls="starttls", sni=HOST_NAME)
@dialogue("odd_ports", "smtp", 2525, tls="starttls", sni=HOST_NAME)
def submission(at):
    with Client(at) as client:
        client.upgrade(ssl.TLSVersion.TLSv1_3)
        client.login("alice", "secret")
        client.deliver(3000)
        client.deliver(300, [STRANGER])


@dialogue("smtp_tls", "smtp", 25, tls="starttls")
def starttls_without_name(at):
    with Client(at) as client:
        client._host = at.server
        client.upgrade(ssl.TLSVersion.TLSv1_2)
        client.deliver(3000)


@dialogue("smtp_tls", "smtp", 465, tls="implicit", sni=HOST_NAME)
@dialogue("ipv6", "smtp", 465, server=POSTFIX6, tls="implicit", sni=HOST_NAME)
@dialogue("tls_odd_ports", "smtp", 2465, tls="implicit", sni="smtp.example.net")
def implicit_tls(at):
    with Client(at, ssl.TLSVersion.TLSv1_2) as client:
        client.deliver(3000)


def swaks(at, *options):
    command = ["swaks", "--server", at.server, "--port", str(at.port), "--local-interface",
               f"{at.client}:{at.client_port}", "--ehlo", "client.example.net", "--from", ALICE,
               "--to", BOB, "--header", "Subject: swaks",
               "--header", "Message-Id: <swaks@example.net>", "--body", "a short text", *options]
    done = subprocess.run(command, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:]
    # Between the reply to DATA and the final dot, it shows the lines that it sends.
    shown = done.stdout.decode().split(" 354 ", 1)[1].splitlines()[1:]
    lines = [line.removeprefix(" -> ").removeprefix(" ~> ") for line in shown]
    at.accept(sum(len(line) + 2 for line in lines[:lines.index(".")]))


def curl(at, scheme, *options):
    with tempfile.NamedTemporaryFile() as file:
        file.write(message(12000))
        file.flush()
        name = at.sni or HOST_NAME
        address = f"[{at.server}]" if ":" in at.server else at.server
        command = ["curl", "-sS", "-k", f"{scheme}://{name}:{at.port}/client.example.net",
                   "--resolve", f"{name}:{at.port}:{address}", "--interface", at.client,
                   "--local-port", str(at.client_port), "--mail-from", ALICE, "--mail-rcpt", BOB,
                   "--upload-file", file.name, *options]
        subprocess.run(command, check=True)
    at.accept(len(message(12000)))


@dialogue("smtp_clear", "smtp", 25, host="c2")
@dialogue("ipv6", "smtp", 25, host="c2", server=POSTFIX6)
def swaks_clear(at):
    swaks(at)


@dialogue("smtp_tls", "smtp", 25, host="c2", tls="starttls", sni=HOST_NAME)
def swaks_starttls(at):
    swaks(at, "--tls", "--tls-sni", at.sni)


@dialogue("smtp_tls", "smtp", 465, host="c2", tls="implicit", sni=HOST_NAME)
def swaks_implicit(at):
    swaks(at, "--tlsc", "--tls-sni", at.sni)


@dialogue("smtp_clear", "smtp", 25, host="c2")
@dialogue("odd_ports", "smtp", 2525, host="c2")
def curl_clear(at):
    curl(at, "smtp")


@dialogue("smtp_tls", "smtp", 587, host="c2", tls="starttls", sni=HOST_NAME)
def curl_starttls(at):
    curl(at, "smtp", "--ssl-reqd", "--tls-max", "1.2")


@dialogue("smtp_tls", "smtp", 465, host="c2", tls="implicit", sni=HOST_NAME)
def curl_implicit(at):
    curl(at, "smtps")

"""SMTP with Exim, which knows CHUNKING and refuses at each stage, for now and for good."""
import ssl

from dialogue import EXIM, EXIM6, HOST_NAME, dialogue, message
from smtp import ALICE, BOB, Client, Lines, swaks

LATER, NEVER = "later@example.net", "never@example.net"


def greet(at):
    client = Lines(at)
    client.reply()
    client.send("EHLO client.example.net\r\n")
    client.reply()
    return client


def finish(client):
    client.send("QUIT\r\n")
    client.close()


@dialogue("exim", "smtp", 25, server=EXIM)
@dialogue("exim", "smtp", 2526, server=EXIM6)
def every_refusal(at):
    with Client(at) as client:
        for known in ({"sender": "later@example.org"}, {"sender": "never@example.org"},   # MAIL
                      {"recipients": [LATER]}, {"recipients": [NEVER]},                 # RCPT
                      {"recipients": [NEVER, LATER]},
                      {"sender": "predata-later@example.org"},                           # DATA
                      {"sender": "predata-never@example.org"},
                      {"subject": "later"}, {"subject": "never"}):                     # its text
            client.deliver(300, **known)
            client.rset()  # Exim would keep the transaction
        client.deliver(700, [BOB, NEVER, ALICE, LATER])


@dialogue("exim", "smtp", 25, server=EXIM)
def chunks(at):
    client = greet(at)
    text = message(9000)
    client.send(f"MAIL FROM:<{ALICE}>\r\nRCPT TO:<{BOB}>\r\nRCPT TO:<{NEVER}>\r\n"
                f"RCPT TO:<{ALICE}>\r\nBDAT 4000\r\n".encode() + text[:4000]
                + b"BDAT 3000\r\n" + text[4000:7000]
                + f"BDAT {len(text) - 7000} LAST\r\n".encode() + text[7000:])
    assert client.reply(7).startswith(b"250")
    at.accept(len(text), 2)
    finish(client)


@dialogue("exim", "smtp", 25, server=EXIM6)
def chunked_messages_at_once(at):
    client = greet(at)
    said = b""
    for size in (200, 3000, 800):
        text = message(size)
        said += f"MAIL FROM:<{ALICE}>\r\nRCPT TO:<{BOB}>\r\nBDAT {len(text)} LAST\r\n".encode()
        said += text
    client.send(said)
    for size in (200, 3000, 800):
        assert client.reply(3).startswith(b"250")
        at.accept(len(message(size)))
    client.send(f"MAIL FROM:<{ALICE}>\r\nRCPT TO:<{BOB}>\r\nBDAT 0 LAST\r\n")
    assert client.reply(3).startswith(b"250")
    at.accept(0)
    finish(client)


@dialogue("exim", "smtp", 25, server=EXIM)
def refused_chunks(at):
    client = greet(at)
    text = message(500, "never")
    client.send(f"MAIL FROM:<{ALICE}>\r\nRCPT TO:<{BOB}>\r\nBDAT {len(text)} LAST\r\n".encode()
                + text)
    assert client.reply(3).startswith(b"5")
    at.refuse(550)
    client.send(f"RSET\r\nMAIL FROM:<{ALICE}>\r\nRCPT TO:<{LATER}>\r\nRSET\r\n")
    assert client.reply(3).startswith(b"4")
    at.refuse(450)
    client.reply()
    finish(client)


@dialogue("exim", "smtp", 2526, server=EXIM)
def nothing_is_waited_for(at):
    client = greet(at)
    said = b""
    for size in (300, 900):
        said += f"MAIL FROM:<{ALICE}>\r\nRCPT TO:<{BOB}>\r\nDATA\r\n".encode()
        said += message(size) + b".\r\n"
    client.send(said + f"MAIL FROM:<{ALICE}>\r\nRCPT TO:<{NEVER}>\r\nRSET\r\n".encode())
    for size in (300, 900):
        assert client.reply(4).startswith(b"250")
        at.accept(len(message(size)))
    assert client.reply(2).startswith(b"5")
    at.refuse(550)
    client.reply()
    finish(client)


@dialogue("exim", "smtp", 25, server=EXIM)
def large_message(at):
    with Client(at) as client:
        client.deliver(150000, [BOB, ALICE])


@dialogue("exim", "smtp", 25, server=EXIM, tls="starttls", sni=HOST_NAME)
def starttls(at):
    with Client(at) as client:
        client.upgrade(ssl.TLSVersion.TLSv1_3)
        client.deliver(2000)


@dialogue("exim", "smtp", 10465, server=EXIM6, tls="implicit", sni="smtp.example.net")
def implicit_tls(at):
    with Client(at, ssl.TLSVersion.TLSv1_3) as client:
        client.deliver(2000)


@dialogue("exim", "smtp", 25, server=EXIM, host="c2")
def swaks_clear(at):
    swaks(at)

"""SMTP with OpenSMTPD, which lets no command be sent before the last one is answered."""
from dialogue import OPENSMTPD, OPENSMTPD6, dialogue, message
from exim import LATER, greet
from smtp import ALICE, BOB, STRANGER, Client, curl, swaks


@dialogue("opensmtpd", "smtp", 25, server=OPENSMTPD)
@dialogue("opensmtpd", "smtp", 2528, server=OPENSMTPD6)
def every_refusal(at):
    with Client(at) as client:
        for known in ({"sender": "later@example.org"},                   # MAIL
                      {"sender": "never@example.org"},                   # RCPT
                      {"recipients": [STRANGER]}, {"recipients": [LATER]},
                      {"recipients": [STRANGER, LATER]},
                      {"sender": "data@example.org"},                    # DATA
                      {"sender": "text@example.org"}):                   # its text
            client.deliver(300, **known)
            client.rset()
        client.deliver(700, [BOB, STRANGER, ALICE, LATER])


@dialogue("opensmtpd", "smtp", 25, server=OPENSMTPD)
def closed_at_the_sender(at):
    with Client(at) as client:
        client.deliver(300)
        client.deliver(300, sender="gone@example.org")  # 421, and it closes


# It offers no PIPELINING, refuses what came at once as a whole, and closes.
@dialogue("opensmtpd", "smtp", 25, server=OPENSMTPD6)
def pipelined(at):
    client = greet(at)
    client.send(f"MAIL FROM:<{ALICE}>\r\nRCPT TO:<{BOB}>\r\nDATA\r\n")
    assert client.reply().startswith(b"500")
    at.refuse(500)
    client.close()


@dialogue("opensmtpd", "smtp", 25, server=OPENSMTPD)
def line_by_line(at):
    client = greet(at)
    for line in (f"mail from:<{ALICE}>", f"rcpt to:<{BOB}>", "noop", f"rcpt to:<{ALICE}>", "data"):
        client.send(line + "\r\n")
        assert client.reply().startswith((b"2", b"3"))
    client.send(message(1500) + b".\r\n")
    assert client.reply().startswith(b"250")
    at.accept(len(message(1500)), 2)
    client.send("quit\r\n")
    client.close()


@dialogue("opensmtpd", "smtp", 2528, server=OPENSMTPD)
def too_large(at):
    with Client(at) as client:
        client.deliver(60000)  # refused when all of it has been sent
        client.deliver(30000)


@dialogue("opensmtpd", "smtp", 25, server=OPENSMTPD, host="c2")
def swaks_clear(at):
    swaks(at)


@dialogue("opensmtpd", "smtp", 25, server=OPENSMTPD6, host="c2")
def curl_clear(at):
    curl(at, "smtp")

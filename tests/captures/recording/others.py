"""What is not mail: protocols that open like it, and connections that say nothing."""
import base64
import contextlib
import ftplib
import smtplib
import socket
import time

from dialogue import MISPLACED, SILENT, STRICT, TIMEOUT, dialogue, message


def converse(at, lines, until_close=True):
    """Reads what the server says first, then sends line by line, reading after each."""
    with at.connect() as sock:
        sock.settimeout(1)
        for line in ("", *lines):
            if line:
                sock.sendall(line.encode())
            with contextlib.suppress(TimeoutError):
                sock.recv(65536)
        if until_close:
            with contextlib.suppress(TimeoutError):
                while sock.recv(65536):
                    pass


@dialogue("lookalikes", port=21, kind="lookalike")
@dialogue("misplaced", port=25, server=MISPLACED, kind="lookalike")
def ftp(at):
    with ftplib.FTP() as client:
        client.connect(at.server, at.port, TIMEOUT, (at.client, at.client_port))
        client.login("anonymous", "nobody@example.net")
        client.cwd("pub")
        client.source_address = None  # data connections take any port
        client.retrbinary("RETR readme.txt", lambda data: None)
        client.retrlines("LIST", lambda line: None)
        client.quit()


@dialogue("lookalikes", port=21, kind="lookalike")
def ftp_wrong_password(at):
    converse(at, ["USER alice\r\n", "PASS secret\r\n", "QUIT\r\n"])


@dialogue("lookalikes", port=6379, kind="lookalike")
@dialogue("misplaced", port=110, server=MISPLACED, kind="lookalike")
def redis(at):
    with at.connect() as sock:
        for command in ("PING", "SET key value", "GET key", "CONFIG SET maxclients 100", "QUIT"):
            sock.sendall(command.encode() + b"\r\n")
            sock.recv(65536)
        sock.recv(65536)


@dialogue("lookalikes", port=119, kind="lookalike")
def nntp(at):
    converse(at, ["MODE READER\r\n", "LIST\r\n", "GROUP example.test\r\n", "DATE\r\n", "QUIT\r\n"])


@dialogue("lookalikes", port=6667, server=MISPLACED, kind="lookalike")
@dialogue("misplaced", port=143, server=MISPLACED, kind="lookalike")
def irc(at):
    converse(at, ["NICK alice\r\nUSER alice 0 * :Alice\r\n", "JOIN #test\r\n",
                  "PRIVMSG #test :hello\r\n", "QUIT\r\n"])


@dialogue("lookalikes", port=24, kind="lookalike")
def lmtp(at):
    client = smtplib.LMTP()
    client.sock = at.connect()
    client.file = None
    client.getreply()
    client.sendmail("alice@example.net", ["bob@example.net"], message(900))
    client.quit()


@dialogue("lookalikes", port=4190, kind="lookalike")
def managesieve(at):
    login = base64.b64encode(b"\0alice\0secret").decode()
    converse(at, [f'AUTHENTICATE "PLAIN" "{login}"\r\n', "LISTSCRIPTS\r\n",
                  'PUTSCRIPT "keep" {7+}\r\nkeep;\r\n\r\n', "LOGOUT\r\n"])


@dialogue("scans", port=110, kind="scan", server=STRICT)
@dialogue("scans", port=143, kind="scan", server=STRICT)
@dialogue("scans", port=993, kind="scan", server=STRICT)
def refused(at):
    with contextlib.suppress(ConnectionRefusedError):
        at.connect().close()
        raise AssertionError("something listens")


@dialogue("scans", port=25, kind="scan", server=SILENT)
@dialogue("scans", port=110, kind="scan", server=SILENT)
@dialogue("scans", port=143, kind="scan", server=SILENT)
@dialogue("scans", port=993, kind="scan")
def bare_handshake(at):
    with at.connect():
        time.sleep(0.1)


@dialogue("scans", port=995, kind="scan")
def handshake_and_reset(at):
    with at.connect() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        time.sleep(0.1)


@dialogue("scans", "smtp", 25, kind="undecided")
def greeting_and_reset(at):
    with at.connect() as sock:
        sock.recv(100)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")

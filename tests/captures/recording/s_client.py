"""openssl s_client with each service: implicit TLS and upgrades, TLS 1.2 and 1.3."""
import subprocess
import time

from dialogue import HOST_NAME, POSTFIX6, TIMEOUT, dialogue

COMMANDS = {
    "smtp": ["EHLO client.example.net", "QUIT"],
    "imap": ["a1 LOGIN bob secret", "a2 EXAMINE INBOX", "a3 LOGOUT"],
    "pop3": ["USER bob", "PASS secret", "STAT", "QUIT"],
}


def s_client(at, version):
    """Says the service's commands, one after the other, and waits for the server to close."""
    address = f"[{at.server}]:{at.port}" if ":" in at.server else f"{at.server}:{at.port}"
    source = f"[{at.client}]:{at.client_port}" if ":" in at.client else \
        f"{at.client}:{at.client_port}"
    command = ["openssl", "s_client", "-quiet", "-crlf", f"-{version}", "-bind", source,
               "-connect", address, "-servername", at.sni]
    if at.tls == "starttls":
        command += ["-starttls", at.service]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL) as process:
        for line in COMMANDS[at.service]:
            time.sleep(0.7)
            process.stdin.write(line.encode() + b"\n")
            process.stdin.flush()
        process.wait(TIMEOUT)


def register(version, name):
    """The same dialogues with one version of TLS."""
    def run(at):
        s_client(at, version)
    run.__name__ = f"s_client_{name}"
    for service, clear, implicit in (("smtp", 25, 465), ("imap", 143, 993), ("pop3", 110, 995)):
        dialogue("s_client", service, clear, tls="starttls", sni=HOST_NAME)(run)
        dialogue("s_client", service, implicit, tls="implicit", sni=HOST_NAME)(run)
    dialogue("s_client", "imap", 993, server=POSTFIX6, tls="implicit", sni=HOST_NAME)(run)


register("tls1_2", "tls12")
register("tls1_3", "tls13")

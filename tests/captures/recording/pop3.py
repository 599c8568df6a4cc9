"""POP3 with Dovecot: Python's poplib and curl."""
import poplib
import ssl
import subprocess

from dialogue import HOST_NAME, POSTFIX6, dialogue


class Client(poplib.POP3):
    """poplib over a dialogue's own socket; `implicit` starts with TLS."""

    def __init__(self, at, implicit=None):
        self.at, self.implicit = at, implicit
        super().__init__(at.server, at.port)
        self.host = at.sni  # what stls() names

    def _create_socket(self, timeout):
        sock = self.at.connect()
        return self.at.wrap(sock, self.implicit) if self.implicit else sock

    def take(self, number):
        """Retrieves a message, and counts it."""
        _, _, octets = self.retr(number)
        self.at.retrievals += 1
        self.at.retrieved += octets

    def upgrade(self, version):
        context = ssl._create_unverified_context()
        context.minimum_version = context.maximum_version = version
        self.stls(context)


def retrieve(client, user, most=3):
    """Fetches the smallest messages of a mailbox."""
    client.user(user)
    client.pass_("secret")
    client.stat()
    sizes = [line.split() for line in client.list()[1]]
    for number, _ in sorted(sizes, key=lambda size: int(size[1]))[:most]:
        client.take(number.decode())
    client.quit()


@dialogue("pop3_clear", "pop3", 110)
@dialogue("ipv6", "pop3", 110, server=POSTFIX6)
@dialogue("odd_ports", "pop3", 10110)
def mailbox(at):
    retrieve(Client(at), "bob")


@dialogue("pop3_clear", "pop3", 110)
def whole_mailbox(at):
    retrieve(Client(at), "alice", most=100)


@dialogue("pop3_clear", "pop3", 110)
def stamped_login(at):
    client = Client(at)
    client.apop("bob", "secret")
    client.uidl()
    client.top(1, 3)
    client.dele(1)
    client.rset()
    client.quit()


@dialogue("pop3_clear", "pop3", 110)
def wrong_password(at):
    client = Client(at)
    client.capa()
    client.user("bob")
    try:
        client.pass_("guess")
    except poplib.error_proto:
        client.quit()


@dialogue("pop3_clear", "pop3", 110, host="c2")
@dialogue("odd_ports", "pop3", 10110, host="c2")
def curl_clear(at):
    curl(at, "pop3")


@dialogue("pop3_tls", "pop3", 110, tls="starttls", sni=HOST_NAME)
@dialogue("ipv6", "pop3", 110, server=POSTFIX6, tls="starttls", sni=HOST_NAME)
@dialogue("odd_ports", "pop3", 10110, tls="starttls", sni=HOST_NAME)
def starttls(at):
    client = Client(at)
    client.upgrade(ssl.TLSVersion.TLSv1_2)
    retrieve(client, "bob", 2)


@dialogue("pop3_tls", "pop3", 995, tls="implicit", sni=HOST_NAME)
@dialogue("ipv6", "pop3", 995, server=POSTFIX6, tls="implicit", sni=HOST_NAME)
@dialogue("tls_odd_ports", "pop3", 10995, tls="implicit", sni="pop.example.net")
def implicit_tls(at):
    retrieve(Client(at, ssl.TLSVersion.TLSv1_3), "bob", 2)


@dialogue("pop3_tls", "pop3", 995, host="c2", tls="implicit", sni=HOST_NAME)
def curl_implicit(at):
    curl(at, "pop3s", "--tls-max", "1.2")


@dialogue("pop3_tls", "pop3", 110, host="c2", tls="starttls", sni=HOST_NAME)
def curl_starttls(at):
    curl(at, "pop3", "--ssl-reqd")


def curl(at, scheme, *options):
    name = at.sni or HOST_NAME
    command = ["curl", "-sS", "-k", f"{scheme}://{name}:{at.port}/1", "--user", "bob:secret",
               "--resolve", f"{name}:{at.port}:{at.server}", "--interface", at.client,
               "--local-port", str(at.client_port), *options]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    at.retrievals += 1
    at.retrieved += len(done.stdout)

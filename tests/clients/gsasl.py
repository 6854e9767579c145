#!/usr/bin/python3
# SPDX-FileCopyrightText: 2026 The Tercet authors
# SPDX-License-Identifier: MIT
"""GNU SASL's command line client logs in with each mechanism that both have: what it says goes
to the server over gnutls-cli, whose channel bindings it gets. It also checks the server's
signature.

Skipped (77) without gsasl or gnutls-cli.
"""
import base64
import os
import shutil
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "lib"), os.path.join(HERE, "..", "tls")]

from tools import PASSWORD, SASL, Tool  # noqa: E402
from xt_authority import ServerAuthority  # noqa: E402
from xt_people import accounts, cannot_play, served  # noqa: E402
from xt_server import Server  # noqa: E402

STREAM = ("<stream:stream to='{}' version='1.0' xmlns='jabber:client' "
          "xmlns:stream='http://etherx.jabber.org/streams'>")
GUESTS = "guests.localhost"
TLS12 = ("--priority", "NORMAL:-VERS-ALL:+VERS-TLS1.2")


class Gsasl:
    """The mechanism as gsasl runs it: base64 in and out."""

    def __init__(self, mechanism, bindings, *more):
        self.tool = Tool("gsasl", "--client", "--mechanism", mechanism, *more)
        self.at = 0
        if mechanism.startswith("SCRAM"):
            # An empty line: there is none; without the first it asks for the second.
            for kind in ("tls-exporter", "tls-unique"):
                found = self.tool.wait(f"{kind} channel binding: |Output from client:", self.at)
                if not found.group(0).startswith(kind):
                    break
                self.at = found.end()
                self.tool.say(bindings.get(kind, ""))

    def output(self):
        found = self.tool.wait(r"Output from client:\n([A-Za-z0-9+/=]*)\n", self.at)
        self.at = found.end()
        return found.group(1)

    def input(self, text):
        self.at = self.tool.wait("press RET if none\\):", self.at).end()
        self.tool.say(text)

    def trusts(self):
        """After the server's last word, which it may answer by nothing."""
        found = self.tool.wait("Client authentication finished|press RET if none\\):", self.at)
        if found.group(0).startswith("press"):
            self.tool.say("")
            self.tool.wait("Client authentication finished", found.end())

    def close(self):
        self.tool.close()


def exchange(line, gsasl, mechanism):
    """From <auth/> to the end; true when the server let it in."""
    at = line.say(f"<auth xmlns='{SASL}' mechanism='{mechanism}'>{gsasl.output() or '='}</auth>")
    while True:
        found = line.wait(r"<(success|failure|challenge)\b[^>]*?(/>|>(.*?)</\1>)", at)
        at = found.end()
        if found.group(1) == "failure":
            return False
        gsasl.input(found.group(3) or "")
        if found.group(1) == "success":
            gsasl.trusts()
            return True
        at = line.say(f"<response xmlns='{SASL}'>{gsasl.output()}</response>")


def login(server, mechanism, *more, domain="localhost", binding=None, line=()):
    """The bound address; None: refused."""
    address, port = server.address("c2s-tls")
    line = Tool("gnutls-cli", "--insecure", "-V", "--alpn", "xmpp-client", "--sni-hostname",
                domain, "--port", str(port), *line, address)
    text = line.wait("Handshake was completed").string
    bindings = {}
    if binding:
        value = text.partition(f"'{binding}': ")[2].split()[0]
        bindings[binding] = base64.b64encode(bytes.fromhex(value)).decode()
    at = line.say(STREAM.format(domain))
    features = line.wait("<stream:features.*?</stream:features>", at).group(0)
    assert f">{mechanism}<" in features, (mechanism, features)
    gsasl = Gsasl(mechanism, bindings, *more)
    result = None
    if exchange(line, gsasl, mechanism):
        at = line.say(STREAM.format(domain))
        line.wait("</stream:features>", at)
        at = line.say("<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>")
        result = line.wait("<jid>([^<]*)</jid>", at).group(1).partition("/")[0]
    gsasl.close()
    line.close()
    return result


def play(server, authority):
    romeo = ("-a", "romeo", "-p", PASSWORD)
    wrong = ("-a", "romeo", "-p", "something else")
    for mechanism in ("SCRAM-SHA-1", "SCRAM-SHA-256"):
        assert login(server, mechanism, *romeo) == "romeo@localhost", mechanism
        assert login(server, mechanism, *wrong) is None, mechanism
        for binding, line in (("tls-exporter", ()), ("tls-unique", TLS12)):
            plus = f"{mechanism}-PLUS"
            assert login(server, plus, *romeo, binding=binding, line=line) == "romeo@localhost", \
                (plus, binding)
    assert login(server, "PLAIN", *romeo) == "romeo@localhost"
    assert login(server, "PLAIN", *wrong) is None
    line = ("--x509certfile", authority.client[0], "--x509keyfile", authority.client[1])
    assert login(server, "EXTERNAL", "-z", "", line=line) == "romeo@localhost"
    assert login(server, "EXTERNAL", "-z", "romeo@localhost", line=line) == "romeo@localhost"
    assert login(server, "EXTERNAL", "-z", "juliet@localhost", line=line) is None
    guest = login(server, "ANONYMOUS", "-n", "somebody", domain=GUESTS)
    assert guest.endswith(f"@{GUESTS}") and "somebody" not in guest, guest


def main():
    why = cannot_play(("auth_anonymous", "storage_mem"), ("gsasl", "gnutls-cli", "openssl"))
    if why:
        print(why)
        sys.exit(77)
    folder = tempfile.mkdtemp(prefix="tercet-gsasl.")
    os.chmod(folder, 0o755)
    authority = ServerAuthority(folder)
    authority.client = authority.client_certificate("romeo", "romeo@localhost")
    server = Server(
        domains=("localhost", GUESTS), users=accounts("romeo"),
        config='c2s: { listen = ( { address = "127.0.0.1"; port = 0; tls = true; '
               "request_client_cert = true; } ); };\nsaslauth: { plain = true; };\n",
        options=(*authority.options(), "--ca", authority.ca, "--snippet-of",
                 f'{GUESTS}=modules = [ "auth_anonymous", "storage_mem" ]; '
                 'modules_disabled = [ "auth_internal_hashed" ];'))
    try:
        with served(server):
            play(server, authority)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()

#!/usr/bin/python3
# SPDX-FileCopyrightText: 2026 The Tercet authors
# SPDX-License-Identifier: MIT
"""SASL EXTERNAL with client certificates (XEP-0178): whoever shows one that a trusted authority
has issued for an address of the host is let in as that address, and nobody else is: another
host's address, an authority that is not trusted, another address than the certificate has, an
account that is not there or is disabled. Without a certificate clients log in as ever.
"""
import base64
import os
import re
import shutil
import socket
import ssl
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

from xt_authority import ServerAuthority  # noqa: E402
from xt_people import accounts, cannot_play, served  # noqa: E402
from xt_server import Server  # noqa: E402

SASL = "urn:ietf:params:xml:ns:xmpp-sasl"
PATIENCE = 20


class Client:
    """A stream over TLS, with or without a certificate of its own."""

    def __init__(self, server, pair=None, version=ssl.TLSVersion.TLSv1_3):
        context = ssl.create_default_context(cafile=server.ca)
        context.minimum_version = context.maximum_version = version
        if pair:
            context.load_cert_chain(*pair)
        self.text = ""
        self.sock = context.wrap_socket(
            socket.create_connection(server.address("c2s-tls"), timeout=PATIENCE),
            server_hostname="localhost")

    def open(self):
        self.send("<stream:stream to='localhost' version='1.0' xmlns='jabber:client' "
                  "xmlns:stream='http://etherx.jabber.org/streams'>")
        return self.wait("<stream:features.*?</stream:features>").group(0)

    def send(self, text):
        self.sock.sendall(text.encode())

    def wait(self, pattern):
        """What it matches first; the text up to its end is done with."""
        while True:
            found = re.search(pattern, self.text, re.S)
            if found:
                self.text = self.text[found.end():]
                return found
            data = self.sock.recv(65536)
            assert data, f"{pattern!r} did not come: {self.text}"
            self.text += data.decode()

    def authenticate(self, content):
        """None: let in; else the condition."""
        self.send(f"<auth xmlns='{SASL}' mechanism='EXTERNAL'>{content}</auth>")
        return self.outcome()

    def outcome(self):
        found = self.wait(rf"<success xmlns='{SASL}'/>|<failure xmlns='{SASL}'><([a-z-]+)")
        return found.group(1)

    def bind(self):
        self.open()
        self.send("<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>")
        return self.wait("<jid>([^<]*)</jid>").group(1)

    def close(self):
        self.sock.close()


def identity(text):
    return base64.b64encode(text.encode()).decode()


def offers(features):
    return "<mechanism>EXTERNAL</mechanism>" in features


def let_in(server, pair):
    for version in (ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_2):
        for content in ("=", identity("romeo@localhost"), identity("Romeo@LOCALHOST")):
            client = Client(server, pair, version)
            features = client.open()
            first = features.index("<mechanism>", features.index(SASL))
            assert features[first:].startswith("<mechanism>EXTERNAL<"), features
            assert client.authenticate(content) is None, content
            assert client.bind().startswith("romeo@localhost/")
            client.close()
    # Without an initial response the server asks for it (RFC 6120 6.4.2).
    client = Client(server, pair)
    client.open()
    client.send(f"<auth xmlns='{SASL}' mechanism='EXTERNAL'/>")
    client.wait(f"<challenge xmlns='{SASL}'/>|<challenge xmlns='{SASL}'></challenge>")
    client.send(f"<response xmlns='{SASL}'/>")
    assert client.outcome() is None
    assert client.bind().startswith("romeo@localhost/")
    client.close()


def refused(server, pair, content, condition):
    client = Client(server, pair)
    assert offers(client.open()), pair
    answer = client.authenticate(content)
    assert answer == condition, (pair, content, answer)
    client.close()


def not_offered(server, pair):
    """Nor taken, and all the rest is."""
    client = Client(server, pair)
    features = client.open()
    assert not offers(features) and "<mechanism>SCRAM-SHA-256-PLUS</mechanism>" in features, pair
    for content in ("=", identity("romeo@localhost")):
        assert client.authenticate(content) == "invalid-mechanism", (pair, content)
    client.close()


def play(server, authority, stranger):
    romeo = authority.client_certificate("romeo", "romeo@localhost")
    let_in(server, romeo)
    refused(server, romeo, identity("juliet@localhost"), "invalid-authzid")
    refused(server, romeo, identity("romeo@elsewhere.example"), "invalid-authzid")
    refused(server, romeo, identity("romeo@localhost/orchard"), "invalid-authzid")
    refused(server, romeo, identity("@"), "invalid-authzid")
    refused(server, romeo, identity("romeo@localhost\0juliet@localhost"), "malformed-request")
    refused(server, romeo, "!", "incorrect-encoding")

    # Two addresses: it has to be said which.
    both = authority.client_certificate("both", "romeo@localhost", "juliet@localhost",
                                        "nurse@elsewhere.example")
    refused(server, both, "=", "invalid-authzid")
    client = Client(server, both)
    client.open()
    assert client.authenticate(identity("juliet@localhost")) is None
    assert client.bind().startswith("juliet@localhost/")
    client.close()

    nobody = authority.client_certificate("nobody", "nobody@localhost")
    refused(server, nobody, "=", "not-authorized")
    status, _, err = server.ctl(["disable", "juliet@localhost"])
    assert status == 0, err
    refused(server, both, identity("juliet@localhost"), "account-disabled")

    not_offered(server, None)
    not_offered(server, authority.client_certificate("elsewhere", "romeo@elsewhere.example"))
    not_offered(server, authority.client_certificate("host", "localhost"))
    not_offered(server, authority.client_certificate("unnamed"))
    not_offered(server, stranger.client_certificate("romeo", "romeo@localhost"))

    # The machine's authorities do not know ours.
    server.edit(lambda text: re.sub('trust = "[^"]*"', 'trust = "system"', text))
    status, _, err = server.ctl(["reload"])
    assert status == 0, err
    not_offered(server, romeo)


def main():
    why = cannot_play(programs=("openssl",))
    if why:
        print(why)
        sys.exit(77)
    folder = tempfile.mkdtemp(prefix="tercet-external.")
    os.chmod(folder, 0o755)
    folders = [os.path.join(folder, name) for name in ("ours", "theirs")]
    for name in folders:
        os.mkdir(name)
    authority, stranger = (ServerAuthority(name) for name in folders)
    server = Server(
        users=accounts("romeo", "juliet"),
        config='c2s: { listen = ( { address = "127.0.0.1"; port = 0; tls = true; '
               "request_client_cert = true; } ); };\n",
        options=(*authority.options(), "--ca", authority.ca))
    server.ca = authority.ca
    try:
        with served(server):
            play(server, authority, stranger)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()

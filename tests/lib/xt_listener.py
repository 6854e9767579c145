# SPDX-FileCopyrightText: 2026 The Tercet authors
# SPDX-License-Identifier: MIT
"""Servers of the protocol scripts that our server dials: a socket that listens on loopback, and
the connections that it makes to it. Python's standard library only."""
import os
import select
import socket
import ssl
from xml.sax.saxutils import quoteattr

from xt_client import SASL_NS, SERVER_NS, TLS_NS, Connection, Failure, Late
from xt_xml import STREAM_NS

DIALBACK_NS = "jabber:server:dialback"
DIALBACK_FEATURE = "urn:xmpp:features:dialback"


class Listener:
    """A port that may be named in the server's configuration before anybody listens there."""

    def __init__(self):
        self.sock = socket.socket()
        self.sock.bind(("127.0.0.1", 0))
        self.sock.listen(64)
        self.port = self.sock.getsockname()[1]

    def waits(self, seconds=0):
        """True when somebody has dialled."""
        return bool(select.select([self.sock], [], [], seconds)[0])

    def close(self):
        self.sock.close()


class DialledConnection(Connection):
    """One connection that our server has made to `listener`."""

    def __init__(self, server, note, split, timeout, listener):
        super().__init__(server, note, split, timeout)
        self.listener, self.peer, self.headers, self.streams = listener, True, {}, 0
        self.asks = False

    def connect(self, direct_tls):
        if not self.listener.waits(self.timeout):
            raise Late("nobody dials")
        self.sock, address = self.listener.sock.accept()
        self.sock.settimeout(self.timeout)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.reader, self.events, self.closed = self.new_reader(), [], False
        self.note("--", f"dialled from {address[0]}:{address[1]}")
        if direct_tls:
            self.start_tls(alpn=True)

    def start_tls(self, alpn=False):
        """In the role of the server; without a certificate the handshake is refused."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        if self.asks:
            context.verify_mode = ssl.CERT_OPTIONAL
            context.load_verify_locations(os.path.join(self.server.state, "cert.pem"))
        if self.certificate:
            context.load_cert_chain(*self.certificate)
        if alpn:
            context.set_alpn_protocols(["xmpp-server"])
        # What came with what was read last is the beginning of the handshake, or nothing.
        if self.events:
            raise Failure(f"{self.events[0]} came before TLS")
        try:
            self.sock = context.wrap_socket(self.sock, server_side=True)
        except (OSError, ssl.SSLError) as error:
            raise Failure(f"no TLS: {error}") from error
        self.reader = self.new_reader()
        self.note("--", f"{self.sock.version()} {self.sock.cipher()[0]}")

    def negotiate_tls(self):
        self.send(f"<stream:features><starttls xmlns='{TLS_NS}'><required/></starttls>"
                  "</stream:features>")
        self.expect(TLS_NS, "starttls")
        self.send(f"<proceed xmlns='{TLS_NS}'/>")
        self.start_tls()

    def header(self):
        """Each header is the beginning of a new stream."""
        self.reader = self.new_reader()
        attrs = super().header()
        self.headers = {name: value for (_, name), value in attrs.items()}
        self.streams += 1
        return attrs

    def take_stream(self, domain=None, number=None):
        """Receives a header and answers it; `number`: the id of the stream."""
        self.header()
        domain = domain or self.headers.get("to", "")
        self.stream_id = number or f"stream-{id(self):x}-{self.streams}"
        self.send("<?xml version='1.0'?>"
                  f"<stream:stream xmlns='{SERVER_NS}' xmlns:stream='{STREAM_NS}' "
                  f"xmlns:db='jabber:server:dialback' from={quoteattr(domain)} "
                  f"to={quoteattr(self.headers.get('from', ''))} "
                  f"id={quoteattr(self.stream_id)} version='1.0'>")


class PeerSteps:
    """Steps of those who play other servers."""

    def connects_securely(self, step, client, sender, domain=None):
        """TCP, TLS, a stream, and its features are to be received."""
        connection = self.new_connection(client)
        if client.tls != "direct":
            self.opens_stream(step, client, domain, sender)
            connection.features()
            connection.negotiate_tls()
        self.opens_stream(step, client, domain, sender)

    def was_shown_certificate(self, step, client):
        """When it was dialled, our server had the certificate that it has now."""
        with open(os.path.join(self.server.state, "cert.pem"), encoding="ascii") as file:
            wanted = ssl.PEM_cert_to_DER_cert(file.read())
        if client.connection.sock.getpeercert(True) != wanted:
            raise Failure("another certificate, or none, was shown")

    def authenticates_by_certificate(self, step, client):
        """SASL EXTERNAL as the one that the header named, and a new stream, whose features are
        to be received."""
        connection = self.live(client)
        connection.send(f"<auth xmlns='{SASL_NS}' mechanism='EXTERNAL'>=</auth>")
        connection.expect(SASL_NS, "success")
        self.opens_stream(step, client, *client.header)

    def dialled(self, client):
        if client.listener is None:
            raise ValueError(f"{client.name} does not listen")
        return self.new_connection(client)

    def is_dialled(self, step, client):
        self.dialled(client)

    def is_not_dialled(self, step, client):
        if client.listener.waits():
            raise Failure(f"{client.name} is dialled")

    def stops_listening(self, step, client):
        client.listener.close()

    def takes_stream(self, step, client, domain=None, number=None):
        connection = self.live(client)
        connection.take_stream(domain, number)
        self.variables[f"{client.name}.stream"] = connection.stream_id

    def is_dialled_securely(self, step, client, domain=None):
        """TCP, TLS and a stream; features are to be sent."""
        connection = self.dialled(client)
        if client.tls != "direct":
            connection.take_stream(domain)
            connection.negotiate_tls()
        self.takes_stream(step, client, domain)

    def send_features(self, step, client, more=""):
        self.live(client).send(f"<stream:features>{more}{self.inside(step)}</stream:features>")

    def offers_features(self, step, client):
        self.send_features(step, client)

    def accepts_certificate(self, step, client):
        """Offers SASL EXTERNAL, believes, and takes the new stream; the block is of its
        features, both times."""
        connection = self.live(client)
        self.send_features(step, client, f"<mechanisms xmlns='{SASL_NS}'>"
                           "<mechanism>EXTERNAL</mechanism></mechanisms>")
        connection.expect(SASL_NS, "auth")
        connection.send(f"<success xmlns='{SASL_NS}'/>")
        self.takes_stream(step, client, connection.headers.get("to"))
        self.send_features(step, client)

    def accepts_dialback(self, step, client):
        """Offers dialback, and believes whatever key comes; the block is of the features."""
        connection = self.live(client)
        self.send_features(step, client, f"<dialback xmlns='{DIALBACK_FEATURE}'><errors/>"
                           "</dialback>")
        result = connection.expect(DIALBACK_NS, "result")
        connection.send(f"<db:result from='{result.get('to')}' to='{result.get('from')}' "
                        "type='valid'/>")

# SPDX-FileCopyrightText: 2026 The Tercet authors
# SPDX-License-Identifier: MIT
"""External components (XEP-0114) for the protocol scripts: a connection that speaks
jabber:component:accept. Python's standard library only."""
import hashlib
from xml.sax.saxutils import quoteattr

from xt_client import Connection, Failure
from xt_xml import CLIENT_NS, STREAM_NS, StreamReader

COMPONENT_NS = "jabber:component:accept"


class ComponentConnection(Connection):
    port = "component"

    def new_reader(self):
        return StreamReader(COMPONENT_NS)

    def start_tls(self, alpn=False):
        super().start_tls(alpn=False)

    def open_stream(self, domain, attributes=""):
        self.reader = self.new_reader()
        self.send(f"<stream:stream xmlns='{COMPONENT_NS}' xmlns:stream='{STREAM_NS}' "
                  f"to={quoteattr(domain)}{attributes}>")
        self.stream_id = None
        attrs = self.header()
        self.stream_id = attrs.get(("", "id"))
        return attrs

    def shake_hands(self, secret):
        """What comes back is left to be received."""
        if not self.stream_id:
            raise Failure("the stream has no id")
        digest = hashlib.sha1((self.stream_id + secret).encode()).hexdigest()
        self.send(f"<handshake>{digest}</handshake>")

    def log_in(self, domain, secret):
        self.open_stream(domain)
        self.shake_hands(secret)
        self.expect(CLIENT_NS, "handshake")

# SPDX-FileCopyrightText: 2026 The Tercet authors
# SPDX-License-Identifier: MIT
"""A small XMPP client for the protocol scripts: it does what it is told, byte for byte, and
waits for one thing at a time. Python's standard library only."""
import base64
import hashlib
import hmac
import os
import random
import socket
import ssl
import struct
import time
from xml.sax.saxutils import escape, quoteattr

from xt_xml import CLIENT_NS, STREAM_NS, Element, StreamReader

TLS_NS = "urn:ietf:params:xml:ns:xmpp-tls"
SASL_NS = "urn:ietf:params:xml:ns:xmpp-sasl"
SASL2_NS = "urn:xmpp:sasl:2"
SERVER_NS = "jabber:server"
UPGRADE_NS = "urn:xmpp:scram-upgrade:0"
DIGESTS = {"SCRAM-SHA-1": "sha1", "SCRAM-SHA-256": "sha256", "SCRAM-SHA-512": "sha512"}
CB_NS = "urn:xmpp:sasl-cb:0"
BIND_NS = "urn:ietf:params:xml:ns:xmpp-bind"
STREAM_ERROR_NS = "urn:ietf:params:xml:ns:xmpp-streams"


# Questions of the tests themselves have such ids.
ASIDE = "xt-nothing-"


class Failure(Exception):
    """What the script asked for did not happen."""


class Late(Failure):
    """Nothing came in time."""


class Connection:
    """One TCP connection and the XML stream on it. `note(direction, text)` keeps a
    transcript; `split` says how what is sent is cut: whole, bytes, random or a number (the
    length of the first of two pieces)."""

    def __init__(self, server, note, split, timeout):
        self.server, self.note, self.split, self.timeout = server, note, split, timeout
        self.sock, self.last_features = None, None
        self.peer, self.certificate = False, None  # another server; (certificate, key)
        self.verify = True  # the server's certificate
        self.reader = self.new_reader()
        self.events, self.closed, self.aside = [], False, set()
        self.spaces = 0  # pieces of nothing but white space

    port = "c2s"   # of the server, by its name
    window = None  # bytes that the kernel keeps for us; None: as many as it likes

    def new_reader(self):
        return StreamReader()

    # ---- bytes ----

    def connect(self, direct_tls):
        kind = "s2s" if self.peer else self.port
        address = self.server.address(f"{kind}-tls" if direct_tls else kind)
        self.sock = socket.socket(socket.AF_INET6 if ":" in address[0] else socket.AF_INET)
        if self.window is not None:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self.window)
        self.sock.settimeout(self.timeout)
        self.sock.connect(address)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.reader, self.events, self.closed = self.new_reader(), [], False
        self.note("--", f"connected to {address[0]}:{address[1]}")
        if direct_tls:
            self.start_tls(alpn=True)

    def start_tls(self, alpn=False):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        if self.verify:
            context.load_verify_locations(self.server.certificate)
        else:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        if self.certificate:
            context.load_cert_chain(*self.certificate)
        if alpn:
            context.set_alpn_protocols(["xmpp-server" if self.peer else "xmpp-client"])
        try:
            self.sock = context.wrap_socket(self.sock, server_hostname=self.server.domain)
        except (OSError, ssl.SSLError) as error:
            raise Failure(f"no TLS: {error}") from error
        self.reader = self.new_reader()
        self.note("--", f"{self.sock.version()} {self.sock.cipher()[0]}")

    def send(self, data):
        if isinstance(data, str):
            data = data.encode()
        shown = data.decode("utf-8", "backslashreplace")
        self.note("->", shown if len(shown) <= 2000 else f"{shown[:2000]}... ({len(data)} bytes)")
        try:
            self.sock.settimeout(self.timeout)  # the last look for input may have been a short one
            for piece in self.pieces(data):
                self.sock.sendall(piece)
        except OSError as error:
            # The peer may have closed after an error that it has sent; what it sent is read.
            self.note("--", f"sending: {error}")

    def pieces(self, data):
        if self.split == "whole" or len(data) < 2:
            return [data]
        if self.split == "bytes" and len(data) <= 20000:
            return [data[i:i + 1] for i in range(len(data))]
        cut = random.randrange(1, len(data)) if not self.split.isdigit() else int(self.split)
        return [piece for piece in (data[:cut], data[cut:]) if piece]

    def drop(self):
        """Closes without a word: the peer gets a reset."""
        if self.sock is not None:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close()

    def close(self):
        if self.sock is not None:
            self.sock.close()
            self.sock = None

    # ---- events ----

    def take(self, event):
        """Answers to what a test asks for itself are nobody's events."""
        kind, value = event
        number = value.get("id") if kind == "element" else None
        if number is not None and number.startswith(ASIDE):
            self.aside.add(number)
        else:
            self.events.append(event)

    def next(self, what, timeout=None, patient=False):
        """The next event: ('header', attrs), ('element', Element), ('end', None) or
        ('eof', None)."""
        deadline = time.monotonic() + (timeout or self.timeout)
        while not self.events:
            if self.closed or self.sock is None:
                return ("eof", None)
            left = deadline - time.monotonic()
            if left <= 0:
                raise Late(f"timeout: no {what}")
            self.sock.settimeout(left)
            try:
                data = self.sock.recv(65536)
            except (TimeoutError, socket.timeout):
                continue
            except (ConnectionError, ssl.SSLError) as error:
                self.note("--", f"receiving: {error}")
                data = b""
            if not data:
                self.closed = True
                self.note("<-", "(end of the connection)")
                continue
            self.note("<-", data.decode("utf-8", "backslashreplace"))
            self.spaces += data.isspace()
            for event in self.reader.feed(data):
                self.take(event)
            if patient and not self.events:
                raise Late("only what is put aside came")
        kind, value = self.events.pop(0)
        if kind == "bad":
            raise Failure(f"the server's XML is not well-formed: {value}")
        return kind, value

    def unread(self, event):
        self.events.insert(0, event)

    def element(self, what="element", timeout=None, patient=False):
        kind, value = self.next(what, timeout, patient)
        if kind != "element":
            raise Failure(f"no {what}: " + {
                "header": "a stream header came", "end": "the stream ended",
                "eof": "the connection ended"}[kind])
        if value.ns == STREAM_NS and value.name == "features":
            self.last_features = value
        return value

    def poll(self):
        """The next element when one comes within a hundredth of a second, else None."""
        try:
            return self.element(timeout=0.01, patient=True)
        except Late:
            return None

    def expect(self, ns, *names):
        element = self.element(f"<{'/'.join(names)}/>")
        if element.ns != ns or element.name not in names:
            raise Failure(f"{element} came where <{'/'.join(names)}/> was expected")
        return element

    # ---- streams ----

    def open_stream(self, domain, attributes=""):
        self.reader = self.new_reader()
        content = CLIENT_NS
        if self.peer:
            content = SERVER_NS
            attributes += " xmlns:db='jabber:server:dialback'"
        self.send(f"<?xml version='1.0'?><stream:stream to={quoteattr(domain)} version='1.0' "
                  f"xmlns='{content}' xmlns:stream='{STREAM_NS}'{attributes}>")
        return self.header()

    def header(self):
        kind, value = self.next("stream header")
        if kind != "header":
            raise Failure(f"{kind} came where a stream header was expected")
        return value

    def end(self):
        """Expects the end tag, then the end of the connection."""
        kind, value = self.next("end of the stream")
        if kind == "end":
            kind, value = self.next("end of the connection")
        if kind != "eof":
            raise Failure(f"{value or kind} came where the end of the stream was expected")
        self.close()

    def stream_error(self, condition):
        error = self.expect(STREAM_NS, "error")
        found = [c.name for c in error.elements() if c.ns == STREAM_ERROR_NS and c.name != "text"]
        if found != [condition]:
            raise Failure(f"the stream error is {found}, not {condition}")
        self.end()

    # ---- the ways of a client ----

    def negotiate_tls(self):
        self.send(f"<starttls xmlns='{TLS_NS}'/>")
        self.expect(TLS_NS, "proceed")
        self.start_tls()

    def authenticate(self, user, password, mechanism):
        """SASL; raises SaslFailure with the condition."""
        if mechanism == "PLAIN":
            plain = base64.b64encode(f"\0{user}\0{password}".encode()).decode()
            self.send(f"<auth xmlns='{SASL_NS}' mechanism='PLAIN'>{plain}</auth>")
            self.sasl_outcome()
        elif mechanism == "ANONYMOUS":
            self.send(f"<auth xmlns='{SASL_NS}' mechanism='ANONYMOUS'/>")
            self.sasl_outcome()
        else:
            self.scram(user, password, mechanism)
        self.reader = self.new_reader()

    def sasl_outcome(self):
        answer = self.expect(SASL_NS, "success", "failure", "challenge")
        if answer.name == "failure":
            raise SaslFailure([c.name for c in answer.elements() if c.name != "text"][0])
        return base64.b64decode(answer.text()).decode()

    def end_point(self):
        return hashlib.sha256(self.sock.getpeercert(True)).digest()

    def authenticate2(self, user, password, mechanism, inside):
        """XEP-0388 to its end; what the server says last is left to be received. `inside` goes
        into <authenticate/>."""
        def first(initial):
            self.send(f"<authenticate xmlns='{SASL2_NS}' mechanism='{mechanism}'>"
                      f"<initial-response>{initial}</initial-response>{inside}</authenticate>")
            return self.sasl2_outcome()

        def final(response):
            self.send(f"<response xmlns='{SASL2_NS}'>{response}</response>")
            return self.sasl2_outcome()
        try:
            if mechanism == "PLAIN":
                first(base64.b64encode(f"\0{user}\0{password}".encode()).decode())
            else:
                self.scram(user, password, mechanism, first, final,
                           (SASL2_NS, "authentication"))
        except SaslFailure:
            pass

    def sasl2_outcome(self):
        answer = self.expect(SASL2_NS, "success", "failure", "challenge", "continue")
        if answer.name == "challenge":
            return base64.b64decode(answer.text()).decode()
        self.unread(("element", answer))
        if answer.name == "failure":
            raise SaslFailure("")
        data = answer.find(SASL2_NS, "additional-data")
        return base64.b64decode(data.text()).decode() if data is not None else ""

    def authenticate_by_token(self, user, token, mechanism, inside):
        """XEP-0484: HT-SHA-256-ENDP or -NONE; what the server says is left to be received."""
        binding = self.end_point() if mechanism.endswith("ENDP") else b""
        proof = hmac.digest(token.encode(), b"Initiator" + binding, "sha256")
        initial = base64.b64encode(user.encode() + b"\0" + proof).decode()
        self.send(f"<authenticate xmlns='{SASL2_NS}' mechanism='{mechanism}'>"
                  f"<initial-response>{initial}</initial-response>{inside}</authenticate>")
        answer = self.expect(SASL2_NS, "success", "failure")
        self.unread(("element", answer))
        expected = hmac.digest(token.encode(), b"Responder" + binding, "sha256")
        if answer.name == "success" and \
                base64.b64decode(answer.find(SASL2_NS, "additional-data").text()) != expected:
            raise Failure("the server has not proven that it knows the token")

    def upgrade(self, password, mechanism):
        """XEP-0480: one task, from <continue/> on; what comes then is left."""
        task = f"UPGR-{mechanism}"
        asked = self.expect(SASL2_NS, "continue").find(SASL2_NS, "tasks")
        if [t.text() for t in asked.elements()] != [task]:
            raise Failure(f"{asked} is not {task}")
        self.send(f"<next xmlns='{SASL2_NS}' task='{task}'/>")
        salt = self.expect(SASL2_NS, "task-data").find(UPGRADE_NS, "salt")
        salted = hashlib.pbkdf2_hmac(
            DIGESTS[mechanism], password.encode(), base64.b64decode(salt.text()),
            int(salt.get("iterations")))
        self.send(f"<task-data xmlns='{SASL2_NS}'><hash xmlns='{UPGRADE_NS}'>"
                  f"{base64.b64encode(salted).decode()}</hash></task-data>")

    def scram(self, user, password, mechanism, first_step=None, final_step=None,
              offer=(SASL_NS, "mechanisms")):
        """RFC 5802, with tls-server-end-point for the mechanisms that end in -PLUS. The steps
        send a message in base64 and return the answer; those of RFC 6120 without."""
        first_step = first_step or (lambda initial: self.sasl1(
            f"<auth xmlns='{SASL_NS}' mechanism='{mechanism}'>{initial}</auth>"))
        final_step = final_step or (lambda final: self.sasl1(
            f"<response xmlns='{SASL_NS}'>{final}</response>"))
        digest = DIGESTS[mechanism.removesuffix("-PLUS")]
        header, binding = "n,,", b""
        if mechanism.endswith("-PLUS"):
            header = "p=tls-server-end-point,,"
            binding = self.end_point()
        name = user.replace("=", "=3D").replace(",", "=2C")
        nonce = base64.b64encode(os.urandom(18)).decode()
        first = f"n={name},r={nonce}"
        initial = base64.b64encode((header + first).encode()).decode()
        challenge = first_step(initial)
        fields = dict(part.split("=", 1) for part in challenge.split(","))
        if not fields["r"].startswith(nonce) or fields["r"] == nonce:
            raise Failure("the server's nonce does not begin with ours")
        if "h" in fields:
            self.check_downgrade(fields, digest, *offer)
        salted = hashlib.pbkdf2_hmac(digest, password.encode(), base64.b64decode(fields["s"]),
                                     int(fields["i"]))
        channel = base64.b64encode(header.encode() + binding).decode()
        bare = f"c={channel},r={fields['r']}"
        signed = f"{first},{challenge},{bare}".encode()
        key = hmac.digest(salted, b"Client Key", digest)
        signature = hmac.digest(hashlib.new(digest, key).digest(), signed, digest)
        proof = base64.b64encode(bytes(a ^ b for a, b in zip(key, signature))).decode()
        final = base64.b64encode(f"{bare},p={proof}".encode()).decode()
        verifier = final_step(final)
        expected = hmac.digest(hmac.digest(salted, b"Server Key", digest), signed, digest)
        if verifier != "v=" + base64.b64encode(expected).decode():
            raise Failure("the server's signature is wrong")

    def sasl1(self, text):
        self.send(text)
        return self.sasl_outcome()

    def check_downgrade(self, fields, digest, ns, name):
        """XEP-0474 and XEP-0515: the server was understood as it spoke."""
        offer = self.last_features.find(ns, name)
        text = "\x1e".join(sorted(m.text() for m in offer.elements() if m.name == "mechanism"))
        bindings = self.last_features.find(CB_NS, "sasl-channel-binding")
        if bindings is not None:
            text += "\x1f" + "\x1e".join(sorted(b.get("type") for b in bindings.elements()))
        expected = base64.b64encode(hashlib.new(digest, text.encode()).digest()).decode()
        if fields["h"] != expected:
            raise Failure(f"h={fields['h']} is not the hash of what was offered")
        version = {"TLSv1.3": "0304", "TLSv1.2": "0303"}.get(
            self.sock.version() if hasattr(self.sock, "version") else None)
        if fields.get("t") != version:
            raise Failure(f"t={fields.get('t')} where TLS is {version}")

    def bind(self, resource):
        inner = f"<resource>{escape(resource)}</resource>" if resource else ""
        self.send(f"<iq type='set' id='xt-bind'><bind xmlns='{BIND_NS}'>{inner}</bind></iq>")
        answer = self.expect(CLIENT_NS, "iq")
        bind = answer.find(BIND_NS, "bind")
        if answer.get("type") != "result" or bind is None:
            raise Failure(f"no resource was bound: {answer}")
        return bind.find(BIND_NS, "jid").text()

    def features(self):
        return self.expect(STREAM_NS, "features")


class SaslFailure(Failure):
    """A SASL failure, with its condition."""

    def __init__(self, condition):
        super().__init__(f"SASL failure: {condition}")
        self.condition = condition


def has_feature(features, ns, name):
    return isinstance(features, Element) and features.find(ns, name) is not None

#!/usr/bin/python3
# SPDX-FileCopyrightText: 2026 The Tercet authors
# SPDX-License-Identifier: MIT
"""Two of our servers with each other: each row says how both are set up, and what comes of it in
both directions. All is on loopback, found by overrides."""
import os
import shutil
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

from xt_client import Connection, Failure, SASL_NS, has_feature  # noqa: E402
from xt_authority import Authority  # noqa: E402
from xt_peers import free_ports  # noqa: E402
from xt_server import Server, missing  # noqa: E402

TIMEOUT = float(os.environ.get("XT_TIMEOUT", "30"))
VERBOSE = "-v" in sys.argv
DIALBACK = "s2s_secure_auth = false;"
# name, certificate of juliet's and romeo's server, direct TLS, policy, the outcome, what is
# logged at juliet's server
TABLE = (
    ("external", "signed", "signed", False, "", True, "(certificate, TLS)"),
    ("direct", "signed", "signed", True, "", True, "(certificate, TLS)"),
    ("dialback", "self-signed", "self-signed", False, DIALBACK, True, "(dialback, TLS)"),
    ("bidi", "signed", "signed", False, 's2s.bidi', True, "by its own connection"),
    ("bidi-dialback", "self-signed", "self-signed", False, DIALBACK + 's2s.bidi', True,
     "by its own connection"),
    ("one-sided", "signed", "self-signed", False,
     's2s_insecure_domains = [ "montague.example" ];', True, "(certificate, TLS)"),
    ("secure", "self-signed", "self-signed", False,
     DIALBACK + 's2s_secure_domains = [ "*.example" ];', False, "NOT trusted"),
    ("self-signed", "self-signed", "self-signed", False, "", False, "NOT trusted"),
    ("expired", "signed", "expired", False, "", False, "expired"),
    ("other-name", "signed", "other-name", False, "", False, "for other names"),
)


def certificate(authority, name, kind):
    if kind == "other-name":
        return authority.issue(name, ["elsewhere.example"])
    return authority.issue(name, [name], kind)


def make_server(authority, domain, user, kind, port, other, direct, policy,
                more='retry = "1 s";', addresses=("127.0.0.1", "127.0.0.1")):
    """`addresses`: where it listens for the other one, and where that one is."""
    files = certificate(authority, domain, kind)
    tls = "true" if direct else "false"
    bidi = 'bidi = "ask";' if policy.endswith("s2s.bidi") else ""
    policy = policy.removesuffix("s2s.bidi")
    config = f"""s2s: {{
	{bidi}
	listen = ( {{ address = "{addresses[0]}"; port = {port}; tls = {tls}; }} );
	override = ( {{ domain = "{other[0]}"; address = "{addresses[1]}"; port = {other[1]};
		direct_tls = {tls}; }} );
	{more}
	retry_max = "1 s";
}};
{policy}"""
    return Server([domain], [f"{user}@{domain}:secret"], config, "", {},
                    ["--s2s", "0", "--cert", files[0], "--key", files[1],
                     "--ca", authority.ca])


class Person:
    """A client that has a resource."""

    def __init__(self, server, user):
        self.domain = server.domain
        self.bare = f"{user}@{server.domain}"
        # The certificates of some rows are bad on purpose; clients are not what is tested.
        self.connection = Connection(server, self.note, "whole", TIMEOUT)
        self.connection.verify = False
        self.connection.connect(False)
        self.connection.open_stream(self.domain)
        features = self.connection.features()
        if has_feature(features, "urn:ietf:params:xml:ns:xmpp-tls", "starttls") and \
                features.find(SASL_NS, "mechanisms") is None:
            self.connection.negotiate_tls()
            self.connection.open_stream(self.domain)
            self.connection.features()
        self.connection.authenticate(user, "secret", "SCRAM-SHA-256")
        self.connection.open_stream(self.domain)
        self.connection.features()
        self.full = self.connection.bind(None)
        # Those who have asked for the roster are told about subscriptions.
        self.send("<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq><presence/>")
        self.hear("presence", "", self.bare)

    def note(self, way, text):
        if VERBOSE:
            print(f"{self.bare} {way} {text}")

    def send(self, text):
        self.connection.send(text)

    def hear(self, name, kind, bare):
        """The next stanza of that name and type from that address; what is between goes."""
        while True:
            element = self.connection.element(f"{name} {kind} from {bare}")
            if element.name == name and element.get("type", "") == kind and \
                    element.get("from", self.bare).partition("/")[0] == bare:
                return element

    def say(self, to, body):
        self.send(f"<message to='{to}' type='chat' id='m'><body>{body}</body></message>")


def child(element, name):
    return next((c for c in element.elements() if c.name == name), None)


def talk(one, other):
    one.say(other.bare, "Wherefore &lt;&amp;&gt; ✓")
    heard = other.hear("message", "chat", one.bare)
    assert child(heard, "body").text() == "Wherefore <&> ✓", str(heard)
    other.say(heard.get("from"), "to the full address")
    assert child(one.hear("message", "chat", other.bare), "body") is not None


def befriend(one, other):
    one.send(f"<presence to='{other.bare}' type='subscribe'/>")
    other.hear("presence", "subscribe", one.bare)
    other.send(f"<presence to='{one.bare}' type='subscribed'/>")
    one.hear("presence", "subscribed", other.bare)
    one.hear("presence", "", other.bare)
    other.send("<presence type='unavailable'/>")
    one.hear("presence", "unavailable", other.bare)
    other.send("<presence/>")
    one.hear("presence", "", other.bare)


def ask(one, other):
    one.send(f"<iq type='get' id='d' to='{other.domain}'>"
             "<query xmlns='http://jabber.org/protocol/disco#info'/></iq>")
    assert child(one.hear("iq", "result", other.domain), "query") is not None
    other.send("<iq type='set' id='v'><vCard xmlns='vcard-temp'><FN>Somebody</FN></vCard></iq>")
    other.hear("iq", "result", other.bare)
    one.send(f"<iq type='get' id='v' to='{other.bare}'><vCard xmlns='vcard-temp'/></iq>")
    assert "Somebody" in str(one.hear("iq", "result", other.bare))
    one.send(f"<iq type='get' id='n' to='{other.domain}'><query xmlns='nobody:knows'/></iq>")
    one.hear("iq", "error", other.domain)
    one.send(f"<message to='nobody@{other.domain}' type='chat'><body>?</body></message>")
    one.hear("message", "error", f"nobody@{other.domain}")


def talks(juliet, romeo):
    for one, other in ((juliet, romeo), (romeo, juliet)):
        talk(one, other)
        befriend(one, other)
        ask(one, other)
    # Who has been told goes for all when the connection is lost.
    romeo.connection.send("</stream:stream>")
    juliet.hear("presence", "unavailable", romeo.bare)


def refused(juliet, romeo):
    for one, other in ((juliet, romeo), (romeo, juliet)):
        one.say(other.bare, "not to be heard")
        error = one.hear("message", "error", other.bare)
        error = child(error, "error")
        assert child(error, "remote-server-timeout") is not None, str(error)
        text = child(error, "text").text()
        assert "example" not in text and "127." not in text, text
    juliet.connection.send("<iq type='get' id='last'><ping xmlns='urn:xmpp:ping'/></iq>")
    while True:
        element = juliet.connection.element()
        assert element.name != "message", str(element)
        if element.get("id") == "last":
            return


def row(folder, name, ours, theirs, direct, policy, good, logged):
    authority = Authority(os.path.join(folder, name))
    ports = free_ports(2)
    servers = [
        make_server(authority, "capulet.example", "juliet", ours, ports[0],
                    ("montague.example", ports[1]), direct, policy),
        make_server(authority, "montague.example", "romeo", theirs, ports[1],
                    ("capulet.example", ports[0]), direct, policy)]
    try:
        for server in servers:
            server.start()
        people = [Person(server, user) for server, user in zip(servers, ("juliet", "romeo"))]
        (talks if good else refused)(*people)
        # The server that did not speak first is the guest of the other one's stream.
        if logged not in servers[name.startswith("bidi")].log():
            raise AssertionError(f"nothing is logged of '{logged}'")
        for server in servers:
            server.stop()
            if server.complaints():
                raise AssertionError(server.complaints()[0])
    except BaseException:
        for server in servers:
            print(f"---- {server.domain}:\n{server.log()}")
        raise
    finally:
        for server in servers:
            server.remove()


def main():
    lacking = missing(("s2s", "s2s_secure", "dialback"))
    if lacking:
        print(f"{lacking} was not built")
        return 77
    folder = tempfile.mkdtemp(prefix="tercet-test.")
    os.chmod(folder, 0o755)
    try:
        for line in TABLE:
            if len(sys.argv) > 1 and sys.argv[-1] not in ("-v", line[0]):
                continue
            try:
                row(folder, *line)
            except (AssertionError, Failure) as error:
                print(f"{line[0]}: {error}")
                return 1
            print(f"{line[0]}: as it should be")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())

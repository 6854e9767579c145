#!/usr/bin/python3
# SPDX-FileCopyrightText: 2026 The Tercet authors
# SPDX-License-Identifier: MIT
"""Federation with servers that we did not write: Prosody and ejabberd from Debian, each with
several domains, whose certificates and policies are good and bad. Each row of the table says
what must come of it, in both directions: the two people talk, or both are told that it cannot be.

Clients are slixmpp's. All is on loopback, with a name server of the test's own.
"""
import asyncio
import os
import shutil
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

from xt_authority import Authority  # noqa: E402
from xt_dns import DnsServer  # noqa: E402
from xt_peers import (Domain, Ejabberd, NameServer, PASSWORD, Prosody)  # noqa: E402
from xt_people import TIMEOUT, Waiting, cannot_play, new_loop, quiet  # noqa: E402
from xt_server import Server  # noqa: E402

try:
    import slixmpp
    import xt_slixmpp  # noqa: F401
except ImportError:
    print("no slixmpp (Debian package python3-slixmpp)")
    sys.exit(77)

OURS = "capulet.example"         # found by _xmpp-server
DIRECT = "direct.capulet.example"  # found by _xmpps-server alone

# What the peer's domain is, how it is found, which of our domains talks with it; what comes of
# it, and what "tercetctl s2s explain" or the log says about it.
TABLE = (
    # name      certificate    TLS    service         ours    outcome    proof or reason
    ("good",    "signed",      True,  "_xmpp-server",  OURS,   "talks",   "EXTERNAL"),
    ("once",    "signed",      True,  "_xmpp-server",  OURS,   "talks",   "EXTERNAL"),
    ("direct",  "signed",      True,  "_xmpps-server", DIRECT, "talks",   "EXTERNAL"),
    ("dialback", "self-signed", True, "_xmpp-server",  OURS,   "talks",   "dialback"),
    ("self",    "self-signed", True,  "_xmpp-server",  OURS,   "refused", "certificate"),
    ("old",     "expired",     True,  "_xmpp-server",  OURS,   "refused", "certificate"),
    ("wrong",   "other-name",  True,  "_xmpp-server",  OURS,   "refused", "certificate"),
    ("plain",   "signed",      False, "_xmpp-server",  OURS,   "refused", "encryption"),
    # One stream for both directions, opened by us and by the peer.
    ("bidi",    "signed",      True,  "_xmpp-server",  OURS,   "talks",   "ready, in both directions"),
    ("bidi-in", "signed",      True,  "_xmpp-server",  OURS,   "answers", "ready, in both directions"),
    ("bidi-dialback", "self-signed", True, "_xmpp-server", OURS, "answers", "ready, in both directions"),
    # In zones that are signed: the first has TLSA records of its own key, the other of another's.
    ("dane",    "self-signed", True,  "_xmpp-server",  OURS,   "talks",   "DANE"),
    ("forger",  "signed",      True,  "_xmpp-server",  OURS,   "refused", "DANE"),
)


class Person(Waiting, slixmpp.ClientXMPP):
    """A client that keeps what it hears, and lets others wait for it. `ca`: what its server's
    certificate is checked with; None: it talks in clear (the peer's certificates are bad on
    purpose, and its clients are not what is tested)."""

    def __init__(self, jid, address, ca):
        slixmpp.ClientXMPP.__init__(self, jid, PASSWORD)
        Waiting.__init__(self)
        self.server_address, self.ca_certs = address, ca
        self.heard, self.errors, self.online = [], [], set()
        for plugin in ("xep_0030", "xep_0054", "xep_0092", "xep_0191", "xep_0199"):
            self.register_plugin(plugin)
        self.add_event_handler("session_start", self.on_start)
        self.add_event_handler("message", self.on_message)
        self.add_event_handler("message_error", self.on_message)
        self.add_event_handler("got_online", self.on_online)
        self.add_event_handler("got_offline", self.on_offline)
        self.add_event_handler("roster_update", self.happened)
        for failure in ("failed_all_auth", "stream_error"):
            self.add_event_handler(failure, lambda what: self.errors.append(("own", str(what))))
        self.started = False

    async def on_start(self, _event):
        await self.get_roster()
        self.send_presence()
        self.started = True
        self.changed.set()

    def on_message(self, message):
        if message["type"] == "error":
            self.errors.append((message["from"].bare, message["error"]["condition"]))
        else:
            self.heard.append((message["from"].bare, message["body"]))
        self.changed.set()

    def on_online(self, presence):
        self.online.add(presence["from"].bare)
        self.changed.set()

    def on_offline(self, presence):
        self.online.discard(presence["from"].bare)
        self.changed.set()

    def log_in(self):
        clear = self.ca_certs is None
        if clear:
            self["feature_mechanisms"].unencrypted_plain = True
            self["feature_mechanisms"].unencrypted_scram = True
        self.connect(self.server_address, disable_starttls=clear, force_starttls=not clear)

    def subscription(self, other):
        return self.client_roster[other]["subscription"] if other in self.client_roster else None

    def story(self):
        return f"{self.boundjid.bare} heard {self.heard}, errors {self.errors}, online {self.online}"

    async def hears(self, other, text):
        await self.wait(f"the message '{text}' of {other}", lambda: (other, text) in self.heard)

    async def is_told(self, other):
        """An error comes back from `other`: (address, condition)."""
        await self.wait(f"an error from {other}",
                        lambda: any(who == other for who, _ in self.errors))
        return next(condition for who, condition in self.errors if who == other)


async def talk(one, other, text):
    one.send_message(mto=other.boundjid.bare, mbody=text, mtype="chat")
    await other.hears(one.boundjid.bare, text)


async def befriend(one, other):
    """Who is asked agrees, and asks back: slixmpp's own default."""
    one.send_presence_subscription(pto=other.boundjid.bare, ptype="subscribe")
    for me, friend in ((one, other.boundjid.bare), (other, one.boundjid.bare)):
        await me.wait(f"both with {friend}", lambda: me.subscription(friend) == "both")
        await me.wait(f"{friend} online", lambda: friend in me.online)


async def ask(one, other):
    """Of the other's server, and of the account's card."""
    info = await one["xep_0030"].get_info(jid=other.boundjid.domain, timeout=TIMEOUT)
    assert any(i[:2] == ("server", "im") for i in info["disco_info"]["identities"]), info
    await one["xep_0199"].ping(jid=other.boundjid.domain, timeout=TIMEOUT)
    card = other["xep_0054"].make_vcard()
    card["FN"] = f"name of {other.boundjid.bare}"
    await other["xep_0054"].publish_vcard(card, timeout=TIMEOUT)
    seen = await one["xep_0054"].get_vcard(other.boundjid.bare, cached=False, timeout=TIMEOUT)
    assert seen["vcard_temp"]["FN"] == card["FN"], seen


async def go_wrong(one, other):
    """An account that is not there, and one that does not want to hear."""
    nobody = "nobody@" + other.boundjid.domain
    one.send_message(mto=nobody, mbody="is anybody there?", mtype="chat")
    condition = await one.is_told(nobody)
    assert condition in ("service-unavailable", "item-not-found"), condition
    await other["xep_0191"].block(one.boundjid.bare, timeout=TIMEOUT)
    one.send_message(mto=other.boundjid.bare, mbody="you hear me not", mtype="chat")
    condition = await one.is_told(other.boundjid.bare)
    assert condition in ("service-unavailable", "not-acceptable"), condition
    await other["xep_0191"].unblock(one.boundjid.bare, timeout=TIMEOUT)
    await talk(one, other, "and now?")
    assert not any(text == "you hear me not" for _, text in other.heard), other.heard


async def talks(juliet, romeo):
    await talk(juliet, romeo, "Wherefore art thou? ✓")
    await talk(romeo, juliet, "Call me but love <&>")
    await befriend(juliet, romeo)
    for one, other in ((juliet, romeo), (romeo, juliet)):
        await ask(one, other)
        await go_wrong(one, other)
    romeo.send_presence(ptype="unavailable")
    await juliet.wait("the other offline", lambda: romeo.boundjid.bare not in juliet.online)


async def answers(juliet, romeo):
    """The peer speaks first."""
    await talk(romeo, juliet, "Lady, by yonder blessed moon")
    await talks(juliet, romeo)


async def refused(juliet, romeo):
    for one, other in ((juliet, romeo), (romeo, juliet)):
        one.send_message(mto=other.boundjid.bare, mbody="not to be heard", mtype="chat")
        condition = await one.is_told(other.boundjid.bare)
        assert condition.startswith("remote-server-") or condition in (
            "service-unavailable", "internal-server-error", "not-authorized",
            "not-allowed"), condition
    assert not juliet.heard and not romeo.heard, (juliet.heard, romeo.heard)


async def row(server, peer, ca, domain, ours, outcome):
    juliet = Person(f"juliet@{ours}", server.address("c2s"), ca)
    romeo = Person(f"romeo@{domain}", peer.address("c2s"), None)
    for person in (juliet, romeo):
        person.log_in()
    for person in (juliet, romeo):
        await person.wait("the session", lambda: person.started)
    await outcome(juliet, romeo)
    for person in (juliet, romeo):
        person.disconnect(wait=2)
        await asyncio.wait_for(person.disconnected, TIMEOUT)


def rows_of(kind):
    """ejabberd as packaged has no XEP-0288."""
    return [line for line in TABLE if kind is Prosody or not line[0].startswith("bidi")]


class Stage:
    """Everything that runs, in a folder that goes at the end."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="tercet-test.")
        os.chmod(self.folder, 0o755)
        self.authority = Authority(os.path.join(self.folder, "ca"))
        self.names = NameServer(os.path.join(self.folder, "names"))
        self.peers = {kind.__name__.lower(): kind(
            os.path.join(self.folder, kind.__name__.lower()),
            [self.domain(kind.__name__.lower(), *line[:3]) for line in rows_of(kind)],
            self.authority.ca, self.names.address) for kind in (Prosody, Ejabberd)}
        self.ours = DnsServer(self.folder)
        for name, peer in self.peers.items():
            for short, _, _, service, *_ in rows_of(type(peer)):
                port = peer.ports["s2s" if service == "_xmpp-server" else "s2s-tls"]
                self.publish(f"{short}.{name}.example", port, service)
        self.server = self.make_server()

    def publish(self, domain, port, service):
        """For peers, and for our server, which looks at signatures."""
        self.names.service(domain, port, service)
        self.ours.add(f"{service}._tcp.{domain}", "SRV", f"0 0 {port} host.{domain}.")
        self.ours.add(f"host.{domain}", "A", "127.0.0.1")
        if domain.startswith(("dane.", "forger.")):
            key = self.authority.key_digest(domain.replace("forger.", "dane."))
            self.ours.zone(domain)
            self.ours.add(f"_{port}._tcp.host.{domain}", "TLSA", f"3 1 1 {key}")

    def domain(self, peer, short, kind, tls):
        name = f"{short}.{peer}.example"
        if kind == "other-name":
            return Domain(name, self.authority.issue(name, ["elsewhere.example"]), tls)
        return Domain(name, self.authority.issue(name, [name], kind), tls,
                      ["s2s_bidi"] if short.startswith("bidi") else [])

    def settings(self):
        """Everybody finds everybody by a name server."""
        return ('s2s: { retry = "1 s"; retry_max = "1 s"; allow_private = true; bidi = "ask";'
                ' listen = ('
                ' { address = "127.0.0.1"; port = 0; },'
                ' { address = "127.0.0.1"; port = 0; tls = true; } ); };\n'
                f'use_dane = "on";\n{self.ours.options()}')

    def make_server(self):
        certificate, key = self.authority.issue("ours", [OURS, DIRECT])
        insecure = ", ".join(f'"{row}.{name}.example"' for name in self.peers
                             for row in ("once", "dialback", "bidi-dialback"))
        server = Server(
            domains=(OURS, DIRECT),
            users=[f"juliet@{domain}:{PASSWORD}" for domain in (OURS, DIRECT)],
            config=f"s2s_insecure_domains = [ {insecure} ];\n{self.settings()}",
            options=["--s2s", "0", "--s2s-tls", "0", "--cert", certificate, "--key", key,
                     "--ca", self.authority.ca])
        server.ca = self.authority.ca
        return server

    def start(self):
        self.server.start()
        self.names.service(OURS, self.server.address("s2s")[1])
        self.names.service(DIRECT, self.server.address("s2s-tls")[1], "_xmpps-server")
        self.names.start()
        for peer in self.peers.values():
            peer.start()

    def logs(self):
        print("--- our log:\n" + self.server.log()[-8000:])
        for name, peer in self.peers.items():
            print(f"--- log of {name}:\n" + peer.log()[-4000:])

    def remove(self):
        for peer in self.peers.values():
            peer.stop()
        self.names.stop()
        self.ours.stop()
        self.server.remove()
        shutil.rmtree(self.folder, ignore_errors=True)


def walk(stage, loop):
    for name, peer in stage.peers.items():
        for short, _, _, _, ours, outcome, reason in rows_of(type(peer)):
            domain = f"{short}.{name}.example"
            loop.run_until_complete(row(stage.server, peer, stage.authority.ca, domain, ours,
                                        {"talks": talks, "answers": answers, "refused": refused}[outcome]))
            status, out, err = stage.server.ctl(["s2s", "explain", domain])
            assert status == 0 and reason in out, f"explain {domain}: {out}{err}"
            # Prosody has XEP-0198 between servers, but not after dialback, and resumes nothing.
            if name == "prosody" and reason == "EXTERNAL":
                assert out.count("stream management: enabled") == 2, f"{domain}: {out}"
            print(f"{domain}: {outcome} ({reason})", flush=True)


def was_secure(stage, loop):
    """A domain of Prosody, for which dialback would do, has a valid certificate for a month and
    then none: it is refused, until that is accepted."""
    peer, domain = stage.peers["prosody"], "once.prosody.example"

    def play(outcome, reason):
        loop.run_until_complete(row(stage.server, peer, stage.authority.ca, domain, OURS, outcome))
        status, out, err = stage.server.ctl(["s2s", "explain", domain])
        assert status == 0 and reason in out, f"explain {domain}: {out}{err}"
        print(f"{domain}: {reason}", flush=True)

    stage.server.move_clock(31 * 86400)
    play(talks, "it was seen with a valid certificate from")
    stage.authority.issue(domain, [domain], "self-signed")
    peer.stop()
    peer.start()
    stage.server.ctl(["s2s", "close", domain])  # nothing is left that waits for it
    play(refused, "and it had a valid one for long")
    status, out, err = stage.server.ctl(["s2s", "accept", domain])
    assert status == 0, f"accept {domain}: {out}{err}"
    play(talks, "proof: dialback")


def main():
    os.environ["PATH"] = os.environ.get("PATH", "") + ":/usr/sbin"  # of ejabberdctl, unbound
    why = cannot_play(("s2s", "s2s_secure", "dialback"),
                      ("prosody", "ejabberdctl", "erl", "unbound"))
    if why is not None:
        print(why)
        return 77
    quiet("CRITICAL")
    loop = new_loop()
    stage = Stage()
    try:
        stage.start()
        walk(stage, loop)
        was_secure(stage, loop)
        stage.server.stop()
        if stage.server.complaints():
            raise AssertionError(stage.server.complaints()[0])
    except BaseException:
        stage.logs()
        raise
    finally:
        stage.remove()
    return 0


if __name__ == "__main__":
    sys.exit(main())

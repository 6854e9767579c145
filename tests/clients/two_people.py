#!/usr/bin/python3
# SPDX-FileCopyrightText: 2026 The Tercet authors
# SPDX-License-Identifier: MIT
"""Two people with a real client library (slixmpp) do what the server is for: they log in, over
STARTTLS and over direct TLS, with SCRAM-SHA-1 and SCRAM-SHA-256; add each other, see each
other, talk; and after the server was stopped and started again they are still friends.

Skipped (77) without slixmpp. The server is a real one with a state folder of its own.
"""
import asyncio
import datetime
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

from xt_people import (TIMEOUT, Waiting, accounts, cannot_play, new_loop,  # noqa: E402
                       quiet, served)
from xt_server import Server  # noqa: E402

try:
    import slixmpp
    import xt_slixmpp  # noqa: F401
except ImportError:
    print("no slixmpp (Debian package python3-slixmpp)")
    sys.exit(77)

WAYS = [(tls, mechanism) for tls in ("starttls", "direct")
        for mechanism in ("SCRAM-SHA-1", "SCRAM-SHA-256")]


class Person(Waiting, slixmpp.ClientXMPP):
    """A client that keeps what it hears, and lets others wait for it."""

    def __init__(self, server, name, password, way):
        slixmpp.ClientXMPP.__init__(self, f"{name}@localhost", password, sasl_mech=way[1])
        Waiting.__init__(self)
        self.house, self.way = server, way
        self.ca_certs = server.certificate
        self.heard, self.online = [], set()
        for plugin in ("xep_0030", "xep_0092", "xep_0199", "xep_0202"):
            self.register_plugin(plugin)
        self.add_event_handler("session_start", self.on_start)
        self.add_event_handler("message", self.on_message)
        self.add_event_handler("got_online", self.on_online)
        self.add_event_handler("got_offline", self.on_offline)
        self.add_event_handler("roster_update", self.happened)
        self.add_event_handler("disconnected", self.happened)
        for failure in ("failed_auth", "failed_all_auth", "stream_error"):
            self.add_event_handler(failure, lambda what: self.heard.append(("error", str(what))))
        self.started = False

    async def on_start(self, _event):
        await self.get_roster()
        self.send_presence()
        self.started = True
        self.changed.set()

    def on_message(self, message):
        self.heard.append((message["from"].bare, message["body"]))
        self.changed.set()

    def on_online(self, presence):
        self.online.add(presence["from"].bare)
        self.changed.set()

    def on_offline(self, presence):
        self.online.discard(presence["from"].bare)
        self.changed.set()

    def log_in(self):
        direct = self.way[0] == "direct"
        address = self.house.address("c2s-tls" if direct else "c2s")
        self.connect(address, use_ssl=direct, force_starttls=not direct,
                     disable_starttls=direct)

    def subscription(self, other):
        return self.client_roster[other]["subscription"] if other in self.client_roster else None

    def trouble(self):
        errors = [text for kind, text in self.heard if kind == "error"]
        return f"{self.boundjid.bare}: {errors[0]}" if errors else None

    def story(self):
        return (f"{self.boundjid.bare}: heard {self.heard}, online {self.online}, "
                f"roster {list(self.client_roster.keys())}")


async def talk(one, other, text):
    one.send_message(mto=other.boundjid.bare, mbody=text, mtype="chat")
    await other.wait(f"the message '{text}'",
                     lambda: (one.boundjid.bare, text) in other.heard)


async def log_in_both(romeo, juliet):
    for person in (romeo, juliet):
        person.log_in()
    for person in (romeo, juliet):
        await person.wait("the session", lambda: person.started)


async def see_each_other(romeo, juliet):
    for one, other in ((romeo, juliet), (juliet, romeo)):
        await one.wait("subscription both",
                       lambda: one.subscription(other.boundjid.bare) == "both")
        await one.wait("the other online", lambda: other.boundjid.bare in one.online)


async def leave(*people):
    for person in people:
        person.disconnect(wait=2)
        await asyncio.wait_for(person.disconnected, TIMEOUT)


async def first_meeting(server, names, way):
    romeo, juliet = (Person(server, name, f"secret of {name}", way) for name in names)
    await log_in_both(romeo, juliet)
    # Who is asked agrees, and asks back: slixmpp's own default.
    romeo.send_presence_subscription(pto=juliet.boundjid.bare, ptype="subscribe")
    await see_each_other(romeo, juliet)
    await talk(romeo, juliet, "Wherefore & why <?> ✓")
    await talk(juliet, romeo, "O " * 2000)
    await ask_server(romeo)
    await leave(juliet)
    await romeo.wait("the other offline", lambda: juliet.boundjid.bare not in romeo.online)
    await leave(romeo)


async def ask_server(person):
    """The small services: service discovery, ping, version, time."""
    info = await person["xep_0030"].get_info(jid="localhost", timeout=TIMEOUT)
    identities = info["disco_info"]["identities"]
    assert any(i[:2] == ("server", "im") for i in identities), identities
    features = set(info["disco_info"]["features"])
    for feature in ("urn:xmpp:ping", "jabber:iq:version", "urn:xmpp:time"):
        assert feature in features, f"{feature} is not among {features}"
    await person["xep_0199"].ping(jid="localhost", timeout=TIMEOUT)
    version = await person["xep_0092"].get_version("localhost", timeout=TIMEOUT)
    assert version["software_version"]["name"] == "Tercet", version
    answer = await person["xep_0202"].get_entity_time("localhost", timeout=TIMEOUT)
    # slixmpp reads the server's "Z" as one letter too many.
    utc = answer.xml.findtext("{urn:xmpp:time}time/{urn:xmpp:time}utc")
    stamp = datetime.datetime.fromisoformat(utc)
    assert abs(stamp.timestamp() - time.time()) < 60, answer


async def second_meeting(server, names, way):
    romeo, juliet = (Person(server, name, f"secret of {name}", way) for name in names)
    await log_in_both(romeo, juliet)
    await see_each_other(romeo, juliet)
    await talk(juliet, romeo, "again")
    await leave(romeo, juliet)


async def wrong_password(server):
    person = Person(server, "romeo0", "not his", WAYS[0])
    person.log_in()
    deadline = time.monotonic() + TIMEOUT
    while not person.heard and time.monotonic() < deadline:
        await asyncio.sleep(0.02)
    assert person.heard and not person.started, "a wrong password was accepted"
    try:
        person.abort()
    except AttributeError:
        pass  # slixmpp, when the server has closed the connection already


def main():
    if cannot_play():
        return 77
    quiet()
    couples = [(f"romeo{i}", f"juliet{i}") for i in range(len(WAYS))]
    names = [name for couple in couples for name in couple]
    loop = new_loop()
    with served(Server(users=accounts(*names)), 8000) as server:
        for couple, way in zip(couples, WAYS):
            loop.run_until_complete(first_meeting(server, couple, way))
            print(f"met: {way}", flush=True)
        loop.run_until_complete(wrong_password(server))
        server.stop()
        server.start()
        for couple, way in zip(couples, reversed(WAYS)):
            loop.run_until_complete(second_meeting(server, couple, way))
            print(f"met again: {way}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())

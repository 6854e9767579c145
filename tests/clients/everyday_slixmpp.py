#!/usr/bin/python3
# SPDX-FileCopyrightText: 2026 The Tercet authors
# SPDX-License-Identifier: MIT
"""slixmpp and what people take for granted: contacts with names and groups, presence, blocking
(XEP-0191), vCards (XEP-0054), last activity (XEP-0012), private XML (XEP-0049).

Skipped (77) without slixmpp. The server is a real one with a state folder of its own.
"""
import asyncio
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

from xt_people import (TIMEOUT, Waiting, accounts, cannot_play, new_loop,  # noqa: E402
                       quiet, served)
from xt_server import Server  # noqa: E402

try:
    import slixmpp
    from slixmpp.exceptions import IqError
    from slixmpp.xmlstream import ElementBase
except ImportError:
    print("no slixmpp (Debian package python3-slixmpp)")
    sys.exit(77)

MODULES = ("roster", "presence", "blocklist", "vcard", "private", "lastactivity")


class Note(ElementBase):
    """What is kept as private XML."""
    name, namespace, plugin_attrib = "note", "urn:example:note", "note"
    interfaces = sub_interfaces = {"text"}


class Person(Waiting, slixmpp.ClientXMPP):
    def __init__(self, server, name):
        slixmpp.ClientXMPP.__init__(self, f"{name}@localhost", f"secret of {name}")
        Waiting.__init__(self)
        self.house, self.ca_certs = server, server.certificate
        self.heard, self.errors, self.online, self.blocked = [], [], set(), []
        self.started = False
        for plugin in ("xep_0012", "xep_0030", "xep_0049", "xep_0054", "xep_0191"):
            self.register_plugin(plugin)
        self["xep_0049"].register(Note)
        self.add_event_handler("session_start", self.on_start)
        self.add_event_handler("message", self.on_message)
        self.add_event_handler("message_error", self.on_error)
        self.add_event_handler("got_online", lambda p: self.seen(p, True))
        self.add_event_handler("got_offline", lambda p: self.seen(p, False))
        self.add_event_handler("blocked", lambda iq: self.on_push(iq, "block"))
        self.add_event_handler("unblocked", lambda iq: self.on_push(iq, "unblock"))
        for event in ("roster_update", "disconnected"):
            self.add_event_handler(event, self.happened)

    async def on_start(self, _event):
        await self.get_roster()
        self.send_presence()
        self.started = True
        self.changed.set()

    def on_message(self, message):
        if message["type"] != "error":
            self.heard.append((message["from"].bare, message["body"]))
        self.changed.set()

    def on_error(self, message):
        self.errors.append((message["from"].bare, message["error"]["condition"]))
        self.changed.set()

    def on_push(self, iq, kind):
        self.blocked.append((kind, {str(jid) for jid in iq[kind]["items"]}))
        self.changed.set()

    def seen(self, presence, there):
        (self.online.add if there else self.online.discard)(presence["from"].bare)
        self.changed.set()

    def contact(self, other):
        return self.client_roster[other] if other in self.client_roster else {}

    def story(self):
        return f"{self.boundjid.bare}: {self.heard}, {self.errors}, {self.online}, {self.blocked}"


async def contacts(romeo, juliet):
    romeo.send_presence_subscription(pto=juliet.boundjid.bare, ptype="subscribe")
    for one, other in ((romeo, juliet), (juliet, romeo)):
        them = other.boundjid.bare
        await one.wait("the subscription", lambda: one.contact(them) and
                       one.contact(them)["subscription"] == "both")
        await one.wait("the other online", lambda: them in one.online)
    await romeo.update_roster(juliet.boundjid.bare, name="Juliet", groups=["Verona"])
    await romeo.wait("name and group", lambda:
                     romeo.contact(juliet.boundjid.bare)["name"] == "Juliet" and
                     list(romeo.contact(juliet.boundjid.bare)["groups"]) == ["Verona"])


async def talk(one, other, text):
    one.send_message(mto=other.boundjid.bare, mbody=text, mtype="chat")
    await other.wait("a message", lambda: (one.boundjid.bare, text) in other.heard)


async def blocking(romeo, juliet):
    him, her, plugin = romeo.boundjid.bare, juliet.boundjid.bare, juliet["xep_0191"]
    await plugin.get_blocked()
    await plugin.block(him)
    await juliet.wait("the push", lambda: ("block", {him}) in juliet.blocked)
    await romeo.wait("her leaving", lambda: her not in romeo.online)
    romeo.send_message(mto=her, mbody="Wherefore?", mtype="chat")
    await romeo.wait("the error", lambda: (her, "service-unavailable") in romeo.errors)
    listed = await plugin.get_blocked()
    assert {str(jid) for jid in listed["blocklist"]["items"]} == {him}, listed
    await plugin.unblock(him)
    await juliet.wait("the push", lambda: ("unblock", {him}) in juliet.blocked)
    await romeo.wait("her coming back", lambda: her in romeo.online)
    await talk(romeo, juliet, "Therefore.")
    assert len(juliet.heard) == 1, juliet.heard


async def cards(romeo, juliet):
    card = juliet["xep_0054"].make_vcard()
    card["FN"] = "Juliet Capulet"
    card["PHOTO"]["TYPE"] = "image/png"
    card["PHOTO"]["BINVAL"] = b"a face" * 100
    await juliet["xep_0054"].publish_vcard(card)
    seen = await romeo["xep_0054"].get_vcard(juliet.boundjid.bare, cached=False)
    assert seen["vcard_temp"]["FN"] == "Juliet Capulet", seen
    assert seen["vcard_temp"]["PHOTO"]["BINVAL"] == b"a face" * 100, seen
    for nobody in (romeo.boundjid.bare, "nobody@localhost"):
        try:
            await juliet["xep_0054"].get_vcard(nobody, cached=False)
            raise AssertionError(f"{nobody} has a vCard")
        except IqError as error:
            assert error.condition == "service-unavailable", error


async def small_things(romeo, juliet):
    last = await romeo["xep_0012"].get_last_activity(juliet.boundjid.bare)
    assert last["last_activity"]["seconds"] == 0, last
    note = Note()
    note["text"] = "a rose <by any other name>"
    await romeo["xep_0049"].store(note)
    kept = await romeo["xep_0049"].retrieve("note")
    assert kept["private"]["note"]["text"] == note["text"], kept


async def play(server):
    romeo, juliet = Person(server, "romeo"), Person(server, "juliet")
    for person in (romeo, juliet):
        person.connect(server.address("c2s"))
    for person in (romeo, juliet):
        await person.wait("the session", lambda: person.started)
    await contacts(romeo, juliet)
    await blocking(romeo, juliet)
    await cards(romeo, juliet)
    await small_things(romeo, juliet)
    for person in (romeo, juliet):
        person.disconnect(wait=2)
        await asyncio.wait_for(person.disconnected, TIMEOUT)


def main():
    if cannot_play(MODULES):
        return 77
    quiet()
    with served(Server(users=accounts("romeo", "juliet"))) as server:
        new_loop().run_until_complete(play(server))
    return 0


if __name__ == "__main__":
    sys.exit(main())

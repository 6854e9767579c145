#!/usr/bin/python3
# SPDX-FileCopyrightText: 2026 The Tercet authors
# SPDX-License-Identifier: MIT
"""aioxmpp and what people take for granted: contacts with names and groups, presence, blocking
(XEP-0191), vCards (XEP-0054), private XML (XEP-0049).

Skipped (77) without aioxmpp. The server is a real one with a state folder of its own.
"""
import asyncio
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

from xt_people import TIMEOUT, accounts, cannot_play, quiet, served  # noqa: E402
from xt_server import Server  # noqa: E402

try:
    import aioxmpp
    from aioxmpp import private_xml, vcard
except ImportError:
    print("no aioxmpp (Debian package python3-aioxmpp)")
    sys.exit(77)

MODULES = ("roster", "presence", "blocklist", "vcard", "private")


@private_xml.Query.as_payload_class
class Note(aioxmpp.xso.XSO):
    """What is kept as private XML."""
    TAG = ("urn:example:note", "note")
    text = aioxmpp.xso.Text(default=None)


class Person:
    def __init__(self, server, name):
        self.server, self.name = server, name
        self.jid = aioxmpp.JID.fromstr(f"{name}@localhost")
        self.client, self.heard, self.changed = None, [], asyncio.Event()

    async def log_in(self, stack):
        security = aioxmpp.make_security_layer(f"secret of {self.name}", no_verify=True)
        address, port = self.server.address("c2s")
        self.client = aioxmpp.PresenceManagedClient(
            self.jid.replace(resource="here"), security,
            override_peer=[(address, port, aioxmpp.connector.STARTTLSConnector())])
        self.roster = self.client.summon(aioxmpp.RosterClient)
        self.presence = self.client.summon(aioxmpp.PresenceClient)
        self.blocking = self.client.summon(aioxmpp.BlockingClient)
        self.cards = self.client.summon(vcard.VCardService)
        self.private = self.client.summon(private_xml.PrivateXMLService)
        dispatcher = self.client.summon(aioxmpp.dispatcher.SimpleMessageDispatcher)
        for kind in (aioxmpp.MessageType.CHAT, aioxmpp.MessageType.ERROR):
            dispatcher.register_callback(kind, None, self.on_message)
        self.roster.on_subscribe.connect(lambda stanza: self.roster.approve(stanza.from_))
        await stack.enter_async_context(self.client.connected(
            presence=aioxmpp.PresenceState(True)))

    def on_message(self, message):
        error = message.type_ == aioxmpp.MessageType.ERROR
        self.heard.append(message.error.condition if error else next(iter(message.body.values())))

    def entry(self, other):
        return self.roster.items.get(other.jid)

    def sees(self, other):
        stanza = self.presence.get_most_available_stanza(other.jid)
        return stanza is not None and stanza.type_ == aioxmpp.PresenceType.AVAILABLE

    def say(self, other, text):
        message = aioxmpp.Message(type_=aioxmpp.MessageType.CHAT, to=other.jid)
        message.body[None] = text
        self.client.enqueue(message)


async def wait(what, condition):
    end = asyncio.get_running_loop().time() + TIMEOUT
    while not condition():
        if asyncio.get_running_loop().time() > end:
            raise AssertionError(f"timeout: {what}")
        await asyncio.sleep(0.01)


async def contacts(romeo, juliet):
    for one, other in ((romeo, juliet), (juliet, romeo)):
        one.roster.subscribe(other.jid)
    for one, other in ((romeo, juliet), (juliet, romeo)):
        await wait("the subscription",
                   lambda: one.entry(other) and one.entry(other).subscription == "both")
        await wait("the other online", lambda: one.sees(other))
    await romeo.roster.set_entry(juliet.jid, name="Juliet", add_to_groups={"Verona"})
    await wait("name and group", lambda: romeo.entry(juliet).name == "Juliet" and
               romeo.entry(juliet).groups == {"Verona"})


async def blocking(romeo, juliet):
    assert juliet.blocking.blocklist == frozenset(), juliet.blocking.blocklist
    await juliet.blocking.block_jids([romeo.jid])
    await wait("the push", lambda: juliet.blocking.blocklist == {romeo.jid})
    await wait("her leaving", lambda: not romeo.sees(juliet))
    romeo.say(juliet, "Wherefore?")
    await wait("the error",
               lambda: romeo.heard == [aioxmpp.ErrorCondition.SERVICE_UNAVAILABLE])
    await juliet.blocking.unblock_jids([romeo.jid])
    await wait("the push", lambda: juliet.blocking.blocklist == frozenset())
    await wait("her coming back", lambda: romeo.sees(juliet))
    romeo.say(juliet, "Therefore.")
    await wait("the message", lambda: juliet.heard == ["Therefore."])


async def cards(romeo, juliet):
    card = await juliet.cards.get_vcard()
    assert card.get_photo_data() is None
    card.set_photo_data("image/png", b"a face" * 100)
    await juliet.cards.set_vcard(card)
    seen = await romeo.cards.get_vcard(juliet.jid)
    assert seen.get_photo_data() == b"a face" * 100, seen
    try:
        await juliet.cards.get_vcard(romeo.jid)
        raise AssertionError("romeo has a vCard")
    except aioxmpp.XMPPCancelError as error:
        assert error.condition == aioxmpp.ErrorCondition.SERVICE_UNAVAILABLE, error


async def private(romeo):
    note = Note()
    note.text = "a rose <by any other name>"
    await romeo.private.set_private_xml(note)
    kept = await romeo.private.get_private_xml(Note())
    assert kept.registered_payload.text == note.text, kept


async def play(server):
    async with aioxmpp.utils.contextlib.AsyncExitStack() as stack:
        romeo, juliet = Person(server, "romeo"), Person(server, "juliet")
        for person in (romeo, juliet):
            await person.log_in(stack)
        await contacts(romeo, juliet)
        await blocking(romeo, juliet)
        await cards(romeo, juliet)
        await private(romeo)


def main():
    if cannot_play(MODULES):
        return 77
    quiet("CRITICAL")
    with served(Server(users=accounts("romeo", "juliet"))) as server:
        asyncio.run(play(server))
    return 0


if __name__ == "__main__":
    sys.exit(main())

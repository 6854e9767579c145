#!/usr/bin/python3
# SPDX-FileCopyrightText: 2026 The Tercet authors
# SPDX-License-Identifier: MIT
"""Two people talk with a real client library (aioxmpp) while their connections are cut at
random moments, in the middle of what is written: each session is resumed (XEP-0198), and what
was acknowledged to its sender arrives, once, in both directions. (The order is not looked at:
aioxmpp sends what was not acknowledged again with the newest first. It also drops a stanza
when the connection goes just before it is written, and says so in the stanza's token.)

    resume.py [SEED]     with another SEED other moments

Skipped (77) without aioxmpp. The server is a real one with a state folder of its own.
"""
import asyncio
import datetime
import os
import random
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

from xt_people import accounts, cannot_play, quiet, served  # noqa: E402
from xt_server import Server  # noqa: E402

try:
    import aioopenssl
    import aioxmpp
    from aioxmpp.stream import StanzaState
except ImportError:
    print("no aioxmpp (Debian package python3-aioxmpp)")
    sys.exit(77)

TIMEOUT = float(os.environ.get("XT_TIMEOUT", "60"))
MESSAGES = 300
CUTS = 8


def silent_write(write):
    """A connection that is gone takes what is written, as asyncio's own do; this one throws,
    which aioxmpp takes for an error of the whole client."""
    def wrapped(self, data):
        try:
            write(self, data)
        except RuntimeError:
            pass
    return wrapped


aioopenssl.STARTTLSTransport.write = silent_write(aioopenssl.STARTTLSTransport.write)


class Cutter:
    """Between a client and the server: passes bytes on until it is told to cut."""

    def __init__(self, address):
        self.address, self.server, self.pairs, self.cuts = address, None, [], 0

    async def start(self):
        self.server = await asyncio.start_server(self.serve, "127.0.0.1", 0)
        return self.server.sockets[0].getsockname()[1]

    async def serve(self, reader, writer):
        try:
            other_reader, other_writer = await asyncio.open_connection(*self.address)
        except OSError:
            writer.transport.abort()
            return
        pair = (writer, other_writer)
        self.pairs.append(pair)
        await asyncio.gather(self.copy(reader, other_writer), self.copy(other_reader, writer))
        self.pairs.remove(pair)
        for one in pair:
            one.transport.abort()

    @staticmethod
    async def copy(reader, writer):
        try:
            while data := await reader.read(500):
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        writer.transport.abort()

    def cut(self):
        """Both ends see a reset; what is on its way is lost."""
        for pair in self.pairs:
            self.cuts += 1
            for writer in pair:
                writer.transport.abort()


class Person:
    def __init__(self, server, name):
        self.server, self.name = server, name
        self.heard, self.sent, self.resumed, self.lost = [], {}, 0, 0
        self.changed = asyncio.Event()
        self.cutter = Cutter(server.address("c2s"))
        self.client = None

    async def log_in(self, stack):
        port = await self.cutter.start()
        security = aioxmpp.make_security_layer(f"secret of {self.name}", no_verify=True)
        jid = aioxmpp.JID.fromstr(f"{self.name}@localhost/here")
        self.client = aioxmpp.PresenceManagedClient(jid, security, override_peer=[
            ("127.0.0.1", port, aioxmpp.connector.STARTTLSConnector())])
        self.client.backoff_start = datetime.timedelta(milliseconds=20)
        self.client.backoff_cap = datetime.timedelta(milliseconds=100)
        self.client.on_stream_resumed.connect(self.on_resumed)
        self.client.on_stream_destroyed.connect(self.on_destroyed)
        dispatcher = self.client.summon(aioxmpp.dispatcher.SimpleMessageDispatcher)
        dispatcher.register_callback(aioxmpp.MessageType.CHAT, None, self.on_message)
        await stack.enter_async_context(self.client.connected())

    def on_resumed(self):
        self.resumed += 1
        self.changed.set()

    def on_destroyed(self, _reason=None):
        self.lost += 1
        self.changed.set()

    def on_message(self, message):
        self.heard.append(next(iter(message.body.values())))
        self.changed.set()

    async def wait(self, what, condition):
        end = asyncio.get_running_loop().time() + TIMEOUT
        while not condition():
            left = end - asyncio.get_running_loop().time()
            if left <= 0:
                raise AssertionError(f"{self.name}: timeout: {what}; heard {len(self.heard)}, "
                                     f"resumed {self.resumed}, lost {self.lost}")
            self.changed.clear()
            try:
                await asyncio.wait_for(self.changed.wait(), min(left, 0.5))
            except asyncio.TimeoutError:
                pass

    def acknowledged(self):
        return {text for text, token in self.sent.items() if token.state == StanzaState.ACKED}

    def settled(self):
        return all(token.state in (StanzaState.ACKED, StanzaState.FAILED)
                   for token in self.sent.values())

    async def send_all(self, other, chance):
        for i in range(MESSAGES):
            message = aioxmpp.Message(type_=aioxmpp.MessageType.CHAT,
                                      to=other.client.local_jid)
            message.body[None] = f"{self.name} {i}"
            self.sent[f"{self.name} {i}"] = self.client.enqueue(message)
            await asyncio.sleep(chance.random() * 0.005)


async def cut_often(person, chance):
    """Each cut only after the one before is healed, so that each is a resumption."""
    for n in range(1, CUTS + 1):
        await asyncio.sleep(chance.random() * 0.3)
        person.cutter.cut()
        await person.wait(f"resumption {n}", lambda n=n: person.resumed >= n or person.lost)


async def converse(server, seed):
    chance = random.Random(seed)
    async with aioxmpp.utils.contextlib.AsyncExitStack() as stack:
        romeo, juliet = Person(server, "romeo"), Person(server, "juliet")
        for person in (romeo, juliet):
            await person.log_in(stack)
        await asyncio.gather(
            romeo.send_all(juliet, chance), juliet.send_all(romeo, chance),
            cut_often(romeo, chance), cut_often(juliet, chance))
        for one, other in ((romeo, juliet), (juliet, romeo)):
            await one.wait("the other's acknowledgements", other.settled)
            wanted = other.acknowledged()
            assert len(wanted) > MESSAGES * 0.9, f"{len(wanted)} messages were acknowledged"
            await one.wait("all messages", lambda: wanted <= set(one.heard))
            assert len(one.heard) == len(set(one.heard)), f"{one.name} heard {one.heard}"
            assert one.lost == 0 and one.resumed == CUTS, (one.lost, one.resumed)


def main():
    if cannot_play():
        return 77
    seed = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    quiet("CRITICAL")
    print(f"again: resume.py {seed}")
    with served(Server(users=accounts("romeo", "juliet")), 8000) as server:
        asyncio.run(converse(server, seed))
    return 0


if __name__ == "__main__":
    sys.exit(main())

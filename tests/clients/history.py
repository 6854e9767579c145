#!/usr/bin/python3
# SPDX-FileCopyrightText: 2026 The Tercet authors
# SPDX-License-Identifier: MIT
"""Two devices of one account come and go at random, one with slixmpp and one with aioxmpp. Each
reads what it has missed from the archive (XEP-0313), in pages, from the last message that it
has from there, while others write and while it writes itself; some connections are cut in the
middle of it. In the end both have the same history: what was sent, once, in order.

    history.py [SEED]     with another SEED others come and go

Skipped (77) without slixmpp or aioxmpp. The server is a real one with a state folder of its own.
"""
import asyncio
import os
import random
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

from xt_people import accounts, cannot_play, quiet, served  # noqa: E402
from xt_server import Server  # noqa: E402

try:
    import aioxmpp
    import aioxmpp.rsm.xso
    import aioxmpp.xso as xso
    import slixmpp
    import xt_slixmpp  # noqa: F401
except ImportError as error:
    print(f"{error} (Debian packages python3-slixmpp and python3-aioxmpp)")
    sys.exit(77)

TIMEOUT = float(os.environ.get("XT_TIMEOUT", "60"))
MESSAGES = 400
VISITS = 8
MAM_NS, SID_NS = "urn:xmpp:mam:2", "urn:xmpp:sid:0"


class Forwarded(xso.XSO):
    TAG = ("urn:xmpp:forward:0", "forwarded")
    message = xso.Child([aioxmpp.Message])


class Result(xso.XSO):
    TAG = (MAM_NS, "result")
    id_ = xso.Attr("id")
    queryid = xso.Attr("queryid", default=None)
    forwarded = xso.Child([Forwarded])


aioxmpp.Message.mam_result = xso.Child([Result])


@aioxmpp.IQ.as_payload_class
class Query(xso.XSO):
    TAG = (MAM_NS, "query")
    queryid = xso.Attr("queryid")
    rsm = xso.Child([aioxmpp.rsm.xso.ResultSetMetadata])


@aioxmpp.IQ.as_payload_class
class Fin(xso.XSO):
    TAG = (MAM_NS, "fin")
    complete = xso.Attr("complete", type_=xso.Bool(), default=False)
    stable = xso.Attr("stable", type_=xso.Bool(), default=True)
    rsm = xso.Child([aioxmpp.rsm.xso.ResultSetMetadata])


class Gone(Exception):
    """The connection is no more."""


class Device:
    """What a device has on its disk; it opens a connection for each visit."""

    def __init__(self, server, resource, chance):
        self.server, self.resource, self.chance = server, resource, chance
        self.jid = f"juliet@localhost/{resource}"
        self.history = {}           # of the archive, in its order: id -> text
        self.live = {}              # heard while it was there
        self.last = None            # the archive is known up to here
        self.sent, self.certain, self.visits, self.cuts = [], set(), 0, 0
        self.ways = [True, False] * (VISITS // 2)   # of going: cut off, or not
        chance.shuffle(self.ways)

    def heard(self, archive_id, text):
        assert self.live.setdefault(archive_id, text) == text

    def read(self, page):
        for archive_id, text in page:
            assert archive_id not in self.history, f"{self.jid}: {text} was read twice"
            self.history[archive_id] = text
            self.last = archive_id

    async def sync(self):
        """Page by page, each kept as soon as it has come whole."""
        complete = False
        while not complete:
            page, complete = await self.page(self.last, self.chance.randint(1, 40))
            self.read(page)

    async def visit(self):
        """Comes, reads, stays a while, writes, and goes or is cut off."""
        self.visits += 1
        cut = self.ways.pop() if self.ways else False
        patience = self.chance.uniform(0.01, 0.4) if cut else TIMEOUT
        await self.come()
        try:
            await asyncio.wait_for(self.stay(), patience)
        except (asyncio.TimeoutError, Gone):
            assert cut, f"{self.jid}: no answer"
        self.cuts += cut
        await self.go(cut)

    async def stay(self):
        await self.sync()
        new = []
        for _ in range(self.chance.randint(0, 12)):
            new.append(f"{self.resource} {len(self.sent)}")
            self.sent.append(new[-1])
            self.write(new[-1])
            await asyncio.sleep(self.chance.uniform(0, 0.02))
        await self.sync()
        self.certain.update(new)    # the server was asked behind them, and answered


class Slix(Device):
    """With slixmpp and its plugin."""

    async def come(self):
        started = asyncio.Event()
        client = self.client = slixmpp.ClientXMPP(self.jid, "secret of juliet",
                                                  sasl_mech="SCRAM-SHA-256")
        client.ca_certs = self.server.certificate
        client.register_plugin("xep_0313")
        client.register_plugin("xep_0359")
        client.add_event_handler("session_start", lambda _: started.set())
        client.add_event_handler("message", self.on_message)
        client.connect(self.server.address("c2s-tls"), use_ssl=True, disable_starttls=True)
        await asyncio.wait_for(started.wait(), TIMEOUT)
        client.send_presence()

    def on_message(self, message):
        found = message.xml.find(f"{{{SID_NS}}}stanza-id[@by='juliet@localhost']")
        if found is not None and message["body"]:
            self.heard(found.get("id"), message["body"])

    async def page(self, after, most):
        rsm = {"max": most}
        if after is not None:
            rsm["after"] = after
        answer = await self.client["xep_0313"].retrieve(rsm=rsm, timeout=TIMEOUT)
        results = [message["mam_result"] for message in answer["mam"]["results"]]
        return ([(r["id"], r["forwarded"]["stanza"]["body"]) for r in results],
                answer.xml.find(f"{{{MAM_NS}}}fin").get("complete") == "true")

    def write(self, text):
        self.client.send_message("romeo@localhost", text, mtype="chat")

    async def go(self, cut):
        if cut:
            self.client.abort()
        else:
            await self.client.disconnect(wait=TIMEOUT)


class Aio(Device):
    """With aioxmpp, without stream management: a visit is a session."""

    async def come(self):
        security = aioxmpp.make_security_layer("secret of juliet", no_verify=True)
        self.client = aioxmpp.PresenceManagedClient(
            aioxmpp.JID.fromstr(self.jid), security,
            override_peer=[(*self.server.address("c2s"),
                            aioxmpp.connector.STARTTLSConnector())])
        self.client.stream.soft_timeout = None
        self.client.stream.service_inbound_message_filter.register(self.on_message, 0)
        self.results, self.queries = {}, 0
        self.connected = self.client.connected()
        await asyncio.wait_for(self.connected.__aenter__(), TIMEOUT)

    def on_message(self, message):
        result = message.mam_result
        if result is not None:
            self.results.setdefault(result.queryid, []).append(
                (result.id_, next(iter(result.forwarded.message.body.values()))))
            return None
        for stamp in message.xep0359_stanza_ids:
            if str(stamp.by) == "juliet@localhost" and message.body:
                self.heard(stamp.id_, next(iter(message.body.values())))
        return None

    async def page(self, after, most):
        self.queries += 1
        query = Query()
        query.queryid = f"{self.visits}-{self.queries}"
        query.rsm = aioxmpp.rsm.xso.ResultSetMetadata.limit(most)
        if after is not None:
            query.rsm.after = aioxmpp.rsm.xso.After()
            query.rsm.after.value = after
        try:
            fin = await self.client.send(aioxmpp.IQ(type_=aioxmpp.IQType.SET, payload=query))
        except ConnectionError as error:
            raise Gone from error
        return self.results.pop(query.queryid, []), fin.complete

    def write(self, text):
        message = aioxmpp.Message(type_=aioxmpp.MessageType.CHAT,
                                  to=aioxmpp.JID.fromstr("romeo@localhost"))
        message.body[None] = text
        self.client.enqueue(message)

    async def go(self, cut):
        if cut:
            self.client.stop()
            await asyncio.sleep(0)
        await asyncio.wait_for(self.connected.__aexit__(None, None, None), TIMEOUT)


class Romeo:
    """Writes all the time, and is there all the time."""

    def __init__(self, server):
        self.server, self.sent = server, []

    async def write(self, chance):
        security = aioxmpp.make_security_layer("secret of romeo", no_verify=True)
        client = aioxmpp.PresenceManagedClient(
            aioxmpp.JID.fromstr("romeo@localhost/desk"), security,
            override_peer=[(*self.server.address("c2s"),
                            aioxmpp.connector.STARTTLSConnector())])
        async with client.connected():
            for i in range(MESSAGES):
                message = aioxmpp.Message(type_=aioxmpp.MessageType.CHAT,
                                          to=aioxmpp.JID.fromstr("juliet@localhost"))
                message.body[None] = f"romeo {i}"
                self.sent.append(f"romeo {i}")
                await client.send(message)
                await asyncio.sleep(chance.uniform(0, 0.02))


async def come_and_go(device, chance):
    for _ in range(VISITS):
        await device.visit()
        await asyncio.sleep(chance.uniform(0, 0.5))


def compare(devices, romeo):
    one, other = devices
    assert list(one.history.items()) == list(other.history.items()), (
        f"{one.jid} has {len(one.history)}, {other.jid} {len(other.history)}; they differ in "
        f"{sorted(set(one.history.items()) ^ set(other.history.items()))[:10]}")
    texts = list(one.history.values())
    assert len(texts) == len(set(texts)), "something is in the history twice"
    for who in (romeo, one, other):
        mine = [text for text in texts if text in set(who.sent)]
        assert mine == sorted(mine, key=lambda text: int(text.split()[1])), "out of order"
    certain = set(romeo.sent) | one.certain | other.certain
    possible = set(romeo.sent) | set(one.sent) | set(other.sent)
    assert certain <= set(texts) <= possible, (
        f"lost: {sorted(certain - set(texts))[:10]}, "
        f"from nowhere: {sorted(set(texts) - possible)[:10]}")
    for device in devices:
        assert device.live.items() <= device.history.items(), f"{device.jid}: heard otherwise"
        assert device.cuts and device.visits > device.cuts, (device.visits, device.cuts)


async def play(server, seed):
    chances = [random.Random(f"{seed} {i}") for i in range(5)]
    devices = Slix(server, "phone", chances[0]), Aio(server, "desk", chances[1])
    romeo = Romeo(server)
    await asyncio.gather(romeo.write(chances[2]), come_and_go(devices[0], chances[3]),
                         come_and_go(devices[1], chances[4]))
    for device in devices:
        await device.come()
        await device.sync()
        await device.go(False)
    compare(devices, romeo)
    print(f"{len(devices[0].history)} messages; "
          + ", ".join(f"{d.resource}: {d.cuts} of {d.visits} visits cut, {len(d.live)} live"
                      for d in devices))


def main():
    if cannot_play(("mam",)):
        return 77
    seed = int(sys.argv[1]) if len(sys.argv) > 1 else random.SystemRandom().randrange(1 << 32)
    print(f"again: history.py {seed}")
    quiet("CRITICAL")
    with served(Server(users=accounts("romeo", "juliet")), 8000) as server:
        asyncio.run(play(server, seed))
    return 0


if __name__ == "__main__":
    sys.exit(main())

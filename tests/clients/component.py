#!/usr/bin/python3
# SPDX-FileCopyrightText: 2026 The Tercet authors
# SPDX-License-Identifier: MIT
"""A component written with slixmpp (XEP-0114) and a local user who talks to it: messages, IQs,
subscription and presence; the component goes and comes back, and so does the server.

Skipped (77) without slixmpp. The server is a real one with a state folder of its own.
"""
import asyncio
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

from xt_people import Waiting, accounts, cannot_play, new_loop, quiet, served  # noqa: E402
from xt_server import Server  # noqa: E402

try:
    import slixmpp
    from slixmpp.exceptions import IqError
    import xt_slixmpp  # noqa: F401
    from xt_echo import Echo
except ImportError:
    print("no slixmpp (Debian package python3-slixmpp)")
    sys.exit(77)

DOMAIN, SECRET = "echo.localhost", "a secret of the component echo"
BOT = f"bot@{DOMAIN}"


class Romeo(Waiting, slixmpp.ClientXMPP):
    def __init__(self, server):
        slixmpp.ClientXMPP.__init__(self, "romeo@localhost", "secret of romeo")
        Waiting.__init__(self)
        self.ca_certs, self.up = server.certificate, False
        self.heard, self.errors, self.online = [], [], set()
        for plugin in ("xep_0030", "xep_0199"):
            self.register_plugin(plugin)
        self.add_event_handler("session_start", self.on_start)
        self.add_event_handler("disconnected", lambda _: self.note(False))
        self.add_event_handler("message", self.on_message)
        self.add_event_handler("message_error", self.on_error)
        self.add_event_handler("got_online", lambda p: self.seen(p, True))
        self.add_event_handler("got_offline", lambda p: self.seen(p, False))

    def note(self, up):
        self.up = up
        self.changed.set()

    async def on_start(self, _event):
        await self.get_roster()
        self.send_presence()
        self.note(True)

    def on_message(self, message):
        if message["type"] != "error":
            self.heard.append((message["from"].bare, message["body"]))
        self.changed.set()

    def on_error(self, message):
        self.errors.append(message["error"]["condition"])
        self.changed.set()

    def seen(self, presence, there):
        (self.online.add if there else self.online.discard)(str(presence["from"]))
        self.changed.set()


async def talk(romeo, text):
    romeo.send_message(mto=BOT, mbody=text, mtype="chat")
    await romeo.wait(f"an echo of {text}", lambda: (BOT, f"echo: {text}") in romeo.heard)


async def ask(romeo):
    info = await romeo["xep_0030"].get_info(jid=DOMAIN)
    assert ("component", "generic", None, "Echo") in info["disco_info"]["identities"], info
    items = await romeo["xep_0030"].get_items(jid="localhost")
    assert DOMAIN in {item[0] for item in items["disco_items"]["items"]}, items
    assert await romeo["xep_0199"].ping(DOMAIN) >= 0


async def start_echo(server):
    echo = Echo(server, DOMAIN, SECRET)
    echo.connect()
    await echo.wait("the handshake", lambda: echo.up)
    return echo


async def stop(peer):
    await peer.disconnect()
    await peer.wait("the end", lambda: not peer.up)


async def start_romeo(server):
    romeo = Romeo(server)
    romeo.connect(server.address("c2s"))
    await romeo.wait("the login", lambda: romeo.up)
    return romeo


async def play(server):
    echo, romeo = await start_echo(server), await start_romeo(server)
    await talk(romeo, "Hello")
    await ask(romeo)
    # The component asks the server; the user's client only when it may know of it.
    assert await echo["xep_0199"].ping("localhost", ifrom=DOMAIN) >= 0

    approved = set()

    def note(presence):
        approved.add(presence["from"].bare)
        echo.changed.set()

    echo.add_event_handler("presence_subscribed", note)
    romeo.send_presence_subscription(pto=BOT, ptype="subscribe")
    await romeo.wait("the subscription", lambda: BOT in romeo.client_roster and
                     romeo.client_roster[BOT]["subscription"] == "both")
    await romeo.wait("the bot online", lambda: f"{BOT}/here" in romeo.online)
    # slixmpp writes "both" into its roster before the server has heard of it.
    await echo.wait("the approval", lambda: "romeo@localhost" in approved)
    assert await echo["xep_0199"].ping(romeo.boundjid, ifrom=BOT) >= 0

    # It goes: everybody sees it, and nothing waits for it. It comes back.
    await stop(echo)
    await romeo.wait("the bot offline", lambda: f"{BOT}/here" not in romeo.online)
    romeo.send_message(mto=BOT, mbody="Anybody?", mtype="chat")
    await romeo.wait("the error", lambda: romeo.errors == ["remote-server-timeout"])
    try:
        await romeo["xep_0030"].get_info(jid=DOMAIN)
        raise AssertionError("a component that is not there answers")
    except IqError as error:
        assert error.condition == "remote-server-timeout", error.condition
    echo = await start_echo(server)
    await talk(romeo, "Again")

    # The server goes and comes back; a login asks for the contact's presence.
    await asyncio.to_thread(server.stop)
    await echo.wait("the end of the server", lambda: not echo.up)
    await romeo.wait("the end of the server", lambda: not romeo.up)
    await asyncio.to_thread(server.start)
    echo, romeo = await start_echo(server), await start_romeo(server)
    await echo.wait("a probe", lambda: echo.probed > 0)
    await romeo.wait("the bot online", lambda: f"{BOT}/here" in romeo.online)
    await talk(romeo, "Here we are")
    await stop(romeo)
    await stop(echo)


def main():
    if cannot_play(("component", "roster", "presence", "ping")):
        return 77
    quiet()
    with served(Server(users=accounts("romeo"), components=[f"{DOMAIN}:{SECRET}"])) as server:
        new_loop().run_until_complete(play(server))
    return 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/python3
# SPDX-FileCopyrightText: 2026 The Tercet authors
# SPDX-License-Identifier: MIT
"""A component written with slixmpp at one of our servers, and users of another one: messages,
service discovery, subscription and presence go over the network on behalf of its domain.

Skipped (77) without slixmpp.
"""
import asyncio
import os
import sys
import tempfile
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "lib")]

from two import Person, child  # noqa: E402
from xt_authority import Authority  # noqa: E402
from xt_peers import free_ports  # noqa: E402
from xt_people import cannot_play, new_loop, quiet, served  # noqa: E402
from xt_server import Server  # noqa: E402

try:
    import slixmpp  # noqa: F401
except ImportError:
    print("no slixmpp (Debian package python3-slixmpp)")
    sys.exit(77)

ONE, OTHER = "capulet.example", "montague.example"
DOMAIN, SECRET = "echo.montague.example", "a secret of the component echo"
BOT = f"bot@{DOMAIN}"


def make_server(authority, names, user, port, others, components=()):
    files = authority.issue(names[0], names)
    places = ", ".join(f'{{ domain = "{name}"; address = "127.0.0.1"; port = {there}; }}'
                       for name, there in others)
    config = f"""s2s: {{
	listen = ( {{ address = "127.0.0.1"; port = {port}; }} );
	override = ( {places} );
}};"""
    return Server([names[0]], [f"{user}@{names[0]}:secret"], config,
                  components=components,
                  options=["--s2s", "0", "--cert", files[0], "--key", files[1],
                           "--ca", authority.ca])


class Bot:
    """The component, on a thread of its own."""

    def __init__(self, server):
        self.server, self.ready, self.trouble = server, threading.Event(), None
        self.loop = self.over = None
        self.thread = threading.Thread(target=self.run)
        self.thread.start()
        assert self.ready.wait(30) and self.trouble is None, self.trouble

    def run(self):
        from xt_echo import Echo  # makes slixmpp look for the loop of this thread
        try:
            self.loop = new_loop()
            self.loop.run_until_complete(self.live(Echo))
        except BaseException as error:  # pylint: disable=broad-except
            self.trouble = error
        self.ready.set()

    async def live(self, kind):
        self.over = asyncio.Event()
        echo = kind(self.server, DOMAIN, SECRET)
        echo.connect()
        await echo.wait("the component's session", lambda: echo.up)
        self.ready.set()
        await self.over.wait()
        echo.disconnect()
        await echo.wait("the component's end", lambda: not echo.up)

    def stop(self):
        self.loop.call_soon_threadsafe(self.over.set)
        self.thread.join()


def talk(person):
    person.say(BOT, "over there")
    heard = person.hear("message", "chat", BOT)
    assert child(heard, "body").text() == "echo: over there", str(heard)
    person.send(f"<iq type='get' id='d' to='{DOMAIN}'>"
                "<query xmlns='http://jabber.org/protocol/disco#info'/></iq>")
    found = person.hear("iq", "result", DOMAIN)
    assert "Echo" in str(found), str(found)


def befriend(person):
    person.send(f"<presence to='{BOT}' type='subscribe'/>")
    person.hear("presence", "subscribed", BOT)
    person.hear("presence", "subscribe", BOT)
    assert "I listen" in str(person.hear("presence", "", BOT))
    person.send(f"<presence to='{BOT}' type='subscribed'/>")


def play(juliet, romeo, bot):
    for person in (juliet, romeo):
        talk(person)
        befriend(person)
    bot.stop()
    assert bot.trouble is None, bot.trouble
    for person in (juliet, romeo):
        # Who has seen the component's address hears that it is gone.
        person.hear("presence", "unavailable", BOT)
        person.say(BOT, "gone?")
        person.hear("message", "error", BOT)


def main():
    lacking = cannot_play(("s2s", "s2s_secure", "component", "message", "presence", "roster"))
    if lacking is not None:
        print(lacking)
        return 77
    quiet()
    with tempfile.TemporaryDirectory(prefix="tercet-test.") as folder:
        os.chmod(folder, 0o755)
        authority = Authority(folder)
        ports = free_ports(2)
        one = make_server(authority, [ONE], "juliet", ports[0],
                          ((OTHER, ports[1]), (DOMAIN, ports[1])))
        other = make_server(authority, [OTHER, DOMAIN], "romeo", ports[1], ((ONE, ports[0]),),
                            [f"{DOMAIN}:{SECRET}"])
        with served(one), served(other):
            play(Person(one, "juliet"), Person(other, "romeo"), Bot(other))
    return 0


if __name__ == "__main__":
    sys.exit(main())

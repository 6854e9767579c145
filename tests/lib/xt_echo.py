# SPDX-FileCopyrightText: 2026 The Tercet authors
# SPDX-License-Identifier: MIT
"""A component written with slixmpp (XEP-0114)."""
import slixmpp

from xt_people import Waiting


class Echo(Waiting, slixmpp.ComponentXMPP):
    """Says what it hears, lets everybody see its bot, and answers probes."""

    def __init__(self, server, domain, secret):
        slixmpp.ComponentXMPP.__init__(self, domain, secret, *server.address("component"))
        Waiting.__init__(self)
        self.up, self.probed, self.bot = False, 0, f"bot@{domain}"
        # What the roster of slixmpp would do by itself is done here, where it can be seen.
        self.auto_authorize = self.auto_subscribe = None
        for plugin in ("xep_0030", "xep_0199"):
            self.register_plugin(plugin)
        self["xep_0030"].add_identity(category="component", itype="generic", name="Echo")
        self.add_event_handler("session_start", lambda _: self.note(True))
        self.add_event_handler("disconnected", lambda _: self.note(False))
        self.add_event_handler("message", self.on_message)
        self.add_event_handler("presence_subscribe", self.on_subscribe)
        self.add_event_handler("presence_probe", self.on_probe)

    def note(self, up):
        self.up = up
        self.changed.set()

    def on_message(self, message):
        if message["type"] in ("chat", "normal"):
            message.reply(f"echo: {message['body']}").send()

    def show(self, to):
        self.send_presence(pfrom=f"{self.bot}/here", pto=to, pstatus="I listen")

    def on_subscribe(self, presence):
        who = presence["from"].bare
        self.send_presence(pfrom=self.bot, pto=who, ptype="subscribed")
        self.send_presence(pfrom=self.bot, pto=who, ptype="subscribe")
        self.show(who)

    def on_probe(self, presence):
        self.probed += 1
        self.show(presence["from"])
        self.changed.set()

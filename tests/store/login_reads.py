#!/usr/bin/python3
# SPDX-FileCopyrightText: 2026 The Tercet authors
# SPDX-License-Identifier: MIT
"""A login reads the account from the store once, however many contacts it has: roster, presence
and all that modules keep of it come with that read. While the account is in memory it reads
nothing. And one that has no contacts costs the same."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

from xt_client import Connection  # noqa: E402
from xt_people import watched  # noqa: E402
from xt_server import Server, missing  # noqa: E402

CONTACTS = 2000
ROSTER = "<query xmlns='jabber:iq:roster'/>"


class Person:
    def __init__(self, server, user):
        self.asked = 0
        c = self.connection = Connection(server, lambda *_: None, "whole", 60)
        c.connect(True)
        c.open_stream("localhost")
        c.features()
        c.authenticate(user, "secret", "SCRAM-SHA-1")
        c.open_stream("localhost")
        c.features()
        c.bind("desk")

    def send(self, text):
        self.connection.send(text)

    def answer(self, number):
        while True:
            element = self.connection.element()
            if element.name == "iq" and element.get("id") == number:
                assert element.get("type") == "result", element
                return element

    def ask(self, payload):
        self.asked += 1
        number = f"ask-{self.asked}"
        self.send(f"<iq type='get' id='{number}'>{payload}</iq>")
        return self.answer(number)

    def leave(self):
        self.send("</stream:stream>")
        self.connection.end()


def add_contacts(server):
    person = Person(server, "romeo")
    for i in range(CONTACTS):
        person.send(f"<iq type='set' id='c{i}'><query xmlns='jabber:iq:roster'>"
                    f"<item jid='c{i}@elsewhere.example' name='Contact {i}'/></query></iq>")
        if i % 100 == 99:
            person.answer(f"c{i}")
    person.leave()


def login(server, user):
    """How many contacts there are, and how often the account was read for the login."""
    before = server.figure("account_reads")
    person = Person(server, user)
    contacts = len(person.ask(ROSTER).elements()[0].elements())
    person.send("<presence/>")
    while person.connection.element().name != "presence":
        pass
    person.ask("<ping xmlns='urn:xmpp:ping'/>")
    person.leave()
    return contacts, server.figure("account_reads") - before


def main():
    if missing(("roster", "presence", "ping")):
        print("a module was not built")
        return 77
    server = Server(users=["romeo@localhost:secret", "nurse@localhost:secret"],
                    options=["--no-limits"])
    with watched(server):
        server.start()
        add_contacts(server)
        server.stop()
        # Not made again, so that nobody has read the accounts before their logins.
        while "--user" in server.arguments:
            at = server.arguments.index("--user")
            del server.arguments[at:at + 2]
        server.start()
        found = [login(server, user) for user in ("romeo", "romeo", "nurse")]
        wanted = [(CONTACTS, 1), (CONTACTS, 0), (0, 1)]
        server.stop()
    if found != wanted:
        print(f"(contacts, reads) of logins: {found} where {wanted} was expected")
    return found != wanted


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/python3
# SPDX-FileCopyrightText: 2026 The Tercet authors
# SPDX-License-Identifier: MIT
"""presence.py - what a broadcast of presence costs per copy, over TLS, to contacts on the same
server; and a login of an account with 2,000 contacts: its processor time, and how often the store
is read for it.

    presence.py [CONTACTS...]     for these numbers of contacts (10 100 1000)
"""
import os
import selectors
import ssl
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

from route import cpu_ns  # noqa: E402
from xt_client import Connection  # noqa: E402
from xt_server import Server  # noqa: E402

COPIES = 20000
ROSTER = 2000
END = b"</presence>"


def quiet(*_):
    pass


def log_in(server, user, password):
    person = Connection(server, quiet, "whole", 120)
    person.connect(True)
    person.open_stream("localhost")
    person.features()
    person.authenticate(user, password, "SCRAM-SHA-1")
    person.open_stream("localhost")
    person.features()
    person.bind("here")
    return person


def until(person, number):
    """Reads to the answer of the request with that number."""
    while True:
        element = person.element()
        if element.name == "iq" and element.get("id") == f"q{number}":
            return element


def ask(person, number, inner, kind="get", to=""):
    person.send(f"<iq type='{kind}' id='q{number}'{to}>{inner}</iq>")
    return until(person, number)


class Drain:
    """Counts the ends of presence on many connections."""

    def __init__(self, people):
        self.selector = selectors.DefaultSelector()
        for person in people:
            person.sock.settimeout(0)
            self.selector.register(person.sock, selectors.EVENT_READ)

    def read(self, wanted):
        seen, deadline = 0, time.monotonic() + 120
        while seen < wanted:
            if time.monotonic() > deadline:
                raise SystemExit(f"presence.py: {seen} of {wanted} copies came")
            for key, _ in self.selector.select(1):
                try:
                    while True:
                        data = key.fileobj.recv(1 << 16)
                        if not data:
                            raise SystemExit("presence.py: a connection was closed")
                        seen += data.count(END)
                except (ssl.SSLWantReadError, BlockingIOError):
                    pass


def broadcast(count):
    """Romeo and so many who see him."""
    os.environ["TERCET_DEVSERVER_STORE"] = "mem"
    server = Server(users=["romeo@localhost:one"], options=["--no-limits"],
                    config='modules_disabled = [ "mam", "stanza_ids" ];')
    try:
        users = os.path.join(server.folder, "users")
        with open(users, "w", encoding="utf-8") as file:
            file.writelines(f"c{i}:two\n" for i in range(count))
        os.chmod(users, 0o644)
        server.arguments += ["--users-file", users]
        server.start()
        romeo = log_in(server, "romeo", "one")
        for i in range(count):
            romeo.send(f"<presence to='c{i}@localhost' type='subscribed'/>")
        ask(romeo, 0, "<ping xmlns='urn:xmpp:ping'/>")
        people = []
        for i in range(count):
            person = log_in(server, f"c{i}", "two")
            person.send("<presence/><presence to='romeo@localhost' type='subscribe'/>")
            ask(person, 0, "<ping xmlns='urn:xmpp:ping'/>")
            people.append(person)
        drain = Drain(people)
        pid = int(server.devserver("pid"))
        rounds = max(COPIES // count, 3)

        def change(number):
            romeo.send(f"<presence><status>{number:08} Neither, fair saint</status></presence>")
            drain.read(count)
            while romeo.element().name != "presence":
                pass

        change(0)
        change(1)
        before = cpu_ns(pid)
        for number in range(rounds):
            change(number)
        used = cpu_ns(pid) - before
        per_copy = used / (rounds * count)
        print(f"presence {count:5} contacts {per_copy:7.0f} ns of the server per copy")
        return per_copy
    finally:
        server.stop()
        server.remove()


def login():
    """An account with many contacts: cold, then in memory."""
    os.environ.pop("TERCET_DEVSERVER_STORE", None)
    server = Server(users=["romeo@localhost:one"], options=["--no-limits"])
    roster = "<query xmlns='jabber:iq:roster'/>"
    try:
        server.start()
        romeo = log_in(server, "romeo", "one")
        for i in range(ROSTER):
            romeo.send(f"<iq type='set' id='q{i}'><query xmlns='jabber:iq:roster'><item "
                       f"jid='contact{i}@localhost' name='Contact {i}'><group>All</group></item>"
                       f"</query></iq>")
            if i % 100 == 99:
                until(romeo, i)
        server.stop()
        # Not made again, so that nobody has read the account before the login.
        at = server.arguments.index("--user")
        del server.arguments[at:at + 2]
        server.start()
        pid = int(server.devserver("pid"))
        for name in ("cold", "warm"):
            before, reads = cpu_ns(pid), server.figure("account_reads")
            romeo = log_in(server, "romeo", "one")
            items = ask(romeo, 0, roster).elements()[0].elements()
            romeo.send("<presence/>")
            while romeo.element().name != "presence":
                pass
            if len(items) != ROSTER:
                raise SystemExit(f"presence.py: {len(items)} contacts")
            print(f"login {name} {ROSTER:5} contacts {(cpu_ns(pid) - before) / 1e6:6.1f} ms of the "
                  f"server, {server.figure('account_reads') - reads} reads of the account")
    finally:
        server.stop()
        server.remove()


def main():
    for count in [int(word) for word in sys.argv[1:]] or [10, 100, 1000]:
        broadcast(count)
    login()


if __name__ == "__main__":
    main()

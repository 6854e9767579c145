#!/usr/bin/python3
# SPDX-FileCopyrightText: 2026 The Tercet authors
# SPDX-License-Identifier: MIT
"""route.py - what a message costs from one local session to another, socket to socket, without
TLS, on the store in memory: processor time of the server per message, without and with the
archives of both.

    route.py [COUNT]     COUNT messages (40,000), 200 under way at once
"""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

from xt_client import Connection  # noqa: E402
from xt_server import Server  # noqa: E402

BODY = "Neither, fair saint, if either thee dislike; but the night is dark and full of it"
END = b"</message>"


class Pair:
    """Two bound sessions on a server without TLS; `archived`: with their archives."""

    def __init__(self, archived):
        os.environ["TERCET_DEVSERVER_STORE"] = "mem"
        self.server = Server(users=["romeo@localhost:one", "juliet@localhost:two"],
                             config="c2s_require_encryption = false;" + (
                                 "" if archived else
                                 'modules_disabled = [ "mam", "stanza_ids" ];'))
        self.server.start()
        self.people = {}
        for name, password in (("romeo", "one"), ("juliet", "two")):
            person = Connection(self.server, lambda *_: None, "whole", 120)
            person.connect(False)
            person.open_stream("localhost")
            person.features()
            person.authenticate(name, password, "SCRAM-SHA-1")
            person.open_stream("localhost")
            person.features()
            person.bind("here")
            self.people[name] = person

    def pid(self):
        return int(self.server.devserver("pid"))

    def send(self, count, number):
        """`count` messages from romeo in one write, read by juliet to the end."""
        text = "".join(
            f"<message to='juliet@localhost/here' type='chat' id='{number + i:08}' "
            f"xml:lang='en'><body>{BODY}</body><request xmlns='urn:xmpp:receipts'/>"
            f"<active xmlns='http://jabber.org/protocol/chatstates'/></message>"
            for i in range(count))
        self.people["romeo"].sock.sendall(text.encode())
        seen, tail = 0, b""
        while seen < count:
            data = self.people["juliet"].sock.recv(1 << 16)
            if not data:
                raise SystemExit("route.py: the server has closed the connection")
            tail += data
            seen += tail.count(END)
            if END in tail:
                tail = tail[tail.rfind(END) + len(END):]

    def close(self):
        for person in self.people.values():
            person.close()
        self.server.stop()
        self.server.remove()


def cpu_ns(pid):
    """Of all threads, in nanoseconds."""
    total = 0
    for thread in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{thread}/schedstat", encoding="ascii") as file:
            total += int(file.read().split()[0])
    return total


def measure(name, archived, count):
    pair = Pair(archived)
    try:
        pair.send(200, 0)
        before = cpu_ns(pair.pid())
        for i in range(0, count, 200):
            pair.send(200, i)
        used = cpu_ns(pair.pid()) - before
        print(f"{name:22} {used / count:6.0f} ns of the server, kernel included")
    finally:
        pair.close()


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 40000
    measure("route", False, count)
    measure("archive", True, count)


if __name__ == "__main__":
    main()

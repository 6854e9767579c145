#!/usr/bin/python3
# SPDX-FileCopyrightText: 2026 The Tercet authors
# SPDX-License-Identifier: MIT
"""durable.py - what durability adds: a message from client to client over TLS, with both archives
and stream management, on a server with durability "full" beside one with "relaxed". First one
message at a time, nothing else under way; then many pairs at a fixed rate, whether or not the
server keeps up, and a message's time begins when it was due. Processor time of the server is
that of the second part: of the loop's thread, and of all.

    durable.py [--pairs N] [--rate N] [--seconds N] [--alone N]
"""
import argparse
import os
import re
import selectors
import ssl
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

from xt_client import Connection  # noqa: E402
from xt_server import Server  # noqa: E402

BODY = "Neither, fair saint, if either thee dislike; but the night is dark and full of it"
SM = "urn:xmpp:sm:3"
MESSAGE = re.compile(rb"<message [^>]*id='m(\d+)'")
ACK_EVERY = 20
# What it may cost: ms in the median and at p99, microseconds of the loop per message.
MUST = (1.0, 10.0, 26.0)


class Client:
    """A session with stream management. What comes is looked for messages only."""

    def __init__(self, server, user):
        connection = Connection(server, lambda *_: None, "whole", 120)
        connection.connect(True)
        connection.open_stream("localhost")
        connection.features()
        connection.authenticate(user, "secret", "SCRAM-SHA-1")
        connection.open_stream("localhost")
        connection.features()
        connection.bind("here")
        connection.send(f"<enable xmlns='{SM}'/>")
        connection.expect(SM, "enabled")
        self.sock, self.tail, self.handled, self.told = connection.sock, b"", 0, 0

    def write(self, text):
        self.sock.sendall(text.encode())

    def message(self, to, number):
        return (f"<message to='{to}@localhost/here' type='chat' id='m{number}' xml:lang='en'>"
                f"<body>{BODY}</body><request xmlns='urn:xmpp:receipts'/></message>"
                f"<r xmlns='{SM}'/>")

    def read(self):
        """Numbers of the messages that have come; None: nothing is there yet."""
        try:
            data = self.sock.recv(1 << 16)
        except ssl.SSLWantReadError:
            return None
        if not data:
            raise SystemExit("durable.py: the server has closed the connection")
        self.tail += data
        end = self.tail.rfind(b"</message>")
        if end < 0:
            return []
        whole, self.tail = self.tail[:end], self.tail[end:]
        numbers = [int(number) for number in MESSAGE.findall(whole)]
        self.handled += len(numbers)
        if self.handled - self.told >= ACK_EVERY:
            self.told = self.handled
            self.write(f"<a xmlns='{SM}' h='{self.handled}'/>")
        return numbers


def times_of(pid):
    """Nanoseconds of the loop's thread and of all threads."""
    used = {}
    for thread in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{thread}/schedstat", encoding="ascii") as file:
            used[int(thread)] = int(file.read().split()[0])
    return used[pid], sum(used.values())


def share(times, part):
    times = sorted(times)
    return times[min(len(times) - 1, int(len(times) * part))] * 1e3


class House:
    def __init__(self, durability, pairs):
        self.durability = durability
        users = [f"{kind}{i}@localhost:secret" for i in range(pairs) for kind in ("a", "b")]
        self.server = Server(
            users=users, config=f'storage_bdb: {{ durability = "{durability}"; }};')
        self.server.start()
        self.pid = int(self.server.devserver("pid"))
        self.senders = [Client(self.server, f"a{i}") for i in range(pairs)]
        self.receivers = [Client(self.server, f"b{i}") for i in range(pairs)]
        self.number, self.alone, self.loaded = 0, [], []
        self.loop = self.all = 0.0

    def one(self):
        """There and back, nothing else under way."""
        begin = time.perf_counter()
        for source, sink, to in ((self.senders[0], self.receivers[0], "b0"),
                                 (self.receivers[0], self.senders[0], "a0")):
            self.number += 1
            source.write(source.message(to, self.number))
            while self.number not in (sink.read() or []):
                pass
        return time.perf_counter() - begin

    def load(self, rate, seconds):
        """Open loop: a message is due every 1 / rate seconds, from one pair after the other."""
        count, base = int(rate * seconds), self.number + 1
        selector = selectors.DefaultSelector()
        for client in self.senders + self.receivers:
            client.sock.setblocking(False)
            selector.register(client.sock, selectors.EVENT_READ, client)
        before = times_of(self.pid)
        begin, sent, seen = time.perf_counter() + 0.1, 0, 0
        while seen < count:
            now = time.perf_counter()
            while sent < count and begin + sent / rate <= now:
                pair = sent % len(self.senders)
                self.senders[pair].write(
                    self.senders[pair].message(f"b{pair}", base + sent))
                sent += 1
            wait = max(0.0, begin + sent / rate - time.perf_counter()) if sent < count else 5.0
            ready = selector.select(wait)
            if not ready and sent == count:
                raise SystemExit(f"durable.py: {count - seen} messages have not come")
            for key, _ in ready:
                while (numbers := key.data.read()) is not None:
                    now = time.perf_counter()
                    self.loaded += [now - begin - (n - base) / rate for n in numbers]
                    seen += len(numbers)
        after = times_of(self.pid)
        self.number = base + count
        self.loop = (after[0] - before[0]) / count / 1e3
        self.all = (after[1] - before[1]) / count / 1e3
        selector.close()

    def close(self):
        for client in self.senders + self.receivers:
            client.sock.close()
        self.server.stop()
        self.server.remove()

    def row(self):
        return [share(self.alone, .5), share(self.alone, .99), share(self.loaded, .5),
                share(self.loaded, .99), self.loop, self.all]


def table(houses, options):
    print(f"{'':24}{'one at a time, and back':>26}{f'{options.rate}/s, {options.pairs} pairs':>26}"
          f"{'processor per message':>26}")
    print(f"{'durability':24}" + "".join(
        f"{word:>13}" for word in ("median ms", "p99 ms", "median ms", "p99 ms", "loop us",
                                   "all us")))
    rows = {house.durability: house.row() for house in houses}
    rows["added"] = [a - b for a, b in zip(rows["full"], rows["relaxed"])]
    for name, row in rows.items():
        print(f"{name:24}" + "".join(f"{value:13.2f}" for value in row))
    median, p99, loop = MUST
    # There and back is two messages, one after the other.
    added = rows["added"]
    for what, value, limit in (
            ("added in the median, alone", added[0] / 2, median),
            ("added at p99, alone", added[1] / 2, p99),
            ("added in the median, loaded", added[2], median),
            ("added at p99, loaded", added[3], p99),
            ("the loop, both archives", rows["full"][4], loop)):
        print(f"{what:32}{value:8.2f} of {limit:5.1f}  {'good' if value <= limit else 'TOO MUCH'}")


def main():
    parser = argparse.ArgumentParser(prog="durable.py")
    parser.add_argument("--pairs", type=int, default=100)
    parser.add_argument("--rate", type=int, default=500)
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--alone", type=int, default=500)
    options = parser.parse_args()
    houses = []
    try:
        for durability in ("full", "relaxed"):
            houses.append(House(durability, options.pairs))
        # In turns, so that what else the machine does falls on both.
        for _ in range(options.alone):
            for house in houses:
                house.alone.append(house.one())
        for house in houses:
            house.load(options.rate, options.seconds)
        table(houses, options)
    finally:
        for house in houses:
            house.close()


if __name__ == "__main__":
    main()

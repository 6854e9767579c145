#!/usr/bin/python3
# SPDX-FileCopyrightText: 2026 The Tercet authors
# SPDX-License-Identifier: MIT
"""pages.py - what a page of 50 messages costs in archives of different sizes, at the start, in
the middle, at the end and anywhere, and of one contact among many: time on the wire as its
client sees it (TLS, the store on disk), and processor time of the server.

    pages.py [SIZE...]     messages in the archive (1000 100000 1000000)
"""
import datetime
import os
import random
import re
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

from route import cpu_ns  # noqa: E402
from xt_client import Connection  # noqa: E402
from xt_server import Server  # noqa: E402

BODY = "Neither, fair saint, if either thee dislike; but the night is dark and full of it"
AT_ONCE = 1000
PAGES = 100
RARE = 50  # one message in so many is for another contact


def stamp(seconds):
    moment = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class Archive:
    def __init__(self):
        self.server = Server(users=["romeo@localhost:one", "juliet@localhost:two",
                                    "nurse@localhost:three"],
                             config='modules_disabled = [ "offline" ];')
        self.server.start()
        self.begin = self.end = 0
        self.size = 0
        self.writer, self.reader = self.login("writes"), self.login("reads")
        self.ask(self.writer, "<enable xmlns='urn:xmpp:sm:3'/>", b"<enabled")

    def login(self, resource):
        client = Connection(self.server, lambda *_: None, "whole", 120)
        client.connect(True)
        client.open_stream("localhost")
        client.features()
        client.authenticate("romeo", "one", "SCRAM-SHA-1")
        client.open_stream("localhost")
        client.features()
        client.bind(resource)
        return client

    @staticmethod
    def ask(client, text, end):
        """Sends, and reads up to `end`: everything that came."""
        data = b""
        client.sock.sendall(text.encode())
        while end not in data:
            more = client.sock.recv(1 << 18)
            if not more:
                raise SystemExit("pages.py: the server has closed the connection")
            data = data + more if len(data) < 1 << 20 else data[-4096:] + more
        return data

    def fill(self, size):
        if self.size == 0:
            self.begin = time.time()
        while self.size < size:
            count = min(AT_ONCE, size - self.size)
            text = "".join(
                f"<message to='{'nurse' if i % RARE == 0 else 'juliet'}@localhost' type='chat' "
                f"id='{i:08}' xml:lang='en'><body>{BODY}</body>"
                f"<request xmlns='urn:xmpp:receipts'/></message>"
                for i in range(self.size, self.size + count))
            self.size += count
            self.ask(self.writer, text + "<r xmlns='urn:xmpp:sm:3'/>",
                     f"h='{self.size}'".encode())
        self.end = time.time()

    def page(self, fields, rsm):
        form = "".join(f"<field var='{name}'><value>{value}</value></field>"
                       for name, value in fields.items())
        form = (f"<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE' type='hidden'>"
                f"<value>urn:xmpp:mam:2</value></field>{form}</x>") if form else ""
        query = (f"<iq type='set' id='page'><query xmlns='urn:xmpp:mam:2'>{form}"
                 f"<set xmlns='http://jabber.org/protocol/rsm'><max>50</max>{rsm}</set>"
                 f"</query></iq>")
        begin = time.perf_counter()
        data = self.ask(self.reader, query, b"</iq>")
        took = time.perf_counter() - begin
        rows = len(re.findall(rb"<result ", data))
        if rows != min(50, self.size) and "with" not in fields:
            raise SystemExit(f"pages.py: {rows} messages came: {data[-400:]!r}")
        return took

    def measure(self, name, make):
        pid = int(self.server.devserver("pid"))
        self.page(*make())
        before = cpu_ns(pid)
        times = sorted(self.page(*make()) for _ in range(PAGES))
        used = (cpu_ns(pid) - before) / PAGES
        print(f"{self.size:9} {name:22} {times[PAGES // 2] * 1e3:7.2f} ms in the median "
              f"{times[-2] * 1e3:7.2f} ms p99 {used / 1e3:8.0f} us of the server", flush=True)

    def anywhere(self):
        # Not so late that fewer than a page are left.
        at = self.begin + (self.end - self.begin) * random.uniform(0, 0.9)
        return {"start": stamp(at)}

    def measure_all(self):
        middle = {"start": stamp((self.begin + self.end) / 2)}
        self.measure("the first page", lambda: ({}, ""))
        if self.size > AT_ONCE:
            self.measure("in the middle", lambda: (middle, ""))
        self.measure("the last page", lambda: ({}, "<before/>"))
        if self.size > AT_ONCE:
            self.measure("anywhere", lambda: (self.anywhere(), ""))
        self.measure("the last of a contact",
                     lambda: ({"with": "nurse@localhost"}, "<before/>"))

    def close(self):
        self.writer.close()
        self.reader.close()
        self.server.stop()
        self.server.remove()


def main():
    sizes = sorted(int(word) for word in sys.argv[1:]) or [1000, 100000, 1000000]
    archive = Archive()
    try:
        for size in sizes:
            archive.fill(size)
            archive.measure_all()
    finally:
        archive.close()


if __name__ == "__main__":
    main()

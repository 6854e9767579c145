#!/usr/bin/python3
# SPDX-FileCopyrightText: 2026 The Tercet authors
# SPDX-License-Identifier: MIT
"""Two of our servers under load, and the link between them is cut and healed: what a client was
told is stored is in the other one's archive, once and in order. The same when the server that sends is
restarted. Then either server is killed: it is there, perhaps twice. What was not acknowledged to
its sender counts for nothing.

    loss.py [--cuts N] [--restarts N] [--kills N] [--seed S]

The link is a proxy of the test's own for each direction. It is cut in three ways: connections are
reset; or nothing is heard of them any more, and they are reset at the end; or all that was
under way arrives late, when others have taken their place."""
import argparse
import os
import random
import select
import shutil
import socket
import struct
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "lib")]

from two import Person, make_server  # noqa: E402
from xt_authority import Authority  # noqa: E402
from xt_client import Failure  # noqa: E402
from xt_peers import free_ports  # noqa: E402
from xt_server import ServerFailure, count_from, missing  # noqa: E402

SM_NS = "urn:xmpp:sm:3"
MAM_NS = "urn:xmpp:mam:2"
RSM_NS = "http://jabber.org/protocol/rsm"
TIMEOUT = float(os.environ.get("XT_TIMEOUT", "30"))
BATCH = 10
USERS = ("juliet", "romeo")
WAYS = ("reset", "silent", "late")
COUNT_FROM = count_from(105)  # every count passes the end of the numbers early
MORE = """ack_timeout = "1 s"; resend_time = "10 minutes";
	retry = "1 s";"""


class Link:
    """Passes on what comes to `port`, until it is cut."""

    def __init__(self, port, target):
        self.target, self.way, self.pairs = target, None, []
        self.lock = threading.Lock()
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(("127.0.0.1", port))
        self.listener.listen(64)
        self.ended = False
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def cut(self, way):
        with self.lock:
            self.way = way
            if way == "reset":
                self.reset()

    def heal(self):
        with self.lock:
            if self.way == "silent":
                self.reset()
            self.way = None

    def end(self):
        self.ended = True
        self.thread.join()
        self.reset()
        self.listener.close()

    def reset(self):
        for pair in self.pairs:
            for one in pair:
                one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                one.close()
        self.pairs = []

    def run(self):
        while not self.ended:
            with self.lock:
                ends = {} if self.way else {
                    one: (other, pair) for pair in self.pairs
                    for one, other in (pair, pair[::-1])}
            ready = select.select([self.listener, *ends], [], [], 0.01)[0]
            with self.lock:
                for one in ready:
                    if one is self.listener:
                        self.accept()
                    elif self.way is None and ends[one][1] in self.pairs:
                        self.pump(one, *ends[one])

    def accept(self):
        one = self.listener.accept()[0]
        other = socket.socket()
        try:
            if self.way == "reset":
                raise ConnectionRefusedError
            other.connect(("127.0.0.1", self.target))
        except OSError:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            one.close()
            other.close()
            return
        for side in (one, other):
            side.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.pairs.append((one, other))

    def pump(self, one, other, pair):
        try:
            data = one.recv(65536)
            if data:
                other.sendall(data)
                return
        except OSError:
            pass
        # An end is an end for both; what the other one still had to say is its peer's affair.
        self.pairs.remove(pair)
        for side in pair:
            side.close()


class Talker:
    """Sends numbered messages to somebody of the other server, and knows which of them its own
    has acknowledged (XEP-0198)."""

    def __init__(self, server, user, to):
        self.server, self.user, self.to = server, user, to
        self.person, self.count = None, 0
        self.under_way, self.acknowledged, self.returned = [], [], []

    def log_in(self):
        """What was under way when the server died is in doubt, and is not sent again."""
        self.under_way = []
        self.person = Person(self.server, self.user)
        link = self.person.connection
        link.send(f"<enable xmlns='{SM_NS}'/>")
        while link.element("enabled").name != "enabled":
            pass

    def batch(self):
        texts = []
        for _ in range(BATCH):
            self.count += 1
            self.under_way.append(self.count)
            texts.append(f"<message to='{self.to}' type='chat' id='n{self.count}'>"
                         f"<body>{self.count}</body></message>")
        self.person.send("".join(texts) + f"<r xmlns='{SM_NS}'/>")
        base = len(self.acknowledged)
        while self.under_way:
            element = self.person.connection.element("acknowledgement")
            if element.name == "a":
                done = (int(element.get("h")) - self.handled) % (1 << 32)
                self.handled = (self.handled + done) % (1 << 32)
                self.acknowledged += self.under_way[:done]
                del self.under_way[:done]
                if self.under_way:
                    self.person.send(f"<r xmlns='{SM_NS}'/>")
            elif element.name == "r":
                self.person.send(f"<a xmlns='{SM_NS}' h='{self.heard}'/>")
            else:
                self.take(element)
        return len(self.acknowledged) - base

    def take(self, element):
        self.heard = (self.heard + 1) % (1 << 32)
        if element.name == "message" and element.get("type") == "error":
            self.returned.append(int(element.get("id")[1:]))

    handled = heard = 0

    def run(self, stop, gone):
        """Until `stop`; `gone` says that its server may be dead."""
        while not stop.is_set():
            try:
                self.handled = self.heard = COUNT_FROM
                self.log_in()
                while not stop.is_set():
                    self.batch()
                    time.sleep(0.01)
                self.person.connection.close()
            except (Failure, ServerFailure, OSError, AttributeError):
                if not gone.is_set():
                    raise
                time.sleep(0.1)


def archive(server, user):
    """The numbers in an account's archive, in order."""
    person = Person(server, user)
    link, after, numbers, page = person.connection, "", [], 0
    while True:
        page += 1
        link.send(f"<iq type='set' id='p{page}'><query xmlns='{MAM_NS}'><set xmlns='{RSM_NS}'>"
                  f"<max>250</max><after>{after}</after></set></query></iq>"
                  if after else
                  f"<iq type='set' id='p{page}'><query xmlns='{MAM_NS}'><set xmlns='{RSM_NS}'>"
                  "<max>250</max></set></query></iq>")
        while True:
            element = link.element("a page of the archive")
            result = element.find(MAM_NS, "result") if element.name == "message" else None
            if result is not None:
                after = result.get("id")
                message = result.find("urn:xmpp:forward:0", "forwarded").find(
                    "jabber:client", "message")
                body = message.find("jabber:client", "body")
                if message.get("to", "").startswith(user) and message.get("type") != "error":
                    numbers.append(int(body.text()))
            elif element.name == "iq" and element.get("id") == f"p{page}":
                break
        if element.find(MAM_NS, "fin").get("complete") == "true":
            link.close()
            return numbers


class Stage:
    def __init__(self, folder, seed):
        authority = Authority(os.path.join(folder, "authority"))
        ports = free_ports(4)
        names = ("capulet.example", "montague.example")
        servers = [make_server(authority, names[i], USERS[i], "signed", ports[i],
                               (names[1 - i], ports[3 - i]), False, "", MORE)
                   for i in range(2)]
        # What is for server i goes through ports[2 + i].
        self.prepare(seed, names, servers, [Link(ports[2 + i], ports[i]) for i in range(2)])

    def prepare(self, seed, names, servers, links):
        self.chance, self.servers, self.links = random.Random(seed), servers, links
        self.users = USERS
        self.talkers = [Talker(servers[i], self.users[i], f"{self.users[1 - i]}@{names[1 - i]}")
                        for i in range(2)]
        self.stop, self.gone = threading.Event(), threading.Event()
        self.problems, self.threads = [], []

    def archive(self, i):
        return archive(self.servers[i], self.users[i])

    def begin(self):
        self.stop.clear()
        self.threads = [threading.Thread(target=self.talk, args=(t,)) for t in self.talkers]
        for thread in self.threads:
            thread.start()

    def talk(self, talker):
        try:
            talker.run(self.stop, self.gone)
        except BaseException as error:  # pylint: disable=broad-except
            self.problems.append(f"{talker.user}: {error!r}")

    def end(self):
        self.stop.set()
        for thread in self.threads:
            thread.join()
        if self.problems:
            raise AssertionError(self.problems[0])

    def flow(self):
        """Until something went in both directions, by now."""
        counts = [len(t.acknowledged) + BATCH * 5 for t in self.talkers]
        until = time.monotonic() + TIMEOUT
        while any(len(t.acknowledged) < c for t, c in zip(self.talkers, counts)):
            if self.problems or time.monotonic() > until:
                raise AssertionError(f"nothing goes on: {self.problems}")
            time.sleep(0.01)

    def arrived(self, exact):
        """Waits until everything is there; the last word is said by the archives. `exact`: whose
        messages must have come once and in order."""
        for i, talker in enumerate(self.talkers):
            until = time.monotonic() + 3 * TIMEOUT
            while True:
                got = self.archive(1 - i)
                lost = set(talker.acknowledged) - set(got) - set(talker.returned)
                if not lost or time.monotonic() > until:
                    break
                time.sleep(0.2)
            doubled = len(got) - len(set(got))
            print(f"{talker.user}: {len(talker.acknowledged)} acknowledged, {len(lost)} lost, "
                  f"{doubled} doubled, {len(talker.returned)} returned", flush=True)
            assert not lost, f"lost: {sorted(lost)[:20]}"
            if i in exact:
                # What was not tried yet is returned when the other server is not there.
                both = set(talker.returned) & set(got)
                assert not both, f"returned, and there: {sorted(both)[:20]}"
                assert got == sorted(set(got)), "doubled, or out of order"

    def cut(self, i):
        for link in self.links:
            link.cut(WAYS[i % len(WAYS)])
        time.sleep(self.chance.uniform(0.5, 2.5))
        for link in self.links:
            link.heal()

    def cuts(self, count):
        self.begin()
        for i in range(count):
            self.flow()
            self.cut(i)
        self.flow()
        self.end()
        self.arrived((0, 1))

    def restarts(self, count):
        """What a server has handled when it stops, and on disk a moment later, it is sent again;
        what it has sent is not."""
        self.gone.set()
        self.begin()
        for _ in range(count):
            self.flow()
            self.servers[0].stop()
            self.servers[0].start()
        self.flow()
        self.end()
        self.arrived((0,))

    def kills(self, count):
        self.gone.set()
        self.begin()
        for i in range(count):
            self.flow()
            time.sleep(self.chance.uniform(0, 0.5))
            self.servers[i % 2].kill()
            self.servers[i % 2].start()
        self.flow()
        self.end()
        self.arrived(())

    def remove(self):
        self.stop.set()
        for link in self.links:
            link.end()
        for server in self.servers:
            server.remove()


def play(stage, *steps):
    """Each step is what is done, and how often."""
    try:
        for server in stage.servers:
            server.start()
        for what, times in steps:
            what(times)
        for server in stage.servers:
            server.stop()
            if server.complaints():
                raise AssertionError(server.complaints()[0])
    except BaseException:
        stage.stop.set()
        for server in stage.servers:
            print(f"---- {server.domain}:\n{server.log()[-6000:]}")
        raise
    finally:
        stage.remove()


def main():
    lacking = missing(("s2s", "s2s_secure", "mam"))
    if lacking:
        print(f"{lacking} was not built")
        return 77
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cuts", type=int, default=3)
    parser.add_argument("--restarts", type=int, default=2)
    parser.add_argument("--kills", type=int, default=2)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}")
    folder = tempfile.mkdtemp(prefix="tercet-test.")
    os.chmod(folder, 0o755)
    try:
        stage = Stage(folder, arguments.seed)
        play(stage, (stage.cuts, arguments.cuts), (stage.restarts, arguments.restarts),
             (stage.kills, arguments.kills))
    except (AssertionError, Failure) as error:
        print(error)
        return 1
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())

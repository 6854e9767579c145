#!/usr/bin/python3
# SPDX-FileCopyrightText: 2026 The Tercet authors
# SPDX-License-Identifier: MIT
"""People ask to see each other, agree, refuse, rename and remove; the connections of some are reset
in the middle of it, and then the server is killed. Whatever was under way, nothing is there by half
(RFC 6121 3, appendix A): who sees somebody is seen by him, who waits for an answer has asked, and
what pushes had told of a roster is on disk.

    contacts.py [--kills N] [--seed S]
"""
import argparse
import itertools
import os
import random
import signal
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "lib")]

from people import Link  # noqa: E402
from xt_people import accounts, cannot_play, watched  # noqa: E402
from xt_server import Server  # noqa: E402

ROSTER_NS = "jabber:iq:roster"
PING = "<ping xmlns='urn:xmpp:ping'/>"
TIMEOUT = float(os.environ.get("XT_TIMEOUT", "30"))
NAMES = ("romeo", "juliet", "nurse", "tybalt")


class Wrong(Exception):
    """Something is there by half."""


def state_of(item):
    return (item.get("subscription"), item.get("ask"), item.get("approved"), item.get("name"))


class Person:
    """An account with one client, that keeps its roster from life to life as a client does."""

    def __init__(self, server, name):
        self.server, self.name, self.bare = server, name, f"{name}@localhost"
        self.link, self.asked = None, 0
        self.version, self.roster = "", {}
        self.requests = set()   # who has asked to see it, as far as it knows

    def come(self):
        link = self.link = Link(self.server, TIMEOUT)
        link.connect(True)
        link.open_stream("localhost")
        link.features()
        link.authenticate(self.name, f"secret of {self.name}", "SCRAM-SHA-1")
        link.open_stream("localhost")
        link.features()
        link.bind("home")
        self.requests = set()

    def go(self, reset):
        if self.link is not None:
            self.link.drop() if reset else self.link.close()
        self.link = None

    def send(self, text):
        if self.link is not None:
            self.link.send(text)

    def take(self, element):
        kind = element.get("type")
        if element.name == "presence" and kind in ("subscribe", "unsubscribe"):
            change = self.requests.add if kind == "subscribe" else self.requests.discard
            change(element.get("from"))
        query = element.find(ROSTER_NS, "query") if element.name == "iq" else None
        if query is None or kind != "set":
            return
        self.version = query.get("ver")
        for item in query.elements():
            if item.get("subscription") == "remove":
                self.roster.pop(item.get("jid"), None)
            else:
                self.roster[item.get("jid")] = state_of(item)

    def look(self):
        """What has come, until nothing is there or the connection has ended."""
        while self.link is not None:
            events = self.link.poll(0.0001)
            for kind, value in events:
                if kind == "element":
                    self.take(value)
                elif kind == "eof":
                    self.go(False)
            if not events:
                return

    def ask(self, payload, kind="get"):
        """The answer; what comes before it is taken."""
        self.asked += 1
        number = f"ask-{self.asked}"
        self.send(f"<iq type='{kind}' id='{number}'>{payload}</iq>")
        while True:
            element = self.link.element("answer")
            if element.name == "iq" and element.get("id") == number:
                return element
            self.take(element)

    def synchronise(self):
        """By the version that it knows, which must not be one that the disk has lost; then whole."""
        known = self.version
        answer = self.ask(f"<query xmlns='{ROSTER_NS}' ver='{known}'/>").find(ROSTER_NS, "query")
        if answer is None:
            self.ask(PING)
        elif known:
            raise Wrong(f"{self.name}: a push had version {known}, which is not known any more")
        else:
            self.version = answer.get("ver")
            self.roster = {i.get("jid"): state_of(i) for i in answer.elements()}
        whole = self.ask(f"<query xmlns='{ROSTER_NS}'/>").find(ROSTER_NS, "query")
        whole = {i.get("jid"): state_of(i) for i in whole.elements()}
        if whole != self.roster:
            raise Wrong(f"{self.name}: pushes told of {self.roster}, the roster is {whole}")

    def act(self, other, chance):
        what = chance.choice(("subscribe",) * 3 + ("subscribed",) * 4 + (
            "unsubscribe", "unsubscribed", "remove", "rename"))
        if what in ("remove", "rename"):
            change = "subscription='remove'" if what == "remove" else \
                f"name='{chance.randrange(1000)}'"
            self.asked += 1
            self.send(f"<iq type='set' id='ask-{self.asked}'><query xmlns='{ROSTER_NS}'>"
                      f"<item jid='{other.bare}' {change}/></query></iq>")
        else:
            self.send(f"<presence to='{other.bare}' type='{what}'/>")


def check_pair(one, other):
    """The one's side of what `one` wants to see of `other`, and the other's."""
    subscription, ask = one.roster.get(other.bare, ("none", None, None, None))[:2]
    theirs = other.roster.get(one.bare, ("none",))[0]
    if (subscription in ("to", "both")) != (theirs in ("from", "both")):
        raise Wrong(f"{one.name} has '{subscription}' for {other.name}, and that has '{theirs}'")
    if (ask == "subscribe") != (one.bare in other.requests):
        raise Wrong(f"{one.name} has ('{subscription}', '{ask}') for {other.name}, and that has "
                    f"'{theirs}' and was asked by {sorted(other.requests)}")


class Street:
    def __init__(self, server, seed):
        self.server, self.chance = server, random.Random(seed)
        self.people = [Person(server, name) for name in NAMES]
        self.counts = {"to": 0, "from": 0, "both": 0, "none": 0, "asked": 0, "reset": 0}

    def check(self):
        for person in self.people:
            person.come()
            person.synchronise()
        for person in self.people:
            person.send("<presence/>")
        self.wait()
        for one, other in itertools.permutations(self.people, 2):
            check_pair(one, other)
            state = one.roster.get(other.bare)
            if state is not None:
                self.counts[state[0]] += 1
                self.counts["asked"] += state[1] is not None

    def act(self):
        """One of each two does something to the other."""
        for pair in itertools.combinations(self.people, 2):
            one, other = self.chance.sample(pair, 2)
            one.act(other, self.chance)

    def wait(self):
        """What each of them caused has come to all."""
        for _ in range(2):
            for person in self.people:
                person.ask(PING)

    def live(self):
        """From a start to a kill, which comes while something is under way between each two. No
        more than one thing: what both do at once, they may misunderstand without a kill."""
        # A store that takes its time is found in the middle of something more often.
        self.server.environment["TERCET_STORE_LATENCY"] = self.chance.choice(("0ms", "5ms"))
        self.server.start()
        self.check()
        pid = int(self.server.devserver("pid"))
        for _ in range(self.chance.randrange(3)):
            self.act()
            self.wait()
        self.act()
        for person in self.people:
            if self.chance.random() < 0.2:
                self.counts["reset"] += 1
                person.go(True)
        time.sleep(self.chance.choice((0, self.chance.uniform(0, 0.03))))
        os.kill(pid, signal.SIGSTOP)  # this is its end; devserver has a little more to do
        self.server.kill()
        for person in self.people:
            person.look()
            person.go(False)


def main():
    problem = cannot_play(("storage_bdb", "roster", "presence"))
    if problem is not None:
        print(problem)
        return 77
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=15)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    options = parser.parse_args()
    print(f"again: {sys.argv[0]} --kills {options.kills} --seed {options.seed}")
    with watched(Server(users=accounts(*NAMES))) as server:
        street = Street(server, options.seed)
        for _ in range(options.kills):
            street.live()
        server.start()
        street.check()
        server.stop()
    print(", ".join(f"{name} {count}" for name, count in street.counts.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())

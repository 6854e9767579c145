#!/usr/bin/python3
# SPDX-FileCopyrightText: 2026 The Tercet authors
# SPDX-License-Identifier: MIT
"""Walks tests/privacy/leaks.table: for each relation of an account to somebody who asks, each
question is sent to that account and to one that does not exist, and what comes back is compared
with what the table says. Bytes are compared, with the accounts' names taken out; and the order:
each question goes out together with a ping to the host, whose answer is part of what is compared.

    leaks.py [-v]     all cells that are wrong; -v: all that was received

How much the server reads from its store for an answer is compared, too, for each relation: that
is what the time of an answer depends on.

For messages that are refused the same: an account whose queue is full reads what one reads that
does not exist.

The asker is a client of the same server; leaks_elsewhere.py walks the same with one of another.

For accounts that are offline the questions are asked again after a restart, with a slow store:
then neither account is in memory, and reading one must take as long as reading the other.
"""
import os
import re
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "lib"))

from xt_client import Connection, Failure  # noqa: E402
from xt_server import Server, missing  # noqa: E402

MODULES = ("roster", "presence", "disco", "ping", "version", "time", "vcard", "private",
           "blocklist", "lastactivity", "offline")
# What an account with a full queue answers, as one does that does not exist.
REFUSED = ("message", "message-full", "message-unkept", "groupchat")
QUEUE = 10
ELSEWHERE, SECRET = "elsewhere.localhost", "secret of somewhere else"
# Goes out with each question.
MARK = "<iq type='get' id='mark' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>"


def iq(to, payload, kind="get"):
    return f"<iq type='{kind}' id='q' to='{to}'>{payload}</iq>"


def questions(a):
    """All questions, to the account with the bare address `a`."""
    there, nowhere = f"{a}/there", f"{a}/nowhere"
    body = "<body>x</body>"
    payloads = {
        "disco": "<query xmlns='http://jabber.org/protocol/disco#info'/>",
        "last": "<query xmlns='jabber:iq:last'/>",
        "vcard": "<vCard xmlns='vcard-temp'/>",
        "version": "<query xmlns='jabber:iq:version'/>",
        "ping": "<ping xmlns='urn:xmpp:ping'/>",
    }
    table = {
        "presence": f"<presence to='{a}'/>",
        "presence-full": f"<presence to='{there}'/>",
        "probe": f"<presence to='{a}' type='probe'/>",
        "probe-full": f"<presence to='{there}' type='probe'/>",
        "disco-items": iq(a, "<query xmlns='http://jabber.org/protocol/disco#items'/>"),
        "disco-node": iq(a, "<query xmlns='http://jabber.org/protocol/disco#info' node='x'/>"),
        "time": iq(a, "<time xmlns='urn:xmpp:time'/>"),
        "message": f"<message id='q' type='chat' to='{a}'>{body}</message>",
        "message-full": f"<message id='q' type='chat' to='{there}'>{body}</message>",
        "message-nowhere": f"<message id='q' type='chat' to='{nowhere}'>{body}</message>",
        "message-unkept": f"<message id='q' type='chat' to='{a}'>{body}"
                          "<no-store xmlns='urn:xmpp:hints'/></message>",
        "message-error": f"<message id='q' type='error' to='{a}'/>",
        "message-er-full": f"<message id='q' type='error' to='{there}'/>",
        "groupchat": f"<message id='q' type='groupchat' to='{a}'>{body}</message>",
        "groupchat-full": f"<message id='q' type='groupchat' to='{there}'>{body}</message>",
        "groupchat-gone": f"<message id='q' type='groupchat' to='{nowhere}'>{body}</message>",
        "headline": f"<message id='q' type='headline' to='{a}'>{body}</message>",
        "iq-result": f"<iq type='result' id='q' to='{there}'/>",
        "iq-unknown": iq(a, "<x xmlns='urn:example:unknown'/>"),
        "roster": iq(a, "<query xmlns='jabber:iq:roster'/>"),
        "roster-set": iq(a, "<query xmlns='jabber:iq:roster'><item jid='x@y.example'/></query>",
                         "set"),
        "private": iq(a, "<query xmlns='jabber:iq:private'><x xmlns='urn:x'/></query>"),
        "blocklist": iq(a, "<blocklist xmlns='urn:xmpp:blocking'/>"),
        "vcard-set": iq(a, "<vCard xmlns='vcard-temp'/>", "set"),
    }
    for name, payload in payloads.items():
        table[name] = iq(a, payload)
        table[f"{name}-full"] = iq(there, payload)
        table[f"{name}-nowhere"] = iq(nowhere, payload)
    return table


def read_table(asker):
    """{section: (relations, [(question, {relation: cell})])}. Who asks from elsewhere is none of
    the account's own resources."""
    sections = {}
    with open(os.path.join(HERE, "leaks.table"), encoding="utf-8") as file:
        for line in file:
            words = line.split()
            if not words or words[0] == "#":
                continue
            if words[0].startswith("["):
                current = sections[words[0].strip("[]")] = ([], [])
            elif not current[0]:
                current[0].extend(words)
            else:
                assert len(words) == len(current[0]) + 1, line
                current[1].append((words[0], dict(zip(current[0], words[1:]))))
    if asker is not Person:
        for relations, _ in sections.values():
            relations[:] = [relation for relation in relations if relation != "own"]
    return sections


class Person:
    """A session that answers nothing by itself, and keeps the bytes it receives."""

    def __init__(self, server, user, resource):
        self.bare, self.raw, self.asked = f"{user}@localhost", "", 0
        self.full = f"{self.bare}/{resource}"
        timeout = float(os.environ.get("XT_TIMEOUT", "30"))
        c = self.connection = Connection(server, self.note, "whole", timeout)
        c.connect(False)
        c.open_stream("localhost")
        c.features()
        c.negotiate_tls()
        c.open_stream("localhost")
        c.features()
        c.authenticate(user, f"secret of {user}", "SCRAM-SHA-1")
        c.open_stream("localhost")
        c.features()
        c.bind(resource)

    def note(self, direction, text):
        if direction == "<-":
            self.raw += text

    def send(self, text):
        self.connection.send(text)

    def wait(self, what):
        """Reads until an element has come that `what` is true for."""
        while True:
            element = self.connection.element()
            if what(element):
                return element

    def ask(self, payload, to="localhost", kind="get"):
        """An IQ that must have a result."""
        self.asked += 1
        number = f"ask-{self.asked}"
        self.send(f"<iq type='{kind}' id='{number}' to='{to}'>{payload}</iq>")
        answer = self.wait(lambda e: e.get("id") == number)
        assert answer.get("type") == "result", answer

    def ping(self):
        """All that was sent before has been handled, if it waits for nothing."""
        self.ask("<ping xmlns='urn:xmpp:ping'/>")

    def heard(self):
        """The bytes since the last call."""
        raw, self.raw = self.raw, ""
        return re.sub(r"<iq [^>]*id='ask-\d+'[^>]*/>", "", raw)

    def leave(self):
        self.send("</stream:stream>")
        self.connection.end()


class Leak(Exception):
    """A cell that is not what the table says."""


class World:
    def __init__(self, sections, asker):
        self.sections, self.asker, self.people = sections, None, {}
        self.kind = asker
        users = ["asker@localhost:secret of asker"]
        for state, (relations, _) in sections.items():
            users += [f"{r}-{state}@localhost:secret of {r}-{state}" for r in relations
                      if r != "own"]
        users.append("filler@localhost:secret of filler")
        self.server = Server(users=users, config='modules_disabled = [ "mam", "smacks" ];',
                             host_config=f"offline: {{ max_messages = {QUEUE}; "
                                         "stranger_share = 100; };",
                             components=[f"{ELSEWHERE}:{SECRET}"])

    def account(self, relation, state):
        return "asker@localhost" if relation == "own" else f"{relation}-{state}@localhost"

    def ghost(self, relation, state):
        """Who does not exist, but was asked for a subscription where the account was."""
        return f"nobody-{state}@localhost" if relation == "pending" else "nobody@localhost"

    def come(self):
        self.asker = self.kind(self.server, "asker", "desk")
        if self.kind is Person:
            self.asker.send("<presence/>")
        self.asker.ping()

    def befriend(self, person, relation, state):
        """As a client would: the asker's side and the account's."""
        asker, both = self.asker, relation in ("both", "blocked", "blockedf")
        if relation == "from" or both:
            person.send(f"<presence to='{asker.bare}' type='subscribed'/>")
            person.ping()
            asker.send(f"<presence to='{person.bare}' type='subscribe'/>")
            asker.ping()
        if relation == "to" or both:
            asker.send(f"<presence to='{person.bare}' type='subscribed'/>")
            asker.ping()
            person.send(f"<presence to='{asker.bare}' type='subscribe'/>")
            person.ping()
        if relation == "pending":
            for to in (person.bare, self.ghost(relation, state)):
                asker.send(f"<presence to='{to}' type='subscribe'/>")
            asker.ping()
        if relation.startswith("blocked"):
            # There is something to be seen, too.
            person.ask("<vCard xmlns='vcard-temp'><FN>x</FN></vCard>", person.bare, "set")
            jid = asker.bare if relation == "blocked" else asker.full
            person.ask(f"<block xmlns='urn:xmpp:blocking'><item jid='{jid}'/></block>",
                       person.bare, "set")
        if relation == "directed":
            person.send(f"<presence to='{asker.full}'/>")
        person.ping()

    def set_up(self):
        self.server.start()
        self.come()
        for state, (relations, _) in self.sections.items():
            for relation in relations:
                user = self.account(relation, state).split("@")[0]
                person = Person(self.server, user, "there")
                person.send("<presence/>")
                person.ping()
                if relation != "own":
                    self.befriend(person, relation, state)
                if state == "full":
                    person.ask("<query xmlns='jabber:iq:roster'><item jid='filler@localhost'/>"
                               "</query>", person.bare, "set")
                if state == "online":
                    self.people[relation] = person
                else:
                    person.leave()
        self.fill_queues()
        self.settle()

    def fill_queues(self):
        filler = Person(self.server, "filler", "desk")
        for relation in self.sections["full"][0]:
            a = self.account(relation, "full")
            for _ in range(QUEUE):
                filler.send(f"<message type='chat' to='{a}'><body>x</body></message>")
            filler.send(f"<message id='more' type='chat' to='{a}'><body>x</body></message>")
            error = filler.wait(lambda e: e.name == "message")
            assert (error.get("id"), error.get("type")) == ("more", "error"), error
        filler.leave()

    def settle(self):
        for person in (*self.people.values(), self.asker, *self.people.values(), self.asker):
            person.ping()
            person.heard()

    # ---- asking ----

    def put(self, question, a, relation, online, refused=False):
        """The bytes that the asker receives, with the name taken out; and whether a resource
        of the account got the question. `refused`: a message that is answered."""
        person = self.people.get(relation) if online else None
        text = questions(a)[question]
        self.settle()
        self.asker.send(text + MARK)
        awaited = {"mark"} | ({"q"} if refused or re.match("<iq type='[gs]et'", text) else set())
        got, end = False, time.monotonic() + self.asker.connection.timeout
        while awaited and not (got and awaited == {"q"}):
            element = self.asker.connection.poll()
            if element is not None and element.get("type") in ("result", "error"):
                awaited.discard(element.get("id"))
            elif element is None and person is not None:
                got = self.arrived(person)
            if time.monotonic() > end:
                raise Failure(f"no answer: {text}")
        # Answers of one account are late, and come in order: one more is the last.
        self.asker.send(f"<iq type='get' id='end' to='{a}'><x xmlns='urn:example:end'/></iq>")
        self.asker.wait(lambda e: e.get("id") == "end")
        # What was routed because of it has come as well.
        for one in (self.asker, person, self.asker):
            if one is not None:
                one.ping()
        got = person is not None and self.arrived(person)
        if person is not None:
            person.heard()
        raw = re.sub(r"<iq [^>]*id='end'[^>]*>.*?</iq>", "", self.asker.heard())
        raw = raw.replace(self.asker.full, "{me}").replace(a, "{a}")
        # Of pushes.
        raw = re.sub(r" id='[a-z0-9]{12}'", "", raw)
        return re.sub(r" (stamp|seconds)='[^']*'", "", raw), got

    def arrived(self, person):
        person.ping()
        return " id='q'" in person.raw

    def check(self, question, relation, state, cell):
        online = state == "online"
        refused = state == "full" and question in REFUSED
        raw, got = self.put(question, self.account(relation, state), relation, online, refused)
        quiet = re.sub(r"<iq [^>]*id='mark'[^>]*/>", "", raw)
        if cell == "=":
            ghost, _ = self.put(question, self.ghost(relation, state), None, False, refused)
            if relation == "own":  # knows that it is there: what it hears need not be late
                raw, ghost = quiet, re.sub(r"<iq [^>]*id='mark'[^>]*/>", "", ghost)
            if raw != ghost:
                raise Leak(f"{raw}\n  where an unknown account gives\n  {ghost}")
            return raw
        wrong = {
            ".": quiet != "",
            "d": quiet != "" or not got,
            "m": "id='q'" not in quiet or "error" in quiet or not got,
            "r": not re.search(r"<iq (?=[^>]*type='result')[^>]*id='q'", quiet),
            "i": "<item-not-found" not in quiet,
            "p": not re.search(r"<presence (?![^>]*type=)", quiet),
            "u": not re.search(r"<presence [^>]*type='unavailable'", quiet),
        }[cell]
        if wrong:
            raise Leak(f"{raw} ({'a resource got it' if got else 'no resource got it'})"
                       f"\n  where the table says '{cell}'")
        return raw

    def put_alone(self, question, a):
        """What is no request: its answer, where one comes, is waited for before anything else
        is asked, because two answers may share a read, or not."""
        self.settle()
        before, end = self.server.figure("account_reads"), time.monotonic() + 30
        self.asker.send(questions(a)[question])
        if re.match("message(?!-er)|groupchat", question):
            self.asker.wait(lambda e: e.get("id") == "q")
        self.asker.ping()
        # What answers a probe is nothing that a client is told of.
        while question == "probe" and self.server.figure("account_reads") == before:
            if time.monotonic() > end:
                raise Failure(f"nothing was read for the answer to a probe of {a}")

    def reads(self, question_list, a, relation, online):
        """What these questions make the server read."""
        before = self.server.figure("account_reads")
        for question in question_list:
            if questions(a)[question].startswith("<iq type='result'"):
                continue
            if questions(a)[question].startswith("<iq"):
                self.put(question, a, relation, online)
            else:
                self.put_alone(question, a)
        return self.server.figure("account_reads") - before

    def count_work(self, state):
        """How many relations can be told from an account that does not exist by the work that
        answers to the same questions make; both are in memory by now."""
        relations, rows = self.sections[state]
        failed = 0
        for relation in (r for r in relations if r != "own"):
            same = [question for question, cells in rows if cells[relation] == "="]
            account = self.reads(same, self.account(relation, state), relation, state == "online")
            ghost = self.reads(same, self.ghost(relation, state), None, False)
            if account != ghost:
                print(f"{state}: {relation}: {account} reads for {len(same)} questions, where an "
                      f"unknown account makes {ghost}")
                failed += 1
        return failed

    def walk(self, state, only="", verbose=False):
        """How many cells are wrong."""
        relations, rows = self.sections[state]
        failed = 0
        for question, cells in rows:
            for relation in relations:
                if only and cells[relation] not in only:
                    continue
                try:
                    raw = self.check(question, relation, state, cells[relation])
                    if verbose:
                        print(f"{state} {question} {relation}: {raw}")
                except Leak as leak:
                    print(f"{state}: {question}, {relation}: {leak}")
                    failed += 1
        return failed


def main(asker):
    if missing(MODULES):
        print(f"{missing(MODULES)} was not built")
        return 77
    verbose = "-v" in sys.argv
    world = World(read_table(asker), asker)
    try:
        world.set_up()
        failed = sum(world.walk(state, verbose=verbose) for state in world.sections)
        failed += sum(world.count_work(state) for state in world.sections)
        world.people.clear()
        world.server.stop()
        world.server.environment["TERCET_STORE_LATENCY"] = "5ms"
        world.server.start()
        world.come()
        failed += world.walk("offline", only="=", verbose=verbose)
        failed += world.walk("full", only="=", verbose=verbose)
        world.server.stop()
        if world.server.complaints():
            raise Failure(world.server.complaints()[0])
    except BaseException:
        print(world.server.log()[-4000:])
        raise
    finally:
        world.server.remove()
    if failed:
        print(f"{failed} cells are wrong")
    return failed != 0


if __name__ == "__main__":
    sys.exit(main(Person))

# SPDX-FileCopyrightText: 2026 The Tercet authors
# SPDX-License-Identifier: MIT
"""Who talks while the server is killed: senders and devices, each a client of its own with
stream management (XEP-0198) and archive (XEP-0313), and what they know to be true.

A message is a line in a `Ledger`: who sent it to whom, and whether the server acknowledged it.
Its id ("s0-17") is the id of the stanza, the origin-id (XEP-0359) and the beginning of its body,
which follows from the id, so that a body that was damaged shows. The numbers of a sender only
grow, so the order in which they come shows, too.
"""
import collections
import random
import ssl
import threading
import time
import zlib
from xml.sax.saxutils import escape

from xt_client import BIND_NS, CLIENT_NS, Connection, Failure, has_feature
from xt_server import count_from

SM_NS = "urn:xmpp:sm:3"
MAM_NS = "urn:xmpp:mam:2"
RSM_NS = "http://jabber.org/protocol/rsm"
SID_NS = "urn:xmpp:sid:0"
FORWARD_NS = "urn:xmpp:forward:0"
DOMAIN = "localhost"
WINDOW = 150    # messages that a sender has unacknowledged at most
BEHIND = 5000   # messages that a recipient has not got; who has more gets none for now
PAGE = 250
NOTHING = (None, None)
COUNT_FROM = count_from(300)  # most counts pass the end of the numbers


class Gone(Exception):
    """The connection is no more, and that is all right: the server was killed."""


class Full(Exception):
    """The server has ended the session, for too much is under way to it; the rest waits."""


class Broken(Exception):
    """The promise is."""


def body_of(oid):
    """Mostly short; one in twenty takes pages."""
    dice = zlib.crc32(oid.encode())
    length = dice % 200 if dice % 20 else 3000 + dice % 23456
    return f"{oid} " + (f"{dice:08x}" * (length // 8 + 1))[:length]


def number_of(oid):
    sender, _, number = oid.partition("-")
    return sender, int(number)


class Ledger:
    """All messages, by recipient."""

    def __init__(self):
        self.lock = threading.Lock()
        self.sent, self.acknowledged, self.refused, self.doubt = (
            collections.defaultdict(set) for _ in range(4))

    def note(self, kind, to, oid):
        with self.lock:
            kind[to].add(oid)

    def owed(self, to):
        return self.acknowledged[to] - self.refused[to]


class Clock:
    """What everybody sees: that the server is being killed, and that the end has come."""

    def __init__(self):
        self.dying, self.draining = threading.Event(), False
        self.answered = None    # when somebody first got an answer from this server
        self.resumed = 0        # sessions that were taken up after a kill
        self.life = 0           # of the server

    def answer(self):
        if self.answered is None:
            self.answered = time.monotonic()


class Link(Connection):
    """A connection that can be looked at without waiting, and remembers the last lines."""

    def __init__(self, server, timeout):
        self.lines = collections.deque(maxlen=16)
        super().__init__(server, lambda way, text: self.lines.append(f"{way} {text[:200]}"),
                         "whole", timeout)

    def poll(self, seconds):
        if not self.events and not self.closed and self.sock is not None:
            self.sock.settimeout(max(seconds, 0.0001))
            try:
                data = self.sock.recv(65536)
            except (TimeoutError, ssl.SSLWantReadError):
                return []
            except OSError as error:
                self.note("--", f"receiving: {error}")
                data = b""
            self.closed = not data
            if data:
                self.note("<-", data.decode("utf-8", "backslashreplace"))
                self.events.extend(self.reader.feed(data))
        events, self.events = self.events, []
        return events or ([("eof", None)] if self.closed else [])


class Client:
    """One account's client. Its session lives on from connection to connection."""

    managed = True

    def __init__(self, house, name, resource, seed):
        self.house, self.name, self.resource = house, name, resource
        self.clock, self.ledger = house.clock, house.ledger
        self.chance = random.Random(f"{seed} {name}/{resource}")
        self.link = None
        self.session, self.handled, self.counting = None, COUNT_FROM, False
        self.queries, self.page, self.answers = 0, [], {}
        self.taken_up = False   # the session is older than the server
        self.life = 0       # of the server, in which the session was bound or resumed last

    def __str__(self):
        return f"{self.name}@{DOMAIN}/{self.resource}"

    # ---- connections ----

    def broken(self, text):
        lines = "\n    ".join(self.link.lines if self.link is not None else ())
        return Broken(f"{self}: {text}\n    {lines}")

    def lost(self, text):
        """A connection that ends, or an answer that does not come."""
        if self.clock.dying.is_set():
            return Gone()
        return self.broken(text)

    def connect(self):
        """Logs in; true when the session before was resumed."""
        try:
            return self.log_in()
        except (Failure, OSError, ssl.SSLError) as error:
            raise self.lost(f"cannot log in: {error}") from error

    def log_in(self):
        link = self.link = Link(self.house.server, self.house.timeout)
        self.counting = False
        link.connect(True)
        link.open_stream(DOMAIN)
        self.clock.answer()
        link.features()
        link.authenticate(self.name, f"secret of {self.name}", "SCRAM-SHA-256")
        link.open_stream(DOMAIN)
        features = link.features()
        assert has_feature(features, BIND_NS, "bind")
        if self.session is not None and self.resume():
            return True
        self.session, self.handled, self.taken_up = None, COUNT_FROM, False
        link.bind(self.resource)
        self.life = self.clock.life
        if self.managed:
            link.send(f"<enable xmlns='{SM_NS}' resume='true'/>")
            answer = link.expect(SM_NS, "enabled")
            assert answer.get("resume") == "true", answer
            self.session, self.counting = answer.get("id"), True
            self.enabled()
        return False

    def resume(self):
        self.link.send(f"<resume xmlns='{SM_NS}' previd='{self.session}' "
                       f"h='{self.handled}'/>")
        answer = self.link.expect(SM_NS, "resumed", "failed")
        if answer.name == "failed":
            if self.life == self.clock.life:
                raise self.broken("the session of a server that was not killed is not resumed")
            return False
        if self.life != self.clock.life:
            self.life = self.clock.life
            self.clock.resumed += 1
            self.taken_up = True
        self.counting = True
        self.acknowledged(int(answer.get("h")), True)
        return True

    def hang_up(self, politely):
        """Ends the stream and the session; or drops the connection, and keeps it."""
        if not politely:
            self.link.drop()
            return
        heard = self.heard()
        if self.counting:
            self.link.send(f"<a xmlns='{SM_NS}' h='{self.handled}'/>")
        self.link.send("</stream:stream>")
        until = time.monotonic() + self.house.timeout
        kinds = set()
        while not kinds & {"end", "eof"}:
            kinds = {kind for kind, _ in self.take(0.1)}
            if time.monotonic() > until:
                raise self.lost("the server does not end the stream")
        self.link.close()
        self.session = None
        if "end" in kinds:
            self.ended(heard)

    # ---- what comes ----

    def heard(self):
        """What has come in this session."""
        return ()

    def ended(self, heard):
        """The session has, and the server has said so; before it we acknowledged `heard`."""

    def enabled(self):
        """Stream management is on."""

    def asking(self):
        """A request is sent."""

    def acknowledged(self, h, resumed=False):
        """The server has handled that much."""

    def message(self, element):
        """One that is no answer to a query."""

    def take(self, seconds):
        """Handles what has come; gives the events that are no stanzas."""
        others = []
        for kind, value in self.link.poll(seconds):
            if kind == "bad":
                raise self.broken(value)
            if kind == "element" and (value.ns, value.name) == (
                    "http://etherx.jabber.org/streams", "error"):
                if value.find("urn:ietf:params:xml:ns:xmpp-streams", "resource-constraint"):
                    self.session = None
                    raise Full()
                raise self.lost(f"stream error: {value}")
            if kind != "element":
                others.append((kind, value))
            else:
                self.element(value)
        return others

    def element(self, e):
        if e.ns == SM_NS:
            if e.name == "r":
                self.link.send(f"<a xmlns='{SM_NS}' h='{self.handled}'/>")
            elif e.name == "a":
                self.acknowledged(int(e.get("h")))
            return
        if self.counting:
            self.handled = (self.handled + 1) % (1 << 32)
        if e.name == "iq":
            self.answers[e.get("id")] = e
        elif e.name == "message":
            result = e.find(MAM_NS, "result")
            if result is None:
                self.message(e)
            elif result.get("queryid") == f"q{self.queries}":
                forwarded = result.find(FORWARD_NS, "forwarded")
                self.page.append((result.get("id"), forwarded.find(CLIENT_NS, "message")))

    def look(self, seconds):
        """take(), for as long as there is a connection."""
        for kind, _ in self.take(seconds):
            if kind in ("eof", "end"):
                raise self.lost("the server closed the connection")

    def ask(self, text):
        """The answer to a request to the server or to the own account."""
        self.queries += 1
        name = f"q{self.queries}"
        self.asking()
        self.link.send(text.replace("<iq ", f"<iq id='{name}' ", 1).replace("{id}", name))
        until = time.monotonic() + self.house.timeout
        while name not in self.answers:
            self.look(0.1)
            if time.monotonic() > until:
                raise self.lost("no answer to a query")
        return self.answers.pop(name)

    # ---- the archive ----

    def archive(self, after):
        """What is in it behind the id `after`, as (archive id, message)."""
        while True:
            self.page = []
            behind = f"<after>{escape(after)}</after>" if after else ""
            answer = self.ask(f"<iq type='set'><query xmlns='{MAM_NS}' queryid='{{id}}'>"
                              f"<set xmlns='{RSM_NS}'><max>{PAGE}</max>{behind}</set>"
                              "</query></iq>")
            if answer.get("type") != "result":
                raise self.broken(f"the archive, from '{after}' on: {answer}")
            page, self.page = self.page, []
            yield from page
            if answer.find(MAM_NS, "fin").get("complete") == "true":
                return
            after = page[-1][0]

    def check(self, message):
        """The id of a message that is one of ours, whole."""
        oid = message.find(SID_NS, "origin-id").get("id")
        if message.find(CLIENT_NS, "body").text() != body_of(oid) or message.get("id") != oid:
            raise self.broken(f"damaged: {message}")
        return oid


class Sender(Client):
    """Sends to everybody. When its session is lost with the server, its archive says which of
    what was not acknowledged has come to be; the rest is sent again, in order."""

    def __init__(self, house, name, recipients, archived, seed):
        super().__init__(house, name, "desk", seed)
        self.recipients, self.archived = recipients, archived
        self.count = 0
        self.unacked = collections.deque()   # (id, recipient), or NOTHING for other stanzas
        self.again = []                      # was not acknowledged before the server died
        self.h, self.asked = COUNT_FROM, False
        self.last, self.stored = None, set()    # of the archive

    def enabled(self):
        self.h = COUNT_FROM

    def acknowledged(self, h, resumed=False):
        self.asked = False
        done = (h - self.h) % (1 << 32)
        if done > len(self.unacked):
            raise self.broken(f"h is {h} after {self.h} and {len(self.unacked)} messages")
        for _ in range(done):
            oid, to = self.unacked.popleft()
            if oid is not None:
                self.ledger.note(self.ledger.acknowledged, to, oid)
        self.h = h

    def message(self, element):
        if element.get("type") == "error":
            self.ledger.note(self.ledger.refused, element.get("from").partition("@")[0],
                             element.get("id"))

    def send(self, several):
        texts = []
        for oid, to in several:
            self.ledger.note(self.ledger.sent, to, oid)
            texts.append(f"<message to='{to}@{DOMAIN}' type='chat' id='{oid}'>"
                         f"<body>{body_of(oid)}</body>"
                         f"<origin-id xmlns='{SID_NS}' id='{oid}'/></message>")
        if several:
            self.link.send("".join(texts) + f"<r xmlns='{SM_NS}'/>")
            self.asked = True

    def asking(self):
        self.unacked.append(NOTHING)

    def waiting(self):
        return any(one is not NOTHING for one in self.unacked)

    def take_up(self, resumed):
        """What has to be sent again. Without resumption the archive says what has come to be:
        of the messages to one recipient the first ones."""
        self.again.extend(one for one in self.unacked if one is not NOTHING)
        self.unacked.clear()
        if resumed or not self.again:
            return
        if not self.archived:
            for oid, to in self.again:
                self.ledger.note(self.ledger.doubt, to, oid)
            self.again = []
            return
        # All of this may have to wait for yet another server.
        for self.last, message in self.archive(self.last):
            oid = self.check(message)
            if oid in self.stored:
                raise self.broken(f"{oid} is twice in the sender's archive")
            self.stored.add(oid)
        stored, self.stored, missing = self.stored, set(), set()
        for oid, to in self.again:
            if oid not in stored:
                missing.add(to)
            elif to in missing:
                raise self.broken(f"{oid} is in the archive, and one before it is not")
            else:
                self.ledger.note(self.ledger.acknowledged, to, oid)
        self.again = [one for one in self.again if one[0] not in stored]

    def round(self):
        """Until the server is killed, or all is acknowledged."""
        while not self.clock.draining or self.waiting() or self.again:
            self.take_up(self.connect())
            again, self.again = self.again, []
            self.unacked.extend(again)
            self.send(again)
            self.talk()

    def talk(self):
        """Until the connection is lost, which we may do ourselves."""
        drop = self.chance.expovariate(0.7) + time.monotonic()
        while not self.clock.draining or self.waiting():
            if time.monotonic() > drop and not self.clock.draining:
                self.hang_up(False)
                return
            if not self.clock.draining and len(self.unacked) < WINDOW and not self.asked:
                several = []
                ready = [to for to in self.recipients if self.house.behind(to) < BEHIND]
                for _ in range(self.chance.randint(1, 20) if ready else 0):
                    self.count += 1
                    several.append((f"{self.name}-{self.count}", self.chance.choice(ready)))
                self.unacked.extend(several)
                self.send(several)
            elif self.unacked and not self.asked:
                self.link.send(f"<r xmlns='{SM_NS}'/>")
                self.asked = True
            self.look(0.02)
        self.hang_up(True)


class Device(Client):
    """One device of a recipient. `way`: it stays ("online"), loses its connection ("detached")
    or ends its session ("offline") now and then."""

    def __init__(self, house, name, resource, seed, way, archived, managed):
        super().__init__(house, name, resource, seed)
        self.way, self.archived, self.managed = way, archived, managed
        self.history = {}       # id: archive id
        self.last = None        # the archive is known up to here
        self.caught_up = False  # in this session
        self.session_heard, self.highest = {}, {}
        self.duplicates = 0     # in all; those in one session are a failure
        self.settled = set()    # acknowledged in sessions whose end was answered
        self.sent = COUNT_FROM  # the number of this session's last stanza
        self.presence = None    # that of our presence, which is not handled yet
        self.present = False    # it is

    def enabled(self):
        self.sent, self.presence, self.present = COUNT_FROM, None, False

    def asking(self):
        self.sent = (self.sent + 1) % (1 << 32)

    def acknowledged(self, h, resumed=False):
        """Our presence has to be sent again when the server did not handle it before it died;
        what came before it does is in the archive."""
        if self.presence is not None and (h - self.presence) % (1 << 32) < 1 << 31:
            self.presence, self.present = None, True
        if resumed:
            self.sent = h
            self.caught_up = self.caught_up and (self.present or not self.managed)

    def heard(self):
        return tuple(self.session_heard) if self.managed else ()

    def ended(self, heard):
        self.settled.update(heard)

    def prefer(self):
        """Without archive of its own accord (XEP-0441)."""
        answer = self.ask(f"<iq type='set'><prefs xmlns='{MAM_NS}' default='never'/></iq>")
        assert answer.get("type") == "result", answer

    def message(self, element):
        if element.get("type") == "error":
            raise self.broken(f"an error came: {element}")
        oid = self.check(element)
        sender, number = number_of(oid)
        if oid in self.session_heard:
            raise self.broken(f"{oid} came twice to one session: {element}"[:600]
                              + f" (before: {self.session_heard[oid]}, now {self.handled})")
        if oid in self.settled:
            raise self.broken(f"{oid} came again, and its session had ended well")
        if self.late(element) and (self.archived or self.taken_up):
            # What waited for us may come to another session after a kill: that it has arrived,
            # or that we read the archive, is written down a little later.
            self.session_heard[oid] = self.handled
            self.keep(oid, self.history.get(oid, self.stamp(element)))
            return
        if number < self.highest.get(sender, 0):
            raise self.broken(f"{oid} came after {sender}-{self.highest[sender]}")
        self.session_heard[oid] = self.handled
        self.highest[sender] = number
        self.keep(oid, self.stamp(element))

    @staticmethod
    def stamp(message):
        stamp = message.find(SID_NS, "stanza-id")
        return stamp.get("id") if stamp is not None else ""

    @staticmethod
    def late(message):
        """The server says that it has waited here."""
        delay = message.find("urn:xmpp:delay", "delay")
        return delay is not None and delay.get("from") == DOMAIN

    def keep(self, oid, archive_id):
        if oid not in self.history:
            self.history[oid] = archive_id
        elif self.history[oid] != archive_id:
            raise self.broken(f"{oid} is in the archive as {self.history[oid]} "
                              f"and as {archive_id}")
        else:
            self.duplicates += 1

    def catch_up(self):
        highest = {}
        for self.last, message in self.archive(self.last):
            oid = self.check(message)
            sender, number = number_of(oid)
            if number <= highest.get(sender, 0):
                raise self.broken(f"{oid} is in the archive after {sender}-{highest[sender]}")
            highest[sender] = number
            if oid not in self.history:
                self.keep(oid, self.last)
            elif self.history[oid] != self.last:
                raise self.broken(f"{oid} is in the archive as {self.last} and as "
                                  f"{self.history[oid]}")

    def log_on(self):
        if not self.connect():
            self.session_heard, self.highest, self.caught_up = {}, {}, False
        if self.caught_up:
            return
        if self.archived:
            self.catch_up()
        self.asking()
        self.presence = self.sent
        self.link.send("<presence/>" + (f"<r xmlns='{SM_NS}'/>" if self.managed else ""))
        if self.archived:
            self.catch_up()
        self.caught_up = True

    def round(self):
        """Until the server is killed."""
        while True:
            try:
                self.stay()
            except Full:
                self.link.close()
                continue
            if self.clock.dying.wait(self.chance.uniform(0, 0.4)):
                return

    def stay(self):
        self.log_on()
        leave = time.monotonic() + (self.chance.uniform(0.05, 0.6)
                                    if self.way != "online" else 1e9)
        while time.monotonic() < leave:
            self.look(0.05)
        self.hang_up(self.way == "offline")

    def settle(self):
        """At the end, when nothing is sent any more: a session that was resumed must have
        heard everything by itself; then the archive is asked."""
        owed = self.ledger.owed(self.name)
        until = time.monotonic() + self.house.timeout
        self.log_on()
        while not owed <= self.history.keys() and time.monotonic() < until:
            try:
                self.look(0.1)
            except Full:
                self.link.close()
                self.log_on()
        self.ask("<iq type='get' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>")
        if self.archived and owed <= self.history.keys():
            self.compare()
        self.hang_up(True)

    def compare(self):
        """The whole archive, with what was heard and read of it: nothing went that was there,
        nothing is there that was never given out."""
        self.catch_up()
        whole = {}
        for archive_id, message in self.archive(None):
            oid = self.check(message)
            if oid in whole:
                raise self.broken(f"{oid} is twice in the archive")
            whole[oid] = archive_id
        if whole != self.history:
            odd = sorted(set(whole.items()) ^ set(self.history.items()))
            raise self.broken(f"the archive and what was heard of it differ: {odd[:10]}")

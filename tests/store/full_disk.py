#!/usr/bin/python3
# SPDX-FileCopyrightText: 2026 The Tercet authors
# SPDX-License-Identifier: MIT
"""The disk of the store becomes full, and then has nothing left at all: what was acknowledged
stays, new messages are refused before anybody gets them, people log in and read. The server is
killed and starts on the full disk, from its reserve; when there is room it takes messages again
and sets the reserve aside again. small_disk.so, which is preloaded, is the disk.
"""
import os
import shutil
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

from xt_client import BIND_NS, CLIENT_NS, Connection, Failure, has_feature  # noqa: E402
from xt_people import watched  # noqa: E402
from xt_server import Server, missing  # noqa: E402

TIMEOUT = float(os.environ.get("XT_TIMEOUT", "30"))
LIBRARY = os.path.join(os.environ.get("TERCET_BUILD", "."), ".libs", "small_disk.so")
MB = 1024 * 1024
RESERVE = 16 * MB
LOG_FILE = 16 * MB
LOW = RESERVE // 2 + 2 * LOG_FILE   # new data is refused below
HIGH = RESERVE + 4 * LOG_FILE       # and taken again from here on
BODY = "x" * 100000
STANZAS_NS = "urn:ietf:params:xml:ns:xmpp-stanzas"


class Disk:
    def __init__(self, server):
        self.folder = os.path.join(server.state, "state", "store")
        self.size_file = os.path.join(server.folder, "size")
        self.size = 0
        library = shutil.copy(LIBRARY, server.folder)
        os.chmod(library, 0o755)
        server.environment.update(
            LD_PRELOAD=library, SMALL_DISK_FOLDER=self.folder, SMALL_DISK_SIZE=self.size_file,
            # Ours comes before the sanitizer's own.
            ASAN_OPTIONS=os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0")

    def used(self):
        return sum(os.path.getsize(os.path.join(self.folder, name))
                   for name in os.listdir(self.folder))

    def left(self):
        return max(self.size - self.used(), 0)

    def resize(self, size):
        self.size = size
        with open(self.size_file + ".new", "w", encoding="ascii") as file:
            file.write(f"{size}\n")
        os.chmod(file.name, 0o644)
        os.rename(file.name, self.size_file)

    def leave(self, room):
        self.resize(self.used() + room)

    def reserve(self):
        try:
            return os.path.getsize(os.path.join(self.folder, "RESERVE"))
        except OSError:
            return 0


class Person:
    def __init__(self, server, name):
        self.server, self.name = server, name
        self.connection = None
        self.count = 0

    def log_in(self):
        c = self.connection = Connection(self.server, lambda way, text: None, "whole", TIMEOUT)
        c.connect(False)
        c.open_stream("localhost")
        c.features()
        c.negotiate_tls()
        c.open_stream("localhost")
        c.features()
        c.authenticate(self.name, f"secret of {self.name}", "SCRAM-SHA-256")
        c.open_stream("localhost")
        assert has_feature(c.features(), BIND_NS, "bind")
        c.bind("here")

    def ask(self, text, wanted):
        """Sends a query and gives what comes up to its answer."""
        self.count += 1
        self.connection.send(text.replace("<iq ", f"<iq id='q{self.count}' ", 1))
        came = []
        while True:
            element = self.connection.element("answer")
            came.append(element)
            if element.name == "iq" and element.get("id") == f"q{self.count}":
                assert element.get("type") == wanted, element
                return came

    def send(self, body):
        """A message to oneself: how it ended, "" or the condition."""
        self.count += 1
        self.connection.send(f"<message id='m{self.count}' type='chat' "
                             f"to='{self.name}@localhost/here'><body>{body}</body></message>")
        element = self.connection.element("message")
        assert element.name == "message" and element.get("id") == f"m{self.count}", element
        error = element.find(CLIENT_NS, "error")
        if error is None:
            return ""
        return [e.name for e in error.elements() if e.ns == STANZAS_NS][0]

    def archived(self):
        """How many messages the archive has, from its beginning in pages."""
        after, total = "", 0
        while True:
            came = self.ask("<iq type='set'><query xmlns='urn:xmpp:mam:2'>"
                            "<set xmlns='http://jabber.org/protocol/rsm'><max>20</max>"
                            f"{after}</set></query></iq>", "result")
            total += len(came) - 1
            fin = came[-1].find("urn:xmpp:mam:2", "fin")
            if fin.get("complete") == "true":
                return total
            last = fin.find("http://jabber.org/protocol/rsm", "set").find(
                "http://jabber.org/protocol/rsm", "last").text()
            after = f"<after>{last}</after>"


def until(what, condition):
    """For what the server looks at by itself."""
    deadline = time.monotonic() + TIMEOUT
    while not condition():
        if time.monotonic() > deadline:
            raise Failure(f"timeout: {what}")
        time.sleep(0.05)


def play(server, disk, person):
    sent = 0
    disk.resize(1 << 40)
    server.start()
    at = server.arguments.index("--user")  # who would be written again at each start
    del server.arguments[at:at + 2]
    assert disk.reserve() == RESERVE
    person.log_in()
    disk.leave(LOW + 20 * MB)
    # Messages fill the disk until they are refused; there is room for the rest.
    while (condition := person.send(BODY)) == "":
        sent += 1
        assert sent < 2000, "never refused"
    assert condition == "resource-constraint", condition
    assert disk.left() < LOW + MB, disk.left()
    assert sent > 10, sent
    assert person.archived() == sent
    # A little room is not enough: it would be gone at once.
    disk.leave(HIGH - MB)
    assert person.send("x") == "resource-constraint"
    disk.leave(HIGH + MB)
    assert person.send("x") == ""
    sent += 1
    # Nothing is left. Reading and logging in go on.
    disk.leave(0)
    assert person.send("x") == "resource-constraint"
    assert person.archived() == sent
    person.connection.drop()
    person.log_in()
    assert person.archived() == sent
    server.kill()
    disk.leave(0)
    server.start()
    assert disk.reserve() == 0, "it did not need the reserve"
    person.log_in()
    assert person.archived() == sent
    assert person.send("x") == "resource-constraint"
    # And again, with no reserve but what recovery has left of it.
    server.kill()
    server.start()
    person.log_in()
    assert person.archived() == sent
    disk.leave(HIGH + RESERVE + MB)
    until("the reserve comes back", lambda: disk.reserve() == RESERVE)
    until("messages are taken", lambda: person.send("x") == "")
    assert person.archived() == sent + 1
    server.stop()


def main():
    lacking = missing(("storage_bdb", "mam", "message")) or \
        (None if os.path.exists(LIBRARY) else LIBRARY)
    if lacking is not None:
        print(f"{lacking} was not built")
        return 77
    server = Server(users=("romeo@localhost:secret of romeo",),
                    config=f'storage_bdb: {{ store_reserve = "{RESERVE // MB} MB"; '
                           'cache_size = "2 MB"; checkpoint_size = "4 MB"; };')
    with watched(server, 20000):
        play(server, Disk(server), Person(server, "romeo"))
    return 0


if __name__ == "__main__":
    sys.exit(main())

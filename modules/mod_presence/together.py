#!/usr/bin/python3
# SPDX-FileCopyrightText: 2026 The Tercet authors
# SPDX-License-Identifier: MIT
"""A presence for many leaves with one system call for all of them (io_uring), unless the
administrator does not want that, or the kernel; all of them hear it in any case."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tests",
                                "lib"))

from xt_client import Connection  # noqa: E402
from xt_people import watched  # noqa: E402
from xt_server import Server, missing  # noqa: E402

RESOURCES = 12


def log_in(server, resource):
    c = Connection(server, lambda *_: None, "whole", 60)
    c.connect(True)
    c.open_stream("localhost")
    c.features()
    c.authenticate("romeo", "secret", "SCRAM-SHA-1")
    c.open_stream("localhost")
    c.features()
    c.bind(resource)
    return c


def hear(connection, status):
    while True:
        element = connection.element()
        if element.name == "presence" and status in str(element):
            return


def has_ring(pid):
    folder = f"/proc/{pid}/fd"
    return any(os.readlink(f"{folder}/{name}") == "anon_inode:[io_uring]"
               for name in os.listdir(folder))


def broadcast(server):
    """True when a ring was used."""
    people = [log_in(server, f"r{i}") for i in range(RESOURCES)]
    for number, person in enumerate(people):
        person.send("<presence/>")
        person.send(f"<presence><status>here {number}</status></presence>")
        for other in people[:number + 1]:
            hear(other, f"here {number}")
    return has_ring(int(server.devserver("pid")))


def main():
    if missing(("presence",)):
        print("a module was not built")
        return 77
    used = {}
    for allowed in ("true", "false"):
        server = Server(users=["romeo@localhost:secret"], options=["--no-limits"],
                        config=f"io_uring = {allowed};")
        with watched(server):
            server.start()
            used[allowed] = broadcast(server)
            server.stop()
    if used["false"]:
        print("io_uring is used though the configuration forbids it")
        return 1
    if not used["true"]:
        print("io_uring is not there, or forbidden")
        return 77
    return 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/python3
# SPDX-FileCopyrightText: 2026 The Tercet authors
# SPDX-License-Identifier: MIT
"""Checkpoints bound what a start after a kill has to read, and let old log files go: much more
is written than a log file holds, with the default settings, and few files are there; the server
is killed and answers again soon, with all that it had acknowledged.
"""
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from full_disk import BODY, LOG_FILE, Person, until  # noqa: E402
from xt_people import watched  # noqa: E402
from xt_server import Server, missing  # noqa: E402

MESSAGES = 9 * LOG_FILE // len(BODY)
FILES = 4               # the newest, what two checkpoints reach back to, and one that goes now
ANSWERS_WITHIN = 5.0    # seconds after a kill


def log_files(server):
    names = os.listdir(os.path.join(server.state, "state", "store"))
    return sorted(name for name in names if name.startswith("log."))


def play(server, person):
    server.start()
    at = server.arguments.index("--user")  # who would be written again at each start
    del server.arguments[at:at + 2]
    person.log_in()
    most = 0
    for _ in range(MESSAGES):
        assert person.send(BODY) == ""
        most = max(most, len(log_files(server)))
    newest = int(log_files(server)[-1].removeprefix("log."))
    assert newest > 2 * FILES, f"only {newest} log files were written"
    until("old log files go", lambda: len(log_files(server)) <= FILES)
    for _ in range(20):
        assert person.send(BODY) == ""
    server.kill()
    begun = time.monotonic()
    server.start()
    person.log_in()
    took = time.monotonic() - begun
    assert person.archived() == MESSAGES + 20
    server.stop()
    print(f"{newest} log files written, {most} at once; answered {took:.2f} s after the kill")
    assert took <= ANSWERS_WITHIN or "ASAN_OPTIONS" in os.environ, took


def main():
    lacking = missing(("storage_bdb", "mam", "message"))
    if lacking is not None:
        print(f"{lacking} was not built")
        return 77
    server = Server(users=("romeo@localhost:secret of romeo",))
    with watched(server, 20000):
        play(server, Person(server, "romeo"))
    return 0


if __name__ == "__main__":
    sys.exit(main())

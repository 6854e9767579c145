# SPDX-FileCopyrightText: 2026 The Tercet authors
# SPDX-License-Identifier: MIT
"""What the tests with clients of others share: accounts, whether they can be played, a server
that is there for the length of one, and people who wait for something to happen."""
import asyncio
import contextlib
import logging
import os
import shutil
import time

from xt_server import missing

TIMEOUT = float(os.environ.get("XT_TIMEOUT", "30"))


def accounts(*names):
    """For Server(users=...): each with the password "secret of NAME"."""
    return [f"{name}@localhost:secret of {name}" for name in names]


def cannot_play(modules=(), programs=()):
    """Why the test is to be skipped, with status 77; None: it is not."""
    if os.environ.get("TERCET_QUICK"):
        return "TERCET_QUICK"
    absent = missing(modules)
    if absent is not None:
        return f"{absent} was not built"
    for program in programs:
        if shutil.which(program) is None:
            return f"no {program}"
    return None


@contextlib.contextmanager
def watched(server, lines=4000):
    """For a block that starts and stops the server as it likes: looks whether it complained of
    itself, prints the end of its log (that many bytes) when anything went wrong, and removes
    it."""
    try:
        yield server
        complaints = server.complaints()
        if complaints:
            raise AssertionError(complaints[0])
    except BaseException:
        print(server.log()[-lines:])
        raise
    finally:
        server.remove()


@contextlib.contextmanager
def served(server, lines=4000):
    """The server is started for the block, and stopped when that has ended well; and it is
    watched."""
    with watched(server, lines):
        server.start()
        yield server
        server.stop()


def quiet(level="ERROR"):
    """The logs of libraries, as $LOG says. What asyncio says of tasks that slixmpp leaves
    behind at the end is not ours."""
    logging.basicConfig(level=os.environ.get("LOG", level))
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)


def new_loop():
    """Of slixmpp, which looks for one when a client is made."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    return loop


class Waiting:
    """Somebody to whom things happen, each of which sets `changed`."""

    def __init__(self):
        self.changed = asyncio.Event()

    def happened(self, *_):
        self.changed.set()

    def story(self):
        """What is told of him when something did not happen."""
        return ""

    def trouble(self):
        """Why waiting is in vain; None: it is not."""
        return None

    async def wait(self, what, condition):
        end = time.monotonic() + TIMEOUT
        while not condition():
            if self.trouble() is not None:
                raise AssertionError(f"{self.trouble()} while waiting: {what}")
            left = end - time.monotonic()
            if left <= 0:
                raise AssertionError(f"timeout: {what}; {self.story()}")
            self.changed.clear()
            try:
                await asyncio.wait_for(self.changed.wait(), min(left, 0.5))
            except asyncio.TimeoutError:
                pass

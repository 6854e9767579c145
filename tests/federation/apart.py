#!/usr/bin/python3
# SPDX-FileCopyrightText: 2026 The Tercet authors
# SPDX-License-Identifier: MIT
"""Two of our servers under load, each in a network namespace of its own, with one cable between
them. The cable is unplugged, or lets nothing through in one direction, and is mended: what a client
was told is stored is in the other one's archive, once and in order.

    apart.py [--cuts N] [--seed S]

Only root may make namespaces, and not everywhere. Where this test may not, it says so, and the
link is the proxy of loss.py. Nothing leaves the two namespaces: they know the cable and nothing
else, and end with the test."""
import argparse
import contextlib
import ctypes
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "lib")]

import loss  # noqa: E402
from two import make_server  # noqa: E402
from xt_authority import Authority  # noqa: E402
from xt_client import Failure  # noqa: E402
from xt_server import missing  # noqa: E402

ADDRESSES = ("10.73.0.1", "10.73.0.2")
PORT = 5269
CABLE = "cable"
CLONE_NEWNET = 0x40000000
LIBC = ctypes.CDLL(None, use_errno=True)


class Unable(Exception):
    """No namespaces here."""


def enter(path):
    """From now on the calling thread makes its sockets there."""
    file = os.open(path, os.O_RDONLY)
    try:
        if LIBC.setns(file, CLONE_NEWNET) != 0:
            raise Unable(os.strerror(ctypes.get_errno()))
    finally:
        os.close(file)


@contextlib.contextmanager
def inside(path):
    own = f"/proc/self/task/{threading.get_native_id()}/ns/net"
    file = os.open(own, os.O_RDONLY)
    try:
        enter(path)
        yield
    finally:
        LIBC.setns(file, CLONE_NEWNET)
        os.close(file)


class Namespace:
    """Lives as long as a process that does nothing."""

    def __init__(self):
        own = os.readlink("/proc/self/ns/net")
        try:
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", "unshare", "--net", "sleep", "infinity"],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        except OSError as error:
            raise Unable(str(error)) from error
        self.path = f"/proc/{self.process.pid}/ns/net"
        while True:
            if self.process.poll() is not None:
                raise Unable("unshare is not allowed to")
            try:
                if os.readlink(self.path) != own:
                    break
            except OSError:
                pass
            time.sleep(0.01)

    def run(self, *command):
        try:
            done = subprocess.run(["nsenter", f"--net={self.path}", *command], text=True,
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT)
        except OSError as error:
            raise Unable(str(error)) from error
        if done.returncode != 0:
            raise Unable(f"{' '.join(command)}: {done.stdout.strip()}")

    def end(self):
        self.process.kill()
        self.process.wait()


class Cable:
    """Of two namespaces. `unplugged`: both sides see that it is; `deaf`: what the second sends is
    lost, and neither sees it."""
    WAYS = ("unplugged", "deaf")

    def __init__(self):
        self.ends = []
        try:
            self.ends = [Namespace()]
            self.ends.append(Namespace())
            self.ends[0].run("ip", "link", "add", CABLE, "type", "veth", "peer", "name", CABLE,
                             "netns", str(self.ends[1].process.pid))
            for end, address in zip(self.ends, ADDRESSES):
                end.run("ip", "address", "add", f"{address}/24", "dev", CABLE)
                end.run("ip", "link", "set", "lo", "up")
                end.run("ip", "link", "set", CABLE, "up")
            with inside(self.ends[1].path):
                pass
        except Unable:
            self.end()
            raise

    def cut(self, way):
        if way == "unplugged":
            self.ends[0].run("ip", "link", "set", CABLE, "down")
        else:
            self.ends[1].run("ip", "route", "add", "blackhole", f"{ADDRESSES[0]}/32")

    def heal(self, way):
        if way == "unplugged":
            self.ends[0].run("ip", "link", "set", CABLE, "up")
        else:
            self.ends[1].run("ip", "route", "del", "blackhole", f"{ADDRESSES[0]}/32")

    def end(self):
        for end in self.ends:
            end.end()


class Apart(loss.Stage):
    def __init__(self, folder, seed, cable):  # pylint: disable=super-init-not-called
        self.cable = cable
        authority = Authority(os.path.join(folder, "authority"))
        names = ("capulet.example", "montague.example")
        servers = []
        for i, user in enumerate(loss.USERS):
            server = make_server(authority, names[i], user, "signed", PORT,
                                 (names[1 - i], PORT), False, "", loss.MORE,
                                 (ADDRESSES[i], ADDRESSES[1 - i]))
            server.command = ["nsenter", f"--net={cable.ends[i].path}", *server.command]
            servers.append(server)
        self.prepare(seed, names, servers, [])

    def talk(self, talker):
        enter(self.cable.ends[self.talkers.index(talker)].path)
        super().talk(talker)

    def archive(self, i):
        with inside(self.cable.ends[i].path):
            return super().archive(i)

    def cut(self, i):
        way = Cable.WAYS[i % len(Cable.WAYS)]
        self.cable.cut(way)
        time.sleep(self.chance.uniform(0.5, 2.5))
        self.cable.heal(way)


def main():
    lacking = missing(("s2s", "s2s_secure", "mam"))
    if lacking:
        print(f"{lacking} was not built")
        return 77
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cuts", type=int, default=4)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}")
    folder = tempfile.mkdtemp(prefix="tercet-test.")
    os.chmod(folder, 0o755)
    cable = None
    try:
        cable = Cable()
        print("a namespace for each")
    except Unable as error:
        print(f"no network namespaces here ({error}): the link is a proxy")
    try:
        stage = Apart(folder, arguments.seed, cable) if cable else \
            loss.Stage(folder, arguments.seed)
        loss.play(stage, (stage.cuts, arguments.cuts))
    except (AssertionError, Failure, Unable) as error:
        print(error)
        return 1
    finally:
        if cable:
            cable.end()
        shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())

# SPDX-FileCopyrightText: 2026 The Tercet authors
# SPDX-License-Identifier: MIT
"""Kills a server under load, again and again, and counts what became of the messages: of those
that it acknowledged (XEP-0198) none may be lost, none may come twice to a session, and those of
one sender come in order. SCENARIOS says who gets them."""
import argparse
import collections
import os
import random
import signal
import sys
import threading
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "lib")]

from disk import MODES, Disk  # noqa: E402
from people import Broken, Clock, Device, Gone, Ledger, Sender  # noqa: E402
from xt_server import Server, ServerFailure, missing, module_folder  # noqa: E402

TIMEOUT = float(os.environ.get("XT_TIMEOUT", "30"))
LIBRARY = os.path.join(os.environ.get("TERCET_BUILD", "."), ".libs", "power_cut.so")
SENDERS = 3
HOUSE_KILLS = 100
ANSWERS_WITHIN = 5.0   # seconds after a kill

# What is written in one turn comes to the disk at several times, as on a bad day.
SINGLY = {"TERCET_STORE_SINGLE": "yes", "TERCET_STORE_LATENCY": "3ms"}

# The account, and its devices: (resource, what it does, whether it has XEP-0198).
Scenario = collections.namedtuple("Scenario", "name archived devices")
SCENARIOS = (
    Scenario("online", True, (("phone", "online", True), ("desk", "online", True))),
    Scenario("plain", True, (("desk", "online", False), ("phone", "offline", False))),
    Scenario("detached", True, (("phone", "detached", True),)),
    Scenario("offline", True, (("phone", "offline", True),)),
    # Who has no archive has what mod_offline keeps.
    Scenario("never", False, (("phone", "online", True),)),
    Scenario("never-detached", False, (("phone", "detached", True),)),
    Scenario("never-offline", False, (("phone", "offline", True),)),
    Scenario("never-plain", False, (("desk", "offline", False),)),
)

# Little memory and many checkpoints, so that files are written all the time.
STORE = 'storage_bdb: { cache_size = "2 MB"; checkpoint_size = "1 MB"; store_reserve = "1 MB"; };'
MAM = 'mam: { page_size = 250; };'
# A session that ended just before a kill may be there again, waiting for nobody: what it takes
# goes to others when it has waited that long.
SMACKS = 'smacks: { hibernation_time = "8 s"; };'
OFFLINE = 'offline: { max_messages = 10000; max_bytes = "100 MB"; stranger_share = 100; };'


def has_offline():
    return os.path.exists(os.path.join(module_folder(), "mod_offline.so"))


def is_gone(pid):
    """With all its threads: one that waits for the disk ends later than the first, and until then
    writes what it had begun to write."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            dead = file.read().rpartition(")")[2].split()[0] == "Z"
        return dead and len(os.listdir(f"/proc/{pid}/task")) == 1
    except (FileNotFoundError, ProcessLookupError):
        return True


class House:
    """The server, what it does to itself, and everybody in it."""

    def __init__(self, seed, without_archive, cut):
        self.seed, self.without_archive, self.cut_modes = seed, without_archive, cut
        self.chance = random.Random(seed)
        self.timeout = TIMEOUT
        self.clock, self.ledger = Clock(), Ledger()
        self.scenarios = [s for s in SCENARIOS
                          if (has_offline() or s.archived) and not (without_archive and s.archived)]
        names = [f"s{i}" for i in range(SENDERS)]
        to = [s.name for s in self.scenarios]
        config = STORE + ('modules_disabled = [ "mam" ];' if without_archive else "")
        self.singly = self.chance.random() < 0.5
        self.server = Server(environment=SINGLY if self.singly else None,
                             users=[f"{name}@localhost:secret of {name}" for name in names + to],
                             config=config,
                             host_config=SMACKS + ("" if without_archive else MAM)
                             + (OFFLINE if has_offline() else ""))
        self.disk = Disk(self.server, LIBRARY) if cut else None
        self.senders = [Sender(self, name, to, not without_archive, seed) for name in names]
        self.devices = [Device(self, s.name, resource, seed, way, s.archived, managed)
                        for s in self.scenarios for resource, way, managed in s.devices]
        self.kills, self.slowest, self.begun, self.trouble = 0, 0.0, 0.0, []
        self.failure = None     # of a start that was to be cut short

    def behind(self, name):
        """How many messages the slowest device of an account has not got."""
        return len(self.ledger.sent[name]) - min(len(device.history) for device in self.devices
                                                 if device.name == name)

    # ---- the server ----

    def start(self):
        if self.disk is not None:
            self.disk.remember()
            self.disk.begin()
        self.clock.dying.clear()
        self.clock.answered = None
        self.clock.life += 1
        self.begun = time.monotonic()
        self.server.start()
        arguments = self.server.arguments
        while "--user" in arguments:    # they would be written again at each start
            at = arguments.index("--user")
            del arguments[at:at + 2]

    def pid(self):
        try:
            with open(os.path.join(self.server.state, "pid"), encoding="ascii") as file:
                return int(file.read().split()[0])
        except (OSError, IndexError, ValueError):
            return None

    def kill(self):
        """Before everybody, so that nobody wonders."""
        self.clock.dying.set()
        pid = self.pid()
        os.kill(pid, signal.SIGKILL)
        self.server.running = False
        self.kills += 1
        until = time.monotonic() + self.timeout
        while not is_gone(pid):
            assert time.monotonic() < until, "the server does not die"
            time.sleep(0.002)
        if self.clock.answered is not None:
            self.look_at_time()

    def look_at_time(self):
        self.slowest = max(self.slowest, self.clock.answered - self.begun)

    def kill_while_starting(self):
        """A server that does not come as far as to be ready."""
        if self.disk is not None:
            self.disk.remember()
            self.disk.begin()
        before = self.pid()
        starting = threading.Thread(target=self.start_in_vain)
        starting.start()
        while self.pid() in (None, before) and starting.is_alive():
            time.sleep(0.001)
        time.sleep(self.chance.uniform(0, 0.1))
        assert self.pid() not in (None, before), f"the server does not start: {self.failure}"
        self.kill()
        starting.join()

    def start_in_vain(self):
        try:
            self.server.start()
        except ServerFailure as failure:
            self.failure = failure

    def cut(self):
        if self.disk is not None:
            self.disk.cut(self.chance.choice(self.cut_modes), self.chance.random())

    # ---- a life of the server ----

    def everybody(self, what):
        """A thread for each, until all have ended; gives their complaints."""
        def one(call):
            try:
                call()
            except Gone:
                pass
            except BaseException as error:  # pylint: disable=broad-except
                self.trouble.append(error)
                if not isinstance(error, Broken):
                    traceback.print_exc()
                self.clock.dying.set()
        threads = [threading.Thread(target=one, args=(call,)) for call in what]
        for thread in threads:
            thread.start()
        return threads

    def end(self, threads):
        for thread in threads:
            thread.join()
        for client in self.senders + self.devices:
            if client.link is not None:
                client.link.close()
        if self.trouble:
            raise self.trouble[0]

    def prepare(self):
        """Accounts, and who wants no archive. What is answered is on disk, even the first
        time."""
        self.start()
        if not self.without_archive:
            for device in self.devices:
                if not device.archived:
                    device.connect()
                    device.prefer()
                    device.hang_up(True)
        self.kill()
        self.cut()

    def live(self):
        self.start()
        threads = self.everybody([c.round for c in self.devices + self.senders])
        self.clock.dying.wait(self.chance.choice((0.1, 0.5, 1)) * self.chance.uniform(0.2, 1))
        self.kill()
        self.end(threads)
        self.cut()
        if self.chance.random() < 0.15:
            self.kill_while_starting()
            self.cut()

    def settle(self):
        self.clock.draining = True
        self.start()
        for phase in ([c.round for c in self.senders], [c.settle for c in self.devices]):
            self.end(self.everybody(phase))
        self.look_at_time()
        self.server.stop()
        if self.disk is not None:
            self.disk.check()
        complaints = self.server.complaints()
        assert not complaints, complaints

    # ---- the result ----

    def report(self):
        failed = []
        print(f"{'':16}{'sent':>8}{'acked':>8}{'received':>10}{'lost':>6}{'twice':>7}")
        for s in self.scenarios:
            owed = self.ledger.owed(s.name)
            for device in self.devices:
                if device.name != s.name:
                    continue
                lost = owed - device.history.keys()
                print(f"{device.name + '/' + device.resource:16.16}"
                      f"{len(self.ledger.sent[s.name]):8}{len(owed):8}"
                      f"{len(device.history):10}{len(lost):6}{device.duplicates:7}")
                if lost:
                    failed.append(f"{device} lost {sorted(lost)[:10]}")
                unknown = device.history.keys() - self.ledger.sent[s.name]
                if unknown:
                    failed.append(f"{device} heard what nobody sent: {sorted(unknown)[:10]}")
            if self.ledger.refused[s.name]:
                failed.append(f"refused for {s.name}: "
                              f"{sorted(self.ledger.refused[s.name])[:10]}")
        print(f"{self.kills} kills, {self.clock.resumed} sessions resumed after one, "
              f"slowest answer {self.slowest:.2f} s after a start"
              + (f", {self.disk.lost} writes not synced" if self.disk else "")
              + (", sets written one by one" if self.singly else ""))
        if self.slowest > ANSWERS_WITHIN and "ASAN_OPTIONS" not in os.environ:
            failed.append(f"the server answered after {self.slowest:.1f} s")
        return failed


def arguments(description, kills, cut):
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--kills", type=int, default=kills)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument("--without-archive", action="store_true",
                        help="the host has no mod_mam")
    if cut:
        parser.add_argument("--cut", choices=MODES, action="append",
                            help=f"what the disk has afterwards (default: {', '.join(cut)})")
    return parser.parse_args()


def play_house(house, kills):
    try:
        house.prepare()
        for _ in range(kills):
            house.live()
        house.settle()
        failed = house.report()
        if failed:
            raise Broken("\n".join(failed))
    except BaseException:
        print(f"seed {house.seed}, kill {house.kills}; the server's log:")
        print(house.server.log()[-5000:])
        raise
    finally:
        house.server.remove()


def play(description, kills, cut=()):
    """Exit status of a test. A new server after HOUSE_KILLS kills: its archives are read whole
    at the end."""
    options = arguments(description, kills, cut)
    lacking = missing(("storage_bdb", "smacks", "message", "presence", "mam")) or \
        (LIBRARY if cut and not os.path.exists(LIBRARY) else None)
    if lacking is not None:
        print(f"{lacking} was not built")
        return 77
    modes = (options.cut or cut) if cut else ()
    print(f"again: {sys.argv[0]} --kills {options.kills} --seed {options.seed}"
          + "".join(f" --cut {mode}" for mode in modes)
          + (" --without-archive" if options.without_archive else ""))
    for done in range(0, options.kills, HOUSE_KILLS):
        house = House(options.seed + done, options.without_archive, modes)
        if not house.scenarios:
            print("mod_offline was not built")
            return 77
        play_house(house, min(HOUSE_KILLS, options.kills - done))
    return 0

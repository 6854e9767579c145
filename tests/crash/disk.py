# SPDX-FileCopyrightText: 2026 The Tercet authors
# SPDX-License-Identifier: MIT
"""The disk of a server whose power is cut: what power_cut.so wrote down is played on a model of
the store's folder, which knows for each file and each folder what was synced and what came
after. cut() puts the folder back to what a disk may hold then:

    synced    what was synced, and nothing else
    whole     also a random part of the rest, in pieces of 8192 bytes: each file its own part,
              later pieces without earlier ones; of the names in a folder the first few changes
    pages     the same in pieces of 4096 bytes, the size of the pages of the store's files
    sectors   the same in pieces of 512 bytes, which breaks pages: what the server asks of a disk
              is that it writes 4096 bytes whole
"""
import os
import random
import shutil
import struct

ENTRY = struct.Struct("=4I2Q")
MAGIC = 0x7263757a
BASE, CREATE, WRITE, LENGTH, ALLOCATE, SYNC, SYNCED, UNLINK, RENAME, BEGUN = range(1, 11)
PIECE = {"synced": 4096, "whole": 8192, "pages": 4096, "sectors": 512}
MODES = tuple(PIECE)


class File:
    """The bytes that were synced, and what was done since."""

    def __init__(self, data=b""):
        self.data, self.pending, self.written = bytearray(data), [], False

    @staticmethod
    def apply(data, change):
        what, at, payload = change
        if what == WRITE:
            if len(data) < at:
                data.extend(bytes(at - len(data)))
            data[at:at + len(payload)] = payload
        elif what == ALLOCATE:
            data.extend(bytes(max(0, at - len(data))))
        elif at <= len(data):
            del data[at:]
        else:
            data.extend(bytes(at - len(data)))

    def change(self, what, at, payload, number):
        self.pending.append((number, (what, at, payload)))

    def synced(self, before):
        for number, change in self.pending:
            if number < before:
                self.apply(self.data, change)
        self.pending = [one for one in self.pending if one[0] >= before]

    def whole(self):
        data = bytearray(self.data)
        for _, change in self.pending:
            self.apply(data, change)
        return data

    def part(self, chance, piece):
        """With a random part of what was not synced."""
        data, keep = bytearray(self.data), chance.choice((0.1, 0.5, 0.9, chance.random()))
        for _, (what, at, payload) in self.pending:
            if what != WRITE:
                if chance.random() < keep:
                    self.apply(data, (what, at, payload))
                continue
            begin = at
            while begin < at + len(payload):
                end = min((begin // piece + 1) * piece, at + len(payload))
                if chance.random() < keep:
                    self.apply(data, (WRITE, begin, payload[begin - at:end - at]))
                begin = end
        return data


class Folder:
    """Names that were synced, as name: id, and what was done to them since."""

    def __init__(self):
        self.names, self.pending = {}, []

    @staticmethod
    def apply(names, change):
        what, name, other = change
        if what == CREATE:
            names[name] = other
        elif what == UNLINK:
            names.pop(name, None)
        elif name in names:
            names[other] = names.pop(name)

    def change(self, what, name, other, number):
        self.pending.append((number, (what, name, other)))

    def synced(self, before):
        for number, change in self.pending:
            if number < before:
                self.apply(self.names, change)
        self.pending = [one for one in self.pending if one[0] >= before]

    def part(self, count):
        names = dict(self.names)
        for _, change in self.pending[:count]:
            self.apply(names, change)
        return names


class Disk:
    """Of one server, whose environment it changes; the library is in the build folder."""

    def __init__(self, server, library, delay=1500):
        self.top = os.path.join(server.state, "state")
        self.store = os.path.join(self.top, "store")
        self.journal = os.path.join(server.folder, "journal")
        copy = shutil.copy(library, server.folder)
        os.chmod(copy, 0o755)
        server.environment.update(
            TERCET_DEVSERVER_WRAP=f"env LD_PRELOAD={copy}", POWER_CUT_FOLDER=self.top,
            POWER_CUT_JOURNAL=self.journal, POWER_CUT_DELAY=str(delay),
            # Ours comes before the sanitizer's own.
            ASAN_OPTIONS=os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0")
        self.files, self.syncs, self.lost = {}, 0, 0

    def begin(self):
        """Before the server starts: what is in the folder now is on disk."""
        with open(self.journal, "wb"):
            pass
        os.chmod(self.journal, 0o666)

    # ---- the model ----

    def entries(self):
        """What the library wrote; the last entry may be torn by the kill."""
        with open(self.journal, "rb") as file:
            data = file.read()
        at = 0
        while at + ENTRY.size <= len(data):
            magic, what, number, length, a, b = ENTRY.unpack_from(data, at)
            if magic != MAGIC:
                raise AssertionError(f"the journal is broken at {at}")
            at += ENTRY.size
            if at + length > len(data):
                return
            yield what, number, a, b, data[at:at + length]
            at += length

    def play(self):
        self.files, self.syncs, self.begun = {0: Folder()}, 0, False
        begun = {}
        for count, (what, number, a, b, payload) in enumerate(self.entries()):
            if what in (BASE, CREATE):
                self.come(what, number, a, b, payload.decode(), count)
            elif what in (WRITE, LENGTH, ALLOCATE):
                self.files[number].change(what, a, payload, count)
                if what == WRITE and b:
                    raise AssertionError("a file is written synchronously: not modelled")
                self.files[number].written = True
            elif what == SYNC:
                begun[a] = (number, count)
            elif what == SYNCED:
                number, before = begun.pop(a)
                self.files[number].synced(before)
                self.syncs += 1
            elif what == UNLINK:
                self.files[a].change(UNLINK, payload.decode(), None, count)
            elif what == RENAME:
                old, new = payload.decode().split("\0")
                self.files[a].change(RENAME, old, new, count)
            elif what == BEGUN:
                self.begun = True

    def come(self, what, number, folder, is_folder, name, count):
        if what == CREATE:
            self.files[number] = Folder() if is_folder else File()
            self.files[folder].change(CREATE, name, number, count)
            return
        self.files[folder].names[name] = number
        if is_folder:
            self.files[number] = Folder()
        else:
            self.files[number] = File(self.before[os.path.join(self.path_of(folder), name)])

    def path_of(self, number):
        return self.top if number == 0 else self.store

    def remember(self):
        """Before the server starts, the bytes that the journal builds on."""
        self.before = {}
        for name in os.listdir(self.store) if os.path.isdir(self.store) else ():
            path = os.path.join(self.store, name)
            with open(path, "rb") as file:
                self.before[path] = file.read()

    # ---- the cut ----

    def cut(self, mode, seed):
        """After the server's end."""
        self.play()
        if not self.begun:  # it died before it did anything
            return
        chance, piece = random.Random(seed), PIECE[mode]
        top = self.files[0]
        names = top.part(0 if mode == "synced" else chance.randint(0, len(top.pending)))
        if "store" not in names:
            shutil.rmtree(self.store, ignore_errors=True)
            return
        folder = self.files[names["store"]]
        names = folder.part(0 if mode == "synced" else chance.randint(0, len(folder.pending)))
        owner = os.stat(self.top)
        for name in sorted(set(os.listdir(self.store)) - set(names)):
            os.remove(os.path.join(self.store, name))
        for name, number in sorted(names.items()):
            file = self.files[number]
            self.lost += len(file.pending)
            data = file.data if mode == "synced" else file.part(chance, piece)
            path = os.path.join(self.store, name)
            # A new file: what has the old one open sees nothing of this.
            with open(path + ".new", "wb") as out:
                out.write(data)
            os.chmod(path + ".new", 0o600)
            os.chown(path + ".new", owner.st_uid, owner.st_gid)
            os.rename(path + ".new", path)

    def check(self):
        """After a clean end: the journal knows of all that was written."""
        self.play()
        folder = self.files[self.files[0].part(len(self.files[0].pending))["store"]]
        names = folder.part(len(folder.pending))
        there = set(os.listdir(self.store))
        assert there == set(names), f"names: {sorted(there ^ set(names))}"
        for name, number in names.items():
            with open(os.path.join(self.store, name), "rb") as file:
                assert file.read() == self.files[number].whole(), f"{name} differs"

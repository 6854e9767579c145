#!/usr/bin/python3
# SPDX-FileCopyrightText: 2026 The Tercet authors
# SPDX-License-Identifier: MIT
"""A name without account cannot be told from a wrong password: the server's answers are the same
but for what is random (nonce, salt), and it does the same work, by the number of HMACs, hashes
and rounds of PBKDF2. count_work.so, which is preloaded, counts.
"""
import base64
import hashlib
import os
import re
import shutil
import struct
import sys

sys.path.insert(0, os.path.join(os.environ.get("TERCET_SOURCE", "."), "tests", "lib"))

from xt_client import Connection, SaslFailure  # noqa: E402
from xt_people import served  # noqa: E402
from xt_server import Server, missing  # noqa: E402

TIMEOUT = float(os.environ.get("XT_TIMEOUT", "30"))
LIBRARY = os.path.join(os.environ.get("TERCET_BUILD", "."), ".libs", "count_work.so")
MECHANISMS = ["PLAIN"] + [f"SCRAM-SHA-{n}{plus}" for n in ("1", "256", "512")
                          for plus in ("", "-PLUS")]


class Counter:
    def __init__(self, server):
        library = shutil.copy(LIBRARY, server.folder)
        os.chmod(library, 0o755)
        self.path = os.path.join(server.folder, "work")
        with open(self.path, "wb") as file:
            file.write(bytes(32))
        os.chmod(self.path, 0o666)
        server.environment.update(
            LD_PRELOAD=library, COUNT_WORK_FILE=self.path,
            ASAN_OPTIONS=os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0")

    def read(self):
        with open(self.path, "rb") as file:
            return struct.unpack("4Q", file.read(32))


def attempt(server, counter, user, mechanism):
    """(work, what the server said) of a login that fails."""
    said = []

    def note(way, text):
        if way == "<-":
            said.append(text)
    c = Connection(server, note, "whole", TIMEOUT)
    c.connect(False)
    c.open_stream("localhost")
    c.features()
    c.negotiate_tls()
    c.open_stream("localhost")
    c.features()
    del said[:]
    before = counter.read()
    try:
        c.authenticate(user, "not this", mechanism)
    except SaslFailure:
        pass
    else:
        raise AssertionError(f"{user} got in")
    # The failure was sent after the work.
    work = tuple(b - a for a, b in zip(before, counter.read()))
    c.close()
    return work, "".join(said)


def shape(text):
    """What was said, without what is random."""
    def challenge(match):
        plain = base64.b64decode(match.group(1)).decode()
        plain = re.sub(r"r=[^,]*", lambda m: f"r={len(m.group())}", plain)
        salt = re.search(r"s=([^,]*)", plain).group(1)
        return f">{plain.replace(salt, str(len(salt)))}</challenge>"
    return re.sub(r">([^<>]*)</challenge>", challenge, text)


def salt_of(text):
    found = re.search(r">([^<>]*)</challenge>", text)
    return re.search(r"s=([^,]*)", base64.b64decode(found.group(1)).decode()).group(1)


def compare(server, counter):
    for mechanism in MECHANISMS:
        known = attempt(server, counter, "romeo", mechanism)
        nobody = attempt(server, counter, "nobody", mechanism)
        again = attempt(server, counter, "nobody", mechanism)
        assert known[0] == nobody[0], f"{mechanism}: work {known[0]} and {nobody[0]}"
        assert sum(known[0]) > 0, "nothing was counted"
        assert shape(known[1]) == shape(nobody[1]), f"{mechanism}: {known[1]} / {nobody[1]}"
        if mechanism != "PLAIN":
            assert salt_of(nobody[1]) == salt_of(again[1]), "the salt is not stable"
            assert salt_of(nobody[1]) != salt_of(known[1])
        print(f"{mechanism}: {known[0]} HMACs, hashes, rounds, derivations")


def from_elsewhere():
    """A line of import-users with keys for SHA-1 alone, 5000 rounds."""
    salt = b"0123456789abcdef0123"
    salted = hashlib.pbkdf2_hmac("sha1", b"secret", salt, 5000)
    import hmac
    stored = hashlib.sha1(hmac.digest(salted, b"Client Key", "sha1")).digest()
    parts = [salt, stored, hmac.digest(salted, b"Server Key", "sha1")]
    return "{SCRAM-SHA-1}5000," + ",".join(base64.b64encode(p).decode() for p in parts)


def blend_in(server, counter):
    """With accounts of two kinds, names without account are of both kinds."""
    status, _, err = server.ctl(["import-users", "localhost"],
                                "".join(f"old{i}:{from_elsewhere()}\n" for i in range(20)))
    assert status == 0, err
    rounds = set()
    for i in range(40):
        _, said = attempt(server, counter, f"stranger{i}", "SCRAM-SHA-1")
        rounds.add(re.search(r"i=(\d+)", base64.b64decode(
            re.search(r">([^<>]*)</challenge>", said).group(1)).decode()).group(1))
    assert rounds == {"5000", "10000"}, rounds


def main():
    if missing() or os.environ.get("TERCET_INSTALLED"):
        return 77
    server = Server(users=[f"romeo{n}@localhost:secret of romeo" for n in ("", "1", "2", "3")],
                    config="saslauth: { plain = true; failures_per_address = 0; failures_per_account = 0; };")
    counter = Counter(server)
    with served(server, 8000):
        compare(server, counter)
        blend_in(server, counter)
    return 0


if __name__ == "__main__":
    sys.exit(main())

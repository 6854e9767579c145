#!/usr/bin/python3
# SPDX-FileCopyrightText: 2026 The Tercet authors
# SPDX-License-Identifier: MIT
"""A store that is encrypted at rest: nothing that is known to be in it is in any of its files,
its logs or what is beside it, while the server runs, after it was killed and after it stopped.
The wrong key, none, and one too many are refused with a sentence; a store becomes encrypted,
gets another key, and becomes clear again, and keeps what it has.
"""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

from xt_client import Connection  # noqa: E402
from xt_people import watched  # noqa: E402
from xt_server import Server, ServerFailure, missing  # noqa: E402

USER = "zanzibarian"
SECRET = "The goose drinks wine at dawn"
WORDS = [USER.encode(), SECRET.encode(), SECRET.encode("utf-16-le")]


def found(server):
    """Files in the state folder that hold one of the words."""
    files = []
    for folder, _, names in os.walk(os.path.join(server.state, "state")):
        for name in names:
            path = os.path.join(folder, name)
            if os.path.isfile(path):
                with open(path, "rb") as file:
                    data = file.read()
                files += [os.path.relpath(path, server.state) for word in WORDS if word in data]
    return files


def say(server):
    """Logs in and writes the secret to the own account, where it is archived."""
    c = Connection(server, lambda *_: None, "whole", 30)
    c.connect(False)
    c.open_stream(server.domain)
    c.features()
    c.negotiate_tls()
    c.open_stream(server.domain)
    c.features()
    c.authenticate(USER, f"password of {USER}", "SCRAM-SHA-256")
    c.open_stream(server.domain)
    c.features()
    c.bind("home")
    c.send(f"<message to='{USER}@{server.domain}/home' type='chat'><body>{SECRET}</body></message>")
    c.element("the message")
    c.drop()


def knows_user(server, *more):
    status, out, problem = server.ctl([*more, "users"])
    assert status == 0 and USER in out, (status, out, problem)


def refused(server, text):
    try:
        server.start()
    except ServerFailure as problem:
        assert text in str(problem), f"{text!r} is not in: {problem}"
        return
    server.stop()
    raise AssertionError(f"it started where {text!r} was to be said")


def play(server):
    base = list(server.arguments)
    key, other = (os.path.join(server.state, name) for name in ("store.key", "other.key"))

    def configure(path):
        server.arguments = base + (
            ["--config-snippet", f'storage_bdb: {{ key_file = "{path}"; }};'] if path else [])

    def migrate(*more):
        # devserver writes the configuration when it starts; here nothing may start.
        path = os.path.join(server.state, "tercet.conf")
        with open(path, encoding="utf-8") as file:
            lines = [line for line in file if not line.startswith("storage_bdb:")]
        if server.arguments != base:
            lines.insert(0, server.arguments[-1] + "\n")
        with open(path, "r+", encoding="utf-8") as file:
            file.truncate()
            file.writelines(lines)
        return server.ctl([*more, "store", "migrate"])

    # In clear text, to know that the words would be seen.
    server.start()
    say(server)
    status, _, problem = server.ctl(["store", "new-key", key])
    assert status == 0, problem
    assert os.stat(key).st_mode & 0o777 == 0o600
    assert server.ctl(["store", "new-key", key])[0] == 1, "a key was written over"
    assert server.ctl(["store", "new-key", other])[0] == 0
    status, _, problem = server.ctl(["store", "migrate"])
    assert status == 1 and "stop it first" in problem, problem
    server.stop()
    assert found(server), "the words are not in a store in clear text either"
    configure(key)
    refused(server, "is not encrypted: stop the server and run")
    # Encrypted from here on.
    status, _, problem = migrate()
    assert status == 0, problem
    old = os.path.join(server.state, "state", "store.old")
    assert os.path.isdir(old)
    for name in os.listdir(old):
        os.remove(os.path.join(old, name))
    os.rmdir(old)
    assert not found(server), found(server)
    server.start()
    knows_user(server)
    say(server)
    assert not found(server), found(server)
    server.kill()
    assert not found(server), found(server)
    server.start()
    say(server)
    server.stop()
    assert not found(server), found(server)
    knows_user(server)
    # No key, another key, keys that are none.
    configure(None)
    refused(server, "is encrypted, and no key is configured")
    knows_user(server, "--key-file", key)
    configure(other)
    refused(server, "is not the one of the store")
    short = os.path.join(server.state, "short.key")
    with open(short, "w", encoding="ascii") as file:
        file.write("secret\n")
    os.chmod(short, 0o600)
    os.chown(short, os.stat(key).st_uid, os.stat(key).st_gid)
    configure(short)
    refused(server, "is no key of a store")
    configure(key)
    os.chmod(key, 0o644)
    refused(server, "may be read or changed by everybody (mode 0644)")
    os.chmod(key, 0o600)
    # Another key, and none.
    configure(other)
    status, _, problem = migrate("--old-key-file", key)
    assert status == 0, problem
    os.rename(old, old + ".1")
    server.start()
    knows_user(server)
    server.stop()
    configure(None)
    status, _, problem = migrate("--old-key-file", key)
    assert status == 1 and "is not the one of the store" in problem, problem
    os.rename(os.path.join(server.state, "state", "store.new"),
              os.path.join(server.state, "state", "store.left"))
    status, _, problem = migrate("--old-key-file", other)
    assert status == 0, problem
    server.start()
    knows_user(server)
    server.stop()
    assert found(server), "the store is still encrypted"


def main():
    if missing(("storage_bdb", "mam")):
        print(f"not here: {missing(('storage_bdb', 'mam'))}")
        sys.exit(77)
    if os.environ.get("TERCET_DEVSERVER_STORE", "bdb") != "bdb":
        sys.exit(77)
    server = Server(users=(f"{USER}@localhost:password of {USER}",))
    with watched(server):
        play(server)


main()

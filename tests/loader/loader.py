#!/usr/bin/python3
# SPDX-FileCopyrightText: 2026 The Tercet authors
# SPDX-License-Identifier: MIT
"""Modules that must be refused, and modules that misbehave: what the server says of each.
Every refusal says what was found, what was expected, and what to do. The modules are made
here, of tests/loader/bad.c."""
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "lib"))

from xt_server import Server, ServerFailure, missing, tercetd  # noqa: E402

SOURCE = os.path.join(HERE, "..", "..")
BUILD = os.environ.get("TERCET_BUILD", ".")

# What "tercetd --check" refuses: name in the configuration, modules to make as
# (file name, NAME, definitions), and what is said.
REFUSED = [
    ("wrong magic number", "bad", [("bad", "bad", "-DBAD_MAGIC")],
     ["mod_bad.so", "12345678", "54435431", "TCT_MODULE"]),
    ("another major version", "bad", [("bad", "bad", "-DBAD_MAJOR")],
     ["mod_bad.so", "99.0", "1.", "rebuild it"]),
    ("a newer minor version; nothing of it runs", "bad", [("bad", "bad", "-DBAD_MINOR")],
     ["mod_bad.so", "1.99", "upgrade the server"]),
    ("another environment", "bad", [("bad", "bad", "-DBAD_ENV")],
     ["mod_bad.so", "00040404", "rebuild it"]),
    ("a descriptor that is too small", "bad", [("bad", "bad", "-DBAD_SIZE")],
     ["mod_bad.so", "16 bytes", "rebuild it"]),
    ("another name than the file's", "bad", [("bad", "good", "")],
     ["mod_bad.so", "'good'", "'bad'"]),
    ("no descriptor", "bad", [("bad", "bad", "-DBAD_NO_DESCRIPTOR")],
     ["mod_bad.so", "TCT_MODULE"]),
    ("a function that this server does not have", "bad", [("bad", "bad", "-DBAD_SYMBOL")],
     ["mod_bad.so", "tct_from_the_future"]),
    ("a part of the server of another version", "bad", [("bad", "bad", "-DBAD_INTERNAL")],
     ["mod_bad.so", "0.0.0-other", "install both from one build"]),
    ("a dependency that is not loaded", "bad", [("bad", "bad", "-DBAD_DEPENDS='\"nowhere\"'")],
     ["'bad'", "'nowhere'", "add"]),
    ("a service that nobody provides", "bad", [("bad", "bad", "-DBAD_DEPENDS='\"@nothing\"'")],
     ["'bad'", "'nothing'"]),
    ("dependencies in a circle", "one two three",
     [("one", "one", "-DBAD_DEPENDS='\"two\"'"), ("two", "two", "-DBAD_DEPENDS='\"three\"'"),
      ("three", "three", "-DBAD_DEPENDS='\"one\"'")],
     ["circle", "'one'", "'two'", "'three'"]),
    ("a name that is nearly right", "gud", [("good", "good", "")],
     ["no module 'gud'", "did you mean 'good'?"]),
    ("a file that others may write", "open", [("open", "open", "")],
     ["mod_open.so", "chmod go-w"]),
]

# What fails when the server starts.
FAILS = [
    ("a load that fails", "bad", [("bad", "bad", "-DBAD_LOAD")],
     ["'bad'", "it is not my day"]),
    ("two owners of one payload", "one two",
     [("one", "one", "-DBAD_OWNER"), ("two", "two", "-DBAD_OWNER")],
     ["urn:example:owned", "mod_one", "'two'"]),
    ("two providers of one service", "one two",
     [("one", "one", "-DBAD_SERVICE"), ("two", "two", "-DBAD_SERVICE")],
     ["'example'", "mod_one", "'two'"]),
]


def compile_module(folder, file, name, defines):
    """With the command of the build, so that sanitizers and others fit."""
    command = os.environ.get("TERCET_COMPILE", f"gcc -std=gnu11 -I{SOURCE}/include").split()
    command += shlex.split(defines) + [
        f"-DNAME={name}", "-w", "-fPIC", "-shared", "-fvisibility=hidden",
        os.path.join(HERE, "bad.c"), "-o", os.path.join(folder, f"mod_{file}.so")]
    subprocess.run(command, cwd=BUILD, check=True)
    os.chmod(os.path.join(folder, f"mod_{file}.so"), 0o666 if file == "open" else 0o755)


def modules_of(folder, modules):
    shutil.rmtree(folder, ignore_errors=True)
    os.mkdir(folder)
    os.chmod(folder, 0o755)
    for module in modules:
        compile_module(folder, *module)


def said(where, text, wanted):
    missing = [word for word in wanted if word not in text]
    if missing:
        raise AssertionError(f"{where}: {missing} is not in:\n{text}")


def start_fails(where, folder, names, wanted, checked=False):
    """The server does not start, and says why; with `checked`, so does tercetd --check."""
    server = Server(environment={"TERCET_EXTRA_MODULES": folder, "TERCET_DEVSERVER_ADD": names})
    try:
        try:
            server.start()
        except ServerFailure as failure:
            said(where, server.log() + str(failure), wanted)
        else:
            raise AssertionError(f"{where}: the server started")
        if server.complaints():
            raise AssertionError(f"{where}: {server.complaints()[0]}")
        if checked:
            done = subprocess.run(
                [tercetd(), "--check", "--config", os.path.join(server.state, "tercet.conf")],
                env=dict(os.environ, LD_LIBRARY_PATH=os.path.join(BUILD, ".libs")),
                text=True, capture_output=True, check=False)
            assert done.returncode == 1, f"{where}: --check says {done.returncode}"
            said(f"{where}, --check", done.stderr, wanted)
    finally:
        server.remove()


def wait_for(server, pattern, what):
    deadline = time.monotonic() + 30
    while not re.search(pattern, server.log()):
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: no '{pattern}' in\n{server.log()}")
        time.sleep(0.02)


def a_timer_left_behind(folder):
    """It ends with its module: the server stops in order, nothing fires afterwards, and what
    it held is freed (the sanitizers look)."""
    modules_of(folder, [("bad", "bad", "-DBAD_TIMER")])
    server = Server(environment={"TERCET_EXTRA_MODULES": folder, "TERCET_DEVSERVER_ADD": "bad"})
    try:
        server.start()
        wait_for(server, "the timer fired", "the timer")
        server.stop()
        if server.complaints():
            raise AssertionError(server.complaints()[0])
    finally:
        server.remove()


def a_call_from_a_worker(folder):
    """The server says who did what, and ends: its memory cannot be trusted any more."""
    modules_of(folder, [("bad", "bad", "-DBAD_WORKER")])
    server = Server(environment={"TERCET_EXTRA_MODULES": folder, "TERCET_DEVSERVER_ADD": "bad"})
    try:
        try:
            server.start()
        except ServerFailure:
            pass
        wait_for(server, "tct_\\w+ was called from a worker", "the call")
    finally:
        server.remove()


def main():
    if os.environ.get("TERCET_QUICK") or missing():
        return 77
    top = tempfile.mkdtemp(prefix="tercet-loader.")
    os.chmod(top, 0o755)
    folder = os.path.join(top, "modules")
    try:
        for where, names, modules, wanted in REFUSED:
            modules_of(folder, modules)
            start_fails(where, folder, names, wanted, checked=True)
            print(f"refused: {where}", flush=True)
        for where, names, modules, wanted in FAILS:
            modules_of(folder, modules)
            start_fails(where, folder, names, wanted)
            print(f"failed: {where}", flush=True)
        a_timer_left_behind(folder)
        print("a timer left behind", flush=True)
        a_call_from_a_worker(folder)
        print("a call from a worker", flush=True)
    finally:
        shutil.rmtree(top, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/python3
# SPDX-FileCopyrightText: 2026 The Tercet authors
# SPDX-License-Identifier: MIT
"""ledger.py - the instructions of the hot path, counted by callgrind, held against
tests/bench/ledger.txt: a figure that is more than 3 % above fails. Counts do not jitter, but
they are those of a compiler, of libraries and of a processor, so the ledger names these, and
is not compared with others (77).

    ledger.py            compares
    ledger.py --update   writes the figures of this build into the ledger
    ledger.py --help     this text

Needs valgrind, and a build without sanitizers ($TERCET_BUILD).
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

BUILD = os.environ.get("TERCET_BUILD", ".")
HERE = os.path.dirname(os.path.abspath(__file__))
LEDGER = os.path.join(HERE, "ledger.txt")
COUNT = 200
ROUTED = 3000
TOLERANCE = 1.03
QUIET = {"check": True, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}

sys.path.insert(0, HERE)


def skip(why):
    print(why)
    sys.exit(77)


def setting():
    """What the counts depend on, besides our own code."""
    def output(*command):
        return subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE).stdout

    with open(os.path.join(BUILD, "Makefile"), encoding="utf-8") as file:
        makefile = file.read()
    cc = re.search(r"^CC = (.*)$", makefile, re.MULTILINE).group(1).split()
    flags = re.search(r"^CFLAGS = (.*)$", makefile, re.MULTILINE).group(1)
    if "-fsanitize" in makefile:
        skip("a build with sanitizers counts other things")
    if "-O2" not in flags:
        skip(f"the ledger is that of -O2, not of '{flags}'")
    packages = output("dpkg-query", "-W", "-f", "${Package} ${Version}\n", "libc6", "libexpat1",
                      "libev4", "valgrind")
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        wide = "avx512" if "avx512vl" in file.read() else "narrow"
    return f"{output(*cc, '--version').splitlines()[0]}\n{packages.strip()}\nprocessor {wide}"


def total(path):
    """The instructions of a callgrind file."""
    with open(path, encoding="utf-8") as file:
        for line in file:
            if line.startswith(("totals:", "summary:")):
                return int(line.split()[1])
    raise SystemExit(f"ledger.py: no figures in {path}")


def count_operation(folder, name):
    """One op_* of bench_stanza: the difference of two runs leaves out what happens once."""
    figures = []
    for count in (COUNT, 2 * COUNT):
        path = os.path.join(folder, f"{name}.{count}")
        subprocess.run(
            ["valgrind", "--tool=callgrind", "--collect-atstart=no",
             f"--toggle-collect=op_{name}", f"--callgrind-out-file={path}",
             os.path.join(BUILD, "bench_stanza"), str(count)], **QUIET)
        figures.append(total(path))
    return (figures[1] - figures[0]) / COUNT


def count_route(folder, archived):
    """A message from socket to socket, one at a time: again the difference of two runs.
    `archived`: with a copy in the archive of each of the two people."""
    from route import Pair

    os.chmod(folder, 0o777)
    os.environ["TERCET_DEVSERVER_WRAP"] = (
        f"valgrind --tool=callgrind --callgrind-out-file={folder}/route.%p")
    figures = []
    for count in (500, 500 + ROUTED):
        pair = Pair(archived)
        try:
            pid = pair.pid()
            for i in range(count):
                pair.send(1, i)
        finally:
            pair.close()
        figures.append(total(os.path.join(folder, f"route.{pid}")))
    return (figures[1] - figures[0]) / ROUTED


def read_ledger():
    with open(LEDGER, encoding="utf-8") as file:
        head, figures = file.read().split("\n\n", 1)
    held = dict(line.split() for line in figures.splitlines() if line)
    return head, {name: float(value) for name, value in held.items()}


def write_ledger(head, figures):
    with open(LEDGER, "w", encoding="utf-8") as file:
        file.write(head + "\n\n")
        file.writelines(f"{name} {value:.0f}\n" for name, value in figures.items())


def compare(figures):
    failed = 0
    for name, held in read_ledger()[1].items():
        worse = figures[name] > held * TOLERANCE
        failed += worse
        print(f"{name:10} {figures[name]:8.0f} instructions, "
              f"{100 * (figures[name] / held - 1):+.1f} %"
              + (": over the ledger; if that is right, run ledger.py --update" if worse else ""))
    return 1 if failed else 0


def main():
    if "--help" in sys.argv[1:]:
        print(__doc__)
        return 0
    if shutil.which("valgrind") is None:
        skip("no valgrind (Debian package valgrind)")
    head, update = setting(), "--update" in sys.argv[1:]
    if not update and read_ledger()[0] != head:
        skip(f"the ledger is of another compiler, library or processor than\n{head}")
    with tempfile.TemporaryDirectory() as folder:
        figures = {name: count_operation(folder, name)
                   for name in ("parse", "build", "serialise")}
        figures["route"] = count_route(folder, False)
        figures["archive"] = count_route(folder, True)
    if update:
        write_ledger(head, figures)
        return 0
    return compare(figures)


if __name__ == "__main__":
    sys.exit(main())

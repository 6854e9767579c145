#!/usr/bin/python3
# SPDX-FileCopyrightText: 2026 The Tercet authors
# SPDX-License-Identifier: MIT
"""Two people sit at terminals, with profanity. Both ask to see each other and both agree; they
talk, one in another language; one leaves and comes back. Profanity checks the server's
certificate against an authority that it was told to trust (its option tls.certpath); a third
terminal, which trusts nobody, gets no further than the warning.

Skipped (77) without profanity or tmux (Debian packages profanity, tmux). The server is a real
one; everything else is below a temporary folder.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

from xt_authority import ServerAuthority  # noqa: E402
from xt_people import TIMEOUT, accounts, cannot_play, served  # noqa: E402
from xt_server import Server  # noqa: E402

SETTINGS = """[connection]
tls.certpath={trust}
[logging]
chlog=false
[ui]
splash=false
occupants=false
roster=false
[notifications]
message=false
"""
ACCOUNT = """[{jid}]
enabled=true
jid={jid}
resource=terminal
server={address[0]}
port={address[1]}
tls.policy=force
password=secret of {user}
"""


class Terminal:
    """A person in front of a screen of 140 columns: types lines, and reads what is new."""

    def __init__(self, folder, user, address, trust):
        self.user, self.jid = user, f"{user}@localhost"
        home = os.path.join(folder, f"{user}.{os.path.basename(trust)}")
        for part in ("config", "data"):
            os.makedirs(os.path.join(home, part, "profanity"))
        self.write(home, "config/profanity/profrc", SETTINGS.format(trust=trust))
        self.write(home, "data/profanity/accounts",
                   ACCOUNT.format(jid=self.jid, user=user, address=address))
        self.environment = {
            "HOME": home, "XDG_CONFIG_HOME": os.path.join(home, "config"),
            "XDG_DATA_HOME": os.path.join(home, "data"), "LC_ALL": "C.UTF-8", "TERM": "screen",
            "PATH": os.environ["PATH"], "TMUX_TMPDIR": home,
            "SHELL": "/bin/sh"}  # who runs the tests may have none that starts anything
        self.tmux("-f", "/dev/null", "new-session", "-d", "-x", "140", "-y", "50",
                  f"profanity -a {self.jid}")

    @staticmethod
    def write(home, name, text):
        with open(os.path.join(home, name), "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(os.path.join(home, name), 0o600)

    def tmux(self, *arguments):
        return subprocess.run(["tmux", "-L", "test", *arguments], env=self.environment, text=True,
                              check=True, capture_output=True, timeout=60).stdout

    def screen(self):
        return self.tmux("capture-pane", "-p", "-J")

    def types(self, line):
        self.tmux("send-keys", "-l", line)
        self.tmux("send-keys", "Enter")

    def sees(self, pattern):
        """Waits until the screen has it."""
        end = time.monotonic() + TIMEOUT
        while not re.search(pattern, self.screen(), re.MULTILINE):
            if time.monotonic() > end:
                raise AssertionError(f"{self.user} does not see '{pattern}'")
            time.sleep(0.05)

    def leave(self):
        try:
            self.tmux("kill-server")
        except subprocess.SubprocessError:
            pass


def meet(romeo, juliet):
    for one in (romeo, juliet):
        one.sees(r"logged in successfully, online")
        one.sees(r"\[TLS\]")
    for one, other in ((romeo, juliet), (juliet, romeo)):
        one.types(f"/sub request {other.jid}")
        one.sees(f"Sent subscription request to {other.jid}")
        other.sees(f"Received authorization request from {one.jid}")
        other.types(f"/sub allow {one.jid}")
        other.sees(f"Accepted subscription for {one.jid}")
        one.sees(f"Subscription received from {other.jid}")
        one.sees(rf"\+\+ {other.jid} \(terminal\) is online")
    for one, other in ((romeo, juliet), (juliet, romeo)):
        one.types(f"/sub show {other.jid}")
        one.sees(f"{other.jid} subscription status: both")


def talk(romeo, juliet):
    romeo.types(f"/msg {juliet.jid} Wherefore art thou & <why>?")
    romeo.sees(r"me: Wherefore art thou & <why>\?")
    juliet.sees(f"chat message: {romeo.jid}/terminal")
    juliet.types(f"/msg {romeo.jid} Γιατί όχι; ✓")
    juliet.sees(r"terminal: Wherefore art thou & <why>\?")
    juliet.sees(r"me: Γιατί όχι; ✓")
    romeo.sees(r"terminal: Γιατί όχι; ✓")


def ask(romeo):
    romeo.types("/win 1")
    romeo.types("/ping")
    romeo.sees(r"Ping response from server: \d+ms")
    romeo.types("/ping juliet@localhost/terminal")
    romeo.sees(r"Ping response from juliet@localhost/terminal: \d+ms")
    romeo.types("/disco info localhost")
    romeo.sees(r"Tercet im server")
    romeo.types("/disco items juliet@localhost")
    romeo.sees(r"juliet@localhost/terminal")


def go_and_come(romeo, juliet):
    juliet.types("/win 1")
    juliet.types("/status set away \"back soon\"")
    romeo.sees(rf"\+\+ {juliet.jid} \(terminal\) is away, \"back soon\"")
    juliet.types("/disconnect")
    romeo.sees(rf"-- {juliet.jid} \(terminal\) is offline")
    romeo.types("/clear")
    juliet.types(f"/connect {juliet.jid}")
    romeo.sees(rf"\+\+ {juliet.jid} \(terminal\) is online")
    # The friendship is the server's.
    juliet.types("/clear")
    juliet.types(f"/sub show {romeo.jid}")
    juliet.sees(f"{romeo.jid} subscription status: both")


def distrust(paris):
    paris.sees(r"TLS certificate verification failed")
    paris.types("/tls deny")
    paris.sees(r"Login failed")
    assert "logged in successfully" not in paris.screen()


def play(server, folder, authority):
    address, trust = server.address("c2s"), authority.trust_folder()
    nothing = os.path.join(folder, "nothing")
    os.mkdir(nothing)
    people = []
    try:
        for user in ("romeo", "juliet"):
            people.append(Terminal(folder, user, address, trust))
        people.append(Terminal(folder, "paris", address, nothing))
        romeo, juliet, paris = people
        meet(romeo, juliet)
        talk(romeo, juliet)
        ask(romeo)
        go_and_come(romeo, juliet)
        distrust(paris)
    except BaseException:
        for one in people:
            print(f"---- {one.user}\n{one.screen()}")
        raise
    finally:
        for one in people:
            one.leave()


def main():
    problem = cannot_play(programs=("profanity", "tmux"))
    if problem is not None:
        print(problem)
        return 77
    folder = tempfile.mkdtemp(prefix="tercet-test.")
    try:
        authority = ServerAuthority(folder)
        with served(Server(users=accounts("romeo", "juliet", "paris"),
                           options=authority.options())) as server:
            play(server, folder, authority)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())

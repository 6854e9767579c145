#!/usr/bin/python3
# SPDX-FileCopyrightText: 2026 The Tercet authors
# SPDX-License-Identifier: MIT
"""Gajim on a screen that nobody sees (Xvfb): it logs in, shows a contact, gets a message, and
sends what is typed into its window. The contact is a small client of the tests. Gajim is told
to trust the server's certificate by a file in its cert_store; a second one, which is not, shows
a warning and stays out.

    gajim.py [SCREENSHOT]     keeps a picture of the screen in that file (PNG)

Heavy: a part of "scripts/test --all" only. Skipped (77) as root, whom Gajim refuses, and without
gajim, Xvfb, xdotool or a D-Bus session (Debian packages gajim, xvfb, xdotool, dbus).
"""
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

from xt_authority import ServerAuthority  # noqa: E402
from xt_client import Connection, Failure  # noqa: E402
from xt_people import accounts, cannot_play, served  # noqa: E402
from xt_server import Server  # noqa: E402

TIMEOUT = float(os.environ.get("XT_TIMEOUT", "60"))
REPLY = "Call me but love"
PROGRAMS = ("gajim", "Xvfb", "xdotool", "dbus-run-session")
APP = {"use_keyring": False, "show_trayicon": False, "sounds_on": False, "check_for_update": False,
       "remote_control": False, "show_notifications": False, "autodetect_browser_mailer": False}


class Person:
    """A client of the tests, with an open stream."""

    def __init__(self, server, user):
        self.jid = f"{user}@localhost"
        self.c = Connection(server, lambda *_: None, "whole", TIMEOUT)
        self.c.connect(True)
        self.c.open_stream("localhost")
        self.c.features()
        self.c.authenticate(user, f"secret of {user}", "SCRAM-SHA-256")
        self.c.open_stream("localhost")
        self.c.features()
        self.c.bind("test")
        self.send("<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq><presence/>")

    def send(self, text):
        self.c.send(text)

    def wait(self, what, condition, timeout=TIMEOUT):
        """The next stanza of which it is true; requests are answered as every client does."""
        end = time.monotonic() + timeout
        while True:
            stanza = self.c.element(what, max(end - time.monotonic(), 0.01))
            if condition(stanza):
                return stanza
            if stanza.name == "iq" and stanza.get("type") in ("get", "set"):
                self.send(f"<iq type='error' id='{stanza.get('id')}' to='{stanza.get('from')}'>"
                          "<error type='cancel'><service-unavailable "
                          "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>")

    def body(self, text, timeout=TIMEOUT):
        def has(stanza):
            body = stanza.find("jabber:client", "body")
            return stanza.name == "message" and body is not None and body.text() == text
        return self.wait(f"the message '{text}'", has, timeout)

    def presence(self, kind):
        return self.wait(f"presence of type {kind}",
                         lambda s: s.name == "presence" and s.get("type") == kind)


class Screen:
    """An X server of its own, with a window manager's worth of nothing."""

    def __init__(self, folder):
        read, write = os.pipe()
        self.process = subprocess.Popen(
            ["Xvfb", "-displayfd", str(write), "-screen", "0", "1000x500x24", "-nolisten", "tcp"],
            pass_fds=(write,), stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder)
        os.close(write)
        with os.fdopen(read) as file:
            self.name = f":{file.readline().strip()}"

    def do(self, *arguments):
        return subprocess.run(["xdotool", *arguments], check=True, text=True, timeout=60,
                              capture_output=True, env=dict(os.environ, DISPLAY=self.name)).stdout

    def windows(self, *criterion):
        return subprocess.run(["xdotool", "search", "--onlyvisible", *criterion], text=True,
                              env=dict(os.environ, DISPLAY=self.name), timeout=60,
                              capture_output=True).stdout.split()

    def picture(self):
        """What is to be seen, as an image of PIL, which Gajim needs as well."""
        from PIL import ImageGrab
        return ImageGrab.grab(xdisplay=self.name)

    def close(self):
        self.process.terminate()
        self.process.wait()


class Gajim:
    def __init__(self, folder, screen, user, address, certificate):
        self.folder = os.path.join(folder, f"gajim.{user}")
        os.mkdir(self.folder)
        store = os.path.join(self.folder, "cert_store")
        os.mkdir(store)
        if certificate is not None:
            shutil.copy(certificate, os.path.join(store, "server"))
        self.settings(user, address)
        self.environment = dict(
            os.environ, HOME=self.folder, DISPLAY=screen.name, LC_ALL="C.UTF-8", NO_AT_BRIDGE="1",
            GDK_BACKEND="x11", XDG_RUNTIME_DIR=self.folder, XDG_CONFIG_HOME=self.folder,
            XDG_CACHE_HOME=self.folder, XDG_DATA_HOME=self.folder, GSETTINGS_BACKEND="memory")
        self.log = open(os.path.join(self.folder, "log"), "w+", encoding="utf-8")
        self.process = subprocess.Popen(
            ["dbus-run-session", "--", "gajim", "-c", self.folder],
            env=self.environment, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
            start_new_session=True)

    def settings(self, user, address):
        account = {"name": user, "hostname": "localhost", "active": True, "autoconnect": True,
                   "account_label": user, "savepass": True, "password": f"secret of {user}",
                   "use_custom_host": True, "custom_host": address[0], "custom_port": address[1],
                   "custom_type": "START TLS", "resource": "gajim", "request_user_data": False,
                   "confirm_unencrypted_connection": True}
        database = sqlite3.connect(os.path.join(self.folder, "settings.sqlite"))
        workspace = {"w1": {"name": "W", "color": "", "avatar_sha": "", "chats": [
            {"account": user, "jid": "juliet@localhost", "type": "contact", "pinned": False,
             "position": -1}]}}
        database.execute("CREATE TABLE settings (name TEXT UNIQUE, settings TEXT)")
        database.execute("CREATE TABLE account_settings (account TEXT UNIQUE, settings TEXT)")
        for name, value in (("app", dict(APP, workspace_order=["w1"])), ("soundevents", {}),
                            ("status_presets", {}), ("proxies", {}), ("plugins", {}),
                            ("workspaces", workspace)):
            database.execute("INSERT INTO settings VALUES (?, ?)", (name, json.dumps(value)))
        database.execute("INSERT INTO account_settings VALUES (?, ?)",
                         (user, json.dumps({"account": account, "contact": {}, "group_chat": {}})))
        database.execute("PRAGMA user_version = 5")
        database.commit()
        database.close()

    def close(self):
        try:
            os.killpg(self.process.pid, 15)
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, 9)
            self.process.wait()
        except ProcessLookupError:
            pass


def befriend(server):
    """Romeo and Juliet may see each other before Gajim comes; returns Juliet."""
    romeo, juliet = Person(server, "romeo"), Person(server, "juliet")
    for one, other in ((romeo, juliet), (juliet, romeo)):
        one.send(f"<presence to='{other.jid}' type='subscribe'/>")
        other.presence("subscribe")
        other.send(f"<presence to='{one.jid}' type='subscribed'/>")
        one.presence("subscribed")
    romeo.send("</stream:stream>")
    juliet.presence("unavailable")
    return juliet


def wait(what, condition):
    end = time.monotonic() + TIMEOUT
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"timeout: {what}")
        time.sleep(0.1)


def colours(picture):
    return len(picture.getcolors(1 << 24))


def converse(server, screen, juliet):
    """Gajim is there, and what it says comes from its window."""
    there = juliet.wait("Gajim's presence",
                        lambda s: s.name == "presence" and s.get("type") is None and
                        s.get("from") == "romeo@localhost/gajim")
    assert there.find("http://jabber.org/protocol/caps", "c") is not None
    juliet.send("<message to='romeo@localhost' type='chat' id='m1'><body>Wherefore?</body></message>")
    wait("Gajim's window", lambda: screen.windows("--class", "gajim"))
    window = screen.windows("--class", "gajim")[-1]
    # Without a window manager the window stands at the corner, and always looks the same: the
    # workspace, its only chat, and the line to write in, which has the focus then.
    end = time.monotonic() + TIMEOUT
    while True:
        screen.do("windowfocus", "--sync", window)
        for x, y in ((34, 118), (200, 166)):
            screen.do("mousemove", "--sync", str(x), str(y), "click", "1")
            time.sleep(0.3)  # a person's pace; the loop repeats what was too early
        screen.do("key", "ctrl+a")
        screen.do("type", "--delay", "20", REPLY)
        screen.do("key", "Return")
        try:
            juliet.body(REPLY, 3)
            return
        except Failure:
            if time.monotonic() > end:
                raise


def play(server, folder, authority, picture_path):
    juliet = befriend(server)
    screen, clients = Screen(folder), []
    try:
        address = server.address("c2s")
        clients.append(Gajim(folder, screen, "romeo", address, authority.certificate))
        converse(server, screen, juliet)
        picture = screen.picture()
        if picture_path:
            picture.save(picture_path)
        assert colours(picture) > 50, f"the screen has {colours(picture)} colours: nothing there"
        clients.pop().close()
        # The other one has never heard of that certificate, and asks.
        clients.append(Gajim(folder, screen, "paris", address, None))
        wait("the warning", lambda: screen.windows("--name", "Certificate"))
        assert "'paris@localhost' logged in" not in server.log()
    except BaseException:
        if picture_path:
            screen.picture().save(picture_path + ".failed.png")
        for one in clients:
            one.log.seek(0)
            print(one.log.read()[-4000:])
        raise
    finally:
        for one in clients:
            one.close()
        screen.close()


def main():
    problem = "Gajim does not run as root" if os.geteuid() == 0 else cannot_play(programs=PROGRAMS)
    if problem is not None:
        print(problem)
        return 77
    folder = tempfile.mkdtemp(prefix="tercet-test.")
    try:
        authority = ServerAuthority(folder)
        server = Server(users=accounts("romeo", "juliet", "paris"), options=authority.options())
        server.ca = authority.ca
        with served(server):
            play(server, folder, authority, sys.argv[1] if len(sys.argv) > 1 else None)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/python3
# SPDX-FileCopyrightText: 2026 The Tercet authors
# SPDX-License-Identifier: MIT
"""Whoever has shown an invitation in time may take his time with the rest (XEP-0445 section 4):
the account is made although the invitation has ended by then; nobody else can show it any more.
"""
import os
import sys
import time

sys.path.insert(0, os.path.join(os.environ.get("TERCET_SOURCE", "."), "tests", "lib"))

from xt_client import CLIENT_NS, Connection  # noqa: E402
from xt_people import cannot_play, served  # noqa: E402
from xt_server import Server  # noqa: E402

TIMEOUT = float(os.environ.get("XT_TIMEOUT", "30"))


def ctl(server, *arguments):
    status, out, err = server.ctl(arguments)
    assert status == 0, err
    return out


def stream(server):
    c = Connection(server, lambda way, text: None, "whole", TIMEOUT)
    c.connect(True)
    c.open_stream("localhost")
    c.features()
    return c


def ask(c, content):
    """The type of the answer."""
    c.send(f"<iq type='set' id='1'>{content}</iq>")
    return c.expect(CLIENT_NS, "iq").get("type")


def show(c, token):
    return ask(c, f"<preauth xmlns='urn:xmpp:pars:0' token='{token}'/>") == "result"


def shown_in_time(server, c):
    """The stream and the token of an invitation that ends soon; on a slow machine the next one
    has longer."""
    seconds = 1
    while True:
        out = ctl(server, "invite", "account", "localhost", f"{seconds} s")
        token = out.partition("preauth=")[2].split()[0]
        if show(c, token):
            return c, token
        seconds *= 2
        c.close()
        c = stream(server)


def play(server):
    c, token = shown_in_time(server, stream(server))
    while "0 invitations" not in ctl(server, "invite", "list", "localhost"):
        time.sleep(0.1)
    assert not show(stream(server), token), "it had ended"
    assert ask(c, "<query xmlns='jabber:iq:register'><username>romeo</username>"
                  "<password>secret</password></query>") == "result"
    assert "romeo@localhost" in ctl(server, "users")


def main():
    why = cannot_play(("invites", "register"))
    if why:
        print(why)
        sys.exit(77)
    with served(Server()) as server:
        play(server)


if __name__ == "__main__":
    main()

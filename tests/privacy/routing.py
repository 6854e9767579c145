#!/usr/bin/python3
# SPDX-FileCopyrightText: 2026 The Tercet authors
# SPDX-License-Identifier: MIT
"""Walks the routing table of RFC 6121 8.5 with a whole server: each type of stanza is sent to each
kind of address in each situation, and who gets it, or what its sender hears, must be what the table
allows. The table is the one of tests/unit/test_resolve.c, which looks at the core alone. What is
about subscriptions is walked by tests/unit/test_subscription.c.
"""
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "lib")]

from leaks import Person  # noqa: E402
from xt_people import accounts, cannot_play, served  # noqa: E402
from xt_server import Server  # noqa: E402

TABLE = os.path.join(HERE, "..", "unit", "test_resolve.c")
BARE = "juliet@localhost"   # as it is called there
ERROR = "<error type='cancel'><gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>"
QUESTION, BODY = "<q xmlns='urn:example:q'/>", "<body>x</body>"
STANZAS = {
    "normal": ("message", "", BODY), "chat": ("message", "chat", BODY),
    "groupchat": ("message", "groupchat", BODY), "headline": ("message", "headline", BODY),
    "error": ("message", "error", ERROR), "available": ("presence", "", ""),
    "unavailable": ("presence", "unavailable", ""), "probe": ("presence", "probe", ""),
    "presence error": ("presence", "error", ERROR), "get": ("iq", "get", QUESTION),
    "set": ("iq", "set", QUESTION), "result": ("iq", "result", ""),
    "iq error": ("iq", "error", ERROR)}


def read_table():
    """Who is there in each group: {name: [(resource, available, priority)]}; situations in the
    order of the columns: [(what, address, group)]; and {type: [cell]}."""
    with open(TABLE, encoding="utf-8") as file:
        text = file.read()
    groups = {name: [(r, there == "true", int(priority)) for r, there, priority in re.findall(
        r"\{'(.)', (true|false), (-?\d+)\}", body)] for name, body in re.findall(
            r"static const struct who (\w+)\[\] = \{(.*?)\{0\}\};", text, re.DOTALL)}
    columns = text[text.index("} situations[] ="):text.index("#define SITUATIONS")]
    situations = [(what, (BARE if bare else "") + (rest or ""), who) for what, bare, rest, who in
                  re.findall(r'\{ "([^"]+)", (BARE)? ?(?:"([^"]*)")?, (\w+) \}', columns)]
    rows = {name: re.findall(r'"([A-Z~]+)"', cells) for name, cells in re.findall(
        r'\{ "([^"]+)", TCT_\w+,\s+\{(.*?)\} \}', text, re.DOTALL)}
    assert len(situations) > 15 and all(len(r) == len(situations) for r in rows.values()), rows
    assert set(STANZAS) <= set(rows), rows.keys()
    return groups, situations, rows


class World:
    def __init__(self, server, groups):
        self.asker, self.sessions = Person(server, "asker", "desk"), {}
        self.asker.send("<presence/>")
        self.asker.ping()
        for group, people in groups.items():
            owner = Person(server, group, "owner")  # may be asked, as a contact
            owner.send(f"<presence to='{self.asker.bare}' type='subscribed'/>")
            owner.ping()
            self.asker.send(f"<presence to='{owner.bare}' type='subscribe'/>")
            self.asker.ping()
            owner.leave()
            self.sessions[group] = [Person(server, group, resource) for resource, _, _ in people]
            for person, (_, available, priority) in zip(self.sessions[group], people):
                if available:
                    person.send(f"<presence><priority>{priority}</priority></presence>")
                person.ping()

    def put(self, name, to, group, bare):
        """The resources that got it, and the kind of error that its sender got."""
        kind, type_, content = STANZAS[name]
        people = self.sessions[group]
        for one in (*people, self.asker, *people):
            one.ping()
            one.heard()
        type_ = f" type='{type_}'" if type_ else ""
        self.asker.send(f"<{kind} id='q' to='{to}'{type_}>{content}</{kind}>"
                        f"<iq type='get' id='end' to='{bare}'><x xmlns='urn:example:end'/></iq>")
        # Answers of one account come in order.
        self.asker.wait(lambda e: e.get("id") == "end")
        for one in (*people, self.asker, *people):
            one.ping()
        got = {one.full.partition("/")[2] for one in people if f" from='{self.asker.full}'" in
               one.heard()}
        error = re.search(rf"<{kind} (?=[^>]*type='error')(?=[^>]*id='q').*?<error.*?<([\w-]+) ",
                          self.asker.heard())
        return got, error and error.group(1)


def allowed(cell, people, to):
    """[(resources, whether an error comes)], of a cell."""
    cell = cell.partition("~")[2] or cell
    meant = {
        "S": (set(), False), "O": (set(), False), "E": (set(), True),
        "D": ({to.partition("/")[2]}, False),
        "A": ({r for r, available, priority in people if available and priority >= 0}, False),
        "P": ({r for r, available, _ in people if available}, False)}
    return [meant[letter] for letter in cell]


def walk(world, groups, situations, rows):
    wrong = count = 0
    for name in STANZAS:
        for (what, to, group), cell in zip(situations, rows[name]):
            if name == "probe":
                cell = "S"  # the server answers for the account (4.3.2)
            bare = to.partition("/")[0]
            if bare == BARE:
                bare = "nobody@localhost" if what.startswith("no such") else f"{group}@localhost"
            to = bare + to[to.index("/"):] if "/" in to else bare
            got, error = world.put(name, to, group, bare)
            count += 1
            if (got, error is not None) not in allowed(cell, groups[group], to) or \
                    error not in (None, "service-unavailable"):
                print(f"{name} to {to} ({what}): {sorted(got)} got it, error: {error}; "
                      f"the table says {cell}")
                wrong += 1
    print(f"{count} cells")
    return wrong


def main():
    problem = cannot_play(("roster", "presence", "message", "iq", "offline"))
    if problem is not None:
        print(problem)
        return 77
    groups, situations, rows = read_table()
    groups = {name: people for name, people in groups.items() if any(
        name == group for _, _, group in situations)}
    with served(Server(users=accounts("asker", *groups),
                       config='modules_disabled = [ "mam", "smacks" ];')) as server:
        return walk(World(server, groups), groups, situations, rows) != 0


if __name__ == "__main__":
    sys.exit(main())

# SPDX-FileCopyrightText: 2026 The Tercet authors
# SPDX-License-Identifier: MIT
"""The [names] of a protocol script: a name server of its own (xt_dns), which is asked by the
server instead of those of the machine. It knows what the script says and nothing else."""
import os

from xt_client import Failure

try:
    from xt_dns import DnsServer
except ImportError:
    DnsServer = None


class Names:
    """`settings`: as read from the section; `folder`: where the anchors lie. Records are said
    later, because they may name ports and keys."""

    def __init__(self, settings, folder):
        self.signed = settings.pop("signed", [])
        self.records = settings.pop("record", [])
        self.marks = [(what, name) for what in ("forged", "failing")
                      for name in settings.pop(what, [])]
        self.rest = settings
        self.server = DnsServer(folder)
        for zone in self.signed:
            self.server.zone(zone)

    def options(self):
        return self.server.options()

    def begin(self, substitute):
        """What the section says."""
        self.say(substitute(line) for line in self.records)
        for what, name in self.marks:
            {"forged": self.server.forge, "failing": self.server.fail}[what](substitute(name))

    def say(self, lines):
        for line in lines:
            if line.strip():
                self.server.add(*line.split(None, 2))

    def stop(self):
        self.server.stop()


class NameSteps:
    """Steps of DNS."""

    def dns(self):
        if self.names is None:
            raise ValueError("there are no [names]")
        return self.names.server

    def dns_says(self, step):
        self.dns()
        self.names.say(self.substitute(step.body()).split("\n"))

    def dns_forgets(self, step, name, kind=None):
        self.dns().remove(self.substitute(name), kind)

    def dns_forges(self, step, name):
        self.dns().forge(self.substitute(name))

    def dns_fails(self, step, name):
        self.dns().fail(self.substitute(name))

    def dns_was_asked(self, step, name, kind, negated=None):
        asked = (self.substitute(name), kind) in self.dns().asked
        if asked == (negated is not None):
            raise Failure(f"DNS was {'' if asked else 'not '}asked for {name} {kind}")


def names_missing():
    return None if DnsServer is not None else "python3-dnspython"


def folder_of(server):
    """Readable by the user that the server runs as."""
    path = os.path.join(server.folder, "names")
    os.mkdir(path)
    os.chmod(path, 0o755)
    return path

#!/usr/bin/python3
# SPDX-FileCopyrightText: 2026 The Tercet authors
# SPDX-License-Identifier: MIT
"""Walks tests/privacy/leaks.table as leaks.py does, with an asker of another server: the same cells
hold, but for the account's own resources. A component stands for the other server, as it does for
all modules.

    leaks_elsewhere.py [-v]
"""
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "lib")]

from leaks import ELSEWHERE, SECRET, Person, main  # noqa: E402
from xt_component import ComponentConnection  # noqa: E402


class Stranger(Person):
    """A component that is one person, who has sent no presence to anybody."""

    def __init__(self, server, user, resource):  # pylint: disable=super-init-not-called
        self.bare, self.raw, self.asked = f"{user}@{ELSEWHERE}", "", 0
        self.full = f"{self.bare}/{resource}"
        timeout = float(os.environ.get("XT_TIMEOUT", "30"))
        self.connection = ComponentConnection(server, self.note, "whole", timeout)
        self.connection.connect(False)
        self.connection.log_in(ELSEWHERE, SECRET)

    def send(self, text):
        super().send(re.sub("<(iq|presence|message) ", rf"<\1 from='{self.full}' ", text))


if __name__ == "__main__":
    sys.exit(main(Stranger))

#!/usr/bin/python3
# SPDX-FileCopyrightText: 2026 The Tercet authors
# SPDX-License-Identifier: MIT
"""A server under load whose power is cut at random moments: see run.py and disk.py.

    power.py [--kills N] [--seed S] [--cut MODE] [--without-archive]
"""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from run import play  # noqa: E402

if __name__ == "__main__":
    sys.exit(play(__doc__.splitlines()[0], 12, ("synced", "whole", "pages")))

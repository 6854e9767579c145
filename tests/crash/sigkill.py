#!/usr/bin/python3
# SPDX-FileCopyrightText: 2026 The Tercet authors
# SPDX-License-Identifier: MIT
"""A server under load is killed by SIGKILL at random moments, and started again: see run.py.

    sigkill.py [--kills N] [--seed S] [--without-archive]
"""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from run import play  # noqa: E402

if __name__ == "__main__":
    sys.exit(play(__doc__.splitlines()[0], 20))

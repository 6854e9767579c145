#!/usr/bin/python3
# SPDX-FileCopyrightText: 2026 The Tercet authors
# SPDX-License-Identifier: MIT
"""xmpp.js, a client library for browsers and Node.js, logs in by SASL2 with Bind 2 (XEP-0388,
XEP-0386), gets a FAST token (XEP-0484), loses its connection, comes back by the token and resumes
(XEP-0198) in the same round trip; over STARTTLS and over direct TLS.

npm installs the library, in the versions of xmppjs/package-lock.json, into a folder of the test's
own (the network is needed for that, so scripts/test --all calls it, and "make check" does not).
"""
import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "lib"))

from xt_authority import ServerAuthority  # noqa: E402
from xt_people import cannot_play, served  # noqa: E402
from xt_server import Server  # noqa: E402


def install(folder):
    for name in ("package.json", "package-lock.json", "talk.mjs"):
        shutil.copy(os.path.join(HERE, "xmppjs", name), folder)
    subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=folder,
                   check=True, stdin=subprocess.DEVNULL, timeout=300)


def talk(server, folder, service):
    done = subprocess.run(["node", "talk.mjs", service, "localhost", "juliet", "secret"],
                          cwd=folder, env=dict(os.environ, NODE_EXTRA_CA_CERTS=server.ca),
                          text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=120)
    print(done.stdout, flush=True)
    assert done.returncode == 0 and done.stdout.endswith("done\n"), service


def main():
    why = cannot_play(programs=("node", "npm"))
    if why is not None:
        print(why)
        return 77
    folder = tempfile.mkdtemp(prefix="tercet-test.")
    try:
        os.chmod(folder, 0o755)
        install(folder)
        authority = ServerAuthority(folder)
        server = Server(users=["juliet@localhost:secret"], options=authority.options())
        server.ca = authority.ca
        with served(server, 8000):
            for name, scheme in (("c2s", "xmpp"), ("c2s-tls", "xmpps")):
                talk(server, folder, f"{scheme}://localhost:{server.address(name)[1]}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())

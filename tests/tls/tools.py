#!/usr/bin/python3
# SPDX-FileCopyrightText: 2026 The Tercet authors
# SPDX-License-Identifier: MIT
"""openssl s_client and gnutls-cli against a running server: what they say the channel
bindings are is what SCRAM-SHA-256-PLUS takes, in new and in resumed sessions; a ticket is good
for its name alone; what must not be negotiated is not.

Skipped (77) without one of the tools.
"""
import base64
import hashlib
import hmac
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

from xt_server import Server, missing  # noqa: E402

PATIENCE = 20
PASSWORD = "secret of romeo"
SASL = "urn:ietf:params:xml:ns:xmpp-sasl"


class Tool:
    """A TLS client as the transport: what it prints is collected, what we send goes in."""

    def __init__(self, *command):
        self.command = command
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT)
        self.text, self.ended = "", False
        self.news = threading.Condition()
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        while True:
            data = os.read(self.process.stdout.fileno(), 65536)
            with self.news:
                self.text += data.decode(errors="replace")
                self.ended = not data
                self.news.notify_all()
                if self.ended:
                    return

    def wait(self, pattern, start=0):
        """The match in what was printed since `start`."""
        deadline = time.monotonic() + PATIENCE
        with self.news:
            while True:
                found = re.compile(pattern, re.S).search(self.text, start)
                if found:
                    return found
                left = deadline - time.monotonic()
                if left <= 0 or self.ended:
                    raise AssertionError(f"{self.command}: {pattern!r} did not come:\n{self.text}")
                self.news.wait(left)

    def say(self, text):
        """Returns where the answer begins."""
        with self.news:
            start = len(self.text)
        self.process.stdin.write(text.encode() + b"\n")
        self.process.stdin.flush()
        return start

    def close(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()


def login(tool, kind, binding):
    """SCRAM-SHA-256-PLUS over the tool's connection (RFC 5802); false: refused."""
    at = tool.say("<stream:stream to='localhost' version='1.0' xmlns='jabber:client' "
                  "xmlns:stream='http://etherx.jabber.org/streams'>")
    features = tool.wait("<stream:features.*?</stream:features>", at).group(0)
    assert "SCRAM-SHA-256-PLUS" in features, features
    header, nonce = f"p={kind},,", base64.b64encode(os.urandom(18)).decode()
    first = f"n=romeo,r={nonce}"
    initial = base64.b64encode((header + first).encode()).decode()
    at = tool.say(f"<auth xmlns='{SASL}' mechanism='SCRAM-SHA-256-PLUS'>{initial}</auth>")
    answer = tool.wait(r"<challenge[^>]*>([^<]*)</challenge>|<failure.*?</failure>", at)
    if answer.group(1) is None:
        return False
    challenge = base64.b64decode(answer.group(1)).decode()
    fields = dict(part.split("=", 1) for part in challenge.split(","))
    salted = hashlib.pbkdf2_hmac("sha256", PASSWORD.encode(), base64.b64decode(fields["s"]),
                                 int(fields["i"]))
    bare = f"c={base64.b64encode(header.encode() + binding).decode()},r={fields['r']}"
    key = hmac.digest(salted, b"Client Key", "sha256")
    signature = hmac.digest(hashlib.sha256(key).digest(),
                            f"{first},{challenge},{bare}".encode(), "sha256")
    proof = base64.b64encode(bytes(a ^ b for a, b in zip(key, signature))).decode()
    final = base64.b64encode(f"{bare},p={proof}".encode()).decode()
    at = tool.say(f"<response xmlns='{SASL}'>{final}</response>")
    return tool.wait(r"<(success|failure)[ >]", at).group(1) == "success"


class Play:
    def __init__(self, server, folder):
        self.server, self.folder = server, folder
        with open(server.certificate, encoding="ascii") as file:
            pem = file.read()
        der = base64.b64decode("".join(pem.split("-----")[2].split()))
        self.end_point = hashlib.sha256(der).digest()

    def openssl(self, *more, name="localhost", starttls=True):
        address, port = self.server.address("c2s" if starttls else "c2s-tls")
        how = ["-starttls", "xmpp", "-xmpphost", "localhost"] if starttls else ["-alpn", "xmpp-client"]
        return Tool("openssl", "s_client", "-connect", f"{address}:{port}", "-servername", name,
                    *how, "-keymatexport", "EXPORTER-Channel-Binding", "-keymatexportlen", "32",
                    "-ign_eof", *more)

    def gnutls(self, *more, name="localhost"):
        address, port = self.server.address("c2s-tls")
        return Tool("gnutls-cli", "--insecure", "-V", "--alpn", "xmpp-client", "--sni-hostname",
                    name, "--port", str(port), *more, address)


def exported(tool):
    return bytes.fromhex(tool.wait(r"Keying material: ([0-9A-F]{64})").group(1))


def openssl_bindings(play):
    """The exporter with TLS 1.3 alone: with 1.2, s_client leaves out the context, which RFC 9266
    wants to be there and empty."""
    for version in ("-tls1_3", "-tls1_2"):
        for starttls in (True, False):
            if version == "-tls1_3":
                tool = play.openssl(version, starttls=starttls)
                assert login(tool, "tls-exporter", exported(tool)), "tls-exporter"
                tool.close()
            tool = play.openssl(version, starttls=starttls)
            exported(tool)
            assert login(tool, "tls-server-end-point", play.end_point), "tls-server-end-point"
            tool.close()
            tool = play.openssl(version, starttls=starttls)
            wrong = bytes([exported(tool)[0] ^ 1]) + exported(tool)[1:]
            assert not login(tool, "tls-exporter", wrong), "a wrong binding was taken"
            tool.close()


def openssl_resumption(play):
    """The ticket comes behind the handshake: it is there when the features are."""
    session = os.path.join(play.folder, "session")

    def ticket(version):
        if os.path.exists(session):
            os.remove(session)
        tool = play.openssl(version, "-sess_out", session, starttls=False)
        at = tool.say("<stream:stream to='localhost' version='1.0' xmlns='jabber:client' "
                      "xmlns:stream='http://etherx.jabber.org/streams'>")
        tool.wait("</stream:features>", at)
        tool.close()

    ticket("-tls1_3")
    tool = play.openssl("-sess_in", session, starttls=False)
    tool.wait("Reused, TLSv1.3")
    binding = bytes.fromhex(re.findall(r"Keying material: ([0-9A-F]{64})",
                                       tool.wait(r"Keying material: [0-9A-F]{64}").string)[-1])
    assert login(tool, "tls-exporter", binding), "tls-exporter of a resumed session"
    tool.close()
    ticket("-tls1_3")
    tool = play.openssl("-sess_in", session, starttls=False)
    tool.wait("Reused, TLSv1.3")
    assert login(tool, "tls-server-end-point", play.end_point), "end point of a resumed session"
    tool.close()
    # Another name, though the certificate is good for both.
    ticket("-tls1_3")
    tool = play.openssl("-sess_in", session, name="two.example", starttls=False)
    tool.wait("New, TLSv1.3")
    tool.close()
    # TLS 1.2 has no tickets: their key would open what was recorded.
    ticket("-tls1_2")
    tool = play.openssl("-tls1_2", *(["-sess_in", session] if os.path.exists(session) else []),
                        starttls=False)
    tool.wait("New, TLSv1.2")
    tool.close()


def gnutls_bindings(play):
    resumed = ("--resume", "--waitresumption")
    tls12 = ("--priority", "NORMAL:-VERS-ALL:+VERS-TLS1.2")
    for more, kinds in (((), ("tls-exporter", "tls-server-end-point")),
                        (resumed, ("tls-exporter", "tls-server-end-point")),
                        (tls12, ("tls-exporter", "tls-server-end-point", "tls-unique"))):
        for kind in kinds:
            tool = play.gnutls(*more)
            end = tool.wait("This is a resumed session" if more == resumed else
                            "Handshake was completed")
            values = re.findall(f"'{kind}': ([0-9a-f]+)", end.string)
            assert len(values) == (2 if more == resumed else 1), tool.text
            assert login(tool, kind, bytes.fromhex(values[-1])), (kind, more)
            tool.close()
    tool = play.gnutls()
    tool.wait("Handshake was completed")
    assert not login(tool, "tls-unique", bytes(12)), "tls-unique with TLS 1.3 (RFC 9266)"
    tool.close()


def refused(play):
    """Old versions, suites without forward secrecy, foreign protocols, early data."""
    for more, sign in (
            (("-tls1_1", "-cipher", "ALL:@SECLEVEL=0"), "alert|error|no protocols"),
            (("-tls1_2", "-cipher", "AES128-GCM-SHA256"), "handshake failure|alert"),
            (("-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA"), "handshake failure|alert"),
            (("-alpn", "h2"), "no application protocol|alert")):
        tool = play.openssl(*more, starttls="-alpn" not in more)
        tool.wait(sign)
        tool.wait(r"Cipher is \(NONE\)|no peer certificate|$")
        tool.close()
        assert "Verify return code: 18" not in tool.text or "(NONE)" in tool.text, tool.text
    tool = play.openssl(starttls=False)
    exported(tool)
    text = tool.wait("Compression: NONE").string
    assert "Early data was not sent" in text and "Max Early Data: 1" not in text, text
    tool.close()


def main():
    needed = [tool for tool in ("openssl", "gnutls-cli") if shutil.which(tool) is None]
    if missing() or needed:
        print(f"not here: {missing() or needed[0]}")
        sys.exit(77)
    server = Server(domains=("localhost", "two.example"),
                    users=(f"romeo@localhost:{PASSWORD}",))
    folder = tempfile.mkdtemp(prefix="tercet-tools.")
    try:
        server.start()
        play = Play(server, folder)
        openssl_bindings(play)
        openssl_resumption(play)
        gnutls_bindings(play)
        refused(play)
        server.stop()
        assert not server.complaints(), server.complaints()
    except BaseException:
        print(server.log()[-4000:])
        raise
    finally:
        server.remove()
        shutil.rmtree(folder, ignore_errors=True)


main()

#!/usr/bin/python3
# SPDX-FileCopyrightText: 2026 The Tercet authors
# SPDX-License-Identifier: MIT
"""Certificates of a running server: found in a folder, renewed by rename, by a link that
leads elsewhere and by copying over, a bad one refused while the good one stays, one of a
listener's own, OCSP responses from a file, configurations that do not start, and what tercetctl
says of all that.

Skipped (77) without openssl. What a listener shows is asked with Python's ssl and with openssl
s_client; the log says when the server has seen a change.
"""
import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

from xt_server import Server, ServerFailure, missing  # noqa: E402

PATIENCE = 20


class Files:
    """Certificates made by a CA of the test; everything belongs to the server's user."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="tercet-certs.")
        os.chmod(self.folder, 0o755)
        self.owner = None
        self.run("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                 "-nodes", "-subj", "/CN=Test CA", "-days", "30", "-keyout", self.at("ca.key"),
                 "-out", self.at("ca.pem"))
        open(self.at("index.txt"), "w", encoding="ascii").close()

    def at(self, name):
        return os.path.join(self.folder, name)

    def run(self, *arguments):
        subprocess.run(["openssl", *arguments], check=True, stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)

    def make(self, name, domain, days=10, rsa=False):
        """NAME.crt and NAME.key."""
        kind = ["rsa:2048"] if rsa else ["ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
        self.run("req", "-newkey", *kind, "-nodes", "-subj", f"/CN={domain}", "-addext",
                 f"subjectAltName=DNS:{domain}", "-keyout", self.at(name + ".key"), "-out",
                 self.at(name + ".csr"))
        self.run("x509", "-req", "-in", self.at(name + ".csr"), "-CA", self.at("ca.pem"),
                 "-CAkey", self.at("ca.key"), "-CAcreateserial", "-copy_extensions", "copy",
                 "-days", str(days), "-out", self.at(name + ".crt"))
        os.remove(self.at(name + ".csr"))
        with open(self.at("ca.pem"), encoding="ascii") as ca, \
                open(self.at(name + ".crt"), "a", encoding="ascii") as chain:
            chain.write(ca.read())
        self.give(name)

    def give(self, name):
        for ending, mode in ((".crt", 0o644), (".key", 0o600), (".ocsp", 0o644)):
            path = self.at(name + ending)
            if os.path.exists(path):
                os.chmod(path, mode)
                if self.owner is not None:
                    os.chown(path, *self.owner)

    def staple(self, name, fresh=True):
        """NAME.ocsp: a response of the CA itself."""
        serial = subprocess.run(["openssl", "x509", "-in", self.at(name + ".crt"), "-noout",
                                 "-serial"], check=True, text=True, stdout=subprocess.PIPE)
        number = serial.stdout.strip().split("=")[1]
        with open(self.at("index.txt"), "w", encoding="ascii") as index:
            index.write(f"V\t351231000000Z\t\t{number}\tunknown\t/CN=x\n")
        self.run("ocsp", "-issuer", self.at("ca.pem"), "-cert", self.at(name + ".crt"),
                 "-reqout", self.at("request"))
        self.run("ocsp", "-index", self.at("index.txt"), "-CA", self.at("ca.pem"), "-rsigner",
                 self.at("ca.pem"), "-rkey", self.at("ca.key"), "-reqin", self.at("request"),
                 "-respout", self.at(name + ".new"), *(["-nmin", "60"] if fresh else []))
        self.give(name)
        os.replace(self.at(name + ".new"), self.at(name + ".ocsp"))
        self.give(name)

    def serial(self, name):
        with open(self.at(name + ".crt"), encoding="ascii") as file:
            text = file.read()
        return ssl.PEM_cert_to_DER_cert(text[:text.index("-----END") + 26])


class Play:
    def __init__(self, files):
        self.files = files
        self.at = 0

    def server(self, config="", domains=("localhost", "one.example"), **more):
        # The usual certificate of devserver is for localhost alone.
        return Server(domains=domains, config=config, options=[
            "--cert", self.files.at("local.crt"), "--key", self.files.at("local.key"),
            "--ca", self.files.at("ca.pem")], **more)

    def shown(self, server, domain, port="c2s-tls"):
        """The certificate in DER."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        with socket.create_connection(server.address(port), timeout=PATIENCE) as raw:
            with context.wrap_socket(raw, server_hostname=domain) as wrapped:
                return wrapped.getpeercert(True)

    def wait_log(self, server, text):
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            log = server.log()
            found = log.find(text, self.at)
            if found >= 0:
                self.at = found + len(text)
                return
            time.sleep(0.02)
        raise AssertionError(f"the log never said {text!r}:\n{server.log()[-2000:]}")

    def expect(self, server, domain, name, port="c2s-tls"):
        got = self.shown(server, domain, port)
        assert got == self.files.serial(name), f"{domain} did not get {name}"


def renewed(play, server):
    files = play.files
    play.wait_log(server, "one.crt\" is in use")
    play.expect(server, "one.example", "live/one")
    play.expect(server, "localhost", "local")
    # Rename.
    files.make("live/next", "one.example", days=11)
    for ending in (".key", ".crt"):
        os.replace(files.at("live/next" + ending), files.at("live/one" + ending))
    play.wait_log(server, "one.crt\" is in use")
    play.expect(server, "one.example", "live/one")
    # A link that leads elsewhere.
    files.make("two", "one.example", days=12)
    for ending in (".key", ".crt"):
        os.symlink(files.at("two" + ending), files.at("link"))
        os.replace(files.at("link"), files.at("live/one" + ending))
    play.wait_log(server, "one.crt\" is in use")
    play.expect(server, "one.example", "two")
    # Copying over what the link leads to.
    files.make("three", "one.example", days=13)
    for ending in (".key", ".crt"):
        shutil.copyfile(files.at("three" + ending), files.at("two" + ending))
    play.wait_log(server, "one.crt\" is in use")
    play.expect(server, "one.example", "three")
    # The one that was configured is watched, too.
    files.make("four", "localhost", days=14)
    for ending, target in ((".key", "key.pem"), (".crt", "cert.pem")):
        path = os.path.join(server.state, target)
        with open(files.at("four" + ending), encoding="ascii") as new, \
                open(path, "r+", encoding="ascii") as old:
            old.truncate()
            old.write(new.read())
    play.wait_log(server, "cert.pem\" is in use")
    play.expect(server, "localhost", "four")


def bad_ones(play, server):
    files = play.files
    files.make("five", "one.example", days=15)
    os.replace(files.at("five.crt"), files.at("two.crt"))
    play.wait_log(server, "the one before it stays in use: the key")
    play.expect(server, "one.example", "three")
    os.chmod(files.at("five.key"), 0o644)
    os.replace(files.at("five.key"), files.at("two.key"))
    play.wait_log(server, "may be read or changed by everybody (mode 0644): run chmod 0640")
    play.expect(server, "one.example", "three")
    os.chmod(files.at("two.key"), 0o600)
    play.wait_log(server, "one.crt\" is in use")
    play.expect(server, "one.example", "two")
    # A new file in the folder.
    files.make("live/six", "one.example", days=16)
    play.wait_log(server, "six.crt\" is in use")


def checked(server):
    """What tercetctl says of them, and its exit status."""
    def rows(*arguments):
        status, out, _ = server.ctl(["--json", *arguments])
        return status, json.loads(out)["rows"]

    status, found = rows("check", "certs")
    assert status == 0, found
    assert [(r["host"], r["chain"], r["problem"]) for r in found] == [
        ("localhost", "complete", ""), ("one.example", "complete", "")], found
    assert found[1]["certificate"].endswith("/six.crt") and found[1]["days"] in (15, 16), found
    status, found = rows("explain", "cert", "chat.one.example")
    assert status == 1 and found[0]["problem"] == "it does not name the host", found
    status, found = rows("check", "config")
    assert (status, found) == (0, []), found
    status, found = rows("check", "tls")
    assert status == 0 and len(found) == 4, found
    for row in found:
        assert row["protocol"] == "TLS1.3" and row["group"] == "X25519", row
        assert row["bindings"] == "tls-exporter tls-server-end-point", row


def checked_alone(play, server):
    """The same without a server, and what is wrong is found."""
    status, _, problem = server.ctl(["check", "tls"])
    assert status == 1 and "not every listener" in problem, problem
    status, out, _ = server.ctl(["check", "certs"])
    assert status == 0 and "/six.crt" in out, out
    path = os.path.join(server.state, "tercet.conf")
    with open(path, encoding="utf-8") as file:
        text = file.read()
    with open(path, "r+", encoding="utf-8") as file:
        file.write(text + "pign: { };\n")
    status, out, _ = server.ctl(["check", "config"])
    assert status == 1 and "pign: no such option" in out, out
    with open(path, "r+", encoding="utf-8") as file:
        file.truncate()
        file.write(text)
    os.remove(play.files.at("live/six.crt"))
    os.remove(play.files.at("live/one.crt"))
    status, out, _ = server.ctl(["check", "certs"])
    assert status == 1 and "it does not name the host" in out, out


def stapled(play, server):
    files = play.files

    def response():
        address, port = server.address("c2s-tls")
        done = subprocess.run(["openssl", "s_client", "-connect", f"{address}:{port}", "-status",
                               "-servername", "staple.example"], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                              timeout=PATIENCE, check=False)
        return "OCSP Response Status: successful" in done.stdout

    files.make("live/s", "staple.example")
    play.wait_log(server, "/s.crt\" is in use")
    assert not response()
    files.staple("live/s")
    play.wait_log(server, "/s.crt\" is in use")
    assert response()
    # For another certificate.
    shutil.copyfile(files.at("live/s.ocsp"), files.at("live/six.ocsp"))
    files.give("live/six")
    play.wait_log(server, "is not used: it is for another certificate")
    # Without an end.
    files.staple("live/s", fresh=False)
    play.wait_log(server, "is not used: it is too old")
    assert not response()


def own_of_a_listener(play):
    """Whatever the name; the other listener has those of the server."""
    files = play.files
    files.make("own", "own.example", rsa=True)
    with open(files.at("own.crt"), encoding="ascii") as chain, \
            open(files.at("own.key"), encoding="ascii") as key:
        text = chain.read() + key.read()
    with open(files.at("own.pem"), "w", encoding="ascii") as both:
        both.write(text)
    os.chmod(files.at("own.pem"), 0o600)
    if files.owner:
        os.chown(files.at("own.pem"), *files.owner)
    server = play.server(config=f"""c2s: {{ listen = (
        {{ address = "127.0.0.1"; port = 0; }},
        {{ address = "127.0.0.1"; port = 0; tls = true; certificate = "{files.at("own.pem")}"; }}
        ); }};""")
    try:
        server.start()
        play.at = 0
        for domain in ("localhost", "own.example", "one.example"):
            play.expect(server, domain, "own")
        address, port = server.address("c2s")
        done = subprocess.run(["openssl", "s_client", "-connect", f"{address}:{port}", "-starttls",
                               "xmpp", "-xmpphost", "localhost", "-servername", "localhost"],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=PATIENCE, check=False)
        assert "CN = localhost" in done.stdout, done.stdout
        files.make("own", "own.example", days=20)
        with open(files.at("own.crt"), encoding="ascii") as chain, \
                open(files.at("own.key"), encoding="ascii") as key:
            text = chain.read() + key.read()
        with open(files.at("own.pem"), "w", encoding="ascii") as both:
            both.write(text)
        play.wait_log(server, "own.pem\" is in use")
        play.wait_log(server, "own.pem\" is in use")
        play.expect(server, "one.example", "own")
    finally:
        server.remove()


def refused(play, config, text):
    server = play.server(config=config)
    try:
        server.start()
    except ServerFailure as problem:
        assert text in str(problem), f"{text!r} is not in: {problem}"
        return
    finally:
        server.remove()
    raise AssertionError(f"it started with: {config}")


def refusals(play):
    refused(play, 'tls_profile = "old";', "RFC 8996")
    refused(play, 'tls_profile = "legacy";', "RFC 8996")
    refused(play, 'tls_profile = "modrn";', "did you mean 'modern'")
    refused(play, 'tls: { priority = "NORMAL:-VERS-ALL:+VERS-TLS1.2"; };', "forward secrecy")
    refused(play, 'tls: { priority = "NORMAL"; groups = [ "P-256" ]; };', "take tls.min_version")
    refused(play, 'tls: { groups = [ "P-255" ]; };', "is no group")
    refused(play, 'tls_profile = "modern"; tls: { max_version = "1.2"; };', "is nothing")
    refused(play, 'certificates = "/nonexistent/folder";', "/nonexistent/folder")
    refused(play, 'tls: { host_certificates = ( { certificate = "/nonexistent.crt"; '
                  'key = "/nonexistent.key"; } ); };', "/nonexistent.crt")


def main():
    if missing() or shutil.which("openssl") is None:
        print(f"not here: {missing() or 'openssl'}")
        sys.exit(77)
    files = Files()
    play = Play(files)
    server = None
    try:
        os.mkdir(files.at("live"))
        files.make("local", "localhost")
        server = play.server(config=f'certificates = "{files.at("live")}";')
        os.makedirs(server.state)
        server.start()
        status = os.stat(os.path.join(server.state, "cert.pem"))
        files.owner = (status.st_uid, status.st_gid) if os.geteuid() == 0 else None
        files.make("live/one", "one.example")
        renewed(play, server)
        bad_ones(play, server)
        checked(server)
        stapled(play, server)
        assert not server.complaints(), server.complaints()
        server.stop()
        checked_alone(play, server)
        own_of_a_listener(play)
        refusals(play)
    except BaseException:
        if server is not None:
            print(server.log()[-6000:])
        raise
    finally:
        if server is not None:
            server.remove()
        shutil.rmtree(files.folder, ignore_errors=True)


main()

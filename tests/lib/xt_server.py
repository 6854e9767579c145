# SPDX-FileCopyrightText: 2026 The Tercet authors
# SPDX-License-Identifier: MIT
"""The real server for a test: scripts/devserver with a state folder of its own, free ports,
and the files that it leaves behind."""
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile

LIB = os.path.dirname(os.path.realpath(__file__))
# In the source, lib is in tests; as installed, scripts is beside lib.
DEVSERVER = next((path for path in (
    os.path.join(LIB, "..", "scripts", "devserver"),
    os.path.join(LIB, "..", "..", "scripts", "devserver")) if os.path.exists(path)), "devserver")


def installed():
    """The folders of an installed server, as devserver takes them; None for a build."""
    value = os.environ.get("TERCET_INSTALLED")
    return value.split(":") if value else None


def tercetd():
    if installed():
        return os.path.join(installed()[0], "tercetd")
    return os.path.join(os.environ.get("TERCET_BUILD", "."), ".libs", "tercetd")


def missing(modules=()):
    """The first thing that was not built of the server, its usual modules and these."""
    if not os.path.exists(tercetd()):
        return "tercetd"
    for name in ("c2s", "tls", "saslauth", "auth_internal_hashed", "bind", *modules):
        if not os.path.exists(os.path.join(module_folder(), f"mod_{name}.so")):
            return f"mod_{name}"
    return None


def module_folder():
    if installed():
        return installed()[3]
    return os.path.join(os.environ.get("TERCET_BUILD", "."), "stage", "modules")


def count_from(before):
    """Where both sides of XEP-0198 begin to count with servers that are started from here on: so
    many before the end of the numbers; with a server that has no test hooks at 0."""
    try:
        with open(os.path.join(os.path.dirname(tercetd()), "libtercet.so"), "rb") as file:
            able = b"TERCET_COUNT_FROM" in file.read()
    except OSError:
        able = False
    first = (1 << 32) - before if able else 0
    os.environ["TERCET_COUNT_FROM"] = str(first)
    return first


class ServerFailure(Exception):
    """The server did not start, did not stop, or complained of itself."""


class Server:
    """`users`: "name@domain:password" lines; `components`: "domain:secret" or
    "domain:secret:options". Snippets are text of tercet.conf."""

    def __init__(self, domains=("localhost",), users=(), config="", host_config="",
                 environment=None, options=(), components=()):
        self.domain = domains[0]
        # The user that the server runs as must get here, so not below a home or build folder.
        self.folder = tempfile.mkdtemp(prefix="tercet-test.")
        os.chmod(self.folder, 0o755)
        self.state = os.path.join(self.folder, "server")
        self.environment = dict(os.environ, **(environment or {}))
        self.hang = os.path.join(self.folder, "hang")
        self.environment["TERCET_STORE_HANG"] = self.hang
        self.full = os.path.join(self.folder, "full")
        self.environment["TERCET_STORE_FULL"] = self.full
        self.broken = os.path.join(self.folder, "broken")
        self.environment["TERCET_STORE_BROKEN"] = self.broken
        self.clock = os.path.join(self.folder, "clock")
        self.environment["TERCET_CLOCK_FILE"] = self.clock
        self.command = [os.path.realpath(os.environ.get("TERCET_DEVSERVER", DEVSERVER))]
        self.arguments = ["--listen", "127.0.0.1", "--c2s", "0", "--c2s-tls", "0"]
        for domain in domains:
            self.arguments += ["--domain", domain]
        for user in users:
            self.arguments += ["--user", user]
        for component in components:
            self.arguments += ["--component", "0", "--component-tls", "0",
                               "--component-host", component]
        if config:
            self.arguments += ["--config-snippet", config]
        if host_config:
            self.arguments += ["--host-snippet", host_config]
        self.arguments += options
        self.running = False
        self.ports = {}
        self.ca = None

    @property
    def certificate(self):
        """What clients trust: an authority (`ca`), else the self-signed certificate."""
        return self.ca or os.path.join(self.state, "cert.pem")

    def devserver(self, verb, *arguments, timeout=120):
        done = subprocess.run(self.command + [verb, self.state, *arguments], timeout=timeout,
                              env=self.environment, text=True, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if done.returncode != 0:
            raise ServerFailure(f"devserver {verb}: {done.stderr.strip()}")
        return done.stdout

    def start(self):
        self.devserver("start", *self.arguments)
        self.running = True
        self.read_ports()

    def read_ports(self):
        self.ports = {}
        for line in self.devserver("ports").splitlines():
            name, address, port = line.split()
            self.ports[name] = (address, int(port))

    def address(self, name):
        if name not in self.ports:
            raise ServerFailure(f"the server does not listen for {name}")
        return self.ports[name]

    def stop(self):
        if self.running:
            self.running = False
            self.devserver("stop")

    @staticmethod
    def there(file, wanted):
        if wanted:
            open(file, "w", encoding="utf-8").close()
        else:
            os.remove(file)

    def hold_store(self, held):
        """From now on the store answers nothing; or it goes on."""
        self.there(self.hang, held)

    def fill_store(self, full):
        """From now on the store has no room for anything new; or it has."""
        self.there(self.full, full)

    def break_store(self, broken):
        """From now on each set of writes fails; or it does not."""
        self.there(self.broken, broken)

    def move_clock(self, seconds):
        """All that runs by the server's clock, too; it says so in its log."""
        with open(self.clock, "w", encoding="ascii") as file:
            file.write(str(seconds))
        os.kill(int(self.devserver("pid")), signal.SIGUSR2)

    def kill(self):
        self.running = False
        self.devserver("kill")

    def edit(self, change):
        """Makes `change` of the text of tercet.conf; its owner and mode stay."""
        path = os.path.join(self.state, "tercet.conf")
        with open(path, encoding="utf-8") as file:
            text = change(file.read())
        with open(path, "r+", encoding="utf-8") as file:
            file.truncate()
            file.write(text)

    def renew_certificate(self):
        """Another self-signed one takes the place of devserver's, in files of the same owner."""
        names, made = ("cert.pem", "key.pem"), [os.path.join(self.folder, name) for name in (
            "renewed.crt", "renewed.key")]
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                        "ec_paramgen_curve:prime256v1", "-nodes", "-days", "9", "-subj",
                        "/CN=renewed", "-addext", f"subjectAltName=DNS:{self.domain}",
                        "-out", made[0], "-keyout", made[1]], check=True, capture_output=True)
        for name, file in zip(names, made):
            with open(file, "rb") as source, \
                    open(os.path.join(self.state, name), "r+b") as target:
                target.truncate()
                target.write(source.read())

    def list_module(self, module, wanted):
        """Puts a module into the list in tercet.conf, or takes it out."""
        def change(text):
            text = text.replace(f'"{module}", ', "")
            if wanted:
                text = text.replace("modules = [ ", f'modules = [ "{module}", ', 1)
            return text

        self.edit(change)

    def replace(self, old, new):
        """Another text in tercet.conf, which must have the old one."""
        def change(text):
            if old not in text:
                raise ServerFailure(f"tercet.conf has no '{old}'")
            return text.replace(old, new)

        self.edit(change)

    def ctl(self, arguments, text=""):
        """tercetctl: (exit status, standard output, standard error)."""
        done = subprocess.run(self.command + ["ctl", self.state, *arguments], timeout=60,
                              env=self.environment, text=True, input=text,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        return done.returncode, done.stdout, done.stderr

    def figure(self, name):
        """One of `tercetctl status`."""
        status, out, err = self.ctl(["--json", "status"])
        assert status == 0, err
        found = json.loads(out)
        rows = found if isinstance(found, list) else found.get("rows", [found])
        return rows[0][name]

    def log(self):
        try:
            with open(os.path.join(self.state, "log"), encoding="utf-8",
                      errors="backslashreplace") as file:
                return file.read()
        except OSError:
            return ""

    def complaints(self):
        """What sanitizers and assertions have to say."""
        return re.findall(r"^.*(?:ERROR: \w+Sanitizer|runtime error:|assertion).*$",
                          self.log(), re.MULTILINE | re.IGNORECASE)

    def remove(self):
        if self.running:
            try:
                self.kill()
            except (ServerFailure, subprocess.TimeoutExpired):
                pass
        shutil.rmtree(self.folder, ignore_errors=True)

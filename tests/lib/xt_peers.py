# SPDX-FileCopyrightText: 2026 The Tercet authors
# SPDX-License-Identifier: MIT
"""Servers that we did not write, as peers of the federation tests: Prosody, ejabberd and the name
server unbound from Debian, each as processes of the test's own with a folder, ports and a
configuration of its own on loopback; nothing of an installed service is touched.

A peer has several domains, so that one start serves many cases of a table."""
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import time

START_TIME = float(os.environ.get("XT_TIMEOUT", "30")) * 2
PASSWORD = "secret"


class PeerFailure(Exception):
    """A peer did not start."""


def free_ports(count, address="127.0.0.1"):
    """Ports that nobody had a moment ago; all of them are different."""
    sockets = []
    for _ in range(count):
        one = socket.socket()
        one.bind((address, 0))
        sockets.append(one)
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def answers(port, address="127.0.0.1"):
    try:
        socket.create_connection((address, port), timeout=2).close()
        return True
    except OSError:
        return False


class Process:
    """A server of others: started, waited for, stopped."""
    logs = ()

    def __init__(self, folder):
        self.folder = folder
        os.makedirs(folder, exist_ok=True)
        self.process = None

    def file(self, name, text=None):
        path = os.path.join(self.folder, name)
        if text is not None:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
        return path

    def run(self, command, ports, environment=None):
        with open(self.file("output"), "ab") as output:
            self.process = subprocess.Popen(
                command, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=output,
                stderr=output, env=dict(os.environ, **(environment or {})),
                start_new_session=True)
        end = time.monotonic() + START_TIME
        while not all(answers(port) for port in ports):
            if self.process.poll() is not None or time.monotonic() > end:
                raise PeerFailure(f"{type(self).__name__} does not start: {self.log()[-2000:]}")
            time.sleep(0.05)

    def log(self):
        text = ""
        for name in ("output", *self.logs):
            try:
                with open(self.file(name), encoding="utf-8", errors="replace") as file:
                    text += file.read()
            except OSError:
                pass
        return text

    def stop(self, how=signal.SIGTERM):
        if self.process is None:
            return
        try:
            os.killpg(self.process.pid, how)
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        except ProcessLookupError:
            self.process.wait()
        self.process = None

    def kill(self):
        self.stop(signal.SIGKILL)


class NameServer(Process):
    """Knows the services of the domains that it is told, and no other name."""

    def __init__(self, folder):
        super().__init__(folder)
        self.address = ("127.0.0.1", free_ports(1)[0])
        self.records = []

    def service(self, domain, port, name="_xmpp-server"):
        """The target is "localhost", which everybody finds: ejabberd asks the name server for
        services only, and the system's resolver for addresses."""
        self.records.append((domain, f"{name}._tcp.{domain}. SRV 0 0 {port} localhost."))

    def start(self):
        zones = "".join(f'local-zone: "{domain}." static\n'
                        for domain in {domain for domain, _ in self.records})
        data = "".join(f"local-data: '{record}'\n" for _, record in self.records)
        self.file("unbound.conf", f"""server:
interface: {self.address[0]}
port: {self.address[1]}
do-daemonize: no
chroot: ""
username: ""
directory: "{self.folder}"
pidfile: ""
use-syslog: no
log-queries: yes
local-zone: "." refuse
{zones}{data}remote-control:
control-enable: no
""")
        self.run(["unbound", "-d", "-c", self.file("unbound.conf")], [self.address[1]])


class Domain:
    """One that a peer serves. `certificate`: (certificate, key); `tls`: whether it is offered;
    `modules`: of Prosody, more of them."""

    def __init__(self, name, certificate, tls=True, modules=()):
        self.name, (self.certificate, self.key), self.tls = name, certificate, tls
        self.modules = modules


class Peer(Process):
    """What Prosody and ejabberd have in common: `domains`, each with the account "romeo"; `ports`
    by "c2s", "s2s", "s2s-tls"."""
    user = "romeo"

    def __init__(self, folder, domains, ca, dns):
        """`ca`: what it trusts; `dns`: (address, port) of the server that it asks."""
        super().__init__(folder)
        self.domains, self.ca, self.dns = domains, ca, dns
        self.ports = dict(zip(("c2s", "s2s", "s2s-tls", "api"), free_ports(4)))

    def address(self, name):
        return "127.0.0.1", self.ports[name]


def lua(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return "{ " + "; ".join(lua(one) for one in value) + " }"
    return json.dumps(value)


class Prosody(Peer):
    """`options`: of its configuration, as Python values."""
    logs = ("prosody.log",)
    modules = ("roster", "saslauth", "tls", "dialback", "disco", "ping", "posix", "version",
               "time", "vcard_legacy", "pep", "blocklist", "offline", "carbons",
               "smacks")

    def __init__(self, *arguments, options=None):
        super().__init__(*arguments)
        self.options = {"s2s_secure_auth": True, **(options or {})}

    def configure(self):
        options = "".join(f"{name} = {lua(value)}\n" for name, value in self.options.items())
        hosts = "".join(f"""VirtualHost {lua(one.name)}
s2s_require_encryption = {lua(one.tls)}
modules_enabled = {lua(list(one.modules))}
modules_disabled = {{ {"" if one.tls else '"tls"'} }}
ssl = {{ certificate = {lua(one.certificate)}; key = {lua(one.key)}; cafile = {lua(self.ca)} }}
""" for one in self.domains)
        self.file("prosody.cfg.lua", f"""
run_as_root = true
unbound = {{ resolvconf = false; hoststxt = false; forward = {{ "{self.dns[0]}@{self.dns[1]}" }};
	options = {{ ["do-not-query-localhost:"] = "no" }} }}
pidfile = {lua(self.file("prosody.pid"))}
data_path = {lua(self.file("data"))}
modules_enabled = {lua(self.modules)}
interfaces = {{ "127.0.0.1" }}
local_interfaces = {{ "127.0.0.1" }}
c2s_ports = {{ {self.ports["c2s"]} }}
s2s_ports = {{ {self.ports["s2s"]} }}
s2s_direct_tls_ports = {{ {self.ports["s2s-tls"]} }}
c2s_direct_tls_ports = {{ }}
http_ports = {{ }}
https_ports = {{ }}
c2s_require_encryption = false
allow_unencrypted_plain_auth = true
authentication = "internal_plain"
storage = "internal"
log = {{ debug = {lua(self.file("prosody.log"))} }}
certificates = {lua(self.folder)}
ssl = {{ certificate = {lua(self.domains[0].certificate)}; key = {lua(self.domains[0].key)};
	cafile = {lua(self.ca)} }}
{options}{hosts}""")
        for one in self.domains:
            # Where direct TLS looks for what a name is asked for with.
            shutil.copy(one.certificate, self.file(f"{one.name}.crt"))
            shutil.copy(one.key, self.file(f"{one.name}.key"))
            place = "".join(c if c.isalnum() else "%%%02x" % ord(c) for c in one.name)
            self.file(f"data/{place}/accounts/{self.user}.dat",
                      f'return {{ ["password"] = {lua(PASSWORD)} }};\n')

    def start(self):
        self.configure()
        self.run(["prosody", "-F", "--config", self.file("prosody.cfg.lua")],
                 [self.ports["c2s"], self.ports["s2s"]])


class Ejabberd(Peer):
    """Wants TLS, and a certificate that it can check, of everybody."""
    logs = ("logs/ejabberd.log",)
    modules = ("mod_adhoc", "mod_admin_extra", "mod_blocking", "mod_caps", "mod_disco",
               "mod_http_api", "mod_last", "mod_offline", "mod_ping", "mod_privacy",
               "mod_roster", "mod_s2s_dialback", "mod_stream_mgmt", "mod_vcard", "mod_version")
    listeners = (("c2s", "ejabberd_c2s", ""), ("s2s", "ejabberd_s2s_in", ""),
                 ("s2s-tls", "ejabberd_s2s_in", "    tls: true\n"),
                 ("api", "ejabberd_http", "    request_handlers:\n      /api: mod_http_api\n"))

    def listen(self):
        return "".join(f"""  -
    port: {self.ports[name]}
    ip: "127.0.0.1"
    module: {module}
{more}""" for name, module, more in self.listeners)

    def configure(self):
        files = []
        for number, one in enumerate(self.domains):
            with open(one.certificate, encoding="ascii") as cert, \
                    open(one.key, encoding="ascii") as key:
                files.append(self.file(f"{number}.pem", cert.read() + key.read()))
        address, port = self.dns
        self.file("inetrc", '{lookup, [file, dns]}.\n{resolv_conf, ""}.\n'
                  "{nameserver, {%s}, %d}.\n" % (address.replace(".", ","), port))
        plain = "".join(f'  "{one.name}":\n    s2s_use_starttls: false\n'
                        for one in self.domains if not one.tls)
        modules = "".join(f"  {name}: {{}}\n" for name in self.modules)
        self.file("ejabberd.yml", "hosts:\n" +
                  "".join(f'  - "{one.name}"\n' for one in self.domains) +
                  "certfiles:\n" + "".join(f'  - "{file}"\n' for file in files) + f"""
loglevel: debug
ca_file: "{self.ca}"
listen:
{self.listen()}auth_method: internal
api_permissions:
  "loopback":
    who:
      ip: 127.0.0.1/8
    what:
      - "*"
s2s_use_starttls: required
{"host_config:" if plain else ""}
{plain}modules:
{modules}""")

    def start(self):
        self.configure()
        found = subprocess.run(["dpkg-query", "-L", "ejabberd"], check=True, text=True,
                               capture_output=True).stdout.splitlines()
        library = next(line for line in found if line.endswith("/ebin")).rsplit("/ejabberd-", 1)[0]
        for folder in ("spool", "logs"):
            os.makedirs(self.file(folder), exist_ok=True)
        self.run(["erl", "+K", "true", "-noinput", "-noshell", "-mnesia", "dir",
                  json.dumps(self.file("spool")), "-s", "ejabberd"],
                 [self.ports[name] for name in ("c2s", "s2s", "api")],
                 {"EJABBERD_CONFIG_PATH": self.file("ejabberd.yml"), "HOME": self.folder,
                  "EJABBERD_LOG_PATH": self.file("logs/ejabberd.log"), "ERL_LIBS": library,
                  "ERL_CRASH_DUMP_BYTES": "0", "ERL_INETRC": self.file("inetrc")})
        for one in self.domains:
            self.command("register", user=self.user, host=one.name, password=PASSWORD)

    def command(self, name, **arguments):
        """What ejabberdctl would do, over its listener on loopback."""
        connection = http.client.HTTPConnection("127.0.0.1", self.ports["api"], timeout=30)
        connection.request("POST", "/api/" + name, json.dumps(arguments),
                           {"Content-Type": "application/json"})
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        if answer.status not in (200, 409):
            raise PeerFailure(f"ejabberd {name}: {answer.status} {text!r}")
        return text

# SPDX-FileCopyrightText: 2026 The Tercet authors
# SPDX-License-Identifier: MIT
"""A certificate authority of the test's own, so that real clients and other servers check a
server's certificate as they would anywhere: by a chain to something they were told to trust."""
import hashlib
import os
import subprocess
import time

EC = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]


class Authority:
    """An authority with certificates for any domain, good ones and bad ones, as files below
    `folder`; `ca` is what trusts it."""

    def __init__(self, folder):
        self.folder = folder
        os.makedirs(folder, exist_ok=True)
        os.chmod(folder, 0o755)
        self.ca = os.path.join(folder, "ca.pem")
        self.openssl("req", "-x509", *EC, "-days", "2", "-subj", "/CN=Tercet test authority",
                     "-addext", "basicConstraints=critical,CA:TRUE",
                     "-keyout", "ca.key", "-out", "ca.pem")

    def openssl(self, *arguments):
        subprocess.run(["openssl", *arguments], cwd=self.folder, check=True,
                       stdin=subprocess.DEVNULL, capture_output=True)

    def path(self, name, ending):
        return os.path.join(self.folder, f"{name}.{ending}")

    def files(self, name):
        return self.path(name, "crt"), self.path(name, "key")

    def issue(self, name, domains, kind="signed"):
        """(certificate, key) of `name` for `domains`; `kind`: "signed", "self-signed" or
        "expired" (signed, and over since yesterday)."""
        names = "subjectAltName=" + ",".join(f"DNS:{domain}" for domain in domains)
        if kind != "self-signed":
            return self.issue_with(name, names + "\n", kind == "expired")
        self.openssl("req", "-x509", *EC, "-days", "2", "-subj", f"/CN={name}", "-addext", names,
                     "-keyout", f"{name}.key", "-out", f"{name}.crt")
        return self.readable(name)

    def issue_with(self, name, extensions, expired=False):
        """The same with these extensions, as lines of openssl's configuration."""
        self.openssl("req", *EC, "-subj", f"/CN={name}", "-keyout", f"{name}.key",
                     "-out", f"{name}.req")
        with open(self.path(name, "ext"), "w", encoding="utf-8") as file:
            file.write(extensions)
        self.sign(name, expired)
        return self.readable(name)

    def key_digest(self, name):
        """SHA-256 of the public key (SubjectPublicKeyInfo), in hexadecimal."""
        key = subprocess.run(["openssl", "pkey", "-in", self.path(name, "key"), "-pubout",
                              "-outform", "DER"], check=True, capture_output=True).stdout
        return hashlib.sha256(key).hexdigest()

    def append_authority(self, name):
        """Its chain has the authority's certificate, too."""
        with open(self.ca, encoding="ascii") as ca, \
                open(self.path(name, "crt"), "a", encoding="ascii") as chain:
            chain.write(ca.read())

    def readable(self, name):
        for file in self.files(name):
            os.chmod(file, 0o644)
        return self.files(name)

    def sign(self, name, expired):
        """"openssl x509" knows days from now only; "openssl ca" wants a folder, but has dates."""
        if not expired:
            self.openssl("x509", "-req", "-in", f"{name}.req", "-CA", "ca.pem", "-CAkey",
                         "ca.key", "-CAcreateserial", "-days", "2", "-extfile", f"{name}.ext",
                         "-out", f"{name}.crt")
            return
        now = time.time()
        form = "%Y%m%d%H%M%SZ"
        dates = [time.strftime(form, time.gmtime(now - days * 86400)) for days in (3, 1)]
        with open(self.path(name, "conf"), "w", encoding="ascii") as file:
            file.write("[ca]\ndefault_ca=a\n[a]\ndatabase=index.txt\nserial=serial\n"
                       f"new_certs_dir={self.folder}\ndefault_md=sha256\npolicy=p\n"
                       "[p]\ncommonName=supplied\n")
        open(os.path.join(self.folder, "index.txt"), "w", encoding="ascii").close()
        with open(os.path.join(self.folder, "serial"), "w", encoding="ascii") as file:
            file.write("1000\n")
        self.openssl("ca", "-batch", "-config", f"{name}.conf", "-in", f"{name}.req", "-cert",
                     "ca.pem", "-keyfile", "ca.key", "-startdate", dates[0], "-enddate",
                     dates[1], "-extfile", f"{name}.ext", "-notext", "-out", f"{name}.crt")


class ServerAuthority(Authority):
    """That of one server: cert.pem and key.pem for `domain`, too, and certificates of clients."""

    def __init__(self, folder, domain="localhost"):
        super().__init__(folder)
        self.certificate, self.key = self.issue("server", [domain])

    def client_certificate(self, name, *addresses):
        """A client's: (certificate, key) with these addresses as xmppAddr (RFC 6120 13.7.1.4)."""
        names = ",".join(f"otherName:1.3.6.1.5.5.7.8.5;UTF8:{a}" for a in addresses)
        return self.issue_with(name, "extendedKeyUsage=clientAuth\n" +
                               (f"subjectAltName={names}\n" if addresses else ""))

    def options(self):
        """For "devserver start"."""
        return ["--cert", self.certificate, "--key", self.key]

    def trust_folder(self, name="trust"):
        """A folder as OpenSSL looks certificates up in."""
        folder = os.path.join(self.folder, name)
        os.mkdir(folder)
        with open(self.ca, "rb") as source, open(os.path.join(folder, "ca.pem"), "wb") as file:
            file.write(source.read())
        self.openssl("rehash", folder)
        return folder

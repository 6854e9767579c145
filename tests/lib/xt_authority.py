# SPDX-FileCopyrightText: 2026 The Tercet authors
# SPDX-License-Identifier: MIT
"""A certificate authority of the test's own, so that real clients check the server's
certificate as they would anywhere: by a chain to something they were told to trust."""
import os
import subprocess

EC = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]


class Authority:
    """Makes in `folder`: ca.pem; cert.pem and key.pem for `domain`, signed by it."""

    def __init__(self, folder, domain="localhost"):
        self.folder = folder
        self.ca, self.certificate, self.key = (
            os.path.join(folder, name) for name in ("ca.pem", "cert.pem", "key.pem"))
        self.openssl("req", "-x509", *EC, "-days", "2", "-subj", "/CN=Tercet test authority",
                     "-addext", "basicConstraints=critical,CA:TRUE",
                     "-keyout", "ca.key", "-out", "ca.pem")
        self.openssl("req", *EC, "-subj", f"/CN={domain}", "-keyout", "key.pem",
                     "-out", "request.pem")
        with open(os.path.join(folder, "extensions"), "w", encoding="ascii") as file:
            file.write(f"subjectAltName=DNS:{domain}\n")
        self.openssl("x509", "-req", "-in", "request.pem", "-CA", "ca.pem", "-CAkey", "ca.key",
                     "-CAcreateserial", "-days", "2", "-extfile", "extensions",
                     "-out", "cert.pem")

    def openssl(self, *arguments):
        subprocess.run(["openssl", *arguments], cwd=self.folder, check=True,
                       stdin=subprocess.DEVNULL, capture_output=True)

    def client_certificate(self, name, *addresses):
        """A client's: (certificate, key) with these addresses as xmppAddr (RFC 6120 13.7.1.4)."""
        cert, key, request, extensions = (f"{name}.{what}" for what in (
            "crt", "key", "request", "extensions"))
        alternatives = ",".join(f"otherName:1.3.6.1.5.5.7.8.5;UTF8:{a}" for a in addresses)
        with open(os.path.join(self.folder, extensions), "w", encoding="utf-8") as file:
            file.write("extendedKeyUsage=clientAuth\n")
            file.write(f"subjectAltName={alternatives}\n" if addresses else "")
        self.openssl("req", *EC, "-subj", f"/CN={name}", "-keyout", key, "-out", request)
        self.openssl("x509", "-req", "-in", request, "-CA", "ca.pem", "-CAkey", "ca.key",
                     "-CAcreateserial", "-days", "2", "-extfile", extensions, "-out", cert)
        return os.path.join(self.folder, cert), os.path.join(self.folder, key)

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

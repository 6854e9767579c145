#!/usr/bin/python3
# SPDX-FileCopyrightText: 2026 The Tercet authors
# SPDX-License-Identifier: MIT
"""testssl.sh against STARTTLS and direct TLS, with both profiles: no finding of severity MEDIUM
or more but those that a certificate of a test has by nature. The whole report is printed.

Takes minutes: for scripts/test --all. Skipped (77) without testssl.
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

from xt_server import Server, missing  # noqa: E402

TESTSSL = shutil.which("testssl") or shutil.which("testssl.sh")
PATIENCE = 1200
# A self-signed certificate for a test has no authority, no revocation, and a life of its own.
BY_NATURE = ("cert_chain_of_trust", "cert_trust", "cert_revocation", "cert_crlDistributionPoints",
             "cert_ocspURL", "cert_expirationStatus", "cert_notAfter", "cert_validityPeriod",
             "cert_extlifeSpan", "OCSP_stapling", "DNS_CAArecord", "cert_caIssuers",
             "certificate_transparency", "cert_commonName", "cert_mustStapleExtension",
             "overall_grade", "grade_cap", "final_score")
SEVERE = ("MEDIUM", "HIGH", "CRITICAL", "WARN", "FATAL")


def scan(server, profile, port, folder):
    address, number = server.address(port)
    report = os.path.join(folder, f"{profile}-{port}.json")
    how = ["--starttls", "xmpp", "--xmpphost", "localhost"] if port == "c2s" else []
    done = subprocess.run(["nice", TESTSSL, "--quiet", "--color", "0", "--warnings", "off",
                           "--ip", address, "--jsonfile", report, *how,
                           "-p", "-s", "-f", "-P", "-S", "-U", f"localhost:{number}"],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=PATIENCE, check=False)
    print(f"==== {profile}, {port}\n{done.stdout}", flush=True)
    with open(report, encoding="utf-8") as file:
        found = json.load(file)
    assert len(found) > 30, "testssl has looked at nothing"
    return [f"{profile}, {port}: {f['id']} {f['severity']}: {f['finding']}" for f in found
            if f["severity"] in SEVERE and not f["id"].split(" ")[0].startswith(BY_NATURE)]


def main():
    if missing() or TESTSSL is None:
        print(f"not here: {missing() or 'testssl.sh'}")
        sys.exit(77)
    folder = tempfile.mkdtemp(prefix="tercet-scan.")
    bad = []
    try:
        for profile in ("intermediate", "modern"):
            server = Server(config=f'tls_profile = "{profile}";')
            try:
                server.start()
                for port in ("c2s", "c2s-tls"):
                    bad += scan(server, profile, port, folder)
                assert not server.complaints(), server.complaints()
            finally:
                server.remove()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if bad:
        print("findings:", *bad, sep="\n")
        sys.exit(1)


main()

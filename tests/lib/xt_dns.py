# SPDX-FileCopyrightText: 2026 The Tercet authors
# SPDX-License-Identifier: MIT
"""A name server of the test's own, on a free port of 127.0.0.1, UDP and TCP: records that can
be added and removed while it runs, zones that it signs (DNSSEC), and names that lie, fail or
stay silent. (libunbound itself answers for "test".) Nothing is remembered by who asks: every TTL is 0 but those of keys.

    dns = DnsServer(folder)
    dns.zone("signed.example")                      # signed; its anchor is in dns.anchors
    dns.add("_xmpp-server._tcp.one.signed.example", "SRV", "5 0 5269 host.signed.example.")
    dns.forge("host.signed.example")                # the signatures there are wrong
    dns.fail("broken.example"), dns.mute("silent.example")
    dns.options()                                # for tercet.conf
    dns.stop()

As a program: xt_dns.py FOLDER, with "zone NAME", "add NAME TYPE TEXT", "forge NAME", "fail NAME",
"mute NAME", "remove NAME [TYPE]" on standard input, each answered by "ok"; it first says its
port, and ends with its input."""
import os
import socket
import socketserver
import sys
import threading
import time

import dns.dnssec
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset
from cryptography.hazmat.primitives.asymmetric import ec

IN = dns.rdataclass.IN
NSEC, RRSIG, DNSKEY, CNAME, SOA = (getattr(dns.rdatatype, t) for t in (
    "NSEC", "RRSIG", "DNSKEY", "CNAME", "SOA"))


def name_of(text):
    return dns.name.from_text(text.rstrip(".") + ".")


class Zone:
    def __init__(self, origin):
        self.origin = origin
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.dnskey = dns.dnssec.make_dnskey(self.key.public_key(), "ECDSAP256SHA256", flags=257)

    def sign(self, rrset, forged):
        now = int(time.time())
        signed = rrset
        if forged:
            signed = dns.rrset.from_text(rrset.name, rrset.ttl, "IN", "TXT", '"something else"')
        rrsig = dns.dnssec.sign(signed, self.key, self.origin, self.dnskey,
                                inception=now - 3600, expiration=now + 86400)
        if forged:
            rrsig = rrsig.replace(type_covered=rrset.rdtype, labels=len(rrset.name.labels) - 1)
        return dns.rrset.from_rdata(rrset.name, rrset.ttl, rrsig)


class DnsServer:
    def __init__(self, folder):
        self.anchors = os.path.join(folder, "dns-anchors")
        self.records, self.zones = {}, {}
        self.forged, self.failing, self.silent = set(), set(), set()
        self.lock = threading.Lock()
        self.asked = []  # (name, type), in order
        open(self.anchors, "w", encoding="ascii").close()
        for _ in range(50):
            # One port for both: that of TCP may be somebody else's.
            self.udp = socketserver.UDPServer(("127.0.0.1", 0), self.handler(datagram=True))
            self.port = self.udp.server_address[1]
            try:
                self.tcp = socketserver.ThreadingTCPServer(
                    ("127.0.0.1", self.port), self.handler(datagram=False))
                break
            except OSError:
                self.udp.server_close()
        self.tcp.daemon_threads = True
        self.threads = [threading.Thread(target=s.serve_forever, daemon=True, args=(0.05,))
                        for s in (self.udp, self.tcp)]
        for thread in self.threads:
            thread.start()

    # ---- what it says ----

    def zone(self, name):
        """From here on everything below is signed, and its key is an anchor."""
        with self.lock:
            zone = self.zones[name_of(name)] = Zone(name_of(name))
            with open(self.anchors, "a", encoding="ascii") as file:
                file.write(f"{zone.origin} 3600 IN DNSKEY {zone.dnskey}\n")

    def add(self, name, kind, text):
        kind = dns.rdatatype.from_text(kind)
        rdata = dns.rdata.from_text(IN, kind, text)
        with self.lock:
            self.records.setdefault((name_of(name), kind), []).append(rdata)

    def remove(self, name, kind=None):
        with self.lock:
            for key in list(self.records):
                if key[0] == name_of(name) and kind in (None, dns.rdatatype.to_text(key[1])):
                    del self.records[key]

    def forge(self, name):
        self.forged.add(name_of(name))

    def fail(self, name):
        self.failing.add(name_of(name))

    def mute(self, name):
        self.silent.add(name_of(name))

    def options(self):
        """For tercet.conf."""
        return (f'dns_servers = [ "127.0.0.1@{self.port}" ];\n'
                f'dns_trust_anchor = "{self.anchors}";\n')

    def stop(self):
        for server in (self.udp, self.tcp):
            server.shutdown()
            server.server_close()
        for thread in self.threads:
            thread.join()

    # ---- answers ----

    def zone_of(self, name):
        at = name
        while at != dns.name.root:
            if at in self.zones:
                return self.zones[at]
            at = at.parent()
        return self.zones.get(dns.name.root)

    def put(self, section, rrset):
        zone = self.zone_of(rrset.name)
        section.append(rrset)
        if zone is not None:
            section.append(zone.sign(rrset, rrset.name in self.forged))

    def nothing(self, response, name):
        """RFC 4470: a proof for this name alone, which says that it has no such type."""
        zone = self.zone_of(name)
        origin = zone.origin if zone is not None else dns.name.root
        soa = dns.rrset.from_text(origin, 0, "IN", "SOA", "ns.invalid. host.invalid. 1 1 1 1 0")
        self.put(response.authority, soa)
        if zone is None:
            if not any(key[0].is_subdomain(name) for key in self.records):
                response.set_rcode(dns.rcode.NXDOMAIN)
            return
        types = {dns.rdatatype.to_text(k[1]) for k in self.records if k[0] == name}
        if name == zone.origin:
            types |= {"SOA", "DNSKEY"}
        following = dns.name.Name((b"\0",) + name.labels)
        self.put(response.authority, dns.rrset.from_text(
            name, 0, "IN", "NSEC", f"{following} {' '.join(sorted(types))} RRSIG NSEC"))

    def answer(self, query):
        name, kind = query.question[0].name, query.question[0].rdtype
        name = dns.name.Name(tuple(label.lower() for label in name.labels))
        self.asked.append((name.to_text(True), dns.rdatatype.to_text(kind)))
        if name in self.silent:
            return None
        response = dns.message.make_response(query, recursion_available=True)
        response.flags |= dns.flags.AA
        if name in self.failing:
            response.set_rcode(dns.rcode.SERVFAIL)
            return response
        for _ in range(8):
            zone = self.zones.get(name)
            if zone is not None and kind == DNSKEY:
                self.put(response.answer, dns.rrset.from_rdata(name, 60, zone.dnskey))
                return response
            found = self.records.get((name, kind))
            if found:
                self.put(response.answer, dns.rrset.from_rdata_list(name, 0, found))
                return response
            alias = self.records.get((name, CNAME))
            if not alias:
                break
            self.put(response.answer, dns.rrset.from_rdata_list(name, 0, alias))
            name = alias[0].target
        self.nothing(response, name)
        return response

    def bytes_for(self, wire, limit):
        with self.lock:
            query = dns.message.from_wire(wire)
            response = self.answer(query)
        if response is None:
            return None
        out = response.to_wire(max_size=65535)
        if limit is not None and len(out) > max(512, min(query.payload, limit)):
            short = dns.message.make_response(query)
            short.flags |= dns.flags.TC
            out = short.to_wire()
        return out

    def handler(self, datagram):
        outer = self

        class Datagram(socketserver.BaseRequestHandler):
            def handle(self):
                wire, sock = self.request
                out = outer.bytes_for(wire, 1232)
                if out is not None:
                    sock.sendto(out, self.client_address)

        class Stream(socketserver.StreamRequestHandler):
            def handle(self):
                while True:
                    head = self.rfile.read(2)
                    if len(head) < 2:
                        return
                    out = outer.bytes_for(self.rfile.read(int.from_bytes(head, "big")), None)
                    if out is None:
                        return
                    self.wfile.write(len(out).to_bytes(2, "big") + out)

        return Datagram if datagram else Stream


def main():
    server = DnsServer(sys.argv[1])
    print(server.port, flush=True)
    for line in sys.stdin:
        word, *rest = line.rstrip("\n").split(" ", 1)
        arguments = rest[0].split(" ", 2) if word == "add" else rest[0].split(" ")
        {"zone": server.zone, "add": server.add, "remove": server.remove, "forge": server.forge,
         "fail": server.fail, "mute": server.mute}[word](*arguments)
        print("ok", flush=True)
    server.stop()


if __name__ == "__main__":
    main()

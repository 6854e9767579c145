#!/usr/bin/python3
# SPDX-FileCopyrightText: 2026 The Tercet authors
# SPDX-License-Identifier: MIT
"""The hashes that the server announces of itself (XEP-0115, XEP-0390) are those of what it
answers to disco#info, computed here once more, with other code; and they are others when its
options have changed."""
import base64
import hashlib
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

from xt_client import Connection  # noqa: E402
from xt_xml import XML_NS  # noqa: E402
from xt_people import served  # noqa: E402
from xt_server import Server, missing  # noqa: E402

INFO, DATA = "http://jabber.org/protocol/disco#info", "jabber:x:data"
CAPS, CAPS2, HASHES = "http://jabber.org/protocol/caps", "urn:xmpp:caps", "urn:xmpp:hashes:2"


def octets(texts):
    return sorted(text.encode() for text in texts)


def children(element, ns, name):
    return [e for e in element.elements() if (e.ns, e.name) == (ns, name)]


def identities(query):
    return [(e.get("category"), e.get("type"), e.attrs.get((XML_NS, "lang"), ""), e.get("name", ""))
            for e in children(query, INFO, "identity")]


def forms(query):
    for form in children(query, DATA, "x"):
        yield {field.get("var"): [v.text() for v in children(field, DATA, "value")]
               for field in children(form, DATA, "field")}


def text_0115(query):
    s = b"".join("/".join(i).encode() + b"<" for i in sorted(identities(query)))
    s += b"".join(v + b"<" for v in octets(f.get("var") for f in children(query, INFO, "feature")))
    for form in sorted(forms(query), key=lambda f: f["FORM_TYPE"][0].encode()):
        s += form.pop("FORM_TYPE")[0].encode() + b"<"
        for var in sorted(form, key=str.encode):
            s += var.encode() + b"<" + b"".join(v + b"<" for v in octets(form[var]))
    return s


def text_0390(query):
    features = b"".join(octets(f.get("var") + "\x1f" for f in children(query, INFO, "feature")))
    ids = b"".join(octets("".join(p + "\x1f" for p in i) + "\x1e" for i in identities(query)))
    extensions = b"".join(octets(
        "".join(sorted(var + "\x1f" + "".join(sorted(v + "\x1f" for v in values)) + "\x1e"
                       for var, values in form.items())) + "\x1d" for form in forms(query)))
    return b"".join(part + b"\x1c" for part in (features, ids, extensions))


def announced_and_asked(server):
    """The hashes of the stream's features, and what disco#info says."""
    c = Connection(server, lambda *_: None, "whole", 30)
    c.connect(False)
    c.open_stream("localhost")
    c.features()
    c.negotiate_tls()
    c.open_stream("localhost")
    c.features()
    c.authenticate("romeo", "secret", "SCRAM-SHA-1")
    c.open_stream("localhost")
    features = c.features()
    one, two = features.find(CAPS, "c"), features.find(CAPS2, "c")
    hashes = {("0115", one.get("hash")): one.get("ver")}
    for element in children(two, HASHES, "hash"):
        hashes["0390", element.get("algo")] = element.text()
    c.bind(None)
    c.send(f"<iq type='get' id='1' to='localhost'><query xmlns='{INFO}'/></iq>")
    query = c.expect("jabber:client", "iq").find(INFO, "query")
    c.close()
    return hashes, query


def check(server):
    hashes, query = announced_and_asked(server)
    assert set(hashes) == {("0115", "sha-1"), ("0390", "sha-256"), ("0390", "sha3-256")}, hashes
    for (xep, name), value in hashes.items():
        text = text_0115(query) if xep == "0115" else text_0390(query)
        digest = hashlib.new(name.replace("sha-", "sha").replace("sha3-", "sha3_"), text).digest()
        assert base64.b64encode(digest).decode() == value, (xep, name, text)
    return hashes


def main():
    if missing():
        return 77
    server = Server(users=["romeo@localhost:secret"], config='contact_info: { abuse = [ '
                    '"xmpp:b@localhost", "mailto:a@localhost" ]; }; disco: { name = "One"; };')
    with served(server):
        before = check(server)
        path = os.path.join(server.state, "tercet.conf")
        with open(path, encoding="utf-8") as file:
            text = file.read()
        with open(path, "r+", encoding="utf-8") as file:  # its owner and mode stay
            file.write(text.replace('"One"', '"Two"'))
        assert server.ctl(["reload"])[0] == 0
        after = check(server)
        assert not set(before.values()) & set(after.values()), "the hashes are the old ones"
    return 0


if __name__ == "__main__":
    sys.exit(main())

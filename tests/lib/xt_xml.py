# SPDX-FileCopyrightText: 2026 The Tercet authors
# SPDX-License-Identifier: MIT
"""XML for the protocol scripts: trees, a reader of XMPP streams, and patterns.

A pattern is XML whose attribute values and texts may hold {any}, {=name} (captures) and
{name} (a captured or predefined value). Attributes and children of the real thing that the
pattern does not name make it fail, unless the pattern has the child text "..." (more
children) or the attribute _='...' (more attributes). White space around texts and between
elements does not count; the order of children does not count either.
"""
import re
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

STREAM_NS = "http://etherx.jabber.org/streams"
CLIENT_NS = "jabber:client"
XML_NS = "http://www.w3.org/XML/1998/namespace"


class Element:
    """One element: namespace, local name, attributes by (namespace, name), children."""

    def __init__(self, ns, name, attrs):
        self.ns, self.name, self.attrs, self.children = ns, name, attrs, []

    def elements(self):
        return [c for c in self.children if isinstance(c, Element)]

    def text(self):
        return "".join(c for c in self.children if isinstance(c, str))

    def get(self, name, default=None):
        return self.attrs.get(("", name), default)

    def find(self, ns, name):
        for child in self.elements():
            if (child.ns, child.name) == (ns, name):
                return child
        return None

    def __str__(self):
        return self.write("")

    def write(self, around):
        parts = ["<", self.name]
        if self.ns != around:
            parts.append(f" xmlns={quoteattr(self.ns)}")
        for (ns, name), value in sorted(self.attrs.items()):
            prefix = {"": "", XML_NS: "xml:"}.get(ns, "{%s}" % ns)
            parts.append(f" {prefix}{name}={quoteattr(value)}")
        if not self.children:
            return "".join(parts) + "/>"
        parts.append(">")
        for child in self.children:
            parts.append(escape(child) if isinstance(child, str) else child.write(self.ns))
        parts.append(f"</{self.name}>")
        return "".join(parts)


def split_name(name):
    """What another server hears is in its own content namespace, and otherwise the same."""
    ns, _, local = name.rpartition(" ")
    return (CLIENT_NS if ns == "jabber:server" else ns), local


class StreamReader:
    """Makes events of the bytes of one XML stream: ('header', attrs), ('element', Element),
    ('end', None), or ('bad', text) when the peer's XML is not well-formed."""

    def __init__(self, content=CLIENT_NS):
        """Elements in the namespace `content` are given in that of clients."""
        self.content = content
        self.parser = expat.ParserCreate("UTF-8", namespace_separator=" ")
        self.parser.buffer_text = True
        if hasattr(self.parser, "SetReparseDeferralEnabled"):
            self.parser.SetReparseDeferralEnabled(False)
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text
        self.stack, self.depth, self.events = [], 0, []

    def feed(self, data):
        try:
            self.parser.Parse(data, False)
        except expat.ExpatError as error:
            self.events.append(("bad", f"{error}: {data!r}"))
        events, self.events = self.events, []
        return events

    def _start(self, name, attributes):
        attrs = {split_name(key): value for key, value in attributes.items()}
        self.depth += 1
        if self.depth == 1:
            self.events.append(("header", attrs))
            return
        ns, local = split_name(name)
        element = Element(CLIENT_NS if ns == self.content else ns, local, attrs)
        if self.stack:
            self.stack[-1].children.append(element)
        self.stack.append(element)

    def _end(self, _name):
        self.depth -= 1
        if self.depth == 0:
            self.events.append(("end", None))
            return
        element = self.stack.pop()
        if not self.stack:
            self.events.append(("element", element))

    def _text(self, data):
        if self.stack:
            self.stack[-1].children.append(data)


def parse_fragment(text):
    """The elements of a block, as they would be on a client's stream."""
    reader = StreamReader()
    header = f"<stream:stream xmlns='{CLIENT_NS}' xmlns:stream='{STREAM_NS}'>"
    events = reader.feed((header + text).encode())
    bad = [value for kind, value in events if kind == "bad"]
    if bad or reader.stack:
        raise ValueError(f"this is not XML: {bad[0] if bad else text}")
    return [value for kind, value in events if kind == "element"]


class Mismatch(Exception):
    """Where a pattern and the real thing differ."""


def match_value(pattern, value, variables, where):
    """A string with {any}, {=name} and {name} against a real value."""
    captures = []

    def part(match):
        name = match.group(1)
        if name == "any":
            return ".*"
        if name.startswith("="):
            captures.append(name[1:])
            return "(.*)"
        if name not in variables:
            raise ValueError(f"nothing is known as {{{name}}}")
        return re.escape(variables[name])

    pieces, last = [], 0
    for match in re.finditer(r"\{(=?[a-z][a-z0-9_.-]*)\}", pattern):
        pieces.append(re.escape(pattern[last:match.start()]))
        pieces.append(part(match))
        last = match.end()
    pieces.append(re.escape(pattern[last:]))
    found = re.fullmatch("".join(pieces), value, re.DOTALL)
    if not found:
        raise Mismatch(f"{where}: '{value}' where '{pattern}' was expected")
    for name, captured in zip(captures, found.groups()):
        variables[name] = captured


def match(pattern, real, variables, where=""):
    """Raises Mismatch unless `real` is as `pattern` says; captures go to `variables`."""
    where = f"{where}/{pattern.name}"
    if (pattern.ns, pattern.name) != (real.ns, real.name):
        raise Mismatch(f"{where}: <{real.name} xmlns='{real.ns}'> where "
                       f"<{pattern.name} xmlns='{pattern.ns}'> was expected")
    match_attributes(pattern, real, variables, where)
    match_children(pattern, real, variables, where)


def match_attributes(pattern, real, variables, where):
    more = pattern.get("_") == "..."
    for key, value in pattern.attrs.items():
        if key == ("", "_"):
            continue
        if key not in real.attrs:
            raise Mismatch(f"{where}: no attribute '{key[1]}'")
        match_value(value, real.attrs[key], variables, f"{where}@{key[1]}")
    extra = [key[1] for key in real.attrs if key not in pattern.attrs]
    if extra and not more:
        raise Mismatch(f"{where}: attributes that were not expected: {', '.join(extra)}")


def match_children(pattern, real, variables, where):
    wanted_text = pattern.text().strip()
    more = wanted_text.endswith("...") and wanted_text.strip(". \n\t") == ""
    rest = real.elements()
    for child in pattern.elements():
        problems = []
        for candidate in rest:
            trial = dict(variables)
            try:
                match(child, candidate, trial, where)
            except Mismatch as problem:
                problems.append(problem)
                continue
            variables.update(trial)
            rest.remove(candidate)
            break
        else:
            same = [p for p in problems if f"/{child.name}" in str(p) and "where <" not in str(p)]
            raise same[0] if same else Mismatch(f"{where}: no child like {child}")
    if rest and not more:
        raise Mismatch(f"{where}: children that were not expected: "
                       + " ".join(map(str, rest)))
    if not more:
        match_value(wanted_text, real.text().strip(), variables, f"{where} text")

/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* write.h - serialising elements. What we write is always made from a tree: received bytes
 * are never passed on. Characters that could end a text or a value early, and those that a
 * parser would normalise away, are written as references. */
#pragma once

#include "core/base/str.h"
#include "core/xml/elem.h"

#define NS_STREAM "http://etherx.jabber.org/streams"
#define NS_XML "http://www.w3.org/XML/1998/namespace"

/* Escaped for use in text and inside '...' alike. */
void write_escaped(struct str *out, struct span text);
/* " name='value'" */
void write_attr(struct str *out, const char *name, struct span value);
/* The whole element. `ns_around` is the default namespace where it will stand; elements of
 * the stream namespace are written with the prefix stream:, bound by the stream's header. */
void write_elem(struct str *out, const struct tct_elem *e, const char *ns_around);
/* The whole element with `prefix` ("db:"), which the stream's header has bound to its namespace;
 * its children stand in jabber:client. */
void write_prefixed(struct str *out, const struct tct_elem *e, const char *prefix);
/* The children of `e` only. Those in the namespace of `e` carry no declaration of it, so the
 * bytes fit into any stanza whatever the content namespace of its stream is. */
void write_children(struct str *out, const struct tct_elem *e);

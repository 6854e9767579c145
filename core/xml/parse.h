/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* parse.h - whole constructs (found by the framer) to trees, by expat without its namespace
 * processing; the rules of "Namespaces in XML" are kept here. One parser per thread stands
 * open for all streams; it belongs to no connection and is thrown away when its tables have
 * grown, for expat never forgets a name. Limits are checked while the tree grows. */
#pragma once

#include "core/base/arena.h"
#include "core/base/span.h"
#include "core/xml/elem.h"

enum parse_error {
	PARSE_OK = 0,
	PARSE_NOT_WELL_FORMED,
	PARSE_RESTRICTED,        /* DTD, PI, comment, entity */
	PARSE_BAD_PREFIX,        /* a prefix that is not declared, or declared wrongly */
	PARSE_BAD_FORMAT,
	PARSE_POLICY,            /* too deep, too many elements, attributes, prefixes */
	PARSE_ENCODING,          /* not UTF-8 */
	PARSE_NAMESPACE          /* jabber:client on a stream of another kind */
};
/* The stream error of RFC 6120 4.9.3. */
const char *parse_error_condition(enum parse_error e);

struct parse_limits {
	uint32_t depth;      /* of elements; the first-level element is 1 */
	uint32_t elements;   /* in one first-level element */
	uint32_t attributes; /* of one element */
};

/* What a stream header declares for the elements that follow: the content namespace, up to
 * 8 prefixes, xml:lang. Immutable. */
struct parse_context;
void parse_context_free(struct parse_context *ctx); /* NULL: nothing */
const char *parse_context_ns(const struct parse_context *ctx);   /* "" when none */
const char *parse_context_lang(const struct parse_context *ctx); /* NULL: none */
/* From here on elements in the content namespace are given in jabber:client, so that what
 * comes by streams of any kind is alike; a first-level element that says jabber:client itself is
 * refused. For a content namespace that is another one. */
void parse_context_neutral(struct parse_context *ctx);
/* The context of a stream without header tricks: content namespace `ns`. */
struct parse_context *parse_context_new(const char *ns);

/* The start tag of a stream (an XML declaration may come before it). The root is in `a`;
 * *ctx is the caller's. TCT_EPROTO and *e otherwise. */
int parse_header(struct span bytes, struct arena *a, struct parse_context **ctx,
	struct tct_elem **root, enum parse_error *e) TCT_CHECKED;
/* One first-level element. On error the arena holds what was built so far. */
int parse_element(const struct parse_context *ctx, struct span bytes,
	const struct parse_limits *limits, struct arena *a, struct tct_elem **root,
	enum parse_error *e) TCT_CHECKED;
/* XML that we serialised ourselves, from the store: one element, content namespace
 * jabber:client. */
int parse_stored(struct span bytes, struct arena *a, struct tct_elem **root) TCT_CHECKED;
/* Frees the parser of the calling thread. */
void parse_trim(void);

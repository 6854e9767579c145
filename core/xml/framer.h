/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* framer.h - finds where a stream header, a first-level element or the end of a stream
 * stops, in bytes that come in any pieces: a resumable state machine in front of expat. It
 * knows quotes, CDATA and depth, and nothing of names or namespaces: expat stays the judge
 * of what is well-formed. Comments, processing instructions and DTDs are refused where they
 * begin (RFC 6120 11.1). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct framer {
	uint32_t depth; /* open elements below the stream's */
	uint8_t state;
	uint8_t quote; /* the quote that ends the value */
	uint8_t match; /* progress in "[CDATA[", "]]>", "xml" */
	bool header;   /* the stream's own start tag is awaited */
};

enum framer_result {
	FRAMER_MORE,       /* all was consumed, the construct goes on */
	FRAMER_HEADER,     /* the stream's start tag ends here, an XML declaration before it */
	FRAMER_STANZA,     /* a first-level element ends here */
	FRAMER_SPACE,      /* white space between elements */
	FRAMER_CLOSE,      /* an end tag on the first level: the peer's end of stream */
	FRAMER_RESTRICTED, /* a comment, PI or DTD begins here */
	FRAMER_MALFORMED   /* this is no XML */
};

/* `header`: a stream header comes first; else first-level elements. */
void framer_init(struct framer *f, bool header);
/* Reads on; sets *used to the bytes consumed (of `data`). The caller keeps the bytes of a
 * construct until it is whole. After RESTRICTED and MALFORMED nothing more may be fed. */
enum framer_result framer_feed(struct framer *f, const char *data, size_t len, size_t *used);

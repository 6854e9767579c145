/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* stanza.h - stanzas behind <tercet/stanza.h>: a header in fields, children in a tree, and
 * the payload's bytes once somebody needed them. A view is a stanza with a header of its own
 * over the tree and payload of another. Loop thread; plain counts. */
#pragma once

#include "core/base/arena.h"
#include "core/xml/elem.h"

#include <tercet/stanza.h>

struct payload;

struct tct_stanza {
	struct arena arena;      /* of the tree; unused in a view */
	struct tct_stanza *base; /* of a view: counted */
	struct tct_elem *root;
	struct payload *payload; /* NULL until serialised; counted; a view's is the base's */
	struct payload *head;    /* the start of its tag, but for `to`; never without the payload */
	const struct tct_jid *from, *to; /* counted */
	char *id, *lang;         /* in the arena; a view's are the base's */
	uint32_t type;
	uint32_t refs;
	uint8_t kind;
	bool frozen;
	bool own_id; /* of a view: `id` is its own, from malloc */
};

/* A stanza of a parsed element; `a` is moved into it (the caller's struct is empty after).
 * *problem is 0, or the condition that the sender must be told (jid-malformed for a `to` or
 * `from` that is no address, bad-request for an unknown type): the stanza can then only be
 * used for that answer. The root must be message, presence or iq. */
struct tct_stanza *stanza_from_elem(struct arena *a, struct tct_elem *root, uint32_t *problem);
/* A frozen stanza with another header; `st` is frozen by it. NULL overlay: the same one. */
struct tct_stanza *stanza_view(struct tct_stanza *st, const struct tct_overlay *overlay);
void stanza_freeze(struct tct_stanza *st);
/* The same, frozen, in no more memory than it needs, for what is kept for long; one
 * reference. */
struct tct_stanza *stanza_compact(struct tct_stanza *st);
/* True when it may not be changed in place. */
bool stanza_shared(const struct tct_stanza *st);
/* About how much memory it holds. */
size_t stanza_size(const struct tct_stanza *st);
/* The word in the `type` attribute; NULL: none is written. */
const char *stanza_type_name(uint32_t type);

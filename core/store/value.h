/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* value.h - values as bytes: a kind, then the data; records are fields of a name and a
 * value. Integers are little-endian and of fixed size, so files move between machines. What
 * is read is checked: bytes from a store are foreign bytes. */
#pragma once

#include "core/base/arena.h"
#include "core/base/span.h"
#include "core/base/str.h"

#include <tercet/store.h>

/* The encoded value, in the arena; `room` bytes before it are free. */
struct span value_encode(struct arena *a, const struct tct_value *v, size_t room);
/* False: these bytes are no value. Text is borrowed from `bytes`, which a NUL must follow. */
bool value_decode(struct span bytes, struct tct_value *v);
bool value_equal(const struct tct_value *a, const struct tct_value *b);

/* Marks lie between the kind and the data of an archive row: which stanza of which session it
 * is, so that a session that outlives the process finds its own. Who reads the value does not
 * see them. */
#define MARK_BYTES 17
#define MARKS_MAX 127
/* Room for the first marks of a row, and what a row without any needs for them. */
#define MARK_ROOM (1 + 3 * MARK_BYTES)
struct mark {
	uint64_t session;
	uint32_t number; /* of the stanza in that session and direction */
	uint32_t floor;  /* MARK_SENT: all up to this one are done with */
	uint8_t kind;    /* enum mark_kind */
};
enum mark_kind {
	MARK_SENT = 0, /* the session's client sent it */
	MARK_TO = 1    /* it goes to the session; with more: as a copy of that kind */
};
/* Adds a mark to an encoded value, into `*room` bytes that are free before it, or anew in the
 * arena. What there are too many of is left out. */
void value_mark(struct arena *a, struct span *bytes, size_t *room, const struct mark *mark);
size_t value_mark_count(struct span bytes);
void value_mark_get(struct span bytes, size_t i, struct mark *mark);

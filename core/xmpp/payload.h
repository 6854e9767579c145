/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* payload.h - bytes. A payload is the serialised children of a stanza, made once and shared
 * by all receivers, the archive and copies; its count is atomic, so it is the only part of a
 * stanza that another thread may keep. So is its header, but for `to`. A delivery is
 * what queues hold: an address, a header, a payload, and an optional tail of children that only this
 * receiver gets. Neither keeps a tree. */
#pragma once

#include "core/base/span.h"
#include "core/base/str.h"

#include <tercet/stanza.h>

#include <stdatomic.h>

struct payload {
	_Atomic uint32_t refs;
	uint32_t len;
	char bytes[]; /* a NUL follows */
};

/* Copies; one reference. Any thread. */
struct payload *payload_new(struct span bytes);
struct payload *payload_ref(struct payload *p);
void payload_unref(struct payload *p);

/* The stanza's payload, made on first use (which freezes the stanza); borrowed from it. */
struct payload *stanza_payload(struct tct_stanza *st);

/* The start of its tag with all attributes but `to`: what copies for many share; as the payload. */
struct payload *stanza_head(struct tct_stanza *st);

/* About how many bytes that is; freezes it. */
size_t stanza_written(struct tct_stanza *st);
/* Appends the whole stanza; freezes it. */
void stanza_write(struct tct_stanza *st, struct str *out);

/* What the layer above knows of the message that a delivery is a copy of; counted by the
 * deliveries that have it. `end` is called when the last one goes. */
struct delivery_note {
	uint32_t refs;
	void (*end)(struct delivery_note *n);
};
struct delivery_note *delivery_note_ref(struct delivery_note *n);
void delivery_note_unref(struct delivery_note *n);

/* Counted, loop thread; immutable, but for its note. */
struct delivery;
/* `overlay` and `extra` may be NULL; the children of `extra` become the tail. */
struct delivery *delivery_new(struct tct_stanza *st, const struct tct_overlay *overlay,
	const struct tct_elem *extra);
/* Keeps a reference of `n`; before anybody else knows the delivery. */
void delivery_set_note(struct delivery *d, struct delivery_note *n);
struct delivery_note *delivery_get_note(const struct delivery *d); /* borrowed; NULL: none */
/* In which form it shows the message of its note: 0 as it is, else the note's maker knows. */
void delivery_set_form(struct delivery *d, uint8_t form);
uint8_t delivery_form(const struct delivery *d);
struct delivery *delivery_ref(struct delivery *d);
void delivery_unref(struct delivery *d);
/* Appends the whole stanza. */
void delivery_write(const struct delivery *d, struct str *out);
/* What it counts in a queue: bytes of payload, tail and header. */
size_t delivery_size(const struct delivery *d);
uint32_t delivery_type(const struct delivery *d);
struct span delivery_children(const struct delivery *d); /* but for its tail; borrowed */
const struct tct_jid *delivery_from(const struct delivery *d); /* borrowed; NULL: none */
/* A keyed hash of its kind and of the address that it is from. */
uint64_t delivery_sender(const struct delivery *d);
/* Parsed again, unfrozen, one reference: for what is routed a second time. */
struct tct_stanza *delivery_stanza(const struct delivery *d);

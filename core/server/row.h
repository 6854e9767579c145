/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* row.h - under which row a message is kept on disk until a client has it, and how many
 * copies of it are on their way. One object for all copies: events and deliveries have a
 * reference. Made for messages only that are kept, or that go to several sessions. */
#pragma once

#include "core/server/event.h"
#include "core/xmpp/payload.h"

struct row {
	struct turn_item item;      /* of the call of `done` */
	struct delivery_note note;  /* counts */
	struct scope_node in_mod;   /* in the scope of `mod` */
	struct tct_mod *mod;        /* whose `done` is; NULL: nobody's */
	struct tct_entity *entity;  /* pinned; NULL without `mod` */
	struct tct_archive *archive; /* NULL: only copies are counted */
	uint64_t id;
	tct_row_done_fn *done;
	uint32_t copies; /* that sessions have and have not dealt with */
	bool taken;      /* a client has one */
};

/* One reference, the caller's. */
struct row *row_new(struct tct_archive *a, uint64_t id);
/* `done` of `m` is called when the last reference has gone, unless `m` ends before. */
void row_watch(struct row *r, struct tct_mod *m, struct tct_entity *e, tct_row_done_fn *done);
struct row *row_ref(struct row *r);
void row_unref(struct row *r);
/* The row of a delivery; borrowed; NULL: none. */
struct row *row_of(const struct delivery *d);
/* A session gets the delivery as one more copy of the row's message. */
void row_copy(struct row *r, struct delivery *d);
/* A client has this copy. */
void row_taken(struct delivery *d);
/* A session gives its copy back; false: others have or had one, nobody needs this. */
bool row_returned(const struct delivery *d);

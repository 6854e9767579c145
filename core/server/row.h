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
	struct scope_node in_mod;   /* in the scope of `mod`, or among the orphans */
	struct tct_mod *mod;        /* whose `done` is; NULL: nobody's */
	struct tct_entity *entity;  /* pinned; NULL: it never was anybody's */
	struct tct_archive *archive; /* NULL: only copies are counted */
	uint64_t id;
	tct_row_done_fn *done;
	uint32_t copies; /* that sessions have and have not dealt with */
	bool taken;      /* a client has one */
	bool orphan;     /* whoever had `done` has ended */
	bool ended;      /* an orphan without references: its message has arrived */
};

/* One reference, the caller's. */
struct row *row_new(struct tct_archive *a, uint64_t id);
/* `done` of `m` is called when the last reference has gone; when `m` ends before, the row is an
 * orphan of its entity until an instance that knows the archive adopts it. */
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

/* Calls `ask` for each orphan of `e` whose message `a` keeps; whom it returns is called when it
 * is done, as by row_watch, at once if it has been meanwhile. NULL: it stays. */
typedef tct_row_done_fn *row_ask_fn(struct tct_entity *e, uint64_t id, void *data);
void rows_adopt(struct tct_mod *m, struct tct_archive *a, struct tct_entity *e, row_ask_fn *ask,
	void *data);
/* The entity goes. */
void rows_forget(struct tct_entity *e);

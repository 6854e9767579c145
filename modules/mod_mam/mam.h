/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* mam.h - what the files of mod_mam share. A message is one row of the archive of each of
 * its two accounts, written in the write set of its own event. Rows are found by the store's
 * ids, which are times; clients see them encrypted (ids.c). What an account decides is in
 * the preloaded store "mam_account". */
#pragma once

#include <tercet/module.h>

#include <tercet/archive.h>

#include "modules/mod_mam/form.h"
#include "modules/mod_mam/ids.h"

#define NS_RSM "http://jabber.org/protocol/rsm"
#define NS_SID "urn:xmpp:sid:0"

enum mam_policy { MAM_ALWAYS = 0, MAM_NEVER = 1, MAM_ROSTER = 2 };
extern const char *const mam_policies[];

struct mam_config {
	int64_t page_size;
	int32_t default_policy; /* enum mam_policy */
	bool user_preferences;
	int64_t max_preferences;
	bool tombstones;
	int64_t expire_after, expire_interval;
	int64_t max_messages, max_bytes;
};

/* Data of the instance. */
struct mam_data {
	struct tct_archive *archive;
	struct tct_kv *accounts; /* preloaded; see prefs.c */
	struct mam_ids ids;
	struct mam_watch *watches;
	struct mam_guard *guards;
	struct tct_archive_leave *leaves;
	/* expire.c */
	struct tct_timer *expiry;
	struct mam_job *jobs, **last_job;
	size_t job_count;
	bool expiring;          /* somebody is asked whether he needs what is too old */
	bool sweeping, passing; /* a job runs; all accounts are gone through */
	char *after;            /* ... and this was the last one, NULL: none yet */
	/* retract.c: the first one runs */
	struct mam_retraction *retractions;
	size_t retraction_count;
	uint64_t retractions_made;
	struct tct_kv *pending; /* those that are not done */
	size_t resuming;        /* reads of it under way */
	bool retractions_left;  /* some are only there */
};

/* What is known of an event: the ids of the rows that it left in the archives of its sender
 * and of its addressee, 0: none. */
struct mam_note {
	uint64_t sent, kept;
};
struct mam_note *mam_note(struct tct_mod *m, struct tct_event *ev);

/* The first and the last row of an archive, when a client binds (ends.c); ids, 0: none. */
struct mam_ends {
	uint64_t oldest, newest; /* as they were read */
	uint64_t first, last;    /* appended since */
	uint32_t reading;
	bool known;
};

/* What was sent last, so that errors that answer it are known. */
#define MAM_RECENT 32

/* Data of an entity: all zero until it is first used. */
struct mam_entity {
	uint32_t recent[MAM_RECENT]; /* hashes; 0: none */
	uint32_t next;
	int64_t count, bytes; /* kept since the archive was last looked at */
	struct mam_ends ends;
};

/* ---- rules.c ---- */

/* True when a message of this kind is worth keeping; who talks with whom does not matter
 * here. Errors never are. */
bool mam_wanted(const struct tct_stanza *st);

/* ---- keep.c: rows are written, receivers told ---- */

tct_stanza_fn mam_on_outbound, mam_on_resolved, mam_on_deliver, mam_on_undelivered,
	mam_on_rerouted;

tct_row_restored_fn mam_on_restored;

/* ---- ends.c ---- */

tct_prepare_fn mam_ends_prepare;
tct_inline_fn mam_ends_inline;
/* A row was appended. */
static inline void mam_ends_note(struct mam_entity *e, uint64_t id)
{
	if (e->ends.first == 0)
		e->ends.first = id;
	e->ends.last = id;
}

/* ---- prefs.c ---- */

tct_stanza_fn mam_on_prefs_get, mam_on_prefs_set;
/* True when the account wants messages with this address in its archive. */
bool mam_prefs_allow(struct tct_mod *m, struct tct_entity *e, const struct tct_jid *with);

/* ---- query.c ---- */

tct_stanza_fn mam_on_query, mam_on_form, mam_on_metadata;
/* Adds <metadata/>; ids 0: the archive is empty. */
void mam_add_metadata(struct tct_mod *m, const char *user, uint64_t oldest, uint64_t newest,
	struct tct_elem *parent);

/* Data of a session: the queries that wait for their turn, shared with them. */
struct mam_session {
	struct mam_queue *queue;
};
void mam_queue_unref(struct mam_queue *q); /* NULL: nothing */

/* ---- expire.c ---- */

/* Rows below this id are invisible, because they are too old. 0: none. */
uint64_t mam_floor(struct tct_mod *m);
/* At the start and when the options have changed. */
void mam_expire_start(struct tct_mod *m);
/* A row of that size was added to the archive of `e`. */
void mam_expire_note(struct tct_mod *m, struct tct_entity *e, size_t bytes);
tct_entity_fn mam_on_deleted;

/* ---- leave.c ---- */

/* Calls fn when nobody needs these rows any more, or, not `ok`, somebody could not say so. */
typedef void mam_leave_fn(struct tct_mod *m, void *data, bool ok);
void mam_leave(struct tct_mod *m, const char *user, uint64_t up_to, mam_leave_fn *fn, void *data);
void mam_let_go(struct tct_mod *m, struct tct_archive_leave *leave, bool ok);
void mam_guard(struct tct_mod *m, struct tct_mod *user, tct_archive_leaving_fn *fn);

/* ---- retract.c ---- */

/* At the start: what was left is done. */
void mam_retract_start(struct tct_mod *m);

/* The event's message was kept as `row`: when it takes one back, that one is buried. */
void mam_retract(struct tct_mod *m, struct tct_event *ev, const struct tct_jid *with, uint64_t row);
/* True when one of the first `made` retractions is still under way in the archive of `user`. */
bool mam_retract_waits(struct tct_mod *m, const char *user, uint64_t made);
/* The account is deleted: nothing is written for it any more. */
void mam_retract_forget(struct tct_mod *m, const char *user);

/* ---- service.c ---- */

void mam_provide(struct tct_mod *m);
void mam_add_id(struct tct_mod *m, const struct tct_entity *e, uint64_t id,
	struct tct_elem *parent);
struct tct_elem *mam_add_row(struct tct_mod *m, struct tct_elem *parent,
	const struct tct_value *row);
/* Tells who wants to know that a session was sent all rows between these. */
void mam_fetched(struct tct_mod *m, struct tct_session *s, uint64_t first, uint64_t last);

/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* offline.h - what the files of mod_offline share.
 *
 * A message that waits for its addressee is an entry of the addressee's queue: a row of the
 * preloaded store "offline_queue", so that all that is asked of a queue while a stanza is
 * handled is in memory and exact. The message itself is a row of the archive "offline", or,
 * when the account's own archive keeps it (XEP-0313), that one alone: then the entry refers
 * to it. An entry is on its way from when a session gets the message, or shall get it, until
 * core says that it has arrived or that nobody has it. */
#pragma once

#include <tercet/module.h>

#include <tercet/archive.h>
#include <tercet/roster.h>

#include "modules/mod_offline/out.h"

#define OFFLINE_BATCH 20 /* messages that are read at once */

struct offline_config {
	int64_t max_messages, max_bytes, max_references, stranger_share;
	int64_t expire_after, archive_wait;
};

/* Data of the instance. */
struct offline_data {
	struct tct_archive *bodies;
	struct tct_kv *entries;
	struct tct_archive *archive; /* of mod_mam; NULL: no module archives */
	const struct tct_archive_ops *archive_ops;
	struct tct_mod *archive_mod;
	const struct tct_roster_ops *roster; /* NULL: nobody has contacts */
	struct tct_mod *roster_mod;
	struct offline_ids out;   /* rows of entries that are on their way */
	struct tct_timer *expiry;
	uint64_t refused;
	struct tct_figure *stored, *delivered, *read, *bounced;
};

/* ---- rules.c ---- */

enum offline_worth {
	OFFLINE_NO,
	OFFLINE_UNARCHIVED, /* only if the archive does not keep it */
	OFFLINE_YES
};
enum offline_worth offline_worth(const struct tct_stanza *st);
/* XEP-0023: when the message is of no use any more, seconds since 1970; 0: it does not say. */
int64_t offline_until(const struct tct_stanza *st);

/* ---- queue.c ---- */

struct offline_entry {
	uint64_t key;        /* its place: the id that the message was first kept under */
	uint64_t row;        /* the id of the row that has the message */
	int64_t until;       /* seconds since 1970; 0: no end of its own */
	int64_t bytes;
	bool reference;      /* the row is in the archive of the account */
	bool contact;        /* the sender was one, when the message came */
	const char *from;    /* full address */
	const char *id;      /* of the stanza; NULL: none that is worth its place */
	const char *resource; /* to which it was sent; NULL: to the bare address */
};

/* Data of an entity. */
struct offline_queue {
	bool ready;
	struct offline_entry **entries; /* by key */
	size_t count, room;
	struct tct_session *drainer; /* who is being sent the queue; NULL: nobody */
};

/* The queue of a loaded entity. */
struct offline_queue *offline_queue(struct tct_mod *m, struct tct_entity *e);
void offline_queue_fini(struct offline_queue *q);
/* Without reading the queue, and without making anything. */
bool offline_has_queue(struct tct_mod *m, const struct tct_entity *e);
bool offline_has(struct tct_mod *m, const struct tct_entity *e, uint64_t key);
/* The entry of a row, also of the one that it had before; NULL: none. */
struct offline_entry *offline_find(const struct offline_queue *q, uint64_t row);
/* Copies the entry into queue and set. */
void offline_add(struct tct_mod *m, struct tct_txn *txn, struct tct_entity *e,
	const struct offline_entry *entry);
/* It is as `new` says, whose key and texts are the same. */
void offline_replace(struct tct_mod *m, struct tct_txn *txn, struct tct_entity *e,
	struct offline_entry *entry, const struct offline_entry *new);
/* Takes it out of queue and store, with the message if that is not in the archive. */
void offline_remove(struct tct_mod *m, struct tct_txn *txn, struct tct_entity *e,
	struct offline_entry *entry);
/* The same for a row, whether or not the entity is loaded. */
void offline_remove_row(struct tct_mod *m, struct tct_txn *txn, struct tct_entity *e,
	uint64_t row);
bool offline_expired(struct tct_mod *m, const struct offline_entry *entry);
/* True when it is on its way. */
bool offline_is_out(struct tct_mod *m, const struct offline_entry *entry);

/* ---- quota.c ---- */

/* Makes room for a message: in `txn` what has expired goes, and what has to give way. Senders
 * whose messages gave way are told. False: there is no room, and nothing has changed. */
bool offline_admit(struct tct_mod *m, struct tct_txn *txn, struct tct_entity *e,
	const struct offline_entry *entry);
/* True when no message may be put into the queue that is on its way already. */
bool offline_crowded(struct tct_mod *m, struct tct_entity *e, size_t bytes);

/* ---- keep.c ---- */

tct_stanza_fn offline_on_resolved, offline_on_rerouted, offline_on_undelivered;
tct_row_done_fn offline_row_done;
/* After a restart: a row is on its way to a session that was restored. */
tct_row_restored_fn offline_on_restored, offline_on_restored_reference;

/* ---- send.c ---- */

/* A batch that is being read. In the scope of its session. */
struct offline_load;

/* Data of a session: made when there is a queue for it, or it reads its archive. */
struct offline_session {
	struct tct_session *session;
	uint64_t fetched;  /* the highest id of its archive that it was sent */
	uint64_t cursor;   /* entries up to this key have been dealt with */
	struct offline_load *load;
	struct tct_timer *timer;
	bool reads;        /* it has asked its archive */
	bool waited;       /* ... and will not, as far as we wait for that */
	bool draining;
	bool rereading;    /* of the queue is under way */
	bool held;         /* messages wait behind what it is sent */
	uint8_t failures;  /* of the store, in a row */
};

/* XEP-0203: when the message was kept first. */
void offline_add_delay(struct tct_mod *m, struct tct_elem *parent, uint64_t key);
tct_stanza_fn offline_on_presence;
tct_session_fn offline_on_gone, offline_on_resumed, offline_on_session_restored;
/* Somebody else may have what waits for this account, and did not get it before. */
void offline_kick(struct tct_mod *m, struct tct_entity *e, struct tct_session *not_this);
/* The session has asked its archive. */
void offline_reads(struct tct_mod *m, struct tct_session *s);

/* ---- archive.c, handover.c ---- */

tct_stanza_fn offline_on_query;
tct_archive_fetched_fn offline_on_fetched;
tct_inline_fn offline_on_inline;
/* Before rows of the archive go. */
tct_archive_leaving_fn offline_on_leaving;
/* True when clients can get the message of this entry from their archive. */
bool offline_in_archive(struct tct_mod *m, const struct tct_entity *e,
	const struct offline_entry *entry);

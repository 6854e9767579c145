/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* txn.h - write sets and tickets. A set is built on the loop without any lock of the
 * database, and handed to the writer whole. Several events share one when one caused the
 * others: it is submitted when the last of them has ended. What a set causes waits for its
 * ticket. A set that writes a row of an open one was made from what that has written: the two
 * are joined, and commit together when both are closed, or neither does. Loop thread, except
 * what env.c does with a submitted set. */
#pragma once

#include "core/base/list.h"
#include "core/store/env.h"
#include "core/store/value.h"

enum ticket_state {
	TICKET_OPEN,      /* the set may still grow */
	TICKET_SUBMITTED, /* with the writer */
	TICKET_NONE,      /* closed without writes: nothing to wait for */
	TICKET_DURABLE,
	TICKET_FAILED     /* nothing of it was written */
};

struct ticket {
	struct list waiters;
	struct tct_txn *txn; /* while it is open */
	uint32_t refs;
	uint8_t state;
};

struct ticket_waiter {
	struct list link;
	void (*fn)(struct ticket_waiter *w); /* once, when the state is one of the last three */
};

struct ticket *ticket_ref(struct ticket *t);
void ticket_unref(struct ticket *t);
static inline enum ticket_state ticket_state(const struct ticket *t)
{
	return (enum ticket_state)t->state;
}
/* The ticket must be open or submitted. */
void ticket_wait(struct ticket *t, struct ticket_waiter *w);
void ticket_waiter_remove(struct ticket_waiter *w);

/* One owner. */
struct tct_txn *txn_new(struct store_env *env);
struct tct_txn *txn_ref(struct tct_txn *txn);
/* Gives up one owner's share; the last one submits the set. */
void txn_close(struct tct_txn *txn);
/* As txn_close, but what the set holds is thrown away when nobody else owns it: its stanza
 * was refused. */
void txn_refuse(struct tct_txn *txn);
bool txn_has_writes(const struct tct_txn *txn);
struct ticket *txn_ticket(struct tct_txn *txn); /* borrowed */

/* Marks a row that this set (open) appends; false: it appends no such row. */
bool txn_mark(struct tct_txn *txn, const struct tct_kv *kv, const char *user, uint64_t id,
	const struct mark *mark);
/* The same for the first row that it appends itself, not one that is joined with it, to an
 * archive of this user of the host. */
bool txn_mark_first(struct tct_txn *txn, const struct tct_host *host, const char *user,
	const struct mark *mark);
/* Marks a row that is in the store; gone by then: nothing. */
void txn_mark_stored(struct tct_txn *txn, struct tct_kv *kv, const char *user, uint64_t id,
	const struct mark *mark);

/* True when an open set has written the row. */
bool txn_row_open(const struct tct_kv *kv, const char *user, const char *key);

/* The lowest id of a row that an open set appends to this archive; 0: none does. */
uint64_t txn_first_open(const struct tct_kv *kv, const char *user);

/* The layer above: how stanzas of tct_txn_route are routed. */
void txn_set_router(void (*fn)(struct tct_mod *m, struct tct_stanza *st));
/* A set of the turn's own, for writes that belong to no stanza: open until its end. */
struct tct_txn *txn_of_turn(struct store_env *env);
/* The same for what goes because messages have arrived: apart, for it only removes, and that a
 * full disk must not refuse. */
struct tct_txn *txn_of_arrivals(struct store_env *env);
/* Calls `fn` when all that this turn has written so far is on disk or has failed. */
void txn_after_turn(struct store_env *env, struct tct_scope *scope, tct_done_fn *fn, void *data);
/* Hands over what was submitted in this turn; before connections are flushed. */
void txn_turn_end(void);

/* ---- for env.c ---- */
enum op_kind {
	OP_PUT,
	OP_DELETE,
	OP_DELETE_USER,
	OP_EXPECT,
	OP_APPEND,
	OP_REPLACE,
	OP_ARCHIVE_DELETE,
	OP_TRIM,
	OP_PURGE,
	OP_EXPIRE,
	OP_MARK /* `bytes` is a struct mark */
};
struct op {
	struct op *next;
	const struct tct_txn *by; /* the set that it was added to, whatever that is joined with */
	struct tct_kv *kv;
	const char *user, *key, *with;
	struct span bytes;
	size_t room; /* free before bytes */
	uint64_t id;
	uint8_t kind;
};
struct pending; /* a row that an open set has written */
struct tct_txn {
	struct list link;
	struct list appending; /* among the open ones that append; only a root is */
	struct store_env *env;
	struct tct_mod *mod; /* of tct_txn_new; NULL */
	struct arena arena;
	struct op *first, *last; /* of all that are joined, in the root */
	struct tct_txn *root;    /* NULL: it is one itself */
	struct list members;     /* of a root: the others */
	struct list member;
	struct pending *rows;
	uint32_t open; /* of a root: those of all that are not closed */
	struct ticket *ticket;
	struct list routes;
	struct scope_node node; /* of the caller of submit */
	tct_done_fn *fn;
	void *data;
	uint64_t seq;
	size_t bytes;
	uint32_t owners;
	int32_t status;
	bool adds, scoped, refused, hides;
	bool writes;  /* it has added to the operations, wherever they are */
	bool arrivals; /* see txn_of_arrivals */
	bool lazy;    /* nobody waits for it to be on disk: no flush for it */
	bool spoiled; /* of a root: one of them was refused, so all are */
};
/* The writer is done with it: on the loop. */
void txn_finished(struct tct_txn *txn);

/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* txn.c - see txn.h and the write sets of <tercet/store.h>. */
#include "core/store/txn.h"

#include "core/base/assert.h"
#include "core/base/mem.h"
#include "core/mod/module.h"
#include "core/mod/service.h"
#include "core/store/store.h"
#include "core/store/value.h"

#include <tercet/stanza.h>

#include <stdlib.h>
#include <string.h>

/* A stanza that leaves when the set is on disk. */
struct route {
	struct list link;
	struct tct_mod *mod;
	struct tct_stanza *stanza;
};

static struct list submitted = { &submitted, &submitted }; /* in this turn, in order */
static struct list of_turn = { &of_turn, &of_turn };        /* the turn's own, open */
static void (*router)(struct tct_mod *m, struct tct_stanza *st);

void txn_set_router(void (*fn)(struct tct_mod *m, struct tct_stanza *st))
{
	router = fn;
}

/* ---- tickets ---- */

struct ticket *ticket_ref(struct ticket *t)
{
	t->refs++;
	return t;
}

void ticket_unref(struct ticket *t)
{
	if (--t->refs > 0)
		return;
	tct_assert(list_empty(&t->waiters));
	free(t);
}

void ticket_wait(struct ticket *t, struct ticket_waiter *w)
{
	tct_assert(t->state == TICKET_OPEN || t->state == TICKET_SUBMITTED);
	list_push(&t->waiters, &w->link);
}

void ticket_waiter_remove(struct ticket_waiter *w)
{
	list_remove(&w->link);
}

static void resolve(struct ticket *t, enum ticket_state state)
{
	struct list *node;

	t->txn = NULL;
	t->state = (uint8_t)state;
	ticket_ref(t);
	while ((node = list_pop(&t->waiters)) != NULL) {
		struct ticket_waiter *w = list_entry(node, struct ticket_waiter, link);

		w->fn(w);
	}
	ticket_unref(t);
}

/* ---- sets ---- */

struct tct_txn *txn_new(struct store_env *env)
{
	struct tct_txn *txn = mem_zalloc(sizeof *txn);

	txn->env = env;
	txn->owners = 1;
	txn->ticket = mem_zalloc(sizeof *txn->ticket);
	txn->ticket->refs = 1;
	txn->ticket->txn = txn;
	list_init(&txn->ticket->waiters);
	list_init(&txn->routes);
	list_init(&txn->link);
	return txn;
}

struct tct_txn *txn_ref(struct tct_txn *txn)
{
	txn->owners++;
	return txn;
}

bool txn_has_writes(const struct tct_txn *txn)
{
	return txn->first != NULL || !list_empty(&txn->routes);
}

struct ticket *txn_ticket(struct tct_txn *txn)
{
	return txn->ticket;
}

static void drop_routes(struct tct_txn *txn)
{
	struct list *node;

	while ((node = list_pop(&txn->routes)) != NULL) {
		struct route *r = list_entry(node, struct route, link);

		tct_stanza_unref(r->stanza);
		free(r);
	}
}

static void txn_free(struct tct_txn *txn)
{
	scope_remove(&txn->node);
	drop_routes(txn);
	ticket_unref(txn->ticket);
	arena_fini(&txn->arena);
	free(txn);
}

/* Tells whoever asked, and routes what waited. */
static void conclude(struct tct_txn *txn)
{
	struct tct_scope *scope;
	struct list *node;

	resolve(txn->ticket, txn->status != TCT_OK ? TICKET_FAILED :
		txn->first != NULL	     ? TICKET_DURABLE :
					       TICKET_NONE);
	while (txn->status == TCT_OK && (node = list_pop(&txn->routes)) != NULL) {
		struct route *r = list_entry(node, struct route, link);

		if (router != NULL)
			router(r->mod, r->stanza);
		else
			tct_stanza_unref(r->stanza);
		free(r);
	}
	scope = txn->node.scope; /* unless something above ended it */
	scope_remove(&txn->node);
	if (txn->fn != NULL && (scope != NULL || !txn->scoped))
		txn->fn(scope, txn->status, txn->data);
	txn_free(txn);
}

static void roll_back(struct tct_txn *txn)
{
	for (const struct op *op = txn->first; op != NULL; op = op->next) {
		if (op->kind != OP_EXPECT && !op->kv->archive)
			store_rolled_back(op->kv, op->user);
	}
}

void txn_finished(struct tct_txn *txn)
{
	if (txn->status != TCT_OK)
		roll_back(txn);
	conclude(txn);
}

static void submit(struct tct_txn *txn)
{
	txn->ticket->state = TICKET_SUBMITTED;
	txn->ticket->txn = NULL;
	txn->seq = env_next_seq(txn->env);
	for (const struct op *op = txn->first; op != NULL; op = op->next)
		env_touch(txn->env, op->user, txn->seq);
	list_push(&submitted, &txn->link);
	loop_wake();
}

/* Without writes there is nothing to wait for; with routes or a callback it still goes
 * through the queue, so that they come in order and never inside the call. */
static void close_set(struct tct_txn *txn)
{
	if (txn->first == NULL && list_empty(&txn->routes) && txn->fn == NULL) {
		conclude(txn);
		return;
	}
	submit(txn);
}

void txn_close(struct tct_txn *txn)
{
	if (--txn->owners == 0)
		close_set(txn);
}

void txn_refuse(struct tct_txn *txn)
{
	if (--txn->owners > 0)
		return;
	drop_routes(txn);
	if (txn->first == NULL) {
		close_set(txn);
		return;
	}
	txn->status = TCT_ECANCELED;
	roll_back(txn);
	txn->fn = NULL;
	conclude(txn);
}

struct tct_txn *txn_of_turn(struct store_env *env)
{
	struct tct_txn *txn;

	list_each (node, &of_turn) {
		txn = list_entry(node, struct tct_txn, link);
		if (txn->env == env)
			return txn;
	}
	txn = txn_new(env);
	list_push(&of_turn, &txn->link);
	loop_wake();
	return txn;
}

void txn_turn_end(void)
{
	struct list *node;

	while ((node = list_pop(&of_turn)) != NULL)
		txn_close(list_entry(node, struct tct_txn, link));
	while ((node = list_pop(&submitted)) != NULL) {
		struct tct_txn *txn = list_entry(node, struct tct_txn, link);

		env_submit(txn->env, txn);
	}
}

/* ---- what goes into a set ---- */

static struct op *add_op(struct tct_txn *txn, enum op_kind kind, struct tct_kv *kv,
	const char *user, const char *key, const struct tct_value *v)
{
	struct op *op = arena_zalloc(&txn->arena, sizeof *op);

	assert_loop();
	tct_assert(kv->env == txn->env && txn->ticket->state == TICKET_OPEN);
	op->kind = (uint8_t)kind;
	op->kv = kv;
	op->user = arena_strdup(&txn->arena, user);
	op->key = key != NULL ? arena_strdup(&txn->arena, key) : NULL;
	if (v != NULL) {
		op->room = kind == OP_APPEND ? MARK_ROOM : 0;
		op->bytes = value_encode(&txn->arena, v, op->room);
		txn->bytes += op->bytes.len;
	}
	txn->bytes += sizeof *op + 64;
	if (txn->last != NULL)
		txn->last->next = op;
	else
		txn->first = op;
	txn->last = op;
	return op;
}

void tct_kv_put(struct tct_txn *txn, struct tct_kv *kv, const char *user, const char *key,
	struct tct_value value)
{
	tct_assert(value.kind != TCT_VALUE_NONE && !kv->archive);
	add_op(txn, OP_PUT, kv, user, key, &value);
	txn->adds = true;
	store_written(kv, user, key, &value);
}

void tct_kv_delete(struct tct_txn *txn, struct tct_kv *kv, const char *user, const char *key)
{
	add_op(txn, OP_DELETE, kv, user, key, NULL);
	store_written(kv, user, key, NULL);
}

void tct_kv_delete_user(struct tct_txn *txn, struct tct_kv *kv, const char *user)
{
	add_op(txn, OP_DELETE_USER, kv, user, NULL, NULL);
	store_written(kv, user, NULL, NULL);
}

void tct_kv_expect(struct tct_txn *txn, struct tct_kv *kv, const char *user, const char *key,
	struct tct_value expected)
{
	tct_assert(txn->mod != NULL);
	add_op(txn, OP_EXPECT, kv, user, key, &expected);
}

uint64_t tct_archive_append(struct tct_txn *txn, struct tct_archive *a, const char *user,
	const char *with, struct tct_value value)
{
	struct op *op = add_op(txn, OP_APPEND, &a->kv, user, NULL, &value);

	op->with = arena_strdup(&txn->arena, with != NULL ? with : "");
	op->id = env_next_id(txn->env);
	txn->adds = true;
	return op->id;
}

void tct_archive_replace(struct tct_txn *txn, struct tct_archive *a, const char *user, uint64_t id,
	struct tct_value value)
{
	add_op(txn, OP_REPLACE, &a->kv, user, NULL, &value)->id = id;
	txn->adds = true;
}

void tct_archive_delete(struct tct_txn *txn, struct tct_archive *a, const char *user, uint64_t id)
{
	add_op(txn, OP_ARCHIVE_DELETE, &a->kv, user, NULL, NULL)->id = id;
}

bool txn_mark(struct tct_txn *txn, const struct tct_kv *kv, const char *user, uint64_t id,
	const struct mark *mark)
{
	for (struct op *op = txn->first; op != NULL; op = op->next) {
		if (op->kind != OP_APPEND || op->kv != kv || op->id != id ||
			strcmp(op->user, user) != 0)
			continue;
		value_mark(&txn->arena, &op->bytes, &op->room, mark);
		return true;
	}
	return false;
}

bool txn_mark_first(struct tct_txn *txn, const struct tct_host *host, const char *user,
	const struct mark *mark)
{
	for (struct op *op = txn->first; op != NULL; op = op->next) {
		if (op->kind != OP_APPEND || op->kv->host != host || strcmp(op->user, user) != 0)
			continue;
		value_mark(&txn->arena, &op->bytes, &op->room, mark);
		return true;
	}
	return false;
}

void txn_mark_stored(struct tct_txn *txn, struct tct_kv *kv, const char *user, uint64_t id,
	const struct mark *mark)
{
	struct op *op = add_op(txn, OP_MARK, kv, user, NULL, NULL);
	struct mark *copy = arena_alloc(&txn->arena, sizeof *copy);

	*copy = *mark;
	op->id = id;
	op->bytes = span_make((const char *)copy, sizeof *copy);
}

/* No row is above the last id, and one that comes must not be hidden beforehand. */
void tct_archive_trim(struct tct_txn *txn, struct tct_archive *a, const char *user, uint64_t up_to)
{
	uint64_t last = env_last_id(txn->env);

	add_op(txn, OP_TRIM, &a->kv, user, NULL, NULL)->id = up_to < last ? up_to : last;
	txn->hides = true;
}

void tct_archive_delete_user(struct tct_txn *txn, struct tct_archive *a, const char *user)
{
	add_op(txn, OP_PURGE, &a->kv, user, NULL, NULL);
	txn->hides = true;
}

void tct_archive_expire(struct tct_txn *txn, struct tct_archive *a, int64_t before)
{
	int64_t now = tct_now_us();

	if (before > now)
		before = now;
	add_op(txn, OP_EXPIRE, &a->kv, "", NULL, NULL)->id =
		before > 0 ? (uint64_t)before << 8 : 0;
	txn->hides = true;
}

/* ---- sets of timers and callbacks ---- */

struct tct_txn *tct_txn_new(struct tct_mod *m)
{
	struct store_env *env = store_env_find(m->host);
	struct tct_txn *txn;

	assert_loop();
	tct_assert(env != NULL);
	txn = txn_new(env);
	txn->mod = m;
	return txn;
}

static void caller_gone(struct scope_node *node)
{
	(void)node; /* the write goes on, nobody is told */
}

void tct_txn_submit(struct tct_scope *scope, struct tct_txn *txn, tct_done_fn *fn, void *data)
{
	assert_loop();
	txn->fn = fn;
	txn->data = data;
	if (scope != NULL && fn != NULL) {
		txn->scoped = true;
		scope_add(scope, &txn->node, caller_gone);
	}
	txn_close(txn);
}

void tct_txn_drop(struct tct_txn *txn)
{
	txn_refuse(txn);
}

void tct_txn_route(struct tct_txn *txn, struct tct_stanza *st)
{
	struct route *r = mem_zalloc(sizeof *r);

	r->mod = txn->mod;
	r->stanza = st;
	list_push(&txn->routes, &r->link);
}

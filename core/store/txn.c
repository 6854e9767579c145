/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* txn.c - see txn.h and the write sets of <tercet/store.h>. */
#include "core/store/txn.h"

#include "core/base/assert.h"
#include "core/base/map.h"
#include "core/base/mem.h"
#include "core/base/str.h"
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
	list_init(&txn->appending);
	list_init(&txn->members);
	list_init(&txn->member);
	txn->open = 1;
	return txn;
}

struct tct_txn *txn_ref(struct tct_txn *txn)
{
	txn->owners++;
	return txn;
}

bool txn_has_writes(const struct tct_txn *txn)
{
	return txn->writes || !list_empty(&txn->routes);
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
	list_remove(&txn->appending);
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
		txn->writes		     ? TICKET_DURABLE :
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

/* The one that began first, and then those that were joined to it. */
static void conclude_all(struct tct_txn *root)
{
	struct list members, *node;
	int32_t status = root->status;

	list_init(&members);
	while ((node = list_pop(&root->members)) != NULL)
		list_push(&members, node);
	conclude(root);
	while ((node = list_pop(&members)) != NULL) {
		struct tct_txn *txn = list_entry(node, struct tct_txn, member);

		txn->status = status;
		conclude(txn);
	}
}

void txn_finished(struct tct_txn *txn)
{
	if (txn->status != TCT_OK)
		roll_back(txn);
	conclude_all(txn);
}

/* ---- rows that open sets have written ---- */

/* In the arena of the set that wrote the row first. */
struct pending {
	struct pending *next; /* of the same set */
	struct tct_txn *txn;
	size_t len;
	char key[]; /* the store, the user and its NUL, the key; or without that: all rows */
};

/* Those that append to archives. */
static struct list appending = { &appending, &appending };

static struct map pending;
static size_t pending_users; /* those for all rows of a user */
static struct str pending_key;

static struct tct_txn *root_of(struct tct_txn *txn)
{
	while (txn->root != NULL)
		txn = txn->root;
	return txn;
}

/* `key` NULL: all rows of the user. */
static struct span row_key(const struct tct_kv *kv, const char *user, const char *key)
{
	str_clear(&pending_key);
	str_append_n(&pending_key, (const char *)&kv, sizeof kv);
	str_append_n(&pending_key, user, strlen(user) + 1);
	if (key != NULL)
		str_append_n(&pending_key, key, strlen(key) + 1);
	return str_span(&pending_key);
}

static void forget_rows(struct tct_txn *txn)
{
	for (struct pending *p = txn->rows; p != NULL; p = p->next) {
		if (map_get(&pending, span_make(p->key, p->len)) != p)
			continue;
		map_remove(&pending, span_make(p->key, p->len));
		pending_users -= strlen(p->key + sizeof(struct tct_kv *)) + 1 +
				sizeof(struct tct_kv *) ==
			p->len;
	}
	txn->rows = NULL;
}

static void note_append(struct tct_txn *root)
{
	if (list_empty(&root->appending))
		list_push(&appending, &root->appending);
}

uint64_t txn_first_open(const struct tct_kv *kv, const char *user)
{
	uint64_t first = 0;

	list_each (node, &appending) {
		const struct tct_txn *txn = list_entry(node, struct tct_txn, appending);

		for (const struct op *op = txn->first; op != NULL; op = op->next) {
			if (op->kind == OP_APPEND && op->kv == kv && strcmp(op->user, user) == 0 &&
				(first == 0 || op->id < first))
				first = op->id;
		}
	}
	return first;
}

/* What `later` has written so far touches nothing that `earlier` has, or they were one. */
static void join(struct tct_txn *earlier, struct tct_txn *later)
{
	struct list *node;

	if (earlier == later)
		return;
	if (earlier->last != NULL)
		earlier->last->next = later->first;
	else
		earlier->first = later->first;
	if (later->last != NULL)
		earlier->last = later->last;
	later->first = later->last = NULL;
	earlier->bytes += later->bytes;
	earlier->adds |= later->adds;
	earlier->hides |= later->hides;
	earlier->lazy &= later->lazy;
	earlier->spoiled |= later->spoiled;
	earlier->open += later->open;
	if (!list_empty(&later->appending))
		note_append(earlier);
	list_remove(&later->appending);
	while ((node = list_pop(&later->members)) != NULL)
		list_push(&earlier->members, node);
	later->root = earlier;
	list_push(&earlier->members, &later->member);
}

static void join_user(struct tct_txn *txn, const struct tct_kv *kv, const char *user)
{
	struct span prefix = row_key(kv, user, NULL), key;
	size_t at = 0;
	void *value;

	while (map_next(&pending, &at, &key, &value)) {
		if (key.len >= prefix.len && memcmp(key.data, prefix.data, prefix.len) == 0)
			join(root_of(((struct pending *)value)->txn), root_of(txn));
	}
}

/* The set is about to write the row (`key` NULL: all of the user). */
static void claim(struct tct_txn *txn, const struct tct_kv *kv, const char *user, const char *key)
{
	struct pending *p;
	struct span name;

	if (key == NULL) {
		join_user(txn, kv, user);
	} else if (pending_users > 0) {
		p = map_get(&pending, row_key(kv, user, NULL));
		if (p != NULL)
			join(root_of(p->txn), root_of(txn));
	}
	name = row_key(kv, user, key);
	p = map_get(&pending, name);
	if (p != NULL) {
		join(root_of(p->txn), root_of(txn));
		return;
	}
	p = arena_alloc(&txn->arena, sizeof *p + name.len);
	p->txn = txn;
	p->len = name.len;
	memcpy(p->key, name.data, name.len);
	p->next = txn->rows;
	txn->rows = p;
	map_put(&pending, span_make(p->key, p->len), p);
	pending_users += key == NULL;
}

bool txn_row_open(const struct tct_kv *kv, const char *user, const char *key)
{
	return map_get(&pending, row_key(kv, user, key)) != NULL;
}

/* ---- closing ---- */

static void caller_gone(struct scope_node *node)
{
	(void)node; /* the write goes on, nobody is told */
}

static void tell_later(struct tct_txn *txn, struct tct_scope *scope, tct_done_fn *fn, void *data)
{
	txn->fn = fn;
	txn->data = data;
	if (scope != NULL && fn != NULL) {
		txn->scoped = true;
		scope_add(scope, &txn->node, caller_gone);
	}
}

static void close_ticket(struct tct_txn *txn)
{
	txn->ticket->state = TICKET_SUBMITTED;
	txn->ticket->txn = NULL;
	forget_rows(txn);
}

static void submit(struct tct_txn *root)
{
	list_remove(&root->appending);
	close_ticket(root);
	list_each (node, &root->members)
		close_ticket(list_entry(node, struct tct_txn, member));
	if (root->spoiled) {
		root->status = TCT_ECANCELED; /* it ends as the others do, and goes nowhere */
	} else {
		root->seq = env_next_seq(root->env);
		for (const struct op *op = root->first; op != NULL; op = op->next)
			env_touch(root->env, op->user, root->seq);
	}
	list_push(&submitted, &root->link);
	loop_wake();
}

/* Without writes there is nothing to wait for; with routes or a callback it still goes
 * through the queue, so that they come in order and never inside the call. */
static void close_set(struct tct_txn *txn)
{
	struct tct_txn *root = root_of(txn);

	if (!txn->writes && list_empty(&txn->routes) && txn->fn == NULL)
		conclude(txn);
	else if (--root->open == 0)
		submit(root);
}

void txn_close(struct tct_txn *txn)
{
	if (--txn->owners == 0)
		close_set(txn);
}

static bool is_joined(const struct tct_txn *txn)
{
	return txn->root != NULL || !list_empty(&txn->members);
}

void txn_refuse(struct tct_txn *txn)
{
	if (--txn->owners > 0)
		return;
	drop_routes(txn);
	if (!txn->writes) {
		close_set(txn);
		return;
	}
	txn->fn = NULL;
	if (is_joined(txn)) {
		/* Others were made from what it has written. */
		root_of(txn)->spoiled = true;
		close_set(txn);
		return;
	}
	txn->status = TCT_ECANCELED;
	forget_rows(txn);
	roll_back(txn);
	conclude(txn);
}

static struct tct_txn *close_at_end(struct tct_txn *txn)
{
	list_push(&of_turn, &txn->link);
	loop_wake();
	return txn;
}

static struct tct_txn *shared_of_turn(struct store_env *env, bool arrivals)
{
	struct tct_txn *txn;

	list_each (node, &of_turn) {
		txn = list_entry(node, struct tct_txn, link);
		if (txn->env == env && txn->fn == NULL && txn->arrivals == arrivals)
			return txn;
	}
	txn = txn_new(env);
	txn->arrivals = arrivals;
	return close_at_end(txn);
}

struct tct_txn *txn_of_turn(struct store_env *env)
{
	return shared_of_turn(env, false);
}

struct tct_txn *txn_of_arrivals(struct store_env *env)
{
	return shared_of_turn(env, true);
}

/* An empty set, behind the others. */
void txn_after_turn(struct store_env *env, struct tct_scope *scope, tct_done_fn *fn, void *data)
{
	tell_later(close_at_end(txn_new(env)), scope, fn, data);
}

void txn_turn_end(void)
{
	struct list *node;

	while ((node = list_pop(&of_turn)) != NULL)
		txn_close(list_entry(node, struct tct_txn, link));
	while ((node = list_pop(&submitted)) != NULL) {
		struct tct_txn *txn = list_entry(node, struct tct_txn, link);

		if (txn->status != TCT_OK) {
			txn_finished(txn);
			loop_wake(); /* for what it has caused */
		} else {
			env_submit(txn->env, txn);
		}
	}
}

/* ---- what goes into a set ---- */

static struct op *add_op(struct tct_txn *txn, enum op_kind kind, struct tct_kv *kv,
	const char *user, const char *key, const struct tct_value *v)
{
	struct op *op = arena_zalloc(&txn->arena, sizeof *op);
	struct tct_txn *root;

	assert_loop();
	tct_assert(kv->env == txn->env && txn->ticket->state == TICKET_OPEN);
	op->kind = (uint8_t)kind;
	op->by = txn;
	op->kv = kv;
	op->user = arena_strdup(&txn->arena, user);
	op->key = key != NULL ? arena_strdup(&txn->arena, key) : NULL;
	if (kind == OP_PUT || kind == OP_DELETE || kind == OP_DELETE_USER)
		claim(txn, kv, op->user, op->key);
	root = root_of(txn);
	if (v != NULL) {
		op->room = kind == OP_APPEND ? MARK_ROOM : 0;
		op->bytes = value_encode(&txn->arena, v, op->room);
		root->bytes += op->bytes.len;
	}
	root->bytes += sizeof *op + 64;
	root->adds |= kind == OP_PUT || kind == OP_APPEND || kind == OP_REPLACE;
	root->hides |= kind == OP_TRIM || kind == OP_PURGE || kind == OP_EXPIRE;
	txn->writes = true;
	if (root->last != NULL)
		root->last->next = op;
	else
		root->first = op;
	root->last = op;
	return op;
}

void tct_kv_put(struct tct_txn *txn, struct tct_kv *kv, const char *user, const char *key,
	struct tct_value value)
{
	tct_assert(value.kind != TCT_VALUE_NONE && !kv->archive);
	add_op(txn, OP_PUT, kv, user, key, &value);
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
	note_append(root_of(txn));
	return op->id;
}

void tct_archive_replace(struct tct_txn *txn, struct tct_archive *a, const char *user, uint64_t id,
	struct tct_value value)
{
	add_op(txn, OP_REPLACE, &a->kv, user, NULL, &value)->id = id;
}

void tct_archive_delete(struct tct_txn *txn, struct tct_archive *a, const char *user, uint64_t id)
{
	add_op(txn, OP_ARCHIVE_DELETE, &a->kv, user, NULL, NULL)->id = id;
}

bool txn_mark(struct tct_txn *txn, const struct tct_kv *kv, const char *user, uint64_t id,
	const struct mark *mark)
{
	for (struct op *op = root_of(txn)->first; op != NULL; op = op->next) {
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
	for (struct op *op = root_of(txn)->first; op != NULL; op = op->next) {
		if (op->by != txn || op->kind != OP_APPEND || op->kv->host != host ||
			strcmp(op->user, user) != 0)
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
}

void tct_archive_delete_user(struct tct_txn *txn, struct tct_archive *a, const char *user)
{
	add_op(txn, OP_PURGE, &a->kv, user, NULL, NULL);
}

void tct_archive_expire(struct tct_txn *txn, struct tct_archive *a, int64_t before)
{
	int64_t now = tct_now_us();

	if (before > now)
		before = now;
	add_op(txn, OP_EXPIRE, &a->kv, "", NULL, NULL)->id =
		before > 0 ? (uint64_t)before << 8 : 0;
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

void tct_txn_lazy(struct tct_txn *txn)
{
	tct_assert(!txn->writes);
	txn->lazy = true;
}

void tct_txn_submit(struct tct_scope *scope, struct tct_txn *txn, tct_done_fn *fn, void *data)
{
	assert_loop();
	tell_later(txn, scope, fn, data);
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

/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* pipe.c - see pipe.h. */
#include "core/server/pipe.h"

#include "core/base/budget.h"
#include "core/base/mem.h"
#include "core/loop/loop.h"
#include "core/mod/module.h"
#include "core/net/conn.h"
#include "core/server/row.h"
#include "core/server/session.h"
#include "core/server/stream.h"

#include <stdlib.h>

struct item {
	struct list link;
	struct ticket *ticket;     /* counted; NULL: nothing to wait for */
	struct delivery *delivery; /* or NULL: bytes */
	char *bytes;
	size_t len;
	bool soft; /* it leaves when the ticket fails, too */
	uint64_t key; /* at HOLD: as its owner gave it */
};

static struct list dirty = { &dirty, &dirty };
static struct list sending = { &sending, &sending };
static struct list spare = { &spare, &spare };
static unsigned spare_count;
#define SPARE_MAX 512

static struct item *item_new(void)
{
	struct list *node = list_pop(&spare);
	struct item *it;

	if (node == NULL)
		return mem_zalloc(sizeof *it);
	spare_count--;
	it = list_entry(node, struct item, link);
	memset(it, 0, sizeof *it);
	return it;
}

static void item_free(struct item *it)
{
	if (it->ticket != NULL)
		ticket_unref(it->ticket);
	if (it->delivery != NULL)
		delivery_unref(it->delivery);
	free(it->bytes);
	if (spare_count < SPARE_MAX) {
		list_push(&spare, &it->link);
		spare_count++;
		return;
	}
	free(it);
}

void pipe_init(struct pipe *pipe, struct tct_session *s)
{
	memset(pipe, 0, sizeof *pipe);
	list_init(&pipe->items);
	list_init(&pipe->held);
	list_init(&pipe->behind);
	list_init(&pipe->sent);
	list_init(&pipe->dirty);
	list_init(&pipe->sending);
	pipe->session = s;
}

static void stop_waiting(struct pipe *pipe)
{
	if (pipe->waiting)
		ticket_waiter_remove(&pipe->waiter);
	pipe->waiting = false;
}

void pipe_fini(struct pipe *pipe, void (*give_back)(struct tct_session *, struct delivery *))
{
	struct list all, *node;

	stop_waiting(pipe);
	list_remove(&pipe->dirty);
	list_remove(&pipe->sending);
	list_init(&all);
	list_splice(&all, &pipe->sent);
	list_splice(&all, &pipe->items);
	list_splice(&all, &pipe->held);
	list_splice(&all, &pipe->behind);
	while ((node = list_pop(&all)) != NULL) {
		struct item *it = list_entry(node, struct item, link);

		if (it->delivery != NULL && give_back != NULL &&
			(it->ticket == NULL || it->soft ||
				ticket_state(it->ticket) != TICKET_FAILED))
			give_back(pipe->session, it->delivery);
		item_free(it);
	}
	budget_sub(BUDGET_QUEUES, pipe->bytes);
	pipe->count = 0;
	pipe->bytes = pipe->behind_bytes = 0;
}

void pipe_mark(struct pipe *pipe)
{
	if (list_empty(&pipe->dirty))
		list_push(&dirty, &pipe->dirty);
	loop_wake();
}

static bool room_for(const struct pipe *pipe, size_t bytes)
{
	const struct session_limits *limits = session_limits();

	return pipe->bytes + bytes <= limits->queue_bytes && pipe->count < limits->queue_count;
}

static void add(struct pipe *pipe, struct item *it, struct ticket *ticket, size_t bytes)
{
	it->ticket = ticket != NULL ? ticket_ref(ticket) : NULL;
	list_push(&pipe->items, &it->link);
	pipe->count++;
	pipe->bytes += bytes;
	budget_add(BUDGET_QUEUES, bytes);
	pipe_mark(pipe);
}

static bool pipe_write(struct pipe *pipe, struct delivery *d, struct ticket *ticket, bool soft)
{
	size_t bytes = delivery_size(d);
	struct item *it;

	if (!room_for(pipe, bytes + session_unsent(pipe->session))) {
		delivery_unref(d);
		return false;
	}
	it = item_new();
	it->delivery = d;
	it->soft = soft;
	add(pipe, it, ticket, bytes);
	return true;
}

static void add_first(struct pipe *pipe, struct item *it, struct ticket *ticket, size_t bytes)
{
	add(pipe, it, ticket, bytes);
	stop_waiting(pipe); /* for what was the first */
	list_remove(&it->link);
	list_push_front(&pipe->items, &it->link);
}

void pipe_write_first(struct pipe *pipe, struct delivery *d)
{
	struct item *it = item_new();

	it->delivery = d;
	it->soft = true;
	add_first(pipe, it, NULL, delivery_size(d));
}

/* An entry without anything in it. */
void pipe_wait_first(struct pipe *pipe, struct ticket *ticket)
{
	add_first(pipe, item_new(), ticket, 0);
}

static bool is_barrier(const struct item *it)
{
	return it->delivery == NULL && it->len == 0;
}

size_t pipe_unwritten(const struct pipe *pipe)
{
	size_t count = 0;

	list_each (node, &pipe->items)
		count += list_entry(node, struct item, link)->delivery != NULL;
	return count;
}

void pipe_drop_raw(struct pipe *pipe)
{
	list_each (node, &pipe->items) {
		struct item *it = list_entry(node, struct item, link);

		if (it->delivery != NULL || is_barrier(it))
			continue;
		list_remove(node);
		pipe->count--;
		pipe->bytes -= it->len;
		budget_sub(BUDGET_QUEUES, it->len);
		item_free(it);
	}
}

static bool counts(const struct pipe *pipe)
{
	const struct tcti_pipe_ops *ops = pipe->session->pipe_ops;

	return ops != NULL && ops->count != NULL;
}

static void count(struct pipe *pipe, struct delivery *d)
{
	const struct tcti_pipe_ops *ops = pipe->session->pipe_ops;

	if (counts(pipe))
		ops->count(pipe->session->pipe_mod, pipe->session, d);
}

/* A counted stanza that is kept as a row: the row gets the session's mark, in the set that
 * makes the row, or in one of this turn's own; then that one is waited for, so that no client
 * has what a server after a crash does not know of. */
static struct ticket *mark(struct pipe *pipe, struct delivery *d, struct ticket *ticket, bool *soft)
{
	struct tct_session *s = pipe->session;
	struct row *row = row_of(d);
	struct tct_txn *txn = ticket != NULL ? ticket->txn : NULL;
	struct mark mark = { .session = s->key, .kind = MARK_TO };

	if (s->key == 0 || !counts(pipe))
		return ticket;
	mark.number = ++s->sent;
	if (row == NULL || row->archive == NULL)
		return ticket;
	mark.kind = (uint8_t)(MARK_TO + delivery_form(d));
	*soft = txn == NULL;
	if (txn == NULL)
		txn = txn_of_turn(row->archive->kv.env);
	if (s->pipe_ops->note_state != NULL)
		s->pipe_ops->note_state(s->pipe_mod, s, txn);
	if (!*soft && txn_mark(txn, &row->archive->kv, tct_session_user(s), row->id, &mark))
		return ticket;
	txn_mark_stored(txn, &row->archive->kv, tct_session_user(s), row->id, &mark);
	if (s->pipe_ops->marked != NULL)
		s->pipe_ops->marked(s->pipe_mod, s, txn, row->id);
	return txn_ticket(txn);
}

/* An entry that is in no list any more and will not be written. */
static void discard(struct pipe *pipe, struct item *it)
{
	size_t bytes = delivery_size(it->delivery);

	pipe->count--;
	pipe->bytes -= bytes;
	budget_sub(BUDGET_QUEUES, bytes);
	item_free(it);
}

void pipe_release(struct pipe *pipe)
{
	struct list *node;

	while ((node = list_pop(&pipe->held)) != NULL) {
		struct item *it = list_entry(node, struct item, link);

		if (!session_wants(pipe->session, it->delivery)) {
			session_leave_out(it->delivery);
			discard(pipe, it);
			continue;
		}
		count(pipe, it->delivery);
		pipe->session->sent += pipe->session->key != 0 && counts(pipe);
		list_push(&pipe->items, node);
		pipe_mark(pipe);
	}
	pipe->held_count = 0;
}

void pipe_drop_unwanted(struct pipe *pipe)
{
	list_each (node, &pipe->items) {
		struct item *it = list_entry(node, struct item, link);

		if (it->delivery == NULL || session_wants(pipe->session, it->delivery))
			continue;
		stop_waiting(pipe); /* perhaps for this one */
		list_remove(node);
		discard(pipe, it);
	}
	pipe_mark(pipe);
}

/* The one that a newer one replaces. */
static void drop_held(struct pipe *pipe, uint64_t key)
{
	list_each (node, &pipe->held) {
		struct item *it = list_entry(node, struct item, link);

		if (it->key != key)
			continue;
		list_remove(node);
		pipe->held_count--;
		discard(pipe, it);
		return;
	}
}

static bool pipe_hold(struct pipe *pipe, struct delivery *d, struct ticket *ticket, uint64_t key)
{
	struct list *last;

	if (key != TCTI_HOLD)
		drop_held(pipe, key);
	if (!pipe_write(pipe, d, ticket, false))
		return false;
	last = pipe->items.prev;
	list_entry(last, struct item, link)->key = key;
	list_remove(last);
	list_push(&pipe->held, last);
	pipe->held_count++;
	return true;
}

static uint64_t hold_key(struct pipe *pipe, struct delivery *d)
{
	const struct tcti_hold_ops *ops = pipe->session->hold_ops;
	const struct row *row;

	if (ops == NULL)
		return 0;
	row = row_of(d); /* what somebody keeps is never unimportant */
	if (row != NULL && row->archive != NULL)
		return 0;
	return ops->hold(pipe->session->hold_mod, pipe->session, d);
}

/* Nothing is before it that could not leave now, and nothing has to be waited for: it need not be
 * in the queue until the end of the turn. */
static bool free_way(struct pipe *pipe, const struct ticket *ticket)
{
	if (pipe->session->stream == NULL ||
		(ticket != NULL && ticket_state(ticket) != TICKET_NONE &&
			ticket_state(ticket) != TICKET_DURABLE))
		return false;
	if (!list_empty(&pipe->items) && !pipe->waiting)
		pipe_flush(pipe);
	return list_empty(&pipe->items);
}

static bool leave(struct pipe *pipe, struct delivery *d, struct ticket *ticket, bool soft)
{
	/* What is kept as a row must be known until it has left. */
	struct str *out = free_way(pipe, ticket) && row_of(d) == NULL &&
			room_for(pipe, delivery_size(d) + session_unsent(pipe->session)) ?
		conn_output(pipe->session->stream->conn) :
		NULL;

	if (out == NULL)
		return pipe_write(pipe, d, ticket, soft);
	delivery_write(d, out);
	delivery_unref(d);
	return true;
}

bool pipe_send(struct pipe *pipe, struct delivery *d, struct ticket *ticket)
{
	uint64_t key = hold_key(pipe, d);
	bool soft = false;

	if (key != 0)
		return pipe_hold(pipe, d, ticket, key);
	if (!list_empty(&pipe->held))
		pipe_release(pipe);
	count(pipe, d);
	ticket = mark(pipe, d, ticket, &soft);
	return leave(pipe, d, ticket, soft);
}

bool pipe_send_plain(struct pipe *pipe, struct tct_stanza *st, const struct ticket *ticket)
{
	struct str *out;

	if (pipe->session->hold_ops != NULL || counts(pipe) || !list_empty(&pipe->held) ||
		!free_way(pipe, ticket) ||
		!room_for(pipe, stanza_written(st) + session_unsent(pipe->session)))
		return false;
	out = conn_output(pipe->session->stream->conn);
	if (out == NULL)
		return false;
	stanza_write(st, out);
	return true;
}

bool pipe_send_behind(struct pipe *pipe, struct delivery *d, struct ticket *ticket)
{
	size_t bytes = delivery_size(d);
	struct list *last;

	if (!pipe_write(pipe, d, ticket, false))
		return false;
	last = pipe->items.prev;
	list_remove(last);
	list_push(&pipe->behind, last);
	pipe->behind_bytes += bytes;
	return true;
}

struct delivery *pipe_take_behind(struct pipe *pipe, struct ticket **ticket)
{
	struct list *node = list_pop(&pipe->behind);
	struct delivery *d;
	struct item *it;

	if (node == NULL)
		return NULL;
	it = list_entry(node, struct item, link);
	d = it->delivery;
	*ticket = it->ticket;
	it->delivery = NULL;
	it->ticket = NULL;
	pipe->count--;
	pipe->bytes -= delivery_size(d);
	pipe->behind_bytes -= delivery_size(d);
	budget_sub(BUDGET_QUEUES, delivery_size(d));
	item_free(it);
	return d;
}

void pipe_raw(struct pipe *pipe, struct span bytes, struct ticket *ticket)
{
	struct item *it = item_new();

	it->bytes = mem_strndup(bytes.data, bytes.len);
	it->len = bytes.len;
	add(pipe, it, ticket, bytes.len);
}

static void ticket_done(struct ticket_waiter *w)
{
	struct pipe *pipe = list_entry(w, struct pipe, waiter);

	pipe->waiting = false;
	pipe_mark(pipe);
}

/* True when the entry may leave or go; false: the pipe waits for its ticket. */
static bool passes(struct pipe *pipe, const struct item *it)
{
	if (it->ticket == NULL)
		return true;
	switch (ticket_state(it->ticket)) {
	case TICKET_NONE:
	case TICKET_DURABLE:
	case TICKET_FAILED:
		return true;
	default:
		if (!pipe->waiting) {
			pipe->waiting = true;
			pipe->waiter.fn = ticket_done;
			ticket_wait(it->ticket, &pipe->waiter);
		}
		return false;
	}
}

/* What a client gets that counts, in the place of what could not be stored: nothing that
 * anybody would see. */
static void write_instead(struct pipe *pipe, struct delivery *failed, struct str *out)
{
	struct tct_session *s = pipe->session;
	struct tct_stanza *st = tct_stanza_new(TCT_MESSAGE_HEADLINE, tct_entity_jid(s->entity), s->jid,
		NULL);
	struct delivery *d = delivery_new(st, NULL, NULL);

	tct_stanza_unref(st);
	s->pipe_ops->replaced(s->pipe_mod, s, failed, d);
	delivery_write(d, out);
	delivery_unref(d);
}

/* An entry that was written. Who counts will be told what the client has; else that its
 * bytes have left is all that can be known, which matters for what is kept as a row. */
static void written(struct pipe *pipe, struct item *it)
{
	if (it->delivery == NULL || row_of(it->delivery) == NULL || counts(pipe)) {
		item_free(it);
		return;
	}
	list_push(&pipe->sent, &it->link);
	if (list_empty(&pipe->sending))
		list_push(&sending, &pipe->sending);
}

void pipe_flush(struct pipe *pipe)
{
	struct tct_stream *stream = pipe->session->stream;
	struct str *out;
	size_t bytes;

	list_remove(&pipe->dirty);
	if (stream == NULL)
		return;
	while (!list_empty(&pipe->items)) {
		struct item *it = list_entry(pipe->items.next, struct item, link);

		if (!passes(pipe, it))
			return;
		out = conn_output(stream->conn);
		if (out == NULL)
			return; /* the connection is gone; the session will be told */
		list_remove(&it->link);
		bytes = it->delivery != NULL ? delivery_size(it->delivery) : it->len;
		pipe->count--;
		pipe->bytes -= bytes;
		budget_sub(BUDGET_QUEUES, bytes);
		if (it->ticket != NULL && !it->soft &&
			ticket_state(it->ticket) == TICKET_FAILED) {
			if (it->delivery != NULL && counts(pipe) &&
				pipe->session->pipe_ops->replaced != NULL)
				write_instead(pipe, it->delivery, out);
			item_free(it);
			continue;
		}
		if (it->delivery != NULL)
			delivery_write(it->delivery, out);
		else
			str_append_n(out, it->bytes, it->len);
		written(pipe, it);
	}
}

void pipes_flush(void)
{
	struct list *node;

	while ((node = list_first(&dirty)) != NULL)
		pipe_flush(list_entry(node, struct pipe, dirty));
}

void pipes_settle(void)
{
	list_each (node, &sending) {
		struct pipe *pipe = list_entry(node, struct pipe, sending);

		if (pipe->session->stream == NULL || session_unsent(pipe->session) > 0)
			continue; /* later, or given back when the session ends */
		list_remove(node);
		for (struct list *at; (at = list_pop(&pipe->sent)) != NULL;) {
			struct item *it = list_entry(at, struct item, link);

			row_taken(it->delivery);
			item_free(it);
		}
	}
}

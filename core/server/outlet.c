/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* outlet.c - see outlet.h. */
#include "core/server/outlet.h"

#include "core/base/budget.h"
#include "core/base/mem.h"
#include "core/loop/loop.h"
#include "core/server/event.h"
#include "core/server/router.h"
#include "core/store/txn.h"
#include "core/xmpp/payload.h"
#include "core/xmpp/stanza.h"

#include <tercet/internal/peers.h>

#include <stdlib.h>

struct item {
	struct list link;
	struct delivery *delivery;
	struct ticket *ticket; /* counted; NULL: nothing to wait for */
};

struct tcti_outlet {
	struct list items;
	struct list dirty;     /* in the list of those to be written at the end of the turn */
	struct list of_stream; /* in its stream's list */
	struct tct_stream *stream;
	struct ticket_waiter waiter; /* on the ticket of the first item */
	bool waiting;
	uint32_t count, count_max;
	size_t bytes, bytes_max;
};

static struct list dirty = { &dirty, &dirty };

static void mark(struct tcti_outlet *o)
{
	if (list_empty(&o->dirty))
		list_push(&dirty, &o->dirty);
	loop_wake();
}

struct tcti_outlet *tcti_outlet_new(uint32_t count_max, size_t bytes_max)
{
	struct tcti_outlet *o = mem_zalloc(sizeof *o);

	list_init(&o->items);
	list_init(&o->dirty);
	list_init(&o->of_stream);
	o->count_max = count_max;
	o->bytes_max = bytes_max;
	return o;
}

static void stop_waiting(struct tcti_outlet *o)
{
	if (o->waiting)
		ticket_waiter_remove(&o->waiter);
	o->waiting = false;
}

/* Takes the first one out; its delivery is the caller's. */
static struct delivery *take(struct tcti_outlet *o, bool *failed)
{
	struct item *it = list_entry(list_pop(&o->items), struct item, link);
	struct delivery *d = it->delivery;
	size_t bytes = delivery_size(d);

	*failed = it->ticket != NULL && ticket_state(it->ticket) == TICKET_FAILED;
	if (it->ticket != NULL)
		ticket_unref(it->ticket);
	free(it);
	o->count--;
	o->bytes -= bytes;
	budget_sub(BUDGET_QUEUES, bytes);
	return d;
}

void tcti_outlet_drain(struct tcti_outlet *o, tcti_outlet_fn *fn, void *data)
{
	bool failed;

	stop_waiting(o);
	while (!list_empty(&o->items)) {
		struct delivery *d = take(o, &failed);
		struct tct_stanza *st = failed || fn == NULL ? NULL : delivery_stanza(d);

		delivery_unref(d);
		if (st != NULL)
			fn(st, data);
	}
}

void tcti_outlet_free(struct tcti_outlet *o)
{
	if (o == NULL)
		return;
	tcti_outlet_drain(o, NULL, NULL);
	list_remove(&o->dirty);
	list_remove(&o->of_stream);
	free(o);
}

int tcti_outlet_send(struct tcti_outlet *o, struct tct_event *ev)
{
	struct delivery *d = delivery_new(ev->stanza, NULL, NULL);
	struct ticket *ticket = event_ticket(event_of(ev));
	size_t bytes = delivery_size(d);
	size_t unsent = o->stream != NULL ? conn_pending(o->stream->conn) : 0;
	struct item *it;

	if (o->count >= o->count_max || o->bytes + unsent + bytes > o->bytes_max) {
		delivery_unref(d);
		return TCT_EFULL;
	}
	it = mem_zalloc(sizeof *it);
	it->delivery = d;
	it->ticket = ticket != NULL ? ticket_ref(ticket) : NULL;
	list_push(&o->items, &it->link);
	o->count++;
	o->bytes += bytes;
	budget_add(BUDGET_QUEUES, bytes);
	if (o->stream != NULL)
		mark(o);
	return TCT_OK;
}

void tcti_outlet_attach(struct tcti_outlet *o, struct tct_stream *s)
{
	list_remove(&o->of_stream);
	o->stream = s;
	if (s == NULL)
		return;
	list_push(&s->outlets, &o->of_stream);
	mark(o);
}

struct tct_stream *tcti_outlet_stream(const struct tcti_outlet *o)
{
	return o->stream;
}

uint32_t tcti_outlet_count(const struct tcti_outlet *o)
{
	return o->count;
}

size_t tcti_outlet_bytes(const struct tcti_outlet *o)
{
	return o->bytes;
}

/* ---- writing ---- */

static void ticket_done(struct ticket_waiter *w)
{
	struct tcti_outlet *o = list_entry(w, struct tcti_outlet, waiter);

	o->waiting = false;
	mark(o);
}

/* The barrier: true when the first one may leave, or go. */
static bool passes(struct tcti_outlet *o)
{
	const struct item *it = list_entry(o->items.next, struct item, link);
	enum ticket_state state = it->ticket != NULL ? ticket_state(it->ticket) : TICKET_NONE;

	if (state != TICKET_OPEN && state != TICKET_SUBMITTED)
		return true;
	if (!o->waiting) {
		o->waiting = true;
		o->waiter.fn = ticket_done;
		ticket_wait(it->ticket, &o->waiter);
	}
	return false;
}

static void flush(struct tcti_outlet *o)
{
	bool failed;

	list_remove(&o->dirty);
	while (o->stream != NULL && !list_empty(&o->items) && passes(o)) {
		struct str *out = conn_output(o->stream->conn);
		struct delivery *d;

		if (out == NULL)
			return; /* the stream ends; its owner will be told */
		d = take(o, &failed);
		if (!failed)
			delivery_write(d, out);
		delivery_unref(d);
	}
}

void outlets_flush(void)
{
	struct list *node;

	while ((node = list_first(&dirty)) != NULL)
		flush(list_entry(node, struct tcti_outlet, dirty));
}

void outlets_leave(struct tct_stream *s)
{
	struct list *node;

	while ((node = list_pop(&s->outlets)) != NULL) {
		struct tcti_outlet *o = list_entry(node, struct tcti_outlet, of_stream);

		flush(o);
		o->stream = NULL;
	}
}

/* ---- what could not be sent ---- */

void tcti_bounce(struct tct_mod *m, struct tct_stanza *st, uint32_t condition, const char *text)
{
	struct tct_stanza *error = NULL;

	if ((tct_stanza_type(st) & (TCT_PRESENCE_UNAVAILABLE | TCT_PRESENCE_PROBE)) == 0)
		error = tct_stanza_error(st, condition, text);
	if (error != NULL)
		router_route(m, NULL, error, TCT_NEW);
	tct_stanza_unref(st);
}

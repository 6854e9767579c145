/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* outlet.c - see outlet.h. */
#include "core/server/outlet.h"

#include "core/base/budget.h"
#include "core/base/mem.h"
#include "core/loop/loop.h"
#include "core/mod/module.h"
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
	uint64_t tag;          /* the owner's; 0: none */
};

struct tcti_outlet {
	struct list items;     /* to be written */
	struct list kept;      /* written, not confirmed by the peer */
	struct list dirty;     /* in the list of those to be written at the end of the turn */
	struct list of_stream; /* in its stream's list */
	struct tct_stream *stream;
	struct ticket_waiter waiter; /* on the ticket of the first item */
	bool waiting;
	uint32_t keeps; /* what is kept: bits of enum tct_type */
	struct tct_mod *mod;
	tcti_outlet_written_fn *written;
	void *data;
	uint32_t count, count_max, kept_count; /* all, and those kept */
	size_t bytes, bytes_max, kept_bytes;
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
	list_init(&o->kept);
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

static struct item *first_of(const struct list *l)
{
	return list_entry(l->next, struct item, link);
}

static bool has_failed(const struct item *it)
{
	return it->ticket != NULL && ticket_state(it->ticket) == TICKET_FAILED;
}

/* Takes it out of its list. */
static void drop(struct tcti_outlet *o, struct item *it)
{
	size_t bytes = delivery_size(it->delivery);

	list_remove(&it->link);
	o->count--;
	o->bytes -= bytes;
	budget_sub(BUDGET_QUEUES, bytes);
	if (it->ticket != NULL)
		ticket_unref(it->ticket);
	delivery_unref(it->delivery);
	free(it);
}

/* Takes it out, after fn has got its stanza. */
static void give(struct tcti_outlet *o, struct item *it, tcti_outlet_fn *fn, void *data)
{
	struct tct_stanza *st =
		fn == NULL || has_failed(it) ? NULL : delivery_stanza(it->delivery);
	uint64_t tag = it->tag;

	drop(o, it);
	if (st != NULL)
		fn(st, tag, data);
}

void tcti_outlet_drain(struct tcti_outlet *o, tcti_outlet_fn *fn, void *data)
{
	stop_waiting(o);
	tcti_outlet_rewind(o);
	while (!list_empty(&o->items))
		give(o, first_of(&o->items), fn, data);
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

/* What is kept may be unsent, too. */
static size_t unsent_of(const struct tcti_outlet *o)
{
	size_t unsent = o->stream != NULL ? conn_pending(o->stream->conn) : 0;

	return unsent > o->kept_bytes ? unsent - o->kept_bytes : 0;
}

/* NULL: there is no room. */
static struct item *add(struct tcti_outlet *o, struct list *l, struct tct_stanza *st)
{
	struct delivery *d = delivery_new(st, NULL, NULL);
	size_t bytes = delivery_size(d);
	struct item *it;

	if (o->count >= o->count_max || o->bytes + unsent_of(o) + bytes > o->bytes_max) {
		delivery_unref(d);
		return NULL;
	}
	it = mem_zalloc(sizeof *it);
	it->delivery = d;
	list_push(l, &it->link);
	o->count++;
	o->bytes += bytes;
	budget_add(BUDGET_QUEUES, bytes);
	return it;
}

int tcti_outlet_send(struct tcti_outlet *o, struct tct_event *ev)
{
	struct item *it = add(o, &o->items, ev->stanza);
	struct ticket *ticket;

	if (it == NULL)
		return TCT_EFULL;
	ticket = event_ticket(event_of(ev));
	it->ticket = ticket != NULL ? ticket_ref(ticket) : NULL;
	if (o->stream != NULL)
		mark(o);
	return TCT_OK;
}

void tcti_outlet_tag(struct tcti_outlet *o, uint64_t tag)
{
	list_entry(o->items.prev, struct item, link)->tag = tag;
}

/* ---- what is written and not confirmed ---- */

void tcti_outlet_keep(struct tct_mod *m, struct tcti_outlet *o, uint32_t types,
	tcti_outlet_written_fn *fn, void *data)
{
	o->mod = m;
	o->keeps = types;
	o->written = fn;
	o->data = data;
}

static void count_kept(struct tcti_outlet *o, const struct item *it)
{
	o->kept_count++;
	o->kept_bytes += delivery_size(it->delivery);
}

int tcti_outlet_put(struct tcti_outlet *o, struct tct_stanza *st, uint64_t tag)
{
	struct item *it = add(o, &o->kept, st);

	if (it == NULL)
		return TCT_EFULL;
	it->tag = tag;
	count_kept(o, it);
	tct_stanza_unref(st);
	return TCT_OK;
}

uint32_t tcti_outlet_kept(const struct tcti_outlet *o, size_t *bytes)
{
	if (bytes != NULL)
		*bytes = o->kept_bytes;
	return o->kept_count;
}

uint64_t tcti_outlet_confirm(struct tcti_outlet *o, uint32_t n)
{
	uint64_t tag = 0;

	for (; n > 0 && !list_empty(&o->kept); n--) {
		struct item *it = first_of(&o->kept);

		if (it->tag != 0)
			tag = it->tag;
		o->kept_count--;
		o->kept_bytes -= delivery_size(it->delivery);
		drop(o, it);
	}
	return tag;
}

uint64_t tcti_outlet_confirm_to(struct tcti_outlet *o, uint64_t tag)
{
	uint32_t n = 0, count = 0;

	list_each (node, &o->kept) {
		uint64_t one = list_entry(node, struct item, link)->tag;

		count++;
		if (one != 0 && one <= tag)
			n = count;
	}
	return tcti_outlet_confirm(o, n);
}

void tcti_outlet_kept_each(const struct tcti_outlet *o, tcti_outlet_tag_fn *fn, void *data)
{
	list_each (node, &o->kept)
		fn(list_entry(node, struct item, link)->tag, data);
}

void tcti_outlet_rewind(struct tcti_outlet *o)
{
	stop_waiting(o);
	list_splice(&o->kept, &o->items);
	list_splice(&o->items, &o->kept);
	o->kept_count = 0;
	o->kept_bytes = 0;
	if (o->stream != NULL)
		mark(o);
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

static void keep(struct tcti_outlet *o, struct item *it)
{
	list_remove(&it->link);
	if (it->ticket != NULL)
		ticket_unref(it->ticket);
	it->ticket = NULL;
	list_push(&o->kept, &it->link);
	count_kept(o, it);
}

static bool write_all(struct tcti_outlet *o)
{
	bool any = false;

	list_remove(&o->dirty);
	while (o->stream != NULL && !list_empty(&o->items) && passes(o)) {
		struct str *out = conn_output(o->stream->conn);
		struct item *it = first_of(&o->items);

		if (out == NULL)
			break; /* the stream ends; its owner will be told */
		if (has_failed(it)) {
			drop(o, it);
			continue;
		}
		delivery_write(it->delivery, out);
		any = true;
		if ((delivery_type(it->delivery) & o->keeps) != 0)
			keep(o, it);
		else
			drop(o, it);
	}
	return any;
}

static void flush(struct tcti_outlet *o)
{
	if (!write_all(o) || o->written == NULL)
		return;
	mod_enter(o->mod);
	o->written(o->mod, o, o->data);
	mod_leave(o->mod);
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
	tcti_bounce_with(m, st, condition, text, NULL);
}

void tcti_bounce_with(struct tct_mod *m, struct tct_stanza *st, uint32_t condition,
	const char *text, struct tct_txn *txn)
{
	struct tct_stanza *error = NULL;

	if ((tct_stanza_type(st) & (TCT_PRESENCE_UNAVAILABLE | TCT_PRESENCE_PROBE)) == 0)
		error = tct_stanza_error(st, condition, text);
	if (error != NULL && txn != NULL)
		router_route_with(m, error, txn);
	else if (error != NULL)
		router_route(m, NULL, error, TCT_NEW);
	tct_stanza_unref(st);
}

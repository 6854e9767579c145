/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* event.c - see event.h. */
#include "core/server/event.h"

#include "core/base/mem.h"
#include "core/server/host.h"
#include "core/server/inbound.h"
#include "core/server/lane.h"
#include "core/server/peers.h"
#include "core/server/row.h"
#include "core/server/session.h"
#include "core/store/txn.h"
#include "core/xmpp/stanza.h"

#include <stddef.h>
#include <stdlib.h>

/* Freed events are kept for the next: one malloc less per stanza. */
static struct list spare = { &spare, &spare };
static unsigned spare_count;
#define SPARE_MAX 1024

struct event *event_of(struct tct_event *pub)
{
	return (struct event *)((char *)pub - offsetof(struct event, pub));
}

struct event *event_new(struct tct_stanza *st, uint32_t cause)
{
	struct list *node = list_pop(&spare);
	struct event *ev;

	if (node != NULL) {
		ev = list_entry(node, struct event, item.link);
		memset(ev, 0, sizeof *ev);
		spare_count--;
	} else {
		ev = mem_zalloc(sizeof *ev);
	}
	list_init(&ev->item.link);
	ev->pub.size = sizeof ev->pub;
	ev->pub.cause = cause;
	ev->pub.origin.kind = TCT_MODULE_ORIGIN;
	ev->pub.stanza = st;
	ev->targets = ev->few;
	ev->target_room = sizeof ev->few / sizeof *ev->few;
	ev->bytes = (uint32_t)(sizeof *ev + (st != NULL ? stanza_size(st) : 0));
	return ev;
}

void event_set_session(struct event *ev, struct tct_session *s)
{
	ev->pub.origin.kind = TCT_CLIENT;
	ev->pub.origin.session = session_ref(s);
	ev->pub.origin.stream = s->stream;
}

void event_clear_targets(struct event *ev)
{
	for (uint32_t i = 0; i < ev->target_count; i++)
		session_unref(ev->targets[i]);
	ev->target_count = 0;
}

void event_add_target(struct event *ev, struct tct_session *s)
{
	for (uint32_t i = 0; i < ev->target_count; i++) {
		if (ev->targets[i] == s)
			return;
	}
	if (ev->target_count == ev->target_room) {
		struct tct_session **more = mem_array(ev->target_room * 2, sizeof *more);

		memcpy(more, ev->targets, ev->target_count * sizeof *more);
		if (ev->targets != ev->few)
			free(ev->targets);
		ev->targets = more;
		ev->target_room *= 2;
	}
	ev->targets[ev->target_count++] = session_ref(s);
}

void event_free(struct event *ev)
{
	if (ev->holding != NULL)
		lane_release(ev->holding);
	event_clear_targets(ev);
	if (ev->targets != ev->few)
		free(ev->targets);
	if (ev->pub.origin.session != NULL)
		session_unref(ev->pub.origin.session);
	if (ev->pub.entity != NULL)
		entity_unpin(ev->pub.entity);
	inbound_end(ev->inbound, ev->txn, ev->pub.stanza);
	flight_end(ev->flight);
	if (ev->txn != NULL)
		txn_close(ev->txn);
	if (ev->row != NULL)
		row_unref(ev->row);
	arena_fini(&ev->extra_arena);
	tct_stanza_unref(ev->pub.stanza);
	if (spare_count < SPARE_MAX) {
		list_push(&spare, &ev->item.link);
		spare_count++;
	} else {
		free(ev);
	}
}

struct tct_txn *event_txn(struct event *ev)
{
	if (ev->txn == NULL && ev->pub.host != NULL && ev->pub.host->env != NULL)
		ev->txn = txn_new(ev->pub.host->env);
	return ev->txn;
}

struct ticket *event_ticket(struct event *ev)
{
	struct tct_txn *txn = event_txn(ev);

	return txn != NULL ? txn_ticket(txn) : NULL;
}

void event_inherit(struct event *child, struct event *parent)
{
	child->hops = (uint8_t)(parent->hops + 1);
	if (parent->txn != NULL && txn_has_writes(parent->txn))
		child->txn = txn_ref(parent->txn);
}

/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* api.c - public functions of handlers that are not a one-line export of another file:
 * answers, edits, routes, targets, write sets of events. */
#include "core/base/assert.h"
#include "core/base/mem.h"
#include "core/server/entity.h"
#include "core/server/event.h"
#include "core/server/fanout.h"
#include "core/server/host.h"
#include "core/server/router.h"
#include "core/server/row.h"
#include "core/server/session.h"
#include "core/xml/elem.h"
#include "core/xmpp/stanza.h"

#include <tercet/module.h>

const char *tct_event_user(const struct tct_event *ev)
{
	return ev->entity != NULL ? tct_entity_user(ev->entity) : "";
}

struct tct_stanza *tct_result(const struct tct_event *ev)
{
	return tct_stanza_result(ev->stanza);
}

enum tct_verdict tct_reply(struct tct_event *ev, struct tct_stanza *st)
{
	router_answer(event_of(ev), st);
	return TCT_HANDLED;
}

enum tct_verdict tct_refuse(struct tct_event *ev, uint32_t condition, const char *text)
{
	router_send_error(event_of(ev), condition, text);
	return TCT_HANDLED;
}

enum tct_verdict tct_refuse_unknown(struct tct_event *ev)
{
	return tct_refuse(ev, TCT_SERVICE_UNAVAILABLE, NULL);
}

struct tct_stanza *tct_stanza_edit(struct tct_event *ev)
{
	if (!stanza_shared(ev->stanza))
		return ev->stanza;
	struct tct_stanza *copy = tct_stanza_dup(ev->stanza);

	tct_stanza_unref(ev->stanza);
	ev->stanza = copy;
	return copy;
}

struct tct_elem *tct_event_extra(struct tct_event *pub)
{
	struct event *ev = event_of(pub);

	tct_assert(pub->stage == TCT_DELIVER);
	if (ev->extra == NULL)
		ev->extra = elem_new(&ev->extra_arena, "jabber:client", "extra");
	return ev->extra;
}

void *tct_event_data(struct tct_mod *m, struct tct_event *pub, size_t size)
{
	struct event *ev = event_of(pub);
	struct event_note *n;

	for (n = ev->notes; n != NULL; n = n->next) {
		if (n->mod == m && n->size == size)
			return n->data;
	}
	n = arena_zalloc(&ev->extra_arena, sizeof *n + size);
	n->mod = m;
	n->size = size;
	n->next = ev->notes;
	ev->notes = n;
	return n->data;
}

void tct_route(struct tct_mod *m, struct tct_event *ev, struct tct_stanza *st)
{
	router_route(m, ev != NULL ? event_of(ev) : NULL, st, TCT_NEW);
}

void tct_route_unknown(struct tct_mod *m, struct tct_event *ev, struct tct_stanza *st)
{
	router_route_unknown(m, event_of(ev), st);
}

void tct_route_copy(struct tct_mod *m, struct tct_event *ev, struct tct_stanza *st,
	const struct tct_overlay *overlay)
{
	tct_route(m, ev, stanza_view(st, overlay));
}

void tct_route_copies(struct tct_mod *m, struct tct_event *ev, struct tct_stanza *st,
	const struct tct_jid *const *to, size_t count)
{
	fanout_route(m, ev != NULL ? event_of(ev) : NULL, st, to, count);
}

void tct_event_keep(struct tct_mod *m, struct tct_event *pub, struct tct_archive *a, uint64_t id,
	tct_row_done_fn *done)
{
	struct event *ev = event_of(pub);

	tct_assert(pub->entity != NULL && pub->stage != TCT_OUTBOUND);
	if (ev->row == NULL || ev->row->archive != a || ev->row->id != id) {
		if (ev->row != NULL)
			row_unref(ev->row);
		ev->row = row_new(a, id);
	}
	if (done != NULL)
		row_watch(ev->row, m, pub->entity, done);
}

uint64_t tct_event_kept(const struct tct_event *ev, const struct tct_archive *a)
{
	const struct row *r = event_of((struct tct_event *)ev)->row;

	return r != NULL && r->archive == a ? r->id : 0;
}

bool tct_event_acknowledged(const struct tct_event *ev)
{
	return ev->origin.session != NULL && ev->origin.session->inbound.tracked;
}

struct tct_txn *tct_event_txn(struct tct_event *ev)
{
	struct tct_txn *txn = event_txn(event_of(ev));

	tct_assert(txn != NULL);
	return txn;
}

size_t tct_targets_count(const struct tct_event *ev)
{
	return event_of((struct tct_event *)ev)->target_count;
}

struct tct_session *tct_targets_get(const struct tct_event *ev, size_t i)
{
	const struct event *e = event_of((struct tct_event *)ev);

	return i < e->target_count ? e->targets[i] : NULL;
}

void tct_targets_add(struct tct_event *ev, struct tct_session *s)
{
	event_add_target(event_of(ev), s);
}

void tct_targets_remove(struct tct_event *ev, struct tct_session *s)
{
	struct event *e = event_of(ev);

	for (uint32_t i = 0; i < e->target_count; i++) {
		if (e->targets[i] != s)
			continue;
		e->target_count--;
		memmove(&e->targets[i], &e->targets[i + 1],
			(e->target_count - i) * sizeof *e->targets);
		session_unref(s);
		return;
	}
}

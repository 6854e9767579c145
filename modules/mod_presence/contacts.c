/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* contacts.c - contacts on our own hosts and on other servers. What goes to another server
 * goes there together; and probes to others go out a few at a time, so that a login with
 * thousands of contacts is not thousands of connections at once. */
#include "modules/mod_presence/presence.h"

#include <tercet/timer.h>

#include <stdlib.h>
#include <string.h>

#define TICKS 10 /* in a second; fewer when the rate is lower */

/* ---- sorting ---- */

struct walk {
	const char *own; /* the account's domain */
	tct_roster_item_fn *fn;
	void *data;
	struct presence_jids others;
};

void presence_jids_add(struct presence_jids *v, const struct tct_jid *jid)
{
	if (v->count == v->room) {
		v->room = v->room > 0 ? v->room * 2 : 16;
		v->items = realloc(v->items, v->room * sizeof *v->items);
		if (v->items == NULL)
			abort(); /* a roster is bounded */
	}
	v->items[v->count++] = tct_jid_ref(jid);
}

void presence_jids_free(struct presence_jids *v)
{
	for (size_t i = 0; i < v->count; i++)
		tct_jid_unref(v->items[i]);
	free(v->items);
	*v = (struct presence_jids){ 0 };
}

static int by_domain(const void *a, const void *b)
{
	const struct tct_jid *const *x = a, *const *y = b;
	int order = strcmp(tct_jid_domain(*x), tct_jid_domain(*y));

	return order != 0 ? order : strcmp(tct_jid_text(*x), tct_jid_text(*y));
}

static void take(const struct tct_jid *jid, uint32_t state, void *data)
{
	struct walk *w = data;
	const char *domain = tct_jid_domain(jid);

	if (strcmp(domain, w->own) == 0 || tct_host_find(domain) != NULL)
		w->fn(jid, state, w->data);
	else
		presence_jids_add(&w->others, jid);
}

/* Calls fn for contacts of our own hosts, and returns the others, sorted. */
static struct presence_jids walk(struct tct_mod *m, struct tct_entity *e, uint32_t mask,
	tct_roster_item_fn *fn, void *user)
{
	struct presence_data *data = tct_mod_data(m);
	struct walk w = { tct_jid_domain(tct_entity_jid(e)), fn, user, { 0 } };

	data->roster->each(data->roster_mod, e, mask, take, &w);
	if (w.others.count > 1)
		qsort(w.others.items, w.others.count, sizeof *w.others.items, by_domain);
	return w.others;
}

void presence_each(struct tct_mod *m, struct tct_entity *e, uint32_t mask,
	tct_roster_item_fn *fn, void *data)
{
	struct presence_jids others = walk(m, e, mask, fn, data);

	for (size_t i = 0; i < others.count; i++)
		fn(others.items[i], mask, data);
	presence_jids_free(&others);
}

/* ---- probes ---- */

/* In the scope of the session. */
struct presence_probes {
	struct tct_mod *m;
	struct tct_session *session;
	struct tct_timer *timer;
	struct tct_stanza *stanza;
	struct presence_jids others;
	size_t next;
};

struct asking {
	struct presence_guard guard;
	struct presence_jids here;
};

static void route(struct tct_mod *m, struct tct_event *ev, struct tct_stanza *st,
	const struct tct_jid *from, const struct tct_jid *to)
{
	struct tct_overlay overlay = TCT_OVERLAY_INIT;

	overlay.from = from;
	overlay.to = to;
	tct_route_copy(m, ev, st, &overlay);
}

static void ask_here(const struct tct_jid *jid, uint32_t state, void *data)
{
	struct asking *a = data;

	(void)state;
	if (presence_blocked(&a->guard, jid) != TCT_BLOCKED)
		presence_jids_add(&a->here, jid);
}

static void probes_fini(void *block)
{
	struct presence_probes *p = block;

	presence_jids_free(&p->others);
	tct_stanza_unref(p->stanza);
}

void presence_probe_stop(struct presence_session *ps)
{
	if (ps->probes == NULL)
		return;
	tct_timer_stop(ps->probes->timer);
	tct_scope_free(ps->probes);
	ps->probes = NULL;
}

/* Others are asked in the name of the account, as RFC 6121 4.3.1 wants it; who is no contact
 * any more, or is blocked, is not. */
static void ask_others(struct presence_probes *p)
{
	const struct presence_config *config = tct_mod_config(p->m);
	struct presence_data *data = tct_mod_data(p->m);
	struct tct_entity *e = tct_session_entity(p->session);
	struct presence_guard guard = presence_guard(p->m, e);
	int64_t some = config->probe_rate / TICKS + (config->probe_rate < TICKS);

	for (; some > 0 && p->next < p->others.count; p->next++, some--) {
		const struct tct_jid *to = p->others.items[p->next];

		if ((data->roster->state(data->roster_mod, e, to) & TCT_ROSTER_TO) != 0 &&
			presence_blocked(&guard, to) != TCT_BLOCKED)
			route(p->m, NULL, p->stanza, tct_entity_jid(e), to);
	}
}

static void tick(struct tct_scope *scope, void *block)
{
	struct presence_probes *p = block;

	(void)scope;
	ask_others(p);
	if (p->next == p->others.count)
		presence_probe_stop(tct_session_data(p->m, p->session));
}

void presence_probe(struct tct_mod *m, struct tct_event *ev, struct tct_session *s)
{
	const struct presence_config *config = tct_mod_config(m);
	int64_t ms = 1000 / (config->probe_rate < TICKS ? config->probe_rate : TICKS);
	struct presence_session *ps = tct_session_data(m, s);
	struct tct_scope *scope = tct_session_scope(m, s);
	struct tct_stanza *st =
		tct_stanza_new(TCT_PRESENCE_PROBE, tct_session_jid(s), NULL, NULL);
	struct asking asking = { presence_guard(m, tct_session_entity(s)), { 0 } };
	struct presence_jids others =
		walk(m, tct_session_entity(s), TCT_ROSTER_TO, ask_here, &asking);
	struct presence_probes *p;

	/* Here the resource asks, so that only this one gets the answer. */
	tct_route_copies(m, ev, st, asking.here.items, asking.here.count);
	presence_jids_free(&asking.here);
	presence_probe_stop(ps);
	if (others.count == 0) {
		tct_stanza_unref(st);
		return;
	}
	p = tct_scope_alloc(scope, sizeof *p, probes_fini);
	p->m = m;
	p->session = s;
	p->stanza = st;
	p->others = others;
	ps->probes = p;
	p->timer = tct_timer_start(scope, ms, ms, tick, p);
	tick(scope, p);
}

/* ---- one contact ---- */

struct asking_one {
	struct tct_mod *m;
	struct tct_event *ev;
	const struct tct_jid *to;
};

static void ask_for_session(struct tct_session *s, void *data)
{
	const struct asking_one *a = data;

	if (tct_session_available(s))
		tct_route(a->m, a->ev,
			tct_stanza_new(TCT_PRESENCE_PROBE, tct_session_jid(s), a->to,
				NULL));
}

void presence_ask(struct tct_mod *m, struct tct_event *ev, struct tct_entity *e,
	const struct tct_jid *to)
{
	struct asking_one asking = { m, ev, to };

	if (tct_host_find(tct_jid_domain(to)) != NULL)
		tct_entity_sessions(e, ask_for_session, &asking);
	else
		tct_route(m, ev,
			tct_stanza_new(TCT_PRESENCE_PROBE, tct_entity_jid(e), to, NULL));
}

/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* broadcast.c - one presence for many: all copies share one stanza, which is serialised
 * once (RFC 6121 4.2, 4.4, 4.5). */
#include "modules/mod_presence/presence.h"

struct broadcast {
	struct tct_mod *m;
	struct tct_event *ev;
	struct tct_session *session;
	struct tct_stanza *stanza;
	struct presence_guard guard;
	struct presence_jids contacts;
};

static void copy_to(const struct broadcast *b, const struct tct_jid *to)
{
	struct tct_overlay overlay = TCT_OVERLAY_INIT;

	overlay.to = to;
	tct_route_copy(b->m, b->ev, b->stanza, &overlay);
}

static void to_contact(const struct tct_jid *jid, uint32_t state, void *data)
{
	struct broadcast *b = data;
	uint32_t blocked = presence_blocked(&b->guard, jid);

	(void)state;
	if (blocked == TCT_BLOCKED_NOT)
		presence_jids_add(&b->contacts, jid);
	else
		presence_send(&b->guard, b->ev, b->stanza, jid);
}

/* The account's own resources hear at once, not by way of the router: a stanza later this
 * one may be available again, and must not hear of its own end then. */
static void to_own(struct tct_session *own, void *data)
{
	struct broadcast *b = data;
	struct tct_overlay overlay = TCT_OVERLAY_INIT;

	if (!tct_session_available(own))
		return;
	overlay.to = tct_entity_jid(tct_session_entity(b->session));
	tct_session_send_copy(b->ev, own, b->stanza, &overlay);
}

void presence_broadcast(struct tct_mod *m, struct tct_event *ev, struct tct_session *s,
	struct tct_stanza *st)
{
	struct tct_entity *e = tct_session_entity(s);
	struct broadcast b = { m, ev, s, st, presence_guard(m, e), { 0 } };

	tct_entity_sessions(e, to_own, &b);
	presence_each(m, e, TCT_ROSTER_FROM, to_contact, &b);
	tct_route_copies(m, ev, st, b.contacts.items, b.contacts.count);
	presence_jids_free(&b.contacts);
}

/* ---- what a new resource must learn ---- */

static void show_other(struct tct_session *other, void *data)
{
	struct broadcast *b = data;
	struct tct_overlay overlay = TCT_OVERLAY_INIT;

	if (other == b->session || !tct_session_available(other))
		return;
	overlay.to = tct_session_jid(b->session);
	tct_session_send_copy(b->ev, b->session, presence_stamped(b->m, other), &overlay);
}

void presence_catch_up(struct tct_mod *m, struct tct_event *ev, struct tct_session *s)
{
	struct broadcast b = { .m = m, .ev = ev, .session = s };

	tct_entity_sessions(tct_session_entity(s), show_other, &b);
	presence_probe(m, ev, s);
}

/* ---- another presence of the same resource ---- */

void presence_replace(struct tct_mod *m, struct tct_event *ev, struct tct_session *s,
	struct tct_stanza *st)
{
	struct presence_session *ps = tct_session_data(m, s);

	if (tct_session_available(s)) {
		tct_session_set_presence(s, st, tct_session_priority(s));
		tct_stanza_unref(ps->stamped);
		ps->stamped = NULL;
		if (ps->broadcast)
			presence_broadcast(m, ev, s, st);
	}
	tct_stanza_unref(st);
}

/* ---- the end ---- */

void presence_farewell(struct tct_mod *m, struct tct_event *ev, struct tct_session *s,
	struct tct_stanza *st)
{
	struct presence_data *data = tct_mod_data(m);
	struct presence_session *ps = tct_session_data(m, s);
	struct tct_entity *e = tct_session_entity(s);
	struct broadcast b = { .m = m, .ev = ev, .session = s, .stanza = st };

	for (const struct presence_directed *d = ps->directed; d != NULL; d = d->next) {
		/* Who is told as a contact needs no second copy. */
		if (!ps->broadcast ||
			!data->roster->subscribed(data->roster_mod, e, d->jid))
			copy_to(&b, d->jid);
	}
	presence_directed_clear(ps);
	presence_probe_stop(ps);
	if (ps->broadcast) {
		presence_broadcast(m, ev, s, st);
		presence_last_write(m, s, st);
	}
	ps->broadcast = false;
}

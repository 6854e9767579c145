/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* guard.c - what goes out in an account's name asks the service "blocklist", when there is
 * one: to those who are blocked the account looks offline (XEP-0191). */
#include "modules/mod_presence/presence.h"

#include <stddef.h>

struct presence_guard presence_guard(struct tct_mod *m, struct tct_entity *e)
{
	struct presence_guard g = { .m = m, .entity = e };

	g.blocklist = tct_service(m, "blocklist", &g.blocklist_mod);
	if (g.blocklist != NULL && g.blocklist->size > offsetof(struct tct_blocklist_ops, any) &&
		!g.blocklist->any(g.blocklist_mod, e))
		g.blocklist = NULL;
	return g;
}

uint32_t presence_blocked(const struct presence_guard *g, const struct tct_jid *jid)
{
	return g->blocklist != NULL ?
		g->blocklist->blocks(g->blocklist_mod, g->entity, jid) :
		TCT_BLOCKED_NOT;
}

struct some {
	const struct presence_guard *guard;
	struct tct_event *ev;
	struct tct_stanza *stanza;
};

static void send_to_session(struct tct_session *s, void *data)
{
	struct some *some = data;
	struct tct_overlay overlay = TCT_OVERLAY_INIT;

	overlay.to = tct_session_jid(s);
	if (tct_session_available(s) &&
		presence_blocked(some->guard, overlay.to) == TCT_BLOCKED_NOT)
		tct_route_copy(some->guard->m, some->ev, some->stanza, &overlay);
}

/* Which resources another server gives it to is not ours to say. */
void presence_send(const struct presence_guard *g, struct tct_event *ev,
	struct tct_stanza *st, const struct tct_jid *to)
{
	struct tct_overlay overlay = TCT_OVERLAY_INIT;
	uint32_t blocked = presence_blocked(g, to);
	struct some some = { g, ev, st };
	struct tct_entity *contact;
	struct tct_host *h;

	if (blocked == TCT_BLOCKED)
		return;
	h = blocked == TCT_BLOCKED_SOME ? tct_host_find(tct_jid_domain(to)) : NULL;
	if (h == NULL) {
		overlay.to = to;
		tct_route_copy(g->m, ev, st, &overlay);
		return;
	}
	/* Who is not in memory has no session. */
	contact = tct_entity_find(h, tct_jid_node(to));
	if (contact != NULL)
		tct_entity_sessions(contact, send_to_session, &some);
}

/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* probe.c - showing what an account's resources have said last: to probes (RFC 6121 4.3)
 * and to those who may see it from now on. */
#include "modules/mod_presence/presence.h"

#include <string.h>

#define NS_DELAY "urn:xmpp:delay"

struct show {
	struct tct_mod *m;
	struct tct_event *ev;
	const struct tct_jid *to;
	const char *resource; /* NULL: all */
	size_t count;
	struct presence_guard guard;
};

struct tct_stanza *presence_stamped(struct tct_mod *m, struct tct_session *s)
{
	const struct presence_config *config = tct_mod_config(m);
	struct presence_session *ps = tct_session_data(m, s);
	struct tct_stanza *st = tct_session_presence(s);
	int64_t since = tct_session_presence_time(s);
	char stamp[TCT_TIME_SIZE];
	struct tct_elem *delay;

	if (tct_now() - since < config->delay_after ||
		tct_child(tct_stanza_root(st), NS_DELAY, "delay") != NULL)
		return st;
	if (ps->stamped == NULL) {
		ps->stamped = tct_stanza_dup(st);
		delay = tct_add(tct_stanza_root(ps->stamped), NS_DELAY, "delay");
		tct_time_text(stamp, since * 1000000, false);
		tct_set(delay, "from", tct_jid_text(tct_session_jid(s)));
		tct_set(delay, "stamp", stamp);
	}
	return ps->stamped;
}

static void show_session(struct tct_session *s, void *data)
{
	struct show *show = data;
	const char *resource = tct_jid_resource(tct_session_jid(s));

	if (!tct_session_available(s))
		return;
	if (show->resource != NULL && strcmp(show->resource, resource) != 0)
		return;
	show->count++;
	presence_send(&show->guard, show->ev, presence_stamped(show->m, s), show->to);
}

size_t presence_show(struct tct_mod *m, struct tct_event *ev, struct tct_entity *e,
	const struct tct_jid *to, const char *resource)
{
	struct show show = { m, ev, to, resource, 0, presence_guard(m, e) };

	tct_entity_sessions(e, show_session, &show);
	return show.count;
}

static void hide_session(struct tct_session *s, void *data)
{
	struct show *show = data;

	if (tct_session_available(s))
		tct_route(show->m, show->ev,
			tct_stanza_new(TCT_PRESENCE_UNAVAILABLE, tct_session_jid(s),
				show->to, NULL));
}

void presence_hide(struct tct_mod *m, struct tct_event *ev, struct tct_entity *e,
	const struct tct_jid *to)
{
	struct show show = { m, ev, to, NULL, 0, presence_guard(m, e) };

	tct_entity_sessions(e, hide_session, &show);
}

enum tct_verdict presence_on_probe(struct tct_mod *m, struct tct_event *ev)
{
	struct presence_data *data = tct_mod_data(m);
	const struct tct_jid *from = tct_stanza_from(ev->stanza);
	const struct tct_jid *to = tct_stanza_to(ev->stanza);
	struct tct_stanza *answer;

	/* The host itself has no presence. */
	if (from == NULL || tct_event_user(ev)[0] == '\0')
		return TCT_HANDLED;
	/* To strangers an account that is there is like one that is not. */
	if (!tct_entity_exists(ev->entity) ||
		!data->roster->subscribed(data->roster_mod, ev->entity, from)) {
		if (tct_jid_resource(to) == NULL)
			tct_route_unknown(m, ev,
				tct_stanza_new(TCT_PRESENCE_UNSUBSCRIBED,
					tct_entity_jid(ev->entity), from, NULL));
		return TCT_HANDLED;
	}
	if (presence_show(m, ev, ev->entity, from, tct_jid_resource(to)) > 0)
		return TCT_HANDLED;
	answer = tct_stanza_new(TCT_PRESENCE_UNAVAILABLE, to, from, NULL);
	/* Of one resource among others nobody knows when it left. */
	if (tct_jid_resource(to) == NULL)
		presence_last_add(m, ev->entity, answer);
	tct_route(m, ev, answer);
	return TCT_HANDLED;
}

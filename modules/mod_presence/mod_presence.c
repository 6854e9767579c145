/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* mod_presence.c - who is available and who hears of it (RFC 6121 section 4): what
 * clients send, the end of sessions, changes of subscriptions. States of subscriptions
 * are mod_roster's. */
#include "modules/mod_presence/presence.h"

#include <stdlib.h>

#define NS_CLIENT "jabber:client"

static const struct tct_option options[] = {
	TCT_OPT_PERIOD(struct presence_config, delay_after, .def = "1 minute", .min = "0 s",
		.doc = "Presence that is older is shown with the time when it was sent (XEP-0203)."),
	TCT_OPT_INT(struct presence_config, max_directed, .def = "200", .min = "0", .max = "10000",
		.doc = "To how many addresses a session may send directed presence, for example "
		       "to rooms, that are told when it ends."),
	TCT_OPT_INT(struct presence_config, probe_rate, .def = "200", .min = "1", .max = "10000",
		.doc = "How many contacts on other servers are asked for their presence in a second "
		       "when a resource becomes available."),
	TCT_OPT_END
};

/* ---- without address: to all who may see it ---- */

/* RFC 6121 4.7.2.3: a whole number from -128 to 127, white space around it allowed. */
static bool read_priority(const struct tct_stanza *st, int *priority)
{
	const struct tct_elem *e = tct_child(tct_stanza_root(st), NS_CLIENT, "priority");
	const char *text = tct_elem_text(e);
	char *end;
	long value;

	*priority = 0;
	if (e == NULL)
		return true;
	value = strtol(text, &end, 10);
	if (end == text)
		return false;
	while (*end == ' ' || *end == '\t' || *end == '\r' || *end == '\n')
		end++;
	if (*end != '\0' || value < -128 || value > 127)
		return false;
	*priority = (int)value;
	return true;
}

static void forget_stamped(struct presence_session *ps)
{
	tct_stanza_unref(ps->stamped);
	ps->stamped = NULL;
}

static enum tct_verdict on_available(struct tct_mod *m, struct tct_event *ev)
{
	struct tct_session *s = ev->origin.session;
	struct presence_session *ps = tct_session_data(m, s);
	bool initial = !tct_session_available(s);
	int priority;

	if (!read_priority(ev->stanza, &priority))
		return tct_refuse(
			ev, TCT_BAD_REQUEST, "a priority is a number from -128 to 127");
	tct_session_set_presence(s, ev->stanza, priority);
	forget_stamped(ps);
	ps->broadcast = true;
	presence_broadcast(m, ev, s, ev->stanza);
	if (initial)
		presence_catch_up(m, ev, s);
	return TCT_HANDLED;
}

static enum tct_verdict on_unavailable(struct tct_mod *m, struct tct_event *ev)
{
	struct tct_session *s = ev->origin.session;
	struct presence_session *ps = tct_session_data(m, s);
	bool was = tct_session_available(s);

	tct_session_set_presence(s, NULL, 0);
	forget_stamped(ps);
	/* It hears of itself too (RFC 6121 4.5.2); the broadcast no longer reaches it. */
	if (was)
		tct_session_send_copy(ev, s, ev->stanza, NULL);
	presence_farewell(m, ev, s, ev->stanza);
	return TCT_HANDLED;
}

/* ---- with an address ---- */

static enum tct_verdict on_directed(struct tct_mod *m, struct tct_event *ev)
{
	const struct tct_jid *to = tct_stanza_to(ev->stanza);

	if (tct_stanza_type(ev->stanza) == TCT_PRESENCE_UNAVAILABLE)
		presence_directed_remove(m, ev->origin.session, to);
	else if (!presence_directed_add(m, ev->origin.session, to))
		return tct_refuse(
			ev, TCT_RESOURCE_CONSTRAINT, "directed presence to too many");
	return TCT_CONTINUE;
}

static enum tct_verdict on_outbound(struct tct_mod *m, struct tct_event *ev)
{
	bool directed = tct_stanza_to(ev->stanza) != NULL;

	if (ev->origin.session == NULL)
		return TCT_CONTINUE;
	if (directed)
		return on_directed(m, ev);
	return tct_stanza_type(ev->stanza) == TCT_PRESENCE_AVAILABLE ? on_available(m, ev) :
								       on_unavailable(m, ev);
}

/* Who has left or cannot be reached needs no farewell of ours. */
static enum tct_verdict on_deliver(struct tct_mod *m, struct tct_event *ev)
{
	if (tct_stanza_from(ev->stanza) != NULL)
		presence_directed_remove(m, ev->target, tct_stanza_from(ev->stanza));
	return TCT_CONTINUE;
}

/* ---- sessions and subscriptions ---- */

/* However it ended: a session that is gone is unavailable. */
static void on_ended(struct tct_mod *m, struct tct_session *s)
{
	struct presence_session *ps = tct_session_data_peek(m, s);
	struct tct_stanza *st;

	if (ps == NULL || (!ps->broadcast && ps->directed == NULL))
		return;
	st = tct_stanza_new(TCT_PRESENCE_UNAVAILABLE, tct_session_jid(s), NULL, NULL);
	presence_farewell(m, NULL, s, st);
	tct_stanza_unref(st);
}

/* Who went while the server was away, or with it, has told nobody: the client learns who is
 * there as after its initial presence. */
static void on_resumed(struct tct_mod *m, struct tct_session *s)
{
	struct presence_session *ps = tct_session_data_peek(m, s);

	if (ps == NULL || !ps->restored)
		return;
	ps->restored = false;
	if (ps->broadcast)
		presence_probe(m, NULL, s);
}

static void on_changed(struct tct_mod *m, struct tct_event *ev, struct tct_entity *e,
	const struct tct_jid *contact, uint32_t before, uint32_t after)
{
	bool saw = (before & TCT_ROSTER_FROM) != 0, sees = (after & TCT_ROSTER_FROM) != 0;
	struct presence_guard guard = presence_guard(m, e);

	/* To whom is blocked it looks offline already. */
	if (presence_blocked(&guard, contact) == TCT_BLOCKED)
		return;
	if (sees && (!saw || before == after))
		presence_show(m, ev, e, contact, NULL);
	else if (saw && !sees)
		presence_hide(m, ev, e, contact);
}

static void show(struct tct_mod *m, struct tct_event *ev, struct tct_entity *e,
	const struct tct_jid *to)
{
	presence_show(m, ev, e, to, NULL);
}

static const struct tct_presence_ops ops = {
	.size = sizeof ops,
	.show = show,
	.hide = presence_hide,
	.probe = presence_ask,
	.end_directed = presence_directed_end,
	.replace = presence_replace,
	.last = presence_last,
};

static int load(struct tct_mod *m, struct tct_error *err)
{
	struct presence_data *data = tct_mod_data(m);

	data->roster = tct_service(m, "roster", &data->roster_mod);
	if (data->roster == NULL)
		return tct_error_set(
			err, TCT_ENOENT, "no module provides the service \"roster\"");
	data->last = tct_kv_open(m, "presence", err);
	if (data->last == NULL)
		return TCT_EIO;
	data->roster->watch(data->roster_mod, m, on_changed);
	tct_on_types(m, TCT_OUTBOUND, TCT_PRESENCE_AVAILABLE | TCT_PRESENCE_UNAVAILABLE,
		TCT_PRIO_HANDLE, on_outbound);
	tct_on_types(m, TCT_INBOUND, TCT_PRESENCE_PROBE, TCT_PRIO_HANDLE, presence_on_probe);
	tct_on_types(m, TCT_DELIVER, TCT_PRESENCE_UNAVAILABLE | TCT_PRESENCE_ERROR,
		TCT_PRIO_OBSERVE, on_deliver);
	tct_on_types(m, TCT_RESOLVED, TCT_IQ_GET | TCT_IQ_SET | TCT_MESSAGE_GROUPCHAT,
		TCT_PRIO_FILTER, presence_on_request);
	tct_on_session(m, TCT_SESSION_RESUMED, on_resumed);
	tct_on_session(m, TCT_SESSION_ENDED, on_ended);
	tct_on_entity(m, TCT_ENTITY_DELETED, presence_last_delete);
	tct_provide(m, "presence", "presence", &ops);
	return TCT_OK;
}

static void session_end(struct tct_mod *m, void *data)
{
	struct presence_session *ps = data;

	(void)m;
	presence_directed_clear(ps);
	forget_stamped(ps);
}

/* What the server keeps of the resource, its presence and priority, it saves itself. */
static int session_save(struct tct_mod *m, const void *data, struct tct_record *out)
{
	const struct presence_session *ps = data;

	(void)m;
	tct_record_set_int(out, "broadcast", ps->broadcast);
	presence_directed_save(ps, out);
	return TCT_OK;
}

static int session_restore(struct tct_mod *m, void *data, const struct tct_value *record)
{
	struct presence_session *ps = data;

	ps->restored = true;
	ps->broadcast = tct_record_int(record, "broadcast", 0) != 0;
	presence_directed_restore(m, ps, record);
	return TCT_OK;
}

TCT_MODULE_FLAGS(presence, TCT_LIVE_OPTIONS,
	.version      = "1.0",
	.summary      = "presence (RFC 6121 section 4)",
	.depends      = TCT_DEPENDS("@roster"),
	.options      = options,
	.config_size  = sizeof(struct presence_config),
	.data_size    = sizeof(struct presence_data),
	.session_size = sizeof(struct presence_session),
	.preload      = TCT_PRELOAD("presence"),
	.load         = load,
	.session_end  = session_end,
	.session_save    = session_save,
	.session_restore = session_restore,
);

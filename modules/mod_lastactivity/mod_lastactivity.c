/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* mod_lastactivity.c - XEP-0012: since when an account is away, for those who may see its
 * presence, and how long the host has been up. What an account said when it left is
 * mod_presence's knowledge. Who may not ask gets what an unknown account gives, not
 * `forbidden` (section 3), which would say that the account exists. */
#include <tercet/module.h>
#include <tercet/presence.h>
#include <tercet/roster.h>

#define NS_LAST "jabber:iq:last"
#define NS_CLIENT "jabber:client"

struct last_config {
	bool uptime;
};

struct last_data {
	int64_t since; /* monotonic */
};

static const struct tct_option options[] = {
	TCT_OPT_BOOL(struct last_config, uptime, .def = "true",
		.doc = "The host says how long it has been up."),
	TCT_OPT_END
};

static struct tct_elem *add_query(struct tct_stanza *st, int64_t seconds)
{
	struct tct_elem *query = tct_add(tct_stanza_root(st), NS_LAST, "query");

	tct_set_int(query, "seconds", seconds > 0 ? seconds : 0);
	return query;
}

static enum tct_verdict on_host(struct tct_mod *m, struct tct_event *ev)
{
	const struct last_config *config = tct_mod_config(m);
	const struct last_data *data = tct_mod_data(m);
	struct tct_stanza *st;

	if (!config->uptime)
		return tct_refuse_unknown(ev);
	st = tct_result(ev);
	add_query(st, tct_monotonic() - data->since);
	return tct_reply(ev, st);
}

static void look(struct tct_session *s, void *data)
{
	if (tct_session_available(s))
		*(bool *)data = true;
}

static enum tct_verdict on_account(struct tct_mod *m, struct tct_event *ev)
{
	struct tct_mod *presence_mod;
	const struct tct_presence_ops *presence = tct_service(m, "presence", &presence_mod);
	struct tct_stanza *st = tct_result(ev);
	struct tct_elem *said, *query;
	bool there = false;
	const char *status;
	int64_t time;

	tct_entity_sessions(ev->entity, look, &there);
	if (there) {
		add_query(st, 0);
		return tct_reply(ev, st);
	}
	said = tct_add(tct_stanza_root(st), NS_CLIENT, "presence");
	time = presence != NULL ? presence->last(presence_mod, ev->entity, said) : 0;
	if (time == 0) {
		tct_stanza_unref(st);
		return tct_refuse_unknown(ev);
	}
	query = add_query(st, tct_now() - time);
	status = tct_child_text(said, NS_CLIENT, "status");
	if (status != NULL)
		tct_text(query, status);
	tct_elem_remove(said);
	return tct_reply(ev, st);
}

/* Idleness is the client's to say, but only those hear it who may see the account (section
 * 4); others get what a resource gives that is not there. */
static enum tct_verdict on_resource(struct tct_mod *m, struct tct_event *ev)
{
	struct tct_mod *roster_mod;
	const struct tct_roster_ops *roster = tct_service(m, "roster", &roster_mod);
	const struct tct_jid *from = tct_stanza_from(ev->stanza);

	if (tct_jid_equal_bare(from, tct_entity_jid(ev->entity)) ||
		(tct_entity_exists(ev->entity) && roster != NULL &&
			roster->subscribed(roster_mod, ev->entity, from)))
		return TCT_CONTINUE;
	return tct_refuse_unknown(ev);
}

static int load(struct tct_mod *m, struct tct_error *err)
{
	struct last_data *data = tct_mod_data(m);

	(void)err;
	data->since = tct_monotonic();
	tct_on_iq(m, TCT_IQ_GET, TCT_TO_HOST, NS_LAST, "query", on_host);
	tct_on_iq(m, TCT_IQ_GET, TCT_TO_SELF | TCT_TO_ACCOUNT, NS_LAST, "query", on_account);
	tct_on_iq(m, TCT_IQ_GET, TCT_TO_FULL, NS_LAST, "query", on_resource);
	tct_feature(m, NS_LAST);
	return TCT_OK;
}

TCT_MODULE_FLAGS(lastactivity, TCT_LIVE_OPTIONS,
	.version     = "1.0",
	.summary     = "XEP-0012: Last Activity",
	.options     = options,
	.config_size = sizeof(struct last_config),
	.data_size   = sizeof(struct last_data),
	.load        = load,
);

/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* mod_roster.c - rosters and subscriptions (RFC 6121 sections 2 and 3): registration,
 * options and the service "roster". */
#include "modules/mod_roster/roster.h"

static const struct tct_option options[] = {
	TCT_OPT_INT(struct roster_config, max_contacts, .def = "2000", .min = "1", .max = "3000",
		.doc = "How many contacts an account may have."),
	TCT_OPT_INT(struct roster_config, max_groups, .def = "50", .min = "0", .max = "200",
		.doc = "In how many groups a contact may be."),
	TCT_OPT_SIZE(struct roster_config, max_item_size, .def = "2 KB", .min = "16 B", .max = "3 KB",
		.doc = "How much the name and the groups of one contact may take together."),
	TCT_OPT_INT(struct roster_config, max_requests, .def = "100", .min = "1", .max = "500",
		.doc = "How many requests of strangers are kept until they are answered. "
		       "One more drops the oldest."),
	TCT_OPT_INT(struct roster_config, max_changes, .def = "100", .min = "0", .max = "1000",
		.doc = "How many versions of a roster are known: a client that comes back with one "
		       "of them is sent what has changed since, with an older one the whole roster."),
	TCT_OPT_END
};

/* ---- the service ---- */

static uint32_t state_of(
	struct tct_mod *m, struct tct_entity *e, const struct tct_jid *contact)
{
	const struct roster_item *item = roster_find(roster_get(m, e), contact);

	return item != NULL ? item->state : 0;
}

static bool subscribed(struct tct_mod *m, struct tct_entity *e, const struct tct_jid *who)
{
	if (tct_jid_equal_bare(who, tct_entity_jid(e)))
		return true;
	return (state_of(m, e, who) & TCT_ROSTER_FROM) != 0;
}

static void each(struct tct_mod *m, struct tct_entity *e, uint32_t mask,
	tct_roster_item_fn *fn, void *data)
{
	for (const struct roster_item *i = roster_get(m, e)->first; i != NULL;
		i = i->next) {
		if ((i->state & mask) != 0)
			fn(i->jid, i->state, data);
	}
}

static const struct tct_roster_ops ops = {
	.size = sizeof ops,
	.subscribed = subscribed,
	.state = state_of,
	.each = each,
	.watch = roster_watch,
	.give = roster_give,
	.take = roster_take,
	.introduce = roster_introduce,
};

/* ---- the module ---- */

static void add_features(
	struct tct_mod *m, struct tct_stream *s, struct tct_elem *features)
{
	(void)m;
	(void)s;
	tct_add(features, "urn:xmpp:features:rosterver", "ver");
	tct_add(features, "urn:xmpp:features:pre-approval", "sub");
}

static int load(struct tct_mod *m, struct tct_error *err)
{
	struct roster_data *data = tct_mod_data(m);

	data->items = tct_kv_open(m, "roster", err);
	data->requests = tct_kv_open(m, "roster_pending", err);
	data->version = tct_kv_open(m, "roster_version", err);
	if (data->items == NULL || data->requests == NULL || data->version == NULL)
		return TCT_EIO;
	tct_on_iq(m, TCT_IQ_GET, TCT_TO_SELF, NS_ROSTER, "query", roster_on_get);
	tct_on_iq(m, TCT_IQ_SET, TCT_TO_SELF, NS_ROSTER, "query", roster_on_set);
	tct_on_types(m, TCT_OUTBOUND, TCT_TYPES_SUBSCRIPTION, TCT_PRIO_HANDLE,
		roster_on_outbound);
	tct_on_types(m, TCT_INBOUND, TCT_TYPES_SUBSCRIPTION, TCT_PRIO_HANDLE, roster_on_inbound);
	tct_on_session(m, TCT_SESSION_AVAILABLE, roster_on_available);
	tct_on_entity(m, TCT_ENTITY_LOADED, roster_on_loaded);
	tct_on_entity(m, TCT_ENTITY_DELETED, roster_on_deleted);
	tct_on_features(m, TCT_PRIO_HANDLE, add_features);
	tct_feature(m, NS_ROSTER);
	tct_provide(m, "roster", "roster", &ops);
	return TCT_OK;
}

static void entity_end(struct tct_mod *m, void *data)
{
	(void)m;
	roster_fini(data);
}

/* Who asked for the roster gets pushes after a restart of the server, too. */
static int session_save(struct tct_mod *m, const void *data, struct tct_record *out)
{
	const struct roster_session *rs = data;

	(void)m;
	tct_record_set_int(out, "interested", rs->interested);
	tct_record_set_int(out, "versioned", rs->versioned);
	return TCT_OK;
}

static int session_restore(struct tct_mod *m, void *data, const struct tct_value *record)
{
	struct roster_session *rs = data;

	(void)m;
	rs->interested = tct_record_int(record, "interested", 0) != 0;
	rs->versioned = tct_record_int(record, "versioned", 0) != 0;
	return TCT_OK;
}

TCT_MODULE_FLAGS(roster, TCT_LIVE_OPTIONS,
	.version      = "1.0",
	.summary      = "rosters and presence subscriptions (RFC 6121)",
	.options      = options,
	.config_size  = sizeof(struct roster_config),
	.data_size    = sizeof(struct roster_data),
	.session_size = sizeof(struct roster_session),
	.entity_size  = sizeof(struct roster),
	.preload      = TCT_PRELOAD("roster", "roster_pending", "roster_version"),
	.load         = load,
	.entity_end   = entity_end,
	.session_save    = session_save,
	.session_restore = session_restore,
);

/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* mod_invites.c - invitations (XEP-0401): whoever has one makes an account although
 * registration is closed (XEP-0445, with mod_register), or becomes somebody's contact without
 * being asked (XEP-0379). What is kept is in rows.c. */
#include "modules/mod_invites/invites.h"

#include <stdlib.h>
#include <string.h>

#define NS_PARS "urn:xmpp:pars:0"
#define SWEEP_MS (60 * 60 * 1000)

static const struct tct_option options[] = {
	TCT_OPT_BOOL(struct invites_config, allow_contact_invites, .global = 1, .def = "true",
		.doc = "Whether users can make invitations: who opens one becomes their contact."),
	TCT_OPT_BOOL(struct invites_config, allow_user_invites, .global = 1, .def = "false",
		.doc = "Whether who opens an invitation of a user may also make an account."),
	TCT_OPT_PERIOD(struct invites_config, invite_expiry, .global = 1, .def = "7 days",
		.min = "1 minute", .max = "366 days",
		.doc = "How long an invitation can be used, unless it says so itself."),
	TCT_OPT_STRING(struct invites_config, invites_page, .global = 1,
		.doc = "The address of a web page that shows an invitation in a browser. In it "
		       "{token}, {host} and {uri} (the whole xmpp: link) stand for what they say, "
		       "escaped: \"https://example.org/invite/#{token}\"."),
	TCT_OPT_INT(struct invites_config, max_open, .def = "20", .min = "1", .max = "10000",
		.doc = "Invitations of one user that are open at a time."),
	TCT_OPT_INT(struct invites_config, max_open_all, .def = "5000", .min = "1", .max = "50000",
		.doc = "Invitations of a host that are open at a time."),
	TCT_OPT_END
};

/* ---- a contact comes with a token: XEP-0379 section 3.5, for the inviter's clients ---- */

static bool fits(const struct invite_row *row, const struct tct_event *ev)
{
	return (row->is.flags & TCT_INVITE_CONTACT) != 0 && invite_open(row) &&
		row->is.inviter != NULL && strcmp(row->is.inviter, tct_event_user(ev)) == 0;
}

/* Approved before the request itself is looked at, so that it is answered like one that the
 * account has approved; and asked in return. */
static void accept_contact(struct tct_mod *m, struct tct_event *ev, struct invite_row *row)
{
	const struct invites *invites = tct_mod_data(m);
	const struct tct_jid *contact = tct_jid_bare(tct_stanza_from(ev->stanza));
	struct tct_roster_gift gift = TCT_ROSTER_GIFT_INIT;
	uint32_t state = invites->roster->state(invites->roster_mod, ev->entity, contact);

	gift.flags = TCT_ROSTER_STORED;
	gift.source = "invites";
	gift.state = TCT_ROSTER_APPROVED | ((state & TCT_ROSTER_TO) != 0 ? 0 : TCT_ROSTER_OUT);
	if (invites->roster->give(invites->roster_mod, ev, ev->entity, contact, &gift) == TCT_OK) {
		invite_spend(m, tct_event_txn(ev), row);
		if ((state & TCT_ROSTER_TO) == 0)
			tct_route(m, ev, tct_stanza_new(TCT_PRESENCE_SUBSCRIBE,
				tct_entity_jid(ev->entity), contact, NULL));
	}
	tct_jid_unref(contact);
}

/* A token that is not known is none: the account's clients are asked as ever. */
static enum tct_verdict on_presence(struct tct_mod *m, struct tct_event *ev)
{
	const struct tct_elem *preauth;
	const struct tct_entity *host;
	char key[INVITE_KEY + 1];
	struct invite_row row;

	if (tct_event_user(ev)[0] == '\0' || tct_stanza_from(ev->stanza) == NULL ||
		tct_jid_equal_bare(tct_stanza_from(ev->stanza), tct_entity_jid(ev->entity)))
		return TCT_CONTINUE;
	preauth = tct_child(tct_stanza_root(ev->stanza), NS_PARS, "preauth");
	host = tct_entity_find(ev->host, "");
	if (preauth == NULL || tct_attr(preauth, "token") == NULL || host == NULL ||
		!tct_entity_exists(ev->entity))
		return TCT_CONTINUE;
	invite_key(tct_attr(preauth, "token"), key);
	if (invite_get(m, host, key, &row) && fits(&row, ev))
		accept_contact(m, ev, &row);
	return TCT_CONTINUE;
}

/* ---- what is over ---- */

/* `data`: the account that is deleted; NULL: none. */
static void sweep(struct tct_scope *scope, struct tct_entity *host, int status, void *data)
{
	if (status == TCT_OK)
		invite_sweep(tct_scope_mod(scope), host, data);
	tct_scope_free(data);
}

static void look(struct tct_scope *scope, void *data)
{
	tct_entity_load(scope, tct_mod_host(data), "", sweep, NULL);
}

static void on_deleted(struct tct_mod *m, struct tct_entity *e)
{
	size_t len = strlen(tct_entity_user(e)) + 1;
	char *user = tct_scope_alloc(tct_mod_scope(m), len, NULL);

	memcpy(user, tct_entity_user(e), len);
	tct_entity_load(tct_mod_scope(m), tct_mod_host(m), "", sweep, user);
}

/* ---- loading ---- */

static int check(const void *config, struct tct_error *err)
{
	const struct invites_config *c = config;

	if (c->invites_page != NULL && strstr(c->invites_page, "{token}") == NULL &&
		strstr(c->invites_page, "{uri}") == NULL)
		return tct_error_set(err, TCT_EINVAL,
			"invites_page: the page cannot know the invitation (write {token} or {uri} "
			"where it belongs)");
	return TCT_OK;
}

static int load(struct tct_mod *m, struct tct_error *err)
{
	struct invites *invites = tct_mod_data(m);

	invites->kv = tct_kv_open(m, "invites", err);
	if (invites->kv == NULL)
		return TCT_EIO;
	invites->roster = tct_service(m, "roster", &invites->roster_mod);
	tct_provide(m, "invites", "invites", &invites_ops);
	if (invites->roster != NULL)
		tct_on_types(m, TCT_INBOUND, TCT_PRESENCE_SUBSCRIBE, TCT_PRIO_REWRITE,
			on_presence);
	tct_on_entity(m, TCT_ENTITY_DELETED, on_deleted);
	/* The first read keeps the host's rows in memory. */
	tct_timer_start(tct_mod_scope(m), 1, SWEEP_MS, look, m);
	return invites_offer(m, err);
}

TCT_MODULE_FLAGS(invites, TCT_LIVE_OPTIONS,
	.version     = "1.0",
	.summary     = "XEP-0401: Ad-hoc Account Invitation Generation",
	.depends     = TCT_DEPENDS("@auth", "?roster", "?adhoc"),
	.options     = options,
	.config_size = sizeof(struct invites_config),
	.data_size   = sizeof(struct invites),
	.preload     = TCT_PRELOAD("invites"),
	.check       = check,
	.load        = load,
);

/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* commands.c - invitations are made with a client: the ad-hoc commands of XEP-0401 section 4.
 * The answer leaves when the invitation is on disk. */
#include "modules/mod_invites/invites.h"

#include <string.h>

#define NS_INVITE "urn:xmpp:invite"
#define NS_DATA "jabber:x:data"

bool invites_registration(struct tct_mod *m)
{
	return tct_service(m, "registration", NULL) != NULL;
}

uint32_t invites_flags_of_users(struct tct_mod *m)
{
	const struct invites_config *config = tct_mod_config(m);

	return TCT_INVITE_CONTACT | (config->allow_user_invites && invites_registration(m) ?
					    TCT_INVITE_ACCOUNT | TCT_INVITE_FRIENDS :
					    0);
}

static struct tct_elem *add_field(struct tct_elem *form, const char *var, const char *type,
	const char *label, const char *value)
{
	struct tct_elem *field = tct_add(form, NULL, "field");

	tct_set(field, "var", var);
	tct_set(field, "type", type);
	tct_set(field, "label", label);
	if (value != NULL)
		tct_add_text(field, "value", value);
	return field;
}

static enum tct_command_result refuse(struct tct_command_call *call, const char *why)
{
	tct_set(tct_add_text(call->reply, "note", why), "type", "error");
	return TCT_COMMAND_DONE;
}

static void add_result(struct tct_mod *m, struct tct_command_call *call,
	const struct invite_row *row, const char *token)
{
	struct tct_elem *form = tct_add(call->reply, NS_DATA, "x");
	char *uri, *page, until[TCT_TIME_SIZE];

	invite_link(m, row, token, &uri, &page);
	tct_time_text(until, row->is.until * 1000000, false);
	tct_set(form, "type", "result");
	add_field(form, "FORM_TYPE", "hidden", NULL, NS_INVITE "#invitation");
	add_field(form, "uri", "text-single", "Link", uri);
	if (page != NULL)
		add_field(form, "landing-url", "text-single", "Page", page);
	add_field(form, "expire", "text-single", "Until", until);
	invite_wipe(uri);
	invite_wipe(page);
}

static enum tct_command_result add(struct tct_mod *m, struct tct_command_call *call,
	const struct tct_invite *what)
{
	char token[INVITE_TOKEN + 1];
	struct invite_row row;

	if (invite_add(m, tct_event_txn(call->ev), call->ev->entity, what, &row, token) != TCT_OK)
		return refuse(call, "too many invitations are open");
	tct_log_info(m, "'%s' has made an invitation",
		tct_jid_bare_text(tct_stanza_from(call->ev->stanza)));
	/* The row's strings may have moved with the rows. */
	row.is.name = what->name;
	row.is.inviter = what->inviter;
	add_result(m, call, &row, token);
	explicit_bzero(token, sizeof token);
	return TCT_COMMAND_DONE;
}

/* ---- a user invites somebody, section 4.1 ---- */

static enum tct_command_result invite(struct tct_mod *m, struct tct_command_call *call)
{
	const struct invites_config *config = tct_mod_config(m);
	const struct invites *invites = tct_mod_data(m);
	struct tct_invite what = TCT_INVITE_INIT;

	if (!config->allow_contact_invites || invites->roster == NULL)
		return refuse(call, "this server has no invitations for contacts");
	what.flags = invites_flags_of_users(m);
	what.inviter = tct_jid_node(tct_stanza_from(call->ev->stanza));
	return add(m, call, &what);
}

/* ---- an administrator lets somebody have an account, section 4.4 ---- */

static const char *value_of(const struct tct_elem *form, const char *var)
{
	tct_elem_each (field, form) {
		const char *name = tct_attr(field, "var");

		if (tct_elem_is(field, NS_DATA, "field") && name != NULL && strcmp(name, var) == 0)
			return tct_child_text(field, NS_DATA, "value");
	}
	return NULL;
}

static enum tct_command_result ask(struct tct_command_call *call)
{
	struct tct_elem *form = tct_add(call->reply, NS_DATA, "x");

	tct_set(form, "type", "form");
	tct_add_text(form, "title", "Invitation to make an account");
	add_field(form, "username", "text-single", "Name (empty: as the invited person likes)", NULL);
	add_field(form, "roster-subscription", "boolean", "The two of you become contacts", NULL);
	return TCT_COMMAND_LAST;
}

/* The administrator's own account, when it is one of this host. */
static const char *own_account(struct tct_mod *m, const struct tct_jid *who)
{
	return strcmp(tct_jid_domain(who), tct_host_name(tct_mod_host(m))) == 0 ?
		tct_jid_node(who) :
		NULL;
}

static enum tct_command_result create_account(struct tct_mod *m, struct tct_command_call *call)
{
	const struct invites *invites = tct_mod_data(m);
	const char *name, *friends;
	struct tct_invite what = TCT_INVITE_INIT;
	enum tct_command_result result;
	const struct tct_jid *jid = NULL;

	if (!invites_registration(m))
		return refuse(call, "nobody registers accounts here: load the module register");
	if (call->step == 0)
		return ask(call);
	name = value_of(call->form, "username");
	friends = value_of(call->form, "roster-subscription");
	if (name != NULL && *name != '\0') {
		jid = tct_jid_make(name, tct_host_name(tct_mod_host(m)), NULL);
		if (jid == NULL || tct_jid_node(jid) == NULL) {
			tct_jid_unref(jid);
			return TCT_COMMAND_AGAIN;
		}
		what.name = tct_jid_node(jid);
	}
	what.flags = TCT_INVITE_ACCOUNT;
	if (friends != NULL && (strcmp(friends, "1") == 0 || strcmp(friends, "true") == 0) &&
		invites->roster != NULL) {
		what.inviter = own_account(m, tct_stanza_from(call->ev->stanza));
		what.flags |= what.inviter != NULL ? TCT_INVITE_FRIENDS : 0;
	}
	if (what.name != NULL && invite_reserved(m, call->ev->entity, what.name, NULL))
		result = refuse(call, "there is an invitation for that name already");
	else
		result = add(m, call, &what);
	tct_jid_unref(jid);
	return result;
}

static const struct tct_command commands[] = {
	{ sizeof commands[0], TCT_COMMAND_LOCAL, NS_INVITE "#invite", "Invite somebody", invite },
	{ sizeof commands[0], TCT_COMMAND_ADMIN, NS_INVITE "#create-account",
		"Invite somebody to make an account", create_account },
};

int invites_offer(struct tct_mod *m, struct tct_error *err)
{
	struct tct_mod *provider;
	const struct tct_command_ops *ops = tct_service(m, "commands", &provider);

	for (size_t i = 0; ops != NULL && i < sizeof commands / sizeof *commands; i++) {
		if (ops->offer(provider, m, &commands[i]) != TCT_OK)
			return tct_error_set(err, TCT_EEXIST,
				"another module offers the command '%s'", commands[i].node);
	}
	return TCT_OK;
}

/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* before.c - an account is made by somebody who has none (XEP-0077 3.1). The work costs a
 * key derivation, so it is counted before anything else, and one stream does one at a time. */
#include "register.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NS_FEATURE "http://jabber.org/features/iq-register"
#define NS_DATA "jabber:x:data"

/* One registration. It is the instance's, not the stream's: who leaves while the account is
 * made has used the invitation all the same. */
struct attempt {
	struct tct_mod *mod;
	struct tct_stream *stream; /* held; NULL: it is gone */
	struct attempt **mark;     /* in the stream's scope: says that it is gone */
	struct tct_stanza *iq;
	char *user, *password;
	char address[64];
	char invite[TCT_INVITE_ID_SIZE];
	bool named;
	uint32_t condition; /* of the answer; 0: it was made */
	const char *text;
};

static void attempt_fini(void *block)
{
	struct attempt *a = block;

	tct_stanza_unref(a->iq);
	free(a->user);
	if (a->password != NULL)
		explicit_bzero(a->password, strlen(a->password));
	free(a->password);
}

static void stream_gone(void *block)
{
	struct attempt **mark = block;

	if (*mark != NULL)
		(*mark)->stream = NULL;
}

static bool possible(struct tct_mod *m, const struct tct_stream *s)
{
	const struct registrar *r = tct_mod_data(m);

	return TCT_AUTH_HAS(r->auth, create) && tcti_stream_user(s) == NULL &&
		(tcti_stream_secured(s) || !tcti_stream_encryption_required(s));
}

bool register_open(struct tct_mod *m, const struct tct_stream *s)
{
	const struct register_config *config = tct_mod_config(m);

	return config->allow_registration && !config->registration_invite_only && possible(m, s);
}

const struct tct_invite_ops *register_invitations(struct tct_mod *m, struct tct_mod **provider)
{
	return tct_service(m, "invites", provider);
}

bool register_invites(struct tct_mod *m, const struct tct_stream *s)
{
	return register_invitations(m, NULL) != NULL && possible(m, s);
}

void register_refuse(struct tct_stream *s, struct tct_stanza *iq, uint32_t condition,
	const char *text)
{
	struct tct_stanza *error = tct_stanza_error(iq, condition, text);

	if (error != NULL)
		tcti_stream_reply(s, error);
}

static void answer(struct attempt *a, uint32_t condition, const char *text)
{
	struct tct_stream *s = a->stream;

	if (s != NULL) {
		if (condition != 0)
			register_refuse(s, a->iq, condition, text);
		else
			tcti_stream_reply(s, tct_stanza_result(a->iq));
		*a->mark = NULL;
		tct_scope_free(a->mark);
	}
	tct_scope_free(a);
	if (s != NULL)
		tcti_stream_release(s);
}

static void answer_taken(struct attempt *a)
{
	if (a->invite[0] != '\0')
		register_guess(a->mod, a->address, true);
	answer(a, TCT_CONFLICT, NULL);
}

static void settled(struct tct_scope *scope, int status, void *data)
{
	struct attempt *a = data;

	(void)scope;
	(void)status;
	answer(a, a->condition, a->text);
}

static void created(struct tct_scope *scope, int status, void *data)
{
	struct attempt *a = data;
	struct tct_mod *provider;
	const struct tct_invite_ops *invites = register_invitations(a->mod, &provider);

	switch (status) {
	case TCT_OK:
		tct_log_info(a->mod, "'%s' was registered from %s%s%s", a->user, a->address,
			a->invite[0] != '\0' ? " by invitation " : "", a->invite);
		break;
	case TCT_EEXIST:
		a->condition = TCT_CONFLICT;
		break;
	case TCT_EINVAL:
		a->condition = TCT_NOT_ACCEPTABLE;
		a->text = "the name or the password is not acceptable";
		break;
	default:
		a->condition = TCT_RESOURCE_CONSTRAINT;
		a->text = "it could not be stored";
	}
	if (a->invite[0] != '\0' && invites != NULL)
		invites->settle(provider, scope, a->invite, a->user, status == TCT_OK,
			settled, a);
	else
		answer(a, a->condition, a->text);
}

static void create(struct tct_scope *scope, struct attempt *a)
{
	const struct registrar *r = tct_mod_data(a->mod);

	r->auth->create(r->auth_mod, scope, a->user, a->password, created, a);
}

static void claimed(struct tct_scope *scope, int status, const struct tct_invite *invite,
	void *data)
{
	struct attempt *a = data;

	(void)invite;
	switch (status) {
	case TCT_OK:
		create(scope, a);
		break;
	case TCT_EEXIST:
		answer_taken(a);
		break;
	case TCT_EPERM:
		answer(a, TCT_NOT_ALLOWED, "the invitation is for another name");
		break;
	case TCT_ENOENT:
		answer(a, TCT_NOT_ALLOWED, "the invitation was used or taken back");
		break;
	default:
		answer(a, TCT_RESOURCE_CONSTRAINT, "it could not be stored");
	}
}

static void loaded(struct tct_scope *scope, struct tct_entity *e, int status, void *data)
{
	struct attempt *a = data;
	const struct registrar *r = tct_mod_data(a->mod);
	const char *invite = a->invite[0] != '\0' ? a->invite : NULL;
	struct tct_mod *provider;
	const struct tct_invite_ops *invites = register_invitations(a->mod, &provider);
	/* An administrator who invites by name knows whose it was. */
	bool looks = !a->named && r->account != NULL;

	if (status != TCT_OK)
		answer(a, TCT_INTERNAL_SERVER_ERROR, NULL);
	else if (tct_entity_exists(e) || (looks && r->account->was_used(r->account_mod, e)))
		answer_taken(a);
	else if (invites != NULL)
		invites->claim(provider, scope, invite, a->user, claimed, a);
	else if (invite != NULL)
		answer(a, TCT_SERVICE_UNAVAILABLE, NULL);
	else
		create(scope, a);
}

/* The text of a field, of the query itself or of the form in it (XEP-0077 4). */
static const char *field(const struct tct_elem *query, const char *name)
{
	const struct tct_elem *form = tct_child(query, NS_DATA, "x");
	const char *text = tct_child_text(query, NS_REGISTER, name);

	if (form == NULL)
		return text;
	tct_elem_each (e, form) {
		const char *var = tct_attr(e, "var");

		if (tct_elem_is(e, NS_DATA, "field") && var != NULL && strcmp(var, name) == 0)
			return tct_child_text(e, NS_DATA, "value");
	}
	return text;
}

/* As addresses have it; NULL: it is none. */
static char *prepare(struct tct_mod *m, const char *name)
{
	const struct tct_jid *jid = tct_jid_make(name, tct_host_name(tct_mod_host(m)), NULL);
	char *user = jid != NULL && tct_jid_node(jid) != NULL ? strdup(tct_jid_node(jid)) : NULL;

	tct_jid_unref(jid);
	return user;
}

/* `user` is taken. */
static void start(struct tct_mod *m, struct tct_stream *s, struct tct_stanza *iq, char *user,
	const char *password)
{
	const struct register_stream *shown = tcti_stream_data(m, s);
	struct attempt *a = tct_scope_alloc(tct_mod_scope(m), sizeof *a, attempt_fini);

	a->mod = m;
	a->stream = s;
	a->mark = tct_scope_alloc(tcti_stream_scope(m, s), sizeof *a->mark, stream_gone);
	*a->mark = a;
	a->iq = tct_stanza_ref(iq);
	a->user = user;
	a->password = strdup(password);
	if (a->password == NULL)
		abort();
	snprintf(a->address, sizeof a->address, "%s", tcti_stream_address(s));
	memcpy(a->invite, shown->invite, sizeof a->invite);
	a->named = shown->named;
	tcti_stream_hold(s);
	tct_entity_load(tct_mod_scope(m), tct_mod_host(m), user, loaded, a);
}

static void begin(struct tct_mod *m, struct tct_stream *s, struct tct_stanza *iq)
{
	const struct tct_elem *query = tct_stanza_payload(iq);
	const char *name = field(query, "username"), *password = field(query, "password");
	const struct register_stream *shown = tcti_stream_data(m, s);
	char *user;

	if (tct_child(query, NS_REGISTER, "remove") != NULL) {
		register_refuse(s, iq, TCT_REGISTRATION_REQUIRED, NULL);
		return;
	}
	if (name == NULL || password == NULL || *password == '\0') {
		register_refuse(s, iq, TCT_NOT_ACCEPTABLE, "username and password are needed");
		return;
	}
	user = prepare(m, name);
	if (user == NULL) {
		register_refuse(s, iq, TCT_NOT_ACCEPTABLE, "that cannot be a name");
		return;
	}
	/* Invitations are counted by themselves. */
	if (shown->invite[0] != '\0' ? !register_guess(m, tcti_stream_address(s), false) :
					!register_take(m, tcti_stream_address(s))) {
		free(user);
		register_refuse(s, iq, TCT_RESOURCE_CONSTRAINT, "too many were registered, try later");
		return;
	}
	start(m, s, iq, user, password);
}

static enum tct_verdict on_iq(struct tct_mod *m, struct tct_stream *s, const struct tct_elem *e)
{
	struct tct_stanza *iq = tcti_stream_stanza(s, e), *form;
	const struct register_stream *shown = tcti_stream_data(m, s);

	if (iq == NULL)
		return TCT_CONTINUE;
	if (!register_open(m, s) && !register_invites(m, s)) {
		register_refuse(s, iq, TCT_SERVICE_UNAVAILABLE, NULL);
	} else if (!register_open(m, s) && shown->invite[0] == '\0') {
		register_refuse(s, iq, TCT_FORBIDDEN, "an invitation is needed");
	} else if (tct_stanza_type(iq) == TCT_IQ_GET) {
		form = tct_stanza_result(iq);
		register_add_form(m, tct_add(tct_stanza_root(form), NS_REGISTER, "query"));
		tcti_stream_reply(s, form);
	} else if (tct_stanza_type(iq) == TCT_IQ_SET) {
		begin(m, s, iq);
	}
	tct_stanza_unref(iq);
	return TCT_HANDLED;
}

static enum tct_verdict add_feature(struct tct_mod *m, struct tct_stream *s,
	struct tct_elem *features)
{
	/* Clients look for it before they show a token, too. */
	if (register_open(m, s) || register_invites(m, s))
		tct_add(features, NS_FEATURE, "register");
	return TCT_CONTINUE;
}

void register_load_before(struct tct_mod *m)
{
	tcti_on_features(m, TCT_PRIO_HANDLE - 20, add_feature);
	tcti_on_early_iq(m, NS_REGISTER, "query", on_iq);
}

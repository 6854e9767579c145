/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* before.c - an account is made by somebody who has none (XEP-0077 3.1). The work costs a
 * key derivation, so it is counted before anything else, and one stream does one at a time. */
#include "register.h"

#include <stdlib.h>
#include <string.h>

#define NS_FEATURE "http://jabber.org/features/iq-register"
#define NS_DATA "jabber:x:data"

/* One registration, in the scope of its stream. */
struct attempt {
	struct tct_mod *mod;
	struct tct_stream *stream; /* held */
	struct tct_stanza *iq;
	char *user, *password;
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

static bool offered(struct tct_mod *m, const struct tct_stream *s)
{
	const struct register_config *config = tct_mod_config(m);

	return config->allow_registration && tcti_stream_user(s) == NULL &&
		(tcti_stream_secured(s) || !tcti_stream_encryption_required(s));
}

static void refuse(struct tct_stream *s, struct tct_stanza *iq, uint32_t condition,
	const char *text)
{
	struct tct_stanza *error = tct_stanza_error(iq, condition, text);

	if (error != NULL)
		tcti_stream_reply(s, error);
}

static void answer(struct attempt *a, uint32_t condition, const char *text)
{
	struct tct_stream *s = a->stream;

	if (condition != 0)
		refuse(s, a->iq, condition, text);
	else
		tcti_stream_reply(s, tct_stanza_result(a->iq));
	tct_scope_free(a);
	tcti_stream_release(s);
}

static void created(struct tct_scope *scope, int status, void *data)
{
	struct attempt *a = data;

	(void)scope;
	switch (status) {
	case TCT_OK:
		tct_log_info(a->mod, "'%s' was registered from %s", a->user,
			tcti_stream_address(a->stream));
		answer(a, 0, NULL);
		break;
	case TCT_EEXIST:
		answer(a, TCT_CONFLICT, NULL);
		break;
	case TCT_EINVAL:
		answer(a, TCT_NOT_ACCEPTABLE, "the name or the password is not acceptable");
		break;
	default:
		answer(a, TCT_RESOURCE_CONSTRAINT, "it could not be stored");
	}
}

static void loaded(struct tct_scope *scope, struct tct_entity *e, int status, void *data)
{
	struct attempt *a = data;
	const struct registrar *r = tct_mod_data(a->mod);

	if (status != TCT_OK)
		answer(a, TCT_INTERNAL_SERVER_ERROR, NULL);
	else if (tct_entity_exists(e) || (r->account != NULL && r->account->was_used(r->account_mod, e)))
		answer(a, TCT_CONFLICT, NULL);
	else
		r->auth->create(r->auth_mod, scope, a->user, a->password, created, a);
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

static void begin(struct tct_mod *m, struct tct_stream *s, struct tct_stanza *iq)
{
	const struct tct_elem *query = tct_stanza_payload(iq);
	const char *name = field(query, "username"), *password = field(query, "password");
	struct tct_scope *scope = tcti_stream_scope(m, s);
	struct attempt *a;
	char *user;

	if (tct_child(query, NS_REGISTER, "remove") != NULL) {
		refuse(s, iq, TCT_REGISTRATION_REQUIRED, NULL);
		return;
	}
	if (name == NULL || password == NULL || *password == '\0') {
		refuse(s, iq, TCT_NOT_ACCEPTABLE, "username and password are needed");
		return;
	}
	user = prepare(m, name);
	if (user == NULL) {
		refuse(s, iq, TCT_NOT_ACCEPTABLE, "that cannot be a name");
		return;
	}
	if (!register_take(m, tcti_stream_address(s))) {
		free(user);
		refuse(s, iq, TCT_RESOURCE_CONSTRAINT, "too many were registered, try later");
		return;
	}
	a = tct_scope_alloc(scope, sizeof *a, attempt_fini);
	a->mod = m;
	a->stream = s;
	a->iq = tct_stanza_ref(iq);
	a->user = user;
	a->password = strdup(password);
	if (a->password == NULL)
		abort();
	tcti_stream_hold(s);
	tct_entity_load(scope, tct_mod_host(m), user, loaded, a);
}

static enum tct_verdict on_iq(struct tct_mod *m, struct tct_stream *s, const struct tct_elem *e)
{
	struct tct_stanza *iq = tcti_stream_stanza(s, e), *form;

	if (iq == NULL)
		return TCT_CONTINUE;
	if (!offered(m, s)) {
		refuse(s, iq, TCT_SERVICE_UNAVAILABLE, NULL);
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
	if (offered(m, s))
		tct_add(features, NS_FEATURE, "register");
	return TCT_CONTINUE;
}

void register_load_before(struct tct_mod *m)
{
	tcti_on_features(m, TCT_PRIO_HANDLE - 20, add_feature);
	tcti_on_early_iq(m, NS_REGISTER, "query", on_iq);
}

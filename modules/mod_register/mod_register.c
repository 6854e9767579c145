/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* mod_register.c - in-band registration (XEP-0077): who is logged in changes the password or
 * deletes the account; who has none makes one, if that is allowed. */
#include "register.h"

#include <string.h>

static const struct tct_option options[] = {
	TCT_OPT_BOOL(struct register_config, allow_registration, .global = 1, .def = "false",
		.doc = "Whether anybody can make an account, without an invitation. A server that lets everybody in is "
		       "soon used for spam, and others close their doors to it."),
	TCT_OPT_BOOL(struct register_config, registration_invite_only, .global = 1, .def = "false",
		.doc = "With allow_registration, too, only those who have an invitation make an "
		       "account (mod_invites); they can whether or not it is set."),
	TCT_OPT_INT(struct register_config, per_address, .def = "3", .min = "1", .max = "10000",
		.doc = "Accounts that are made from one address in an hour; from an IPv6 network "
		       "/64."),
	TCT_OPT_INT(struct register_config, per_host, .def = "100", .min = "1", .max = "1000000",
		.doc = "Accounts that are made in an hour in all."),
	TCT_OPT_INT(struct register_config, taken_names, .def = "20", .min = "1", .max = "10000",
		.doc = "How many names that are somebody's already can be asked for with invitations, "
		       "from one address in an hour: nobody shall learn who has an account."),
	TCT_OPT_STRING(struct register_config, instructions,
		.def = "Choose a name and a password.",
		.doc = "What clients show to those who register."),
	TCT_OPT_END
};

void register_add_form(struct tct_mod *m, struct tct_elem *query)
{
	const struct register_config *config = tct_mod_config(m);

	tct_add_text(query, "instructions", config->instructions);
	tct_add(query, NS_REGISTER, "username");
	tct_add(query, NS_REGISTER, "password");
}

/* ---- what it is now ---- */

static enum tct_verdict on_get(struct tct_mod *m, struct tct_event *ev)
{
	struct tct_stanza *st = tct_result(ev);
	struct tct_elem *query = tct_add(tct_stanza_root(st), NS_REGISTER, "query");
	struct tct_session *s = ev->origin.session;

	(void)m;
	if (s == NULL || tct_session_entity(s) == NULL) {
		tct_stanza_unref(st);
		return tct_refuse(ev, TCT_SERVICE_UNAVAILABLE, NULL);
	}
	tct_add(query, NS_REGISTER, "registered");
	tct_add_text(query, "username", tct_session_user(s));
	tct_add(query, NS_REGISTER, "password");
	return tct_reply(ev, st);
}

/* ---- another password ---- */

struct change {
	struct tct_request *rq;
	struct tct_session *session;
};

static void end_other(struct tct_session *other, void *data)
{
	if (other != data)
		tct_session_close(other, "not-authorized", "the password was changed");
}

static void changed(struct tct_scope *scope, int status, void *data)
{
	struct change *c = data;
	struct tct_request *rq = c->rq;

	(void)scope;
	switch (status) {
	case TCT_OK:
		/* Whoever knew the old one does not stay. */
		tct_entity_sessions(tct_session_entity(c->session), end_other, c->session);
		tct_request_answer(rq, tct_request_result(rq));
		break;
	case TCT_EINVAL:
		tct_request_refuse(rq, TCT_NOT_ACCEPTABLE, "that password is not acceptable");
		break;
	default:
		tct_request_refuse(rq, TCT_RESOURCE_CONSTRAINT, "it could not be stored");
	}
}

static enum tct_verdict change_password(struct tct_mod *m, struct tct_event *ev,
	const char *password)
{
	const struct registrar *r = tct_mod_data(m);
	struct tct_session *s = ev->origin.session;
	struct tct_request *rq = tct_defer(m, ev);
	struct change *c = tct_scope_alloc(tct_request_scope(rq), sizeof *c, NULL);

	c->rq = rq;
	c->session = s;
	r->auth->set_password(r->auth_mod, tct_request_scope(rq), tct_session_user(s), password,
		changed, c);
	return TCT_HANDLED;
}

/* ---- no account any more ---- */

/* Answered before the session ends with the account. */
static void removed(struct tct_scope *scope, int status, void *data)
{
	(void)scope;
	(void)data;
	if (status != TCT_OK)
		tct_log_warn(tct_scope_mod(scope), "an account could not be deleted (%s)",
			tct_code_text(status));
}

static enum tct_verdict remove_account(struct tct_mod *m, struct tct_event *ev)
{
	const struct registrar *r = tct_mod_data(m);
	const char *user = tct_session_user(ev->origin.session);

	tct_log_info(m, "'%s' deletes the account", tct_jid_text(tct_session_jid(ev->origin.session)));
	tct_reply(ev, tct_result(ev));
	if (r->account != NULL)
		r->account->remove(r->account_mod, tct_mod_scope(m), user, removed, NULL);
	else
		r->auth->remove(r->auth_mod, tct_mod_scope(m), user, removed, NULL);
	return TCT_HANDLED;
}

static enum tct_verdict on_set(struct tct_mod *m, struct tct_event *ev)
{
	const struct tct_elem *query = tct_stanza_payload(ev->stanza);
	const char *name = tct_child_text(query, NS_REGISTER, "username");
	const char *password = tct_child_text(query, NS_REGISTER, "password");
	const struct registrar *r = tct_mod_data(m);
	const struct tct_jid *jid;
	bool own;

	if (ev->origin.session == NULL ||
		strcmp(tct_host_name(tct_entity_host(tct_session_entity(ev->origin.session))),
			tct_host_name(tct_mod_host(m))) != 0)
		return tct_refuse(ev, TCT_SERVICE_UNAVAILABLE, NULL);
	/* Accounts that go by themselves have no password to change. */
	if (!TCT_AUTH_HAS(r->auth, set_password) || !TCT_AUTH_HAS(r->auth, remove))
		return tct_refuse(ev, TCT_NOT_ALLOWED, NULL);
	if (tct_child(query, NS_REGISTER, "remove") != NULL)
		return remove_account(m, ev);
	if (name == NULL || password == NULL || *password == '\0')
		return tct_refuse(ev, TCT_BAD_REQUEST, "username and password are needed");
	jid = tct_jid_make(name, tct_host_name(tct_mod_host(m)), NULL);
	own = jid != NULL && tct_jid_node(jid) != NULL &&
		strcmp(tct_jid_node(jid), tct_session_user(ev->origin.session)) == 0;
	tct_jid_unref(jid);
	/* Somebody else's name is answered alike, whether or not there is such an account. */
	return own ? change_password(m, ev, password) : tct_refuse(ev, TCT_NOT_ALLOWED, NULL);
}

/* ---- loading ---- */

static int load(struct tct_mod *m, struct tct_error *err)
{
	struct registrar *r = tct_mod_data(m);

	(void)err;
	r->auth = tct_service(m, "auth", &r->auth_mod);
	r->account = tct_service(m, "account", &r->account_mod);
	tct_on_iq(m, TCT_IQ_GET, TCT_TO_HOST | TCT_TO_SELF, NS_REGISTER, "query", on_get);
	tct_on_iq(m, TCT_IQ_SET, TCT_TO_HOST | TCT_TO_SELF, NS_REGISTER, "query", on_set);
	register_load_before(m);
	if (TCT_AUTH_HAS(r->auth, create))
		register_load_preauth(m);
	tct_feature(m, NS_REGISTER);
	return TCT_OK;
}

TCT_MODULE_FLAGS(register, TCT_INTERNAL | TCT_LIVE_OPTIONS,
	.version     = TCT_SERVER_VERSION,
	.summary     = "XEP-0077: In-Band Registration",
	.depends     = TCT_DEPENDS("@auth", "?account", "?invites"),
	.options     = options,
	.config_size = sizeof(struct register_config),
	.data_size   = sizeof(struct registrar),
	.stream_size = sizeof(struct register_stream),
	.load        = load,
);

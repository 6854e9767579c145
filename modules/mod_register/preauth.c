/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* preauth.c - an invitation opens registration for its stream (XEP-0445). The service
 * "invites" says which tokens are good. */
#include "register.h"

#include <stdio.h>

#define NS_TOKEN "urn:xmpp:ibr-token:0"
#define NS_PARS "urn:xmpp:pars:0"
#define WRONG_MAX 3 /* a mistake or two are possible, guessing is not */

/* A token that is looked at, in the scope of its stream. */
struct question {
	struct tct_mod *mod;
	struct tct_stream *stream; /* held */
	struct tct_stanza *iq;
};

static void question_fini(void *block)
{
	struct question *q = block;

	tct_stanza_unref(q->iq);
}

static void checked(struct tct_scope *scope, int status, const struct tct_invite *invite,
	void *data)
{
	struct question *q = data;
	struct tct_stream *s = q->stream;
	struct register_stream *shown = tcti_stream_data(q->mod, s);

	(void)scope;
	if (status == TCT_OK) {
		snprintf(shown->invite, sizeof shown->invite, "%s", invite->id);
		shown->named = invite->name != NULL;
		tcti_stream_reply(s, tct_stanza_result(q->iq));
	} else if (status != TCT_ENOENT) {
		register_refuse(s, q->iq, TCT_INTERNAL_SERVER_ERROR, NULL);
	} else {
		register_refuse(s, q->iq, TCT_ITEM_NOT_FOUND,
			"The provided token is invalid or expired");
		if (++shown->wrong >= WRONG_MAX)
			tcti_stream_close(s, "policy-violation", "too many tokens");
	}
	tct_scope_free(q);
	tcti_stream_release(s);
}

static void ask(struct tct_mod *m, struct tct_stream *s, struct tct_stanza *iq, const char *token)
{
	struct tct_mod *provider;
	const struct tct_invite_ops *invites = register_invitations(m, &provider);
	struct tct_scope *scope = tcti_stream_scope(m, s);
	struct question *q = tct_scope_alloc(scope, sizeof *q, question_fini);

	q->mod = m;
	q->stream = s;
	q->iq = tct_stanza_ref(iq);
	tcti_stream_hold(s);
	invites->check(provider, scope, token, checked, q);
}

static enum tct_verdict on_preauth(struct tct_mod *m, struct tct_stream *s,
	const struct tct_elem *e)
{
	struct tct_stanza *iq = tcti_stream_stanza(s, e);
	const char *token;

	if (iq == NULL)
		return TCT_CONTINUE;
	token = tct_attr(tct_stanza_payload(iq), "token");
	if (!register_invites(m, s) || tct_stanza_type(iq) != TCT_IQ_SET)
		register_refuse(s, iq, TCT_SERVICE_UNAVAILABLE, NULL);
	else if (token == NULL)
		register_refuse(s, iq, TCT_BAD_REQUEST, "there is no token");
	else
		ask(m, s, iq, token);
	tct_stanza_unref(iq);
	return TCT_HANDLED;
}

static enum tct_verdict add_feature(struct tct_mod *m, struct tct_stream *s,
	struct tct_elem *features)
{
	if (register_invites(m, s))
		tct_add(features, NS_TOKEN, "register");
	return TCT_CONTINUE;
}

static const struct tct_registration_ops ops = { .size = sizeof ops };

void register_load_preauth(struct tct_mod *m)
{
	tct_provide(m, "registration", "register", &ops);
	tcti_on_features(m, TCT_PRIO_HANDLE - 19, add_feature);
	tcti_on_early_iq(m, NS_PARS, "preauth", on_preauth);
}

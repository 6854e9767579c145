/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* mod_dialback - server dialback (XEP-0220, with keys of XEP-0185): a domain is believed when the
 * server that DNS names for it confirms a key. In all three roles. Whether that is enough, the
 * policy says. */
#include "dialback.h"

#include <stdio.h>
#include <string.h>

#define NS_FEATURE "urn:xmpp:features:dialback"

static const struct tct_option options[] = {
	TCT_OPT_PERIOD(struct dialback_config, secret_age, .def = "30 days", .min = "2 days",
		.max = "3650 days",
		.doc = "How long the secret that keys are made with is used; the one before it is "
		       "good for one more day. It is in the store; \"tercetctl s2s new-key\" makes "
		       "another one at once."),
	TCT_OPT_END
};

const struct tcti_s2s_ops *dialback_s2s(struct tct_mod *m, struct tct_mod **s2s)
{
	return tct_service(m, "s2s", s2s);
}

/* ---- what is sent ---- */

static void add_error(struct tct_elem *e, const char *condition, const char *text)
{
	struct tct_elem *error = tct_add(e, "jabber:client", "error");

	tct_set(error, "type", "cancel");
	tct_add(error, NS_STANZAS, condition);
	if (text != NULL)
		tct_text(tct_add(error, NS_STANZAS, "text"), text);
}

static struct tct_elem *reply(const char *name, const char *local, const char *remote,
	const char *type, const char *condition, const char *text)
{
	struct tct_elem *e = tcti_nonza_new(TCTI_NS_DIALBACK, name);

	tct_set(e, "from", local);
	tct_set(e, "to", remote);
	tct_set(e, "type", type);
	if (condition != NULL)
		add_error(e, condition, text);
	return e;
}

void dialback_result(struct tct_stream *s, const char *local, const char *remote, const char *type,
	const char *condition, const char *text)
{
	tcti_stream_send(s, reply("result", local, remote, type, condition, text));
}

/* ---- addresses ---- */

/* The domain in an attribute, prepared; NULL: there is none. The caller unrefs. */
static const struct tct_jid *domain_of(const struct tct_elem *e, const char *name)
{
	const char *text = tct_attr(e, name);
	const struct tct_jid *jid = text != NULL ? tct_jid_new(text) : NULL;

	if (jid == NULL || (tct_jid_node(jid) == NULL && tct_jid_resource(jid) == NULL))
		return jid;
	tct_jid_unref(jid);
	return NULL;
}

/* ---- streams that were opened to us ---- */

static enum tct_verdict add_feature(struct tct_mod *m, struct tct_stream *s,
	struct tct_elem *features)
{
	(void)m;
	tct_add(tct_add(features, NS_FEATURE, "dialback"), NULL, "errors");
	(void)s;
	return TCT_CONTINUE;
}

/* `local` and `remote` are domains. */
static void prove(struct tct_mod *m, struct tct_stream *s, const char *local, const char *remote,
	const char *key)
{
	struct tct_mod *s2s;
	const struct tcti_s2s_ops *ops = dialback_s2s(m, &s2s);
	const char *problem = ops->refuses_dialback(s2s, s, remote);
	uint32_t proof;

	if (problem != NULL) {
		dialback_result(s, local, remote, "error", "not-authorized", problem);
		return;
	}
	/* What the certificate says need not be asked. */
	proof = ops->certified(s2s, s, remote);
	if (proof == TCTI_PROOF_NONE && !ops->accepted(s2s, s, local, remote)) {
		verify_begin(m, s, local, remote, key);
		return;
	}
	if (ops->accept(s2s, s, local, remote, proof))
		dialback_result(s, local, remote, "valid", NULL, NULL);
	else
		dialback_result(s, local, remote, "error", "resource-constraint",
			"too many connections");
}

/* Everything that is asked of us: by whom, about which domain of ours. False: the stream was
 * closed. */
static bool check(struct tct_stream *s, const struct tct_jid *local, const struct tct_jid *remote)
{
	if (!tcti_stream_secured(s) && tcti_stream_encryption_required(s))
		tcti_stream_close(s, "policy-violation", "TLS is required");
	else if (local == NULL || remote == NULL)
		tcti_stream_close(s, "improper-addressing", NULL);
	else if (tcti_domain_ours(tct_jid_domain(remote)))
		tcti_stream_close(s, "invalid-from", NULL);
	else
		return true;
	return false;
}

/* Answers nobody has asked for are not asked about. */
static bool is_answer(const struct tct_elem *e)
{
	return tct_attr(e, "type") != NULL;
}

static enum tct_verdict in_result(struct tct_mod *m, struct tct_stream *s,
	const struct tct_elem *e)
{
	const struct tct_jid *local = domain_of(e, "to"), *remote = domain_of(e, "from");

	if (is_answer(e)) {
		tcti_stream_close(s, "policy-violation", "nobody has asked for that");
	} else if (check(s, local, remote)) {
		if (!tcti_domain_ours(tct_jid_domain(local)))
			dialback_result(s, tct_jid_domain(local), tct_jid_domain(remote), "error",
				"item-not-found", NULL);
		else
			prove(m, s, tct_jid_domain(local), tct_jid_domain(remote),
				tct_elem_text(e));
	}
	tct_jid_unref(local);
	tct_jid_unref(remote);
	return TCT_HANDLED;
}

/* We are asked whether a key is ours. */
static void confirm(struct tct_mod *m, struct tct_stream *s, const struct tct_elem *e,
	const char *local, const char *remote)
{
	const char *id = tct_attr(e, "id");
	struct tct_mod *s2s;
	const struct tcti_s2s_ops *ops = dialback_s2s(m, &s2s);
	struct tct_elem *answer;

	if (!tcti_domain_ours(local))
		answer = reply("verify", local, remote, "error", "item-not-found", NULL);
	else
		answer = reply("verify", local, remote,
			secret_made(tct_mod_data(m), tct_elem_text(e), remote, local, id) ?
				"valid" :
				"invalid",
			NULL, NULL);
	tct_set(answer, "id", id);
	tcti_stream_send(s, answer);
	ops->answered(s2s, s);
}

static enum tct_verdict in_verify(struct tct_mod *m, struct tct_stream *s,
	const struct tct_elem *e)
{
	const struct tct_jid *local = domain_of(e, "to"), *remote = domain_of(e, "from");

	if (is_answer(e))
		tcti_stream_close(s, "policy-violation", "nobody has asked for that");
	else if (tct_attr(e, "id") == NULL)
		tcti_stream_close(s, "bad-format", NULL);
	else if (check(s, local, remote))
		confirm(m, s, e, tct_jid_domain(local), tct_jid_domain(remote));
	tct_jid_unref(local);
	tct_jid_unref(remote);
	return TCT_HANDLED;
}

/* ---- streams that we opened ---- */

static void claim(struct tct_mod *m, struct tct_stream *s, const char *local, const char *remote)
{
	const struct dialback *d = tct_mod_data(m);
	char key[DIALBACK_KEY];
	struct tct_elem *e;

	dialback_key(d->secret, remote, local, tcti_stream_id(s), key);
	e = tcti_nonza_new(TCTI_NS_DIALBACK, "result");
	tct_set(e, "from", local);
	tct_set(e, "to", remote);
	tct_text(e, key);
	tcti_stream_send(s, e);
}

static bool begin(struct tct_mod *m, struct tct_stream *s, const struct tct_elem *features)
{
	struct dialback_stream *ds = tcti_stream_data(m, s);

	(void)features; /* older servers do not announce it */
	claim(m, s, tct_jid_domain(tcti_stream_local(s)), tct_jid_domain(tcti_stream_from(s)));
	ds->asked = true;
	return true;
}

static bool is_ours(const struct tct_stream *s, const struct tct_elem *e)
{
	const struct tct_jid *local = domain_of(e, "to"), *remote = domain_of(e, "from");
	bool ours = tct_jid_equal(local, tcti_stream_local(s)) &&
		tct_jid_equal(remote, tcti_stream_from(s));

	tct_jid_unref(local);
	tct_jid_unref(remote);
	return ours;
}

static const char *condition_of(const struct tct_elem *e)
{
	const struct tct_elem *error = tct_child(e, "jabber:client", "error");

	if (error == NULL)
		return "no reason";
	tct_elem_each (child, error) {
		if (strcmp(tct_elem_ns(child), NS_STANZAS) == 0 &&
			strcmp(tct_elem_name(child), "text") != 0)
			return tct_elem_name(child);
	}
	return "no reason";
}

static uint32_t answer_of(const struct tct_elem *e, char *reason, size_t room)
{
	const char *type = tct_attr(e, "type"), *condition = condition_of(e);

	reason[0] = '\0';
	if (strcmp(type, "valid") == 0)
		return TCTI_ANSWER_VALID;
	if (strcmp(type, "invalid") == 0) {
		snprintf(reason, room, "it has asked back, and our key was not confirmed");
		return TCTI_ANSWER_INVALID;
	}
	snprintf(reason, room, "it does not accept us by dialback (%.100s)", condition);
	return strcmp(condition, "resource-constraint") == 0 ? TCTI_ANSWER_FULL :
							       TCTI_ANSWER_ERROR;
}

/* Of another pair than that which the stream was opened for. */
static enum tct_verdict claimed(struct tct_mod *m, struct tct_stream *s, const struct tct_elem *e)
{
	const struct tct_jid *local = domain_of(e, "to"), *remote = domain_of(e, "from");
	struct tct_mod *s2s;
	const struct tcti_s2s_ops *ops = dialback_s2s(m, &s2s);
	char reason[160];
	bool asked = false;

	if (local != NULL && remote != NULL) {
		uint32_t answer = answer_of(e, reason, sizeof reason);

		asked = ops->claimed(s2s, s, tct_jid_domain(local), tct_jid_domain(remote),
			answer, reason);
	}
	tct_jid_unref(local);
	tct_jid_unref(remote);
	return asked ? TCT_HANDLED : TCT_CONTINUE;
}

static enum tct_verdict out_result(struct tct_mod *m, struct tct_stream *s,
	const struct tct_elem *e)
{
	struct dialback_stream *ds = tcti_stream_data(m, s);
	char reason[160];
	struct tct_mod *s2s;
	const struct tcti_s2s_ops *ops = dialback_s2s(m, &s2s);

	if (!is_answer(e))
		return tcti_stream_is_proven(s) && ops->bidi(s2s, s) ? in_result(m, s, e) :
								       TCT_CONTINUE;
	if (!ds->asked || !is_ours(s, e))
		return claimed(m, s, e);
	ds->asked = false;
	if (answer_of(e, reason, sizeof reason) == TCTI_ANSWER_VALID)
		ops->ready(s2s, s, TCTI_PROOF_DIALBACK);
	else
		ops->refused(s2s, s, reason);
	return TCT_HANDLED;
}

static enum tct_verdict out_verify(struct tct_mod *m, struct tct_stream *s,
	const struct tct_elem *e)
{
	struct tct_mod *s2s;
	const struct tcti_s2s_ops *ops = dialback_s2s(m, &s2s);

	if (!is_answer(e) && tcti_stream_is_proven(s) && ops->bidi(s2s, s))
		return in_verify(m, s, e);
	return verify_answer(m, s, e) ? TCT_HANDLED : TCT_CONTINUE;
}

static const struct tcti_s2s_prover_ops prover_ops = {
	.size = sizeof prover_ops,
	.begin = begin,
	.claim = claim,
	.renew = secret_renew,
};

static int load(struct tct_mod *m, struct tct_error *err)
{
	uint32_t in = TCTI_KIND(TCTI_STREAM_S2S_IN), out = TCTI_KIND(TCTI_STREAM_S2S_OUT);
	struct dialback *d = tct_mod_data(m);

	d->mod = m;
	tct_provide(m, "s2s_dialback", "dialback", &prover_ops);
	tcti_on_stream_features(m, in, TCT_PRIO_HANDLE - 10, add_feature);
	tcti_on_stream_nonza(m, in, TCTI_NS_DIALBACK, "result", in_result);
	tcti_on_stream_nonza(m, in, TCTI_NS_DIALBACK, "verify", in_verify);
	tcti_on_stream_nonza(m, out, TCTI_NS_DIALBACK, "result", out_result);
	tcti_on_stream_nonza(m, out, TCTI_NS_DIALBACK, "verify", out_verify);
	return secret_load(m, err);
}

static void unload(struct tct_mod *m)
{
	secret_wipe(tct_mod_data(m));
}

TCT_MODULE_FLAGS(dialback, TCT_GLOBAL | TCT_INTERNAL,
	.version     = TCT_SERVER_VERSION,
	.summary     = "servers are asked back (XEP-0220, XEP-0185)",
	.depends     = TCT_DEPENDS("s2s", "?storage_bdb", "?storage_mem"),
	.options     = options,
	.config_size = sizeof(struct dialback_config),
	.data_size   = sizeof(struct dialback),
	.stream_size = sizeof(struct dialback_stream),
	.load        = load,
	.unload      = unload,
);

/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* mod_s2s_secure - which servers must have a valid certificate, and SASL EXTERNAL, by which a
 * server is believed because of it (XEP-0178), in both directions. */
#include "policy.h"

#include <tercet/internal/s2s.h>

#include <gnutls/gnutls.h>
#include <stdlib.h>
#include <string.h>

#define NS_SASL "urn:ietf:params:xml:ns:xmpp-sasl"
#define TRIES_MAX 3
#define AUTHZID_MAX 1023

struct secure_config {
	bool s2s_secure_auth;
	const char *const *s2s_secure_domains;
	const char *const *s2s_insecure_domains;
};

static const struct tct_option options[] = {
	TCT_OPT_BOOL(struct secure_config, s2s_secure_auth, .global = 1, .def = "true",
		.doc = "Other servers need a valid certificate that names their domain. Without it "
		       "they may also be believed because DNS leads to them (dialback)."),
	TCT_OPT_STRINGS(struct secure_config, s2s_secure_domains, .global = 1,
		.doc = "Domains that need a valid certificate even if s2s_secure_auth is off: "
		       "\"example.org\", or \"*.example.org\" for all below it."),
	TCT_OPT_STRINGS(struct secure_config, s2s_insecure_domains, .global = 1,
		.doc = "Domains that need none, in the same form. One that is in both lists needs "
		       "one."),
	TCT_OPT_END
};

/* Of a stream. */
struct secure_stream {
	bool asked;   /* EXTERNAL is under way on one that we opened */
	bool aborted; /* by us: only its failure is awaited */
	uint8_t tries;
};

/* ---- policy ---- */

static void rule(struct tct_mod *m, const char *remote, struct tcti_s2s_rule *r)
{
	const struct secure_config *c = tct_mod_config(m);
	struct policy p = { c->s2s_secure_auth, c->s2s_secure_domains, c->s2s_insecure_domains };

	r->certificate = policy_certificate(&p, remote, &r->why);
}

static const struct tcti_s2s_policy_ops policy_ops = { .size = sizeof policy_ops, .rule = rule };

static bool list_is_good(const char *name, const char *const *list, struct tct_error *err)
{
	for (; *list != NULL; list++) {
		const char *domain = strncmp(*list, "*.", 2) == 0 ? *list + 2 : *list;
		const struct tct_jid *jid = tct_jid_new(domain);
		bool good = jid != NULL && strcmp(tct_jid_text(jid), domain) == 0 &&
			tct_jid_node(jid) == NULL && tct_jid_resource(jid) == NULL;

		tct_jid_unref(jid);
		if (good)
			continue;
		tct_error_set(err, TCT_EINVAL,
			"%s: \"%s\" is no domain (write \"example.org\" or \"*.example.org\", in "
			"lower case)",
			name, *list);
		return false;
	}
	return true;
}

static int check(const void *data, struct tct_error *err)
{
	const struct secure_config *c = data;

	return list_is_good("s2s_secure_domains", c->s2s_secure_domains, err) &&
			list_is_good("s2s_insecure_domains", c->s2s_insecure_domains, err) ?
		TCT_OK :
		TCT_EINVAL;
}

/* ---- streams that were opened to us ---- */

/* The domain that the stream's header names, when its certificate proves it. */
static const char *certified(struct tct_mod *m, struct tct_stream *s, uint32_t *proof)
{
	struct tct_mod *s2s;
	const struct tcti_s2s_ops *ops = tct_service(m, "s2s", &s2s);
	const struct tct_jid *from = tcti_stream_from(s);
	const char *domain = from != NULL ? tct_jid_domain(from) : NULL;

	*proof = domain != NULL ? ops->certified(s2s, s, domain) : TCTI_PROOF_NONE;
	return *proof != TCTI_PROOF_NONE ? domain : NULL;
}

static enum tct_verdict add_mechanisms(struct tct_mod *m, struct tct_stream *s,
	struct tct_elem *features)
{
	struct tct_elem *mechanisms;
	uint32_t proof;

	if (tcti_stream_is_proven(s) || certified(m, s, &proof) == NULL)
		return TCT_CONTINUE;
	mechanisms = tct_add(features, NS_SASL, "mechanisms");
	tct_add_text(mechanisms, "mechanism", "EXTERNAL");
	return TCT_CONTINUE;
}

static enum tct_verdict fail(struct tct_mod *m, struct tct_stream *s, const char *condition)
{
	struct secure_stream *ss = tcti_stream_data(m, s);
	struct tct_elem *failure = tcti_nonza_new(NS_SASL, "failure");

	tct_add(failure, NULL, condition);
	tcti_stream_send(s, failure);
	if (++ss->tries >= TRIES_MAX)
		tcti_stream_close(s, "policy-violation", "too many attempts");
	return TCT_HANDLED;
}

/* XEP-0178 section 3: an authorization identity, when there is one, is the header's domain. */
static const char *check_auth(const struct tct_elem *e, const char *domain)
{
	const char *mechanism = tct_attr(e, "mechanism"), *text = tct_elem_text(e);
	gnutls_datum_t in = { (unsigned char *)text, (unsigned)strlen(text) }, out;
	const struct tct_jid *jid = NULL;
	char authzid[AUTHZID_MAX + 1] = "";
	bool same;

	if (mechanism == NULL || strcmp(mechanism, "EXTERNAL") != 0)
		return "invalid-mechanism";
	if (domain == NULL)
		return "not-authorized";
	if (text[0] == '\0' || strcmp(text, "=") == 0)
		return NULL;
	if (gnutls_base64_decode2(&in, &out) < 0)
		return "incorrect-encoding";
	if (out.size < sizeof authzid && memchr(out.data, '\0', out.size) == NULL) {
		memcpy(authzid, out.data, out.size);
		jid = tct_jid_new(authzid);
	}
	gnutls_free(out.data);
	same = jid != NULL && strcmp(tct_jid_text(jid), domain) == 0;
	tct_jid_unref(jid);
	return same ? NULL : "invalid-authzid";
}

static enum tct_verdict on_auth(struct tct_mod *m, struct tct_stream *s, const struct tct_elem *e)
{
	uint32_t proof;
	const char *domain = certified(m, s, &proof), *problem;
	struct tct_mod *s2s;
	const struct tcti_s2s_ops *ops = tct_service(m, "s2s", &s2s);

	if (tcti_stream_is_proven(s))
		return TCT_CONTINUE;
	problem = check_auth(e, domain);
	if (problem != NULL)
		return fail(m, s, problem);
	if (!ops->accept(s2s, s, tct_jid_domain(tcti_stream_local(s)), domain,
		    proof)) {
		tcti_stream_close(s, "resource-constraint", "too many connections");
		return TCT_HANDLED;
	}
	tcti_stream_send(s, tcti_nonza_new(NS_SASL, "success"));
	tcti_stream_restart(s);
	return TCT_HANDLED;
}

/* ---- streams that we opened ---- */

static bool offers_external(const struct tct_elem *features)
{
	const struct tct_elem *list = tct_child(features, NS_SASL, "mechanisms");

	if (list == NULL)
		return false;
	tct_elem_each (child, list) {
		if (tct_elem_is(child, NS_SASL, "mechanism") &&
			strcmp(tct_elem_text(child), "EXTERNAL") == 0)
			return true;
	}
	return false;
}

static bool begin(struct tct_mod *m, struct tct_stream *s, const struct tct_elem *features)
{
	struct secure_stream *ss = tcti_stream_data(m, s);
	gnutls_datum_t in, authzid;
	const char *local = tct_jid_domain(tcti_stream_local(s));
	struct tct_elem *auth;

	if (features == NULL || !tcti_stream_secured(s) || !offers_external(features))
		return false;
	in = (gnutls_datum_t){ (unsigned char *)local, (unsigned)strlen(local) };
	if (gnutls_base64_encode2(&in, &authzid) < 0)
		return false;
	ss->asked = true;
	auth = tcti_nonza_new(NS_SASL, "auth");
	tct_set(auth, "mechanism", "EXTERNAL");
	tct_text_n(auth, (const char *)authzid.data, authzid.size);
	gnutls_free(authzid.data);
	tcti_stream_send(s, auth);
	return true;
}

/* True, once, when an answer is awaited on a stream. */
static bool awaited(struct tct_mod *m, struct tct_stream *s)
{
	struct secure_stream *ss = tcti_stream_data(m, s);
	bool asked = ss->asked;

	ss->asked = false;
	return asked;
}

static enum tct_verdict on_success(struct tct_mod *m, struct tct_stream *s,
	const struct tct_elem *e)
{
	struct tct_mod *s2s;
	const struct tcti_s2s_ops *ops = tct_service(m, "s2s", &s2s);

	(void)e;
	if (!awaited(m, s))
		return TCT_CONTINUE;
	ops->authenticated(s2s, s);
	tcti_stream_restart(s);
	return TCT_HANDLED;
}

static enum tct_verdict on_failure(struct tct_mod *m, struct tct_stream *s,
	const struct tct_elem *e)
{
	struct secure_stream *ss = tcti_stream_data(m, s);
	struct tct_mod *s2s;
	const struct tcti_s2s_ops *ops = tct_service(m, "s2s", &s2s);

	(void)e;
	if (!awaited(m, s) && !ss->aborted)
		return TCT_CONTINUE;
	ss->aborted = false;
	if (!ops->next(s2s, s))
		ops->refused(s2s, s, "it does not believe our certificate");
	return TCT_HANDLED;
}

/* No mechanism of one step asks anything. */
static enum tct_verdict on_challenge(struct tct_mod *m, struct tct_stream *s,
	const struct tct_elem *e)
{
	(void)e;
	if (!awaited(m, s))
		return TCT_CONTINUE;
	((struct secure_stream *)tcti_stream_data(m, s))->aborted = true;
	tcti_stream_send(s, tcti_nonza_new(NS_SASL, "abort"));
	return TCT_HANDLED;
}

static const struct tcti_s2s_prover_ops prover_ops = { .size = sizeof prover_ops, .begin = begin };

static int load(struct tct_mod *m, struct tct_error *err)
{
	uint32_t in = TCTI_KIND(TCTI_STREAM_S2S_IN), out = TCTI_KIND(TCTI_STREAM_S2S_OUT);

	(void)err;
	tct_provide(m, "s2s_policy", "secure", &policy_ops);
	tct_provide(m, "s2s_external", "secure", &prover_ops);
	tcti_on_stream_features(m, in, TCT_PRIO_HANDLE, add_mechanisms);
	tcti_on_stream_nonza(m, in, NS_SASL, "auth", on_auth);
	tcti_on_stream_nonza(m, out, NS_SASL, "success", on_success);
	tcti_on_stream_nonza(m, out, NS_SASL, "failure", on_failure);
	tcti_on_stream_nonza(m, out, NS_SASL, "challenge", on_challenge);
	return TCT_OK;
}

/* The policy is asked for at each use: what is new counts for new streams at once. */
TCT_MODULE_FLAGS(s2s_secure, TCT_GLOBAL | TCT_INTERNAL | TCT_LIVE_OPTIONS,
	.version     = TCT_SERVER_VERSION,
	.summary     = "who must have a certificate, and SASL EXTERNAL of servers (XEP-0178)",
	.depends     = TCT_DEPENDS("s2s"),
	.options     = options,
	.config_size = sizeof(struct secure_config),
	.stream_size = sizeof(struct secure_stream),
	.check       = check,
	.load        = load,
);

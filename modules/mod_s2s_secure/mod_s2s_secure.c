/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* mod_s2s_secure - which servers must have a valid certificate, and SASL EXTERNAL, by which a
 * server is believed because of it (XEP-0178), in both directions. */
#include "secure.h"

#include <gnutls/gnutls.h>
#include <stdlib.h>
#include <string.h>

#define NS_SASL "urn:ietf:params:xml:ns:xmpp-sasl"
#define TRIES_MAX 3
#define AUTHZID_MAX 1023

static const char *const proofs[] = { "usual", "certificate", "dialback", NULL };

static const struct tct_option limits_options[] = {
	TCT_OPT_SIZE(struct policy_limits, rate, .min = "1 B", .max = "1 GB",
		.doc = "Bytes in a second on one connection from it."),
	TCT_OPT_PERIOD(struct policy_limits, burst, .min = "1 s", .max = "1 minute",
		.doc = "What was not used of so long may come at once."),
	TCT_OPT_SIZE(struct policy_limits, domain_rate, .min = "1 B", .max = "1 GB",
		.doc = "Bytes in a second on all its connections; where the row is for many domains, "
		       "of each."),
	TCT_OPT_END
};

static const struct tct_option domain_options[] = {
	TCT_OPT_STRING(struct policy_row, domain, .required = true,
		.doc = "The domain, in lower case: \"example.org\", or \"*.example.org\" for all "
		       "below it, or \"*\" for all that no other row is for."),
	TCT_OPT_ENUM(struct policy_row, proof, .choices = proofs, .def = "usual",
		.doc = "What it needs: a valid certificate, or else dialback will do; or what the "
		       "options below say."),
	TCT_OPT_STRINGS(struct policy_row, pin,
		.doc = "Keys, one of which it must have: the SHA-256 of the public key "
		       "(SubjectPublicKeyInfo) in hexadecimal. Such a key proves the domain, "
		       "whatever else is wrong with its certificate, unless proof demands a valid "
		       "one, too."),
	TCT_OPT_BOOL(struct policy_row, block, .def = "false",
		.doc = "Nothing goes to it or comes from it."),
	TCT_OPT_SIZE(struct policy_row, stanza_size, .min = "10 KB", .max = "16 MB",
		.doc = "Bytes of one stanza from it, in the place of s2s_stanza_size_limit."),
	TCT_OPT_GROUP(struct policy_row, limits, .sub = limits_options,
		.doc = "How fast it may be, in the place of limits.s2sin: a group, each of which may be "
		       "left out."),
	TCT_OPT_STRING(struct policy_row, reason, .doc = "Why; for those who read it later."),
	TCT_OPT_STRING(struct policy_row, until,
		.doc = "The last day on which the row counts, for example \"2026-12-31\" (UTC)."),
	TCT_OPT_END
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
	TCT_OPT_GROUPS(struct secure_config, domains, .sub = domain_options,
		.sub_size = sizeof(struct policy_row),
		.doc = "What is different for single domains: a list of groups. The one that names "
		       "a domain most exactly counts, and what it says comes before the options "
		       "above."),
	TCT_OPT_PERIOD(struct secure_config, was_secure, .def = "30 days", .min = "0 s",
		.max = "3650 days",
		.doc = "A domain that was seen with a valid certificate over so long is not "
		       "believed without any more, though no other option demands one, until "
		       "\"tercetctl s2s accept\". 0 s: it is."),
	TCT_OPT_END
};

/* Of a stream. */
struct secure_stream {
	bool asked;   /* EXTERNAL is under way on one that we opened */
	bool aborted; /* by us: only its failure is awaited */
	uint8_t tries;
};

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

static int check(const void *config, struct tct_error *err)
{
	return rules_check(config, err);
}

static int load(struct tct_mod *m, struct tct_error *err)
{
	uint32_t in = TCTI_KIND(TCTI_STREAM_S2S_IN), out = TCTI_KIND(TCTI_STREAM_S2S_OUT);

	tct_provide(m, "s2s_policy", "secure", &rules_ops);
	tct_provide(m, "s2s_external", "secure", &prover_ops);
	tcti_on_stream_features(m, in, TCT_PRIO_HANDLE, add_mechanisms);
	tcti_on_stream_nonza(m, in, NS_SASL, "auth", on_auth);
	tcti_on_stream_nonza(m, out, NS_SASL, "success", on_success);
	tcti_on_stream_nonza(m, out, NS_SASL, "failure", on_failure);
	tcti_on_stream_nonza(m, out, NS_SASL, "challenge", on_challenge);
	return rules_load(m, err);
}

/* The policy is asked for at each use: what is new counts for new streams at once. */
static int reconfigure(struct tct_mod *m, const void *old, struct tct_error *err)
{
	struct secure *s = tct_mod_data(m);
	struct tct_mod *s2s;
	const struct tcti_s2s_ops *ops = tct_service(m, "s2s", &s2s);

	(void)old;
	(void)err;
	if (s->timer != NULL)
		tct_timer_stop(s->timer);
	s->timer = NULL;
	free(s->told);
	s->told = NULL;
	rules_watch(m);
	ops->changed(s2s);
	return TCT_OK;
}

TCT_MODULE_FLAGS(s2s_secure, TCT_GLOBAL | TCT_INTERNAL,
	.version     = TCT_SERVER_VERSION,
	.summary     = "who must have a certificate, and SASL EXTERNAL of servers (XEP-0178)",
	.depends     = TCT_DEPENDS("s2s", "?storage_bdb", "?storage_mem"),
	.options     = options,
	.config_size = sizeof(struct secure_config),
	.data_size   = sizeof(struct secure),
	.stream_size = sizeof(struct secure_stream),
	.check       = check,
	.load        = load,
	.reconfigure = reconfigure,
	.unload      = rules_fini,
);

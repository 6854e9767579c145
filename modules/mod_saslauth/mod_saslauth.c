/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* mod_saslauth - SASL of RFC 6120 section 6 for client streams: its elements, and the options.
 * The exchanges are engine.c's, which other profiles use too; accounts and keys belong to the
 * host's "auth" service. */
#include "modules/mod_saslauth/engine.h"

#include <string.h>
#include <tercet/module.h>

#define NS_SASL "urn:ietf:params:xml:ns:xmpp-sasl"

static const char *const end_point_hashes[] = { "auto", "sha-256", "sha-384", "sha-512", "off",
	NULL };

static const struct tct_option options[] = {
	TCT_OPT_BOOL(struct sasl_config, plain, .def = "false",
		.doc = "Offer PLAIN inside TLS. Clients then send passwords as they are; needed "
		       "only by clients that know no SCRAM, and to make the keys that accounts "
		       "from elsewhere lack."),
	TCT_OPT_BOOL(struct sasl_config, allow_unencrypted_plain_auth, .global = 1, .def = "false",
		.doc = "Offer PLAIN without TLS too, where it is switched on. The server does "
		       "not start with it unless all its listeners for clients are on loopback "
		       "addresses."),
	TCT_OPT_BOOL(struct sasl_config, downgrade_protection, .def = "true",
		.doc = "Tell clients, where nobody can change it, what they were offered "
		       "(XEP-0474) and which version of TLS is in use (XEP-0515)."),
	TCT_OPT_ENUM(struct sasl_config, tls_server_end_point_hash, .global = 1,
		.choices = end_point_hashes, .def = "auto",
		.doc = "The hash of the channel binding tls-server-end-point. \"auto\": that of "
		       "the certificate's signature, as RFC 5929 has it; a certificate with "
		       "Ed25519 has none then, and this binding is not offered. \"off\": a "
		       "proxy ends TLS, and no channel binding of any kind is offered; clients "
		       "that could have bound the login are let in."),
	TCT_OPT_BOOL(struct sasl_config, strict_channel_binding, .def = "false",
		.doc = "Refuse clients that ask for a channel binding that TLS 1.3 does not have, "
		       "and then log in without one but say that they could have bound the login: "
		       "RFC 5802 wants them refused, and old versions of a common library are "
		       "such clients. Who stands between a client and the server with a "
		       "certificate that the client trusts can use it; clients that know XEP-0474 "
		       "are safe in any case."),
	TCT_OPT_STRINGS(struct sasl_config, disable_sasl_mechanisms, .global = 1,
		.doc = "Mechanisms that are never offered."),
	TCT_OPT_STRINGS(struct sasl_config, insecure_sasl_mechanisms, .global = 1,
		.doc = "Mechanisms that are not offered without TLS. PLAIN never is, but for "
		       "allow_unencrypted_plain_auth."),
	TCT_OPT_INT(struct sasl_config, failures_per_account, .def = "10", .min = "0",
		.max = "1000000",
		.doc = "Failed logins in a minute for one name; more have to wait. 0: no limit."),
	TCT_OPT_INT(struct sasl_config, failures_per_address, .def = "30", .min = "0",
		.max = "1000000",
		.doc = "The same from one IPv4 address or one /64 of IPv6. 0: no limit."),
	TCT_OPT_INT(struct sasl_config, failures_overall, .def = "1000", .min = "0",
		.max = "1000000", .doc = "The same for the whole host. 0: no limit."),
	TCT_OPT_PERIOD(struct sasl_config, failure_delay_max, .def = "10 s", .min = "0 s",
		.max = "30 s",
		.doc = "The longest that a login has to wait, so that nobody can lock out "
		       "somebody else."),
	TCT_OPT_END
};

static void stream_end(struct tct_mod *m, void *data)
{
	(void)m;
	exchange_end(data);
}

static enum tct_verdict on_features(struct tct_mod *m, struct tct_stream *s,
	struct tct_elem *features)
{
	const struct sasl *sasl = tct_mod_data(m);
	struct tct_elem *list;

	if (tcti_stream_kind(s) != TCTI_STREAM_C2S || tcti_stream_user(s) != NULL)
		return TCT_CONTINUE;
	list = tct_add(features, NS_SASL, "mechanisms");
	if (engine_ops.offer(m, s, TCTI_SASL1, sasl->auth->hashes(sasl->provider), list))
		engine_ops.add_bindings(m, s, features);
	else
		tct_elem_remove(list);
	return TCT_CONTINUE;
}

/* ---- the profile ---- */

static void send_challenge(struct tct_mod *m, struct tct_stream *s, const char *data)
{
	struct tct_elem *e = tcti_nonza_new(NS_SASL, "challenge");

	(void)m;
	if (data != NULL)
		tct_text(e, data);
	tcti_stream_send(s, e);
}

static void send_failure(struct tct_mod *m, struct tct_stream *s, const char *condition,
	const char *text)
{
	struct tct_elem *e = tcti_nonza_new(NS_SASL, "failure");

	(void)m;
	tct_add(e, NULL, condition);
	if (text != NULL)
		tct_set_ns(tct_add_text(e, "text", text),
			"http://www.w3.org/XML/1998/namespace", "lang", "en");
	tcti_stream_send(s, e);
}

static void send_success(struct tct_mod *m, struct tct_stream *s,
	const struct tcti_sasl_success *ok)
{
	struct tct_elem *e = tcti_nonza_new(NS_SASL, "success");

	(void)m;
	if (ok->data != NULL)
		tct_text(e, ok->data);
	tcti_stream_send(s, e);
	tcti_stream_authenticated(s, tct_jid_node(ok->user), true);
}

static const struct tcti_sasl_profile profile = {
	.size = sizeof(struct tcti_sasl_profile),
	.number = TCTI_SASL1,
	.challenge = send_challenge,
	.success = send_success,
	.failure = send_failure,
};

static bool mine(const struct tct_stream *s)
{
	return tcti_stream_kind(s) == TCTI_STREAM_C2S && tcti_stream_user(s) == NULL;
}

static enum tct_verdict on_auth(struct tct_mod *m, struct tct_stream *s, const struct tct_elem *e)
{
	if (!mine(s))
		return TCT_CONTINUE;
	engine_ops.begin(m, s, &profile, m, tct_attr(e, "mechanism"), tct_elem_text(e));
	return TCT_HANDLED;
}

static enum tct_verdict on_response(struct tct_mod *m, struct tct_stream *s,
	const struct tct_elem *e)
{
	if (!mine(s))
		return TCT_CONTINUE;
	engine_ops.respond(m, s, &profile, m, tct_elem_text(e));
	return TCT_HANDLED;
}

static enum tct_verdict on_abort(struct tct_mod *m, struct tct_stream *s, const struct tct_elem *e)
{
	(void)e;
	if (!mine(s))
		return TCT_CONTINUE;
	engine_ops.abort(m, s, &profile, m);
	return TCT_HANDLED;
}

static int load(struct tct_mod *m, struct tct_error *err)
{
	const struct sasl_config *config = tct_mod_config(m);
	struct sasl *sasl = tct_mod_data(m);

	if (config->allow_unencrypted_plain_auth && !tcti_listeners_loopback(TCTI_STREAM_C2S))
		return tct_error_set(err, TCT_EINVAL,
			"allow_unencrypted_plain_auth would let passwords cross the network in "
			"clear text: it needs all of c2s.listen on loopback addresses");
	sasl->auth = tct_service(m, "auth", &sasl->provider);
	if (sasl->auth == NULL)
		return tct_error_set(err, TCT_ENOENT,
			"no module of this host keeps accounts (add \"auth_internal_hashed\")");
	sasl->limits = limits_new();
	tct_provide(m, "sasl", "saslauth", &engine_ops);
	tcti_on_features(m, TCT_PRIO_HANDLE, on_features);
	tcti_on_nonza(m, NS_SASL, "auth", on_auth);
	tcti_on_nonza(m, NS_SASL, "response", on_response);
	tcti_on_nonza(m, NS_SASL, "abort", on_abort);
	return TCT_OK;
}

static void unload(struct tct_mod *m)
{
	struct sasl *sasl = tct_mod_data(m);

	limits_free(sasl->limits);
}

TCT_MODULE_FLAGS(saslauth, TCT_INTERNAL,
	.version = TCT_SERVER_VERSION,
	.summary = "SASL of RFC 6120: SCRAM, EXTERNAL, ANONYMOUS and PLAIN",
	.depends = TCT_DEPENDS("@auth"),
	.options = options,
	.config_size = sizeof(struct sasl_config),
	.data_size = sizeof(struct sasl),
	.stream_size = sizeof(struct sasl_stream),
	.load = load,
	.unload = unload,
	.stream_end = stream_end,
);

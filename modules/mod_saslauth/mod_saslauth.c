/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* mod_saslauth - SASL of RFC 6120 section 6 for client streams: offers mechanisms, carries
 * the exchange, gives each malformed message its exact failure. It owns the exchange of a
 * stream; accounts and keys belong to the host's "auth" service, and the proofs to scram.c. */
#include "modules/mod_saslauth/base64.h"
#include "modules/mod_saslauth/sasl.h"
#include "modules/mod_saslauth/scram.h"

#include <gnutls/gnutls.h>
#include <stdlib.h>
#include <string.h>
#include <tercet/auth.h>
#include <tercet/internal/stream.h>
#include <tercet/module.h>

#define NS_SASL "urn:ietf:params:xml:ns:xmpp-sasl"
#define NS_CB "urn:xmpp:sasl-cb:0"
/* RFC 6120 6.4.5: two to five tries. Five, for there are clients that try each -PLUS mechanism
 * with a binding that TLS 1.3 does not have before they come to one without. */
#define ATTEMPTS_MAX 5

struct sasl_config {
	const char *const *disable_sasl_mechanisms, *const *insecure_sasl_mechanisms;
	bool plain, channel_binding;
};

static const struct tct_option options[] = {
	TCT_OPT_BOOL(struct sasl_config, plain, .def = "false",
		.doc = "Offer PLAIN inside TLS. Clients then send passwords as they are; needed "
		       "only by clients that know no SCRAM."),
	TCT_OPT_BOOL(struct sasl_config, channel_binding, .def = "false",
		.doc = "Offer the -PLUS mechanisms, which bind the login to the TLS connection. "
		       "Off by default for now: clients that know only bindings older than TLS "
		       "1.3 say that they could have bound the login, which a server that "
		       "offers -PLUS has to refuse. Behind a proxy that ends TLS it must be "
		       "off."),
	TCT_OPT_STRINGS(struct sasl_config, disable_sasl_mechanisms, .global = 1,
		.doc = "Mechanisms that are never offered."),
	TCT_OPT_STRINGS(struct sasl_config, insecure_sasl_mechanisms, .global = 1,
		.doc = "Mechanisms that are not offered without TLS. PLAIN never is."),
	TCT_OPT_END
};

struct sasl {
	const struct tct_auth_ops *auth;
	struct tct_mod *provider;
};

enum step { EXPECT_FIRST, EXPECT_FINAL, BUSY };

/* One exchange; ends with success, failure or the stream. */
struct exchange {
	struct tct_mod *m;
	struct tct_stream *stream;
	int mech;
	enum step step;
	struct scram scram;
	const struct tct_jid *user; /* prepared; NULL before it is known */
};

/* Per stream. */
struct sasl_stream {
	struct exchange *exchange; /* NULL: none runs */
	uint32_t offered;          /* bits 1 << enum sasl_mech, as last sent */
	uint8_t bindings;          /* bits of binding_types */
	uint8_t failures;
};

static const char *const binding_types[] = { "tls-exporter", "tls-server-end-point",
	"tls-unique" };
#define BINDINGS 3

static void exchange_end(struct sasl_stream *ss)
{
	struct exchange *x = ss->exchange;

	if (x == NULL)
		return;
	ss->exchange = NULL;
	scram_fini(&x->scram);
	tct_jid_unref(x->user);
	gnutls_memset(x, 0, sizeof *x);
	free(x);
}

static void stream_end(struct tct_mod *m, void *data)
{
	exchange_end(data);
}

/* ---- features ---- */

static uint8_t find_bindings(const struct tct_stream *s)
{
	uint8_t bits = 0;

	for (int i = 0; i < BINDINGS; i++) {
		uint8_t data[SCRAM_BINDING_MAX];
		size_t len = sizeof data;

		if (tcti_stream_binding(s, binding_types[i], data, &len) == TCT_OK)
			bits |= (uint8_t)(1u << i);
	}
	return bits;
}

static void policy_of(struct tct_mod *m, struct tct_stream *s, struct sasl_policy *p)
{
	const struct sasl_config *config = tct_mod_config(m);
	const struct sasl *sasl = tct_mod_data(m);

	p->secured = tcti_stream_secured(s);
	p->required = tcti_stream_encryption_required(s);
	p->bindings = false;
	p->plain = config->plain;
	p->hashes = sasl->auth->hashes(sasl->provider);
	p->disabled = config->disable_sasl_mechanisms;
	p->insecure = config->insecure_sasl_mechanisms;
}

static enum tct_verdict on_features(struct tct_mod *m, struct tct_stream *s,
	struct tct_elem *features)
{
	const struct sasl_config *config = tct_mod_config(m);
	struct sasl_stream *ss;
	struct sasl_policy p;
	struct tct_elem *list;

	if (tcti_stream_kind(s) != TCTI_STREAM_C2S || tcti_stream_user(s) != NULL)
		return TCT_CONTINUE;
	ss = tcti_stream_data(m, s);
	policy_of(m, s, &p);
	ss->bindings = p.secured && config->channel_binding ? find_bindings(s) : 0;
	p.bindings = ss->bindings != 0;
	ss->offered = sasl_offer(&p);
	if (ss->offered == 0)
		return TCT_CONTINUE;
	list = tct_add(features, NS_SASL, "mechanisms");
	for (int i = 0; i < SASL_MECHS; i++)
		if (ss->offered & 1u << i)
			tct_add_text(list, "mechanism", sasl_mech_name(i));
	if (ss->bindings == 0)
		return TCT_CONTINUE;
	list = tct_add(features, NS_CB, "sasl-channel-binding"); /* XEP-0440 */
	for (int i = 0; i < BINDINGS; i++)
		if (ss->bindings & 1u << i)
			tct_set(tct_add(list, NULL, "channel-binding"), "type", binding_types[i]);
	return TCT_CONTINUE;
}

/* ---- answers ---- */

static void send_bytes(struct tct_stream *s, const char *element, const char *text)
{
	struct tct_elem *e = tcti_nonza_new(NS_SASL, element);
	char encoded[BASE64_ROOM(SASL_BYTES_MAX)];

	if (text != NULL) {
		base64_encode(text, strlen(text), encoded);
		tct_text(e, encoded);
	}
	tcti_stream_send(s, e);
}

/* One fixed line, for programs that watch logs. What the peer chose comes last, so that it
 * can stand for nothing else. */
static void log_failure(struct tct_mod *m, struct tct_stream *s, const char *condition)
{
	struct sasl_stream *ss = tcti_stream_data(m, s);
	const struct exchange *x = ss->exchange;
	const char *user = x == NULL ? NULL :
		x->user != NULL ? tct_jid_node(x->user) : x->scram.user;

	tct_log_notice(m, "authentication failed: address=%s host=%s mechanism=%s "
			  "condition=%s user=%.256s",
		tcti_stream_address(s), tct_host_name(tct_mod_host(m)),
		sasl_mech_name(x != NULL ? x->mech : -1), condition, user != NULL ? user : "");
}

/* Fails the exchange; the stream stays open for another try until there were too many. */
static enum tct_verdict fail(struct tct_mod *m, struct tct_stream *s, const char *condition,
	const char *text)
{
	struct sasl_stream *ss = tcti_stream_data(m, s);
	struct tct_elem *e = tcti_nonza_new(NS_SASL, "failure");

	tct_add(e, NULL, condition);
	if (text != NULL)
		tct_set_ns(tct_add_text(e, "text", text),
			"http://www.w3.org/XML/1998/namespace", "lang", "en");
	log_failure(m, s, condition);
	exchange_end(ss);
	tcti_stream_send(s, e);
	if (++ss->failures >= ATTEMPTS_MAX)
		tcti_stream_close(s, "policy-violation", "too many failed attempts to log in");
	return TCT_HANDLED;
}

static void succeed(struct exchange *x, const char *data)
{
	struct tct_mod *m = x->m;
	struct tct_stream *s = x->stream;
	struct sasl_stream *ss = tcti_stream_data(m, s);
	const struct tct_jid *user = tct_jid_ref(x->user);

	tct_log_info(m, "'%s' logged in from %s with %s", tct_jid_text(user),
		tcti_stream_address(s), sasl_mech_name(x->mech));
	send_bytes(s, "success", data);
	exchange_end(ss);
	tcti_stream_authenticated(s, tct_jid_node(user), true);
	tct_jid_unref(user);
}

/* ---- who it is ---- */

/* Prepares the name and holds an authzid against it; on false the exchange has
 * failed. */
static bool identify(struct exchange *x, const char *user, const char *authzid)
{
	const struct tct_jid *other;
	bool same;

	x->user = tct_jid_make(user, tct_host_name(tct_mod_host(x->m)), NULL);
	if (x->user == NULL) {
		fail(x->m, x->stream, "not-authorized", NULL);
		return false;
	}
	if (authzid == NULL)
		return true;
	other = tct_jid_new(authzid);
	same = other != NULL && tct_jid_equal(other, x->user);
	tct_jid_unref(other);
	if (!same)
		fail(x->m, x->stream, "invalid-authzid", NULL);
	return same;
}

/* ---- SCRAM ---- */

static enum tct_verdict scram_failed(struct exchange *x, enum scram_result r)
{
	switch (r) {
	case SCRAM_MALFORMED:
		return fail(x->m, x->stream, "malformed-request", NULL);
	case SCRAM_BINDING:
		return fail(x->m, x->stream, "not-authorized",
			"the channel binding flag does not fit what was offered");
	case SCRAM_DISABLED:
		return fail(x->m, x->stream, "account-disabled", NULL);
	default:
		return fail(x->m, x->stream, "not-authorized", NULL);
	}
}

static void got_keys(struct tct_scope *scope, int status, const struct tct_scram *keys,
	void *data)
{
	struct exchange *x = data;
	struct tct_stream *s = x->stream;
	char nonce[SCRAM_NONCE_LEN + 1];

	if (status != TCT_OK) {
		fail(x->m, s, "temporary-auth-failure", NULL);
	} else {
		tct_random_id(nonce, SCRAM_NONCE_LEN);
		x->step = EXPECT_FINAL;
		send_bytes(s, "challenge", scram_challenge(&x->scram, keys, nonce));
	}
	tcti_stream_release(s);
}

/* -PLUS: the type must be one that was advertised. */
static bool bind_channel(struct exchange *x)
{
	struct sasl_stream *ss = tcti_stream_data(x->m, x->stream);
	uint8_t data[SCRAM_BINDING_MAX];
	size_t len = sizeof data;

	if (x->scram.binding == NULL)
		return true;
	for (int i = 0; i < BINDINGS; i++)
		if (strcmp(binding_types[i], x->scram.binding) == 0 &&
			(ss->bindings & 1u << i) != 0 &&
			tcti_stream_binding(x->stream, binding_types[i], data, &len) == TCT_OK) {
			scram_set_binding(&x->scram, data, len);
			return true;
		}
	return false;
}

static enum tct_verdict scram_step(struct exchange *x, const char *msg, size_t len)
{
	struct sasl *sasl = tct_mod_data(x->m);
	enum scram_result r;

	if (x->step == EXPECT_FINAL) {
		r = scram_final(&x->scram, msg, len);
		if (r != SCRAM_OK)
			return scram_failed(x, r);
		succeed(x, scram_success(&x->scram));
		return TCT_HANDLED;
	}
	r = scram_first(&x->scram, msg, len);
	if (r != SCRAM_OK)
		return scram_failed(x, r);
	if (!bind_channel(x))
		return fail(x->m, x->stream, "not-authorized",
			"this type of channel binding was not offered");
	if (!identify(x, x->scram.user, x->scram.authzid))
		return TCT_HANDLED;
	x->step = BUSY;
	tcti_stream_hold(x->stream);
	sasl->auth->scram(sasl->provider, tcti_stream_scope(x->m, x->stream),
		tct_jid_node(x->user), x->scram.hash, got_keys, x);
	return TCT_HANDLED;
}

/* ---- PLAIN ---- */

static void verified(struct tct_scope *scope, int status, void *data)
{
	struct exchange *x = data;
	struct tct_stream *s = x->stream;

	if (status == TCT_OK)
		succeed(x, NULL);
	else if (status == TCT_EPERM)
		fail(x->m, s, "not-authorized", NULL);
	else if (status == TCT_EBUSY)
		fail(x->m, s, "account-disabled", NULL);
	else
		fail(x->m, s, "temporary-auth-failure", NULL);
	tcti_stream_release(s);
}

static enum tct_verdict plain_step(struct exchange *x, const char *msg, size_t len)
{
	struct sasl *sasl = tct_mod_data(x->m);
	struct sasl_plain p;

	if (!sasl_plain(msg, len, &p))
		return fail(x->m, x->stream, "malformed-request", NULL);
	if (!identify(x, p.user, p.authzid))
		return TCT_HANDLED;
	x->step = BUSY;
	tcti_stream_hold(x->stream);
	sasl->auth->verify(sasl->provider, tcti_stream_scope(x->m, x->stream),
		tct_jid_node(x->user), p.password, verified, x);
	return TCT_HANDLED;
}

/* ---- the peer's elements ---- */

/* `text` is what <auth/> or <response/> holds. */
static enum tct_verdict step(struct exchange *x, const char *text, bool initial)
{
	char bytes[SASL_BYTES_MAX + 1];
	enum tct_verdict verdict;
	size_t len;

	switch (sasl_content(text, bytes, &len)) {
	case SASL_NOT_BASE64:
		return fail(x->m, x->stream, "incorrect-encoding", NULL);
	case SASL_TOO_LONG:
		return fail(x->m, x->stream, "malformed-request", NULL);
	case SASL_ABSENT:
		if (initial) { /* RFC 6120 6.4.2: an empty challenge asks for it */
			send_bytes(x->stream, "challenge", NULL);
			return TCT_HANDLED;
		}
		break;
	case SASL_BYTES:
		break;
	}
	bytes[len] = '\0';
	verdict = x->mech == SASL_PLAIN ? plain_step(x, bytes, len) : scram_step(x, bytes, len);
	gnutls_memset(bytes, 0, sizeof bytes);
	return verdict;
}

/* Why a mechanism that was not offered is refused (RFC 6120 6.5). */
static const char *not_offered(struct tct_mod *m, struct tct_stream *s, int mech)
{
	struct sasl_policy p;

	policy_of(m, s, &p);
	if (!p.secured && p.required)
		return "encryption-required";
	if (mech < 0)
		return "invalid-mechanism";
	if (sasl_listed(p.disabled, sasl_mech_name(mech)))
		return "mechanism-too-weak";
	p.secured = true;
	return !tcti_stream_secured(s) && (sasl_offer(&p) & 1u << mech) != 0 ?
		"encryption-required" : "invalid-mechanism";
}

static enum tct_verdict on_auth(struct tct_mod *m, struct tct_stream *s, const struct tct_elem *e)
{
	int mech = sasl_mech_find(tct_attr(e, "mechanism"));
	struct sasl_stream *ss;
	struct exchange *x;

	if (tcti_stream_kind(s) != TCTI_STREAM_C2S || tcti_stream_user(s) != NULL)
		return TCT_CONTINUE;
	ss = tcti_stream_data(m, s);
	if (ss->exchange != NULL)
		return fail(m, s, "malformed-request", "another exchange was not finished");
	x = calloc(1, sizeof *x);
	if (x == NULL)
		return fail(m, s, "temporary-auth-failure", NULL);
	ss->exchange = x;
	x->m = m;
	x->stream = s;
	x->mech = mech;
	if (mech < 0 || (ss->offered & 1u << mech) == 0)
		return fail(m, s, not_offered(m, s, mech), NULL);
	scram_init(&x->scram, sasl_mech_hash(mech), sasl_mech_plus(mech),
		(ss->offered & ((1u << SASL_PLUS_MECHS) - 1)) != 0);
	return step(x, tct_elem_text(e), true);
}

static enum tct_verdict on_response(struct tct_mod *m, struct tct_stream *s,
	const struct tct_elem *e)
{
	struct sasl_stream *ss;

	if (tcti_stream_kind(s) != TCTI_STREAM_C2S || tcti_stream_user(s) != NULL)
		return TCT_CONTINUE;
	ss = tcti_stream_data(m, s);
	if (ss->exchange == NULL)
		return fail(m, s, "malformed-request", "no exchange is open");
	return step(ss->exchange, tct_elem_text(e), false);
}

static enum tct_verdict on_abort(struct tct_mod *m, struct tct_stream *s, const struct tct_elem *e)
{
	if (tcti_stream_kind(s) != TCTI_STREAM_C2S || tcti_stream_user(s) != NULL)
		return TCT_CONTINUE;
	return fail(m, s, "aborted", NULL);
}

static int load(struct tct_mod *m, struct tct_error *err)
{
	struct sasl *sasl = tct_mod_data(m);

	sasl->auth = tct_service(m, "auth", &sasl->provider);
	if (sasl->auth == NULL)
		return tct_error_set(err, TCT_ENOENT,
			"no module of this host keeps accounts (add \"auth_internal_hashed\")");
	tcti_on_features(m, TCT_PRIO_HANDLE, on_features);
	tcti_on_nonza(m, NS_SASL, "auth", on_auth);
	tcti_on_nonza(m, NS_SASL, "response", on_response);
	tcti_on_nonza(m, NS_SASL, "abort", on_abort);
	return TCT_OK;
}

TCT_MODULE_FLAGS(saslauth, TCT_INTERNAL,
	.version = TCT_SERVER_VERSION,
	.summary = "SASL of RFC 6120: SCRAM and PLAIN",
	.depends = TCT_DEPENDS("@auth"),
	.options = options,
	.config_size = sizeof(struct sasl_config),
	.data_size = sizeof(struct sasl),
	.stream_size = sizeof(struct sasl_stream),
	.load = load,
	.stream_end = stream_end,
);

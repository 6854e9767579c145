/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* engine.c - the service "sasl": what is offered to a stream, one exchange at a time, its end
 * in success or in the exact failure of RFC 6120 6.5, limits and log lines. Knows no element of
 * a profile; the mechanisms are in mechs.c. */
#include "modules/mod_saslauth/engine.h"

#include <gnutls/gnutls.h>
#include <stdlib.h>
#include <string.h>

#define NS_CB "urn:xmpp:sasl-cb:0"
/* RFC 6120 6.4.5: two to five tries. Five, for there are clients that try each -PLUS mechanism
 * with a binding that TLS 1.3 does not have before they come to one without. */
#define ATTEMPTS_MAX 5

void exchange_end(struct sasl_stream *ss)
{
	struct exchange *x = ss->exchange;

	if (x == NULL)
		return;
	ss->exchange = NULL;
	scram_fini(&x->scram);
	tct_jid_unref(x->user);
	if (x->later != NULL)
		gnutls_memset(x->later, 0, x->later_len);
	free(x->later);
	gnutls_memset(x, 0, sizeof *x);
	free(x);
}

/* ---- what is offered ---- */

static int read_binding(struct tct_mod *m, const struct tct_stream *s, int i, void *out, size_t *len)
{
	static const char *const hashes[] = { NULL, "SHA256", "SHA384", "SHA512" };
	const struct sasl_config *config = tct_mod_config(m);
	int32_t hash = config->tls_server_end_point_hash;

	if (hash == END_POINT_OFF)
		return TCT_ENOENT;
	if (i == 1 && hash != END_POINT_AUTO)
		return tcti_stream_end_point(s, hashes[hash], out, len);
	return tcti_stream_binding(s, sasl_bindings[i], out, len);
}

static uint8_t find_bindings(struct tct_mod *m, const struct tct_stream *s)
{
	uint8_t bits = 0;

	for (int i = 0; i < SASL_BINDINGS; i++) {
		uint8_t data[SCRAM_BINDING_MAX];
		size_t len = sizeof data;

		if (tcti_stream_secured(s) && read_binding(m, s, i, data, &len) == TCT_OK)
			bits |= (uint8_t)(1u << i);
		gnutls_memset(data, 0, sizeof data);
	}
	return bits;
}

int engine_binding(struct tct_mod *m, struct tct_stream *s, const char *type, void *out, size_t *len)
{
	const struct sasl_stream *ss = tcti_stream_data(m, s);

	for (int i = 0; i < SASL_BINDINGS; i++) {
		if (strcmp(sasl_bindings[i], type) == 0 && (ss->bindings & 1u << i) != 0)
			return read_binding(m, s, i, out, len);
	}
	return TCT_ENOENT;
}

static void policy_of(struct tct_mod *m, struct tct_stream *s, uint32_t hashes,
	struct sasl_policy *p)
{
	const struct sasl_config *config = tct_mod_config(m);
	const struct sasl *sasl = tct_mod_data(m);

	p->secured = tcti_stream_secured(s);
	p->required = tcti_stream_encryption_required(s);
	p->bindings = false;
	p->plain = config->plain && TCT_AUTH_HAS(sasl->auth, verify);
	p->plain_in_clear = config->allow_unencrypted_plain_auth && tcti_stream_loopback(s);
	p->external = p->secured && external_possible(m, s);
	p->anonymous = TCT_AUTH_HAS(sasl->auth, anonymous);
	p->hashes = TCT_AUTH_HAS(sasl->auth, scram) ? hashes : 0;
	p->disabled = config->disable_sasl_mechanisms;
	p->insecure = config->insecure_sasl_mechanisms;
}

static bool offer(struct tct_mod *m, struct tct_stream *s, uint32_t number, uint32_t hashes,
	struct tct_elem *list)
{
	struct sasl_stream *ss = tcti_stream_data(m, s);
	struct sasl_policy p;

	policy_of(m, s, hashes, &p);
	ss->bindings = find_bindings(m, s);
	p.bindings = ss->bindings != 0;
	ss->offered[number] = sasl_offer(&p);
	for (int i = 0; i < SASL_MECHS; i++) {
		int mech = sasl_order(i);

		if (ss->offered[number] & 1u << mech)
			tct_add_text(list, "mechanism", sasl_mech_name(mech));
	}
	return ss->offered[number] != 0;
}

static void add_bindings(struct tct_mod *m, struct tct_stream *s, struct tct_elem *features)
{
	struct sasl_stream *ss = tcti_stream_data(m, s);
	struct tct_elem *list;

	if (ss->bindings == 0 || tct_child(features, NS_CB, "sasl-channel-binding") != NULL)
		return;
	list = tct_add(features, NS_CB, "sasl-channel-binding");
	for (int i = 0; i < SASL_BINDINGS; i++)
		if (ss->bindings & 1u << i)
			tct_set(tct_add(list, NULL, "channel-binding"), "type", sasl_bindings[i]);
}

static uint32_t bindings(struct tct_mod *m, struct tct_stream *s)
{
	const struct sasl_stream *ss = tcti_stream_data(m, s);

	return ss->bindings;
}

/* ---- limits and the log ---- */

static void limits_of(struct tct_mod *m, struct limits_config *out)
{
	const struct sasl_config *config = tct_mod_config(m);

	out->per_account = config->failures_per_account;
	out->per_address = config->failures_per_address;
	out->overall = config->failures_overall;
	out->delay_max = config->failure_delay_max;
}

static int64_t admit(struct tct_mod *m, struct tct_stream *s, const char *user)
{
	const struct sasl *sasl = tct_mod_data(m);
	struct limits_config config;

	limits_of(m, &config);
	return limits_admit(sasl->limits, &config, user, tcti_stream_address(s),
		tct_monotonic() * 1000);
}

static void succeeded(struct tct_mod *m, struct tct_stream *s, const char *user,
	const char *mechanism)
{
	const struct sasl *sasl = tct_mod_data(m);
	struct limits_config config;

	limits_of(m, &config);
	limits_forgive(sasl->limits, &config, user, tcti_stream_address(s),
		tct_monotonic() * 1000);
	tct_log_info(m, "'%s@%s' logged in from %s with %s", user, tct_host_name(tct_mod_host(m)),
		tcti_stream_address(s), mechanism);
}

/* One fixed line, for programs that watch logs. What the peer chose comes last, so that it
 * can stand for nothing else. */
static void note_failure(struct tct_mod *m, struct tct_stream *s, const char *user,
	const char *mechanism, const char *condition, bool unbound)
{
	struct sasl_stream *ss = tcti_stream_data(m, s);

	ss->unbound |= unbound;
	if (unbound)
		tct_log_debug(m, "%s asks for a channel binding that was not offered",
			tcti_stream_address(s));
	else
		tct_log_notice(m,
			"authentication failed: address=%s host=%s mechanism=%s condition=%s "
			"user=%.256s",
			tcti_stream_address(s), tct_host_name(tct_mod_host(m)), mechanism,
			condition, user != NULL ? user : "");
	if (++ss->failures >= ATTEMPTS_MAX)
		tcti_stream_close(s, "policy-violation", "too many failed attempts to log in");
}

static void failed(struct tct_mod *m, struct tct_stream *s, const char *user,
	const char *mechanism, const char *condition)
{
	note_failure(m, s, user, mechanism, condition, false);
}

static enum tct_verdict run_mechanism(struct exchange *x, const char *bytes, size_t len);

static void wait_over(struct tct_scope *scope, void *data)
{
	struct exchange *x = data;
	struct tct_stream *s = x->stream;
	char *msg = x->later;
	size_t len = x->later_len;

	(void)scope;
	x->later = NULL;
	run_mechanism(x, msg, len);
	gnutls_memset(msg, 0, len);
	free(msg);
	tcti_stream_release(s);
}

bool engine_waits(struct exchange *x, const char *msg, size_t len)
{
	int64_t ms;

	if (x->admitted)
		return false;
	x->admitted = true;
	ms = admit(x->m, x->stream, tct_jid_node(x->user));
	if (ms == 0)
		return false;
	x->later = malloc(len + 1);
	if (x->later == NULL)
		abort();
	memcpy(x->later, msg, len);
	x->later[len] = '\0';
	x->later_len = len;
	tcti_stream_hold(x->stream);
	tct_timer_start(tcti_stream_scope(x->m, x->stream), ms, 0, wait_over, x);
	return true;
}

/* ---- outcomes ---- */

static void no_exchange_fails(struct tct_mod *m, struct tct_stream *s,
	const struct tcti_sasl_profile *profile, struct tct_mod *user, const char *condition,
	const char *text)
{
	profile->failure(user, s, condition, text);
	failed(m, s, NULL, "unknown", condition);
}

enum tct_verdict engine_fail(struct exchange *x, const char *condition, const char *text)
{
	struct tct_mod *m = x->m, *user_mod = x->user_mod;
	struct tct_stream *s = x->stream;
	const struct tcti_sasl_profile *profile = x->profile;
	const char *mech = sasl_mech_name(x->mech);
	const char *name = x->user != NULL ? tct_jid_node(x->user) : x->scram.user;
	char *user = strdup(name != NULL ? name : "");
	bool unbound = x->unbound;

	exchange_end(tcti_stream_data(m, s));
	profile->failure(user_mod, s, condition, text);
	note_failure(m, s, user, mech, condition, unbound);
	free(user);
	return TCT_HANDLED;
}

void engine_succeed(struct exchange *x, const char *data)
{
	struct tct_mod *m = x->m, *user_mod = x->user_mod;
	struct tct_stream *s = x->stream;
	const struct tcti_sasl_profile *profile = x->profile;
	const struct tct_jid *user = tct_jid_ref(x->user);
	struct tcti_sasl_success ok = { .size = sizeof ok, .user = user };
	char encoded[BASE64_ROOM(SASL_BYTES_MAX)];

	ok.mechanism = sasl_mech_name(x->mech);
	ok.password = x->mech <= SASL_PLAIN;
	if (data != NULL) {
		base64_encode(data, strlen(data), encoded);
		ok.data = encoded;
	}
	succeeded(m, s, tct_jid_node(user), ok.mechanism);
	exchange_end(tcti_stream_data(m, s));
	profile->success(user_mod, s, &ok);
	tct_jid_unref(user);
}

void engine_challenge(struct exchange *x, const char *text)
{
	char encoded[BASE64_ROOM(SASL_BYTES_MAX)];

	if (text != NULL)
		base64_encode(text, strlen(text), encoded);
	x->profile->challenge(x->user_mod, x->stream, text != NULL ? encoded : NULL);
}

bool engine_identify(struct exchange *x, const char *user, const char *authzid)
{
	const struct tct_jid *other;
	bool same;

	x->user = tct_jid_make(user, tct_host_name(tct_mod_host(x->m)), NULL);
	if (x->user == NULL) {
		engine_fail(x, "not-authorized", NULL);
		return false;
	}
	if (authzid == NULL)
		return true;
	other = tct_jid_new(authzid);
	same = other != NULL && tct_jid_equal(other, x->user);
	tct_jid_unref(other);
	if (!same)
		engine_fail(x, "invalid-authzid", NULL);
	return same;
}

/* ---- the peer's messages ---- */

static enum tct_verdict run_mechanism(struct exchange *x, const char *bytes, size_t len)
{
	switch (x->mech) {
	case SASL_PLAIN:
		return mech_plain(x, bytes, len);
	case SASL_EXTERNAL:
		return mech_external(x, bytes, len);
	case SASL_ANONYMOUS:
		return mech_anonymous(x, bytes, len);
	default:
		return mech_scram(x, bytes, len);
	}
}

/* `text` is what <auth/> or <response/> holds; NULL: there is none. */
static void step(struct exchange *x, const char *text, bool initial)
{
	char bytes[SASL_BYTES_MAX + 1];
	size_t len;

	switch (sasl_content(text, bytes, &len)) {
	case SASL_NOT_BASE64:
		engine_fail(x, "incorrect-encoding", NULL);
		return;
	case SASL_TOO_LONG:
		engine_fail(x, "malformed-request", NULL);
		return;
	case SASL_ABSENT:
		/* RFC 6120 6.4.2: an empty challenge asks for it. ANONYMOUS goes on without
		 * (XEP-0175 section 4). */
		if (initial && x->mech != SASL_ANONYMOUS) {
			engine_challenge(x, NULL);
			return;
		}
		break;
	case SASL_BYTES:
		break;
	}
	bytes[len] = '\0';
	run_mechanism(x, bytes, len);
	gnutls_memset(bytes, 0, sizeof bytes);
}

/* Why a mechanism that was not offered is refused (RFC 6120 6.5). */
static const char *not_offered(struct tct_mod *m, struct tct_stream *s, int mech)
{
	const struct sasl *sasl = tct_mod_data(m);
	struct sasl_policy p;

	policy_of(m, s, sasl->auth->hashes(sasl->provider), &p);
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

/* A client that says `y` believes that we cannot bind: somebody took -PLUS out of what we
 * offered (RFC 5802 6). One that has tried -PLUS on this stream has seen it there, and says `y`
 * only because it has no binding of ours: so do those that know tls-unique alone, under TLS 1.3,
 * slixmpp 1.8 for one. */
static bool knows_plus(struct tct_mod *m, const struct sasl_stream *ss)
{
	const struct sasl_config *config = tct_mod_config(m);

	return ss->unbound && !config->strict_channel_binding;
}

static void begin(struct tct_mod *m, struct tct_stream *s,
	const struct tcti_sasl_profile *profile, struct tct_mod *user, const char *mechanism,
	const char *initial)
{
	struct sasl_stream *ss = tcti_stream_data(m, s);
	uint32_t offered = ss->offered[profile->number];
	struct exchange *x;

	if (ss->exchange != NULL) {
		engine_fail(ss->exchange, "malformed-request", "another exchange was not finished");
		return;
	}
	x = calloc(1, sizeof *x);
	if (x == NULL)
		abort();
	ss->exchange = x;
	x->m = m;
	x->stream = s;
	x->profile = profile;
	x->user_mod = user;
	x->mech = sasl_mech_find(mechanism);
	if (x->mech < 0 || (offered & 1u << x->mech) == 0) {
		engine_fail(x, not_offered(m, s, x->mech), NULL);
		return;
	}
	scram_init(&x->scram, sasl_mech_hash(x->mech), sasl_mech_plus(x->mech),
		(offered & ((1u << SASL_PLUS_MECHS) - 1)) != 0 && !knows_plus(m, ss));
	step(x, initial, true);
}

static void respond(struct tct_mod *m, struct tct_stream *s,
	const struct tcti_sasl_profile *profile, struct tct_mod *user, const char *data)
{
	struct sasl_stream *ss = tcti_stream_data(m, s);

	if (ss->exchange == NULL)
		no_exchange_fails(m, s, profile, user, "malformed-request", "no exchange is open");
	else if (ss->exchange->profile != profile)
		engine_fail(ss->exchange, "malformed-request", "another profile was begun");
	else
		step(ss->exchange, data, false);
}

static void abort_exchange(struct tct_mod *m, struct tct_stream *s,
	const struct tcti_sasl_profile *profile, struct tct_mod *user)
{
	struct sasl_stream *ss = tcti_stream_data(m, s);

	if (ss->exchange == NULL)
		no_exchange_fails(m, s, profile, user, "aborted", NULL);
	else
		engine_fail(ss->exchange, "aborted", NULL);
}

const struct tcti_sasl_ops engine_ops = {
	.size = sizeof(struct tcti_sasl_ops),
	.offer = offer,
	.add_bindings = add_bindings,
	.begin = begin,
	.respond = respond,
	.abort = abort_exchange,
	.binding = engine_binding,
	.bindings = bindings,
	.admit = admit,
	.succeeded = succeeded,
	.failed = failed,
};

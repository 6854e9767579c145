/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* mechs.c - the mechanisms as the engine runs them: SCRAM (the proofs are in scram.c), PLAIN,
 * EXTERNAL with the certificate of the TLS session (XEP-0178), ANONYMOUS (RFC 4505). */
#include "modules/mod_saslauth/engine.h"

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <stdio.h>
#include <string.h>

/* ---- SCRAM ---- */

static enum tct_verdict scram_failed(struct exchange *x, enum scram_result r)
{
	switch (r) {
	case SCRAM_MALFORMED:
		return engine_fail(x, "malformed-request", NULL);
	case SCRAM_BINDING:
		return engine_fail(x, "not-authorized",
			"the channel binding flag does not fit what was offered");
	case SCRAM_DISABLED:
		return engine_fail(x, "account-disabled", NULL);
	default:
		return engine_fail(x, "not-authorized", NULL);
	}
}

/* XEP-0474: a hash of what this stream was offered, by the hash of the mechanism; XEP-0515: the
 * version of TLS. Who has changed either on the way is found out: the proofs are over them. */
static void downgrade_protection(struct exchange *x, char *out, size_t room)
{
	static const gnutls_digest_algorithm_t digests[] = { GNUTLS_DIG_SHA1, GNUTLS_DIG_SHA256,
		GNUTLS_DIG_SHA512 };
	const struct sasl_config *config = tct_mod_config(x->m);
	const struct sasl_stream *ss = tcti_stream_data(x->m, x->stream);
	char text[SASL_OFFER_TEXT], encoded[BASE64_ROOM(64)];
	uint32_t version = tcti_stream_tls_version(x->stream);
	uint8_t digest[64];
	size_t len;

	*out = '\0';
	if (!config->downgrade_protection)
		return;
	len = sasl_offer_text(ss->offered[x->profile->number], ss->bindings, text);
	if (gnutls_hash_fast(digests[x->scram.hash], text, len, digest) < 0)
		return;
	base64_encode(digest, scram_key_len(x->scram.hash), encoded);
	if (version != 0)
		snprintf(out, room, ",h=%s,t=%04x", encoded, (unsigned)version);
	else
		snprintf(out, room, ",h=%s", encoded);
}

static void got_keys(struct tct_scope *scope, int status, const struct tct_scram *keys,
	void *data)
{
	struct exchange *x = data;
	struct tct_stream *s = x->stream;
	char nonce[SCRAM_NONCE_LEN + 1], more[SCRAM_MORE_MAX + 1];

	(void)scope;
	if (status != TCT_OK) {
		engine_fail(x, "temporary-auth-failure", NULL);
	} else {
		tct_random_id(nonce, SCRAM_NONCE_LEN);
		downgrade_protection(x, more, sizeof more);
		x->step = EXPECT_FINAL;
		engine_challenge(x, scram_challenge(&x->scram, keys, nonce, more));
	}
	tcti_stream_release(s);
}

/* -PLUS: the type must be one that was advertised. */
static bool bind_channel(struct exchange *x)
{
	uint8_t data[SCRAM_BINDING_MAX];
	size_t len = sizeof data;

	if (x->scram.binding == NULL)
		return true;
	if (engine_binding(x->m, x->stream, x->scram.binding, data, &len) != TCT_OK)
		return false;
	scram_set_binding(&x->scram, data, len);
	gnutls_memset(data, 0, sizeof data);
	return true;
}

static enum tct_verdict scram_finish(struct exchange *x, const char *msg, size_t len)
{
	enum scram_result r;

	if (engine_waits(x, msg, len))
		return TCT_HANDLED;
	r = scram_final(&x->scram, msg, len);
	if (r != SCRAM_OK)
		return scram_failed(x, r);
	engine_succeed(x, scram_success(&x->scram));
	return TCT_HANDLED;
}

enum tct_verdict mech_scram(struct exchange *x, const char *msg, size_t len)
{
	struct sasl *sasl = tct_mod_data(x->m);
	enum scram_result r;

	if (x->step == EXPECT_FINAL)
		return scram_finish(x, msg, len);
	r = scram_first(&x->scram, msg, len);
	if (r != SCRAM_OK)
		return scram_failed(x, r);
	if (!bind_channel(x)) {
		x->unbound = true;
		return engine_fail(x, "not-authorized",
			"this type of channel binding was not offered");
	}
	if (!engine_identify(x, x->scram.user, x->scram.authzid))
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

	(void)scope;
	if (status == TCT_OK)
		engine_succeed(x, NULL);
	else if (status == TCT_EPERM)
		engine_fail(x, "not-authorized", NULL);
	else if (status == TCT_EBUSY)
		engine_fail(x, "account-disabled", NULL);
	else
		engine_fail(x, "temporary-auth-failure", NULL);
	tcti_stream_release(s);
}

enum tct_verdict mech_plain(struct exchange *x, const char *msg, size_t len)
{
	struct sasl *sasl = tct_mod_data(x->m);
	struct sasl_plain p;

	if (!sasl_plain(msg, len, &p))
		return engine_fail(x, "malformed-request", NULL);
	if (x->user == NULL && !engine_identify(x, p.user, p.authzid))
		return TCT_HANDLED;
	if (engine_waits(x, msg, len))
		return TCT_HANDLED;
	x->step = BUSY;
	tcti_stream_hold(x->stream);
	sasl->auth->verify(sasl->provider, tcti_stream_scope(x->m, x->stream),
		tct_jid_node(x->user), p.password, verified, x);
	return TCT_HANDLED;
}

/* ---- EXTERNAL (XEP-0178 section 2) ---- */

/* The addresses of a certificate on this host. */
struct addresses {
	struct tct_mod *m;
	const struct tct_jid *wanted; /* NULL: any */
	const struct tct_jid *found;  /* the first; counted */
	size_t count;                 /* different ones */
};

static void look_at_address(const char *address, void *data)
{
	struct addresses *a = data;
	const struct tct_jid *jid = tct_jid_new(address);

	if (jid == NULL || tct_jid_node(jid) == NULL || tct_jid_resource(jid) != NULL ||
		strcmp(tct_jid_domain(jid), tct_host_name(tct_mod_host(a->m))) != 0 ||
		(a->wanted != NULL && !tct_jid_equal(jid, a->wanted)) ||
		tct_jid_equal(jid, a->found)) {
		tct_jid_unref(jid);
		return;
	}
	a->count++;
	if (a->found == NULL)
		a->found = tct_jid_ref(jid);
	tct_jid_unref(jid);
}

static void find_addresses(struct addresses *a, struct tct_mod *m, struct tct_stream *s,
	const struct tct_jid *wanted)
{
	memset(a, 0, sizeof *a);
	a->m = m;
	a->wanted = wanted;
	if (tcti_stream_peer(s, NULL) == TCTI_PEER_TRUSTED)
		tcti_stream_peer_addresses(s, look_at_address, a);
}

bool external_possible(struct tct_mod *m, struct tct_stream *s)
{
	struct addresses a;

	find_addresses(&a, m, s, NULL);
	tct_jid_unref(a.found);
	return a.count > 0;
}

/* The certificate was for that address: is there such an account, and may it log in? */
static void external_loaded(struct tct_scope *scope, struct tct_entity *e, int status, void *data)
{
	struct exchange *x = data;
	struct sasl *sasl = tct_mod_data(x->m);
	struct tct_stream *s = x->stream;

	(void)scope;
	if (status != TCT_OK)
		engine_fail(x, "temporary-auth-failure", NULL);
	else if (!sasl->auth->exists(sasl->provider, e))
		engine_fail(x, "not-authorized", NULL);
	else if (TCT_AUTH_HAS(sasl->auth, disabled) && sasl->auth->disabled(sasl->provider, e))
		engine_fail(x, "account-disabled", NULL);
	else
		engine_succeed(x, NULL);
	tcti_stream_release(s);
}

enum tct_verdict mech_external(struct exchange *x, const char *msg, size_t len)
{
	const struct tct_jid *wanted = NULL;
	struct addresses a;

	if (memchr(msg, '\0', len) != NULL)
		return engine_fail(x, "malformed-request", NULL);
	if (len > 0 && (wanted = tct_jid_new(msg)) == NULL)
		return engine_fail(x, "invalid-authzid", NULL);
	find_addresses(&a, x->m, x->stream, wanted);
	tct_jid_unref(wanted);
	/* Several addresses and none chosen, or one chosen that is not among them. */
	if (a.count != 1) {
		tct_jid_unref(a.found);
		return engine_fail(x, "invalid-authzid", NULL);
	}
	x->user = a.found;
	x->step = BUSY;
	tcti_stream_hold(x->stream);
	tct_entity_load(tcti_stream_scope(x->m, x->stream), tct_mod_host(x->m),
		tct_jid_node(x->user), external_loaded, x);
	return TCT_HANDLED;
}

/* ---- ANONYMOUS ---- */

static void got_account(struct tct_scope *scope, int status, const char *user, void *data)
{
	struct exchange *x = data;
	struct tct_stream *s = x->stream;

	(void)scope;
	if (status != TCT_OK)
		engine_fail(x, "temporary-auth-failure", NULL);
	else if (engine_identify(x, user, NULL))
		engine_succeed(x, NULL);
	tcti_stream_release(s);
}

enum tct_verdict mech_anonymous(struct exchange *x, const char *msg, size_t len)
{
	struct sasl *sasl = tct_mod_data(x->m);

	(void)msg; /* "trace information", which nobody needs */
	(void)len;
	x->step = BUSY;
	tcti_stream_hold(x->stream);
	sasl->auth->anonymous(sasl->provider, tcti_stream_scope(x->m, x->stream), got_account, x);
	return TCT_HANDLED;
}

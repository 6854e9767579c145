/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* mod_sasl2 - the extensible SASL profile (XEP-0388), and what can be asked for in the same
 * step: resumption (XEP-0198), Bind 2 (XEP-0386), tokens (XEP-0484), upgrades of keys
 * (XEP-0480), and pipelining that is safe (XEP-0509). This file owns features, <authenticate/>
 * and failures; the mechanisms are mod_saslauth's. */
#include "modules/mod_sasl2/sasl2.h"

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tercet/module.h>

static const struct tct_option options[] = {
	TCT_OPT_BOOL(struct sasl2_config, fast, .def = "true",
		.doc = "Give clients tokens with which they log in later without the password "
		       "(FAST, XEP-0484)."),
	TCT_OPT_PERIOD(struct sasl2_config, fast_token_lifetime, .def = "21 days", .min = "1 hour",
		.max = "365 days",
		.doc = "A token that was not used that long opens nothing any more."),
	TCT_OPT_PERIOD(struct sasl2_config, fast_token_rotation, .def = "1 day", .min = "0 s",
		.max = "365 days",
		.doc = "A client whose token is older gets a new one when it logs in."),
	TCT_OPT_PERIOD(struct sasl2_config, devices_forgotten_after, .def = "90 days",
		.min = "1 day", .max = "3650 days",
		.doc = "How long a device is listed that does not come any more."),
	TCT_OPT_INT(struct sasl2_config, devices_per_account, .def = "50", .min = "1",
		.max = "1000",
		.doc = "Devices that are known of an account; with one more the one that came "
		       "last the longest ago is forgotten, and its tokens with it."),
	TCT_OPT_END
};

/* ---- features ---- */

static uint32_t hashes_for(const struct sasl2 *sasl2, struct tct_stream *s)
{
	const struct tct_jid *from = tcti_stream_from(s);
	struct tct_entity *e = NULL;

	if (from != NULL && tct_jid_node(from) != NULL &&
		strcmp(tct_jid_domain(from), tct_host_name(tcti_stream_host(s))) == 0)
		e = tct_entity_find(tcti_stream_host(s), tct_jid_node(from));
	return e != NULL && TCT_AUTH_HAS(sasl2->auth, hashes_of) ?
		sasl2->auth->hashes_of(sasl2->auth_mod, e) :
		sasl2->auth->hashes(sasl2->auth_mod);
}

static void add_inline(struct flow *f, struct tct_elem *authentication)
{
	const struct sasl2 *sasl2 = tct_mod_data(f->m);
	struct tct_elem *list = tct_add(authentication, NULL, "inline"), *bind, *features;

	bind = tct_add(list, NS_BIND2, "bind");
	features = tct_add(bind, NULL, "inline");
	if (!tcti_inline_announce(f->stream, features))
		tct_elem_remove(features);
	if (sasl2->resumption != NULL)
		tct_add(list, NS_SM, "sm");
	if (fast_wanted(f->m))
		fast_advertise(f, list);
}

static enum tct_verdict on_features(struct tct_mod *m, struct tct_stream *s,
	struct tct_elem *features)
{
	const struct sasl2 *sasl2 = tct_mod_data(m);
	struct tct_elem *authentication;
	struct flow *f;
	uint32_t hashes;

	/* Only inside TLS (XEP-0388 5). */
	if (tcti_stream_kind(s) != TCTI_STREAM_C2S || tcti_stream_user(s) != NULL ||
		!tcti_stream_secured(s))
		return TCT_CONTINUE;
	f = tcti_stream_data(m, s);
	f->m = m;
	f->stream = s;
	hashes = hashes_for(sasl2, s);
	authentication = tct_add(features, NS_SASL2, "authentication");
	if (!sasl2->sasl->offer(sasl2->sasl_mod, s, TCTI_SASL2, hashes, authentication)) {
		tct_elem_remove(authentication);
		return TCT_CONTINUE;
	}
	add_inline(f, authentication);
	tasks_advertise(m, s, hashes, authentication);
	sasl2->sasl->add_bindings(sasl2->sasl_mod, s, features);
	return TCT_CONTINUE;
}

/* XEP-0509: last of all, over everything that was said before. */
static enum tct_verdict add_version(struct tct_mod *m, struct tct_stream *s,
	struct tct_elem *features)
{
	struct flow *f;
	struct tct_value rendered;
	unsigned char digest[32];
	gnutls_datum_t raw = { digest, sizeof digest }, text = { 0 };
	struct tct_elem *e;

	if (tct_child(features, NS_SASL2, "authentication") == NULL)
		return TCT_CONTINUE;
	f = tcti_stream_data(m, s);
	rendered = tct_xml(features);
	if (gnutls_hash_fast(GNUTLS_DIG_SHA256, rendered.bytes.data, rendered.bytes.len, digest) <
			0 ||
		gnutls_base64_encode2(&raw, &text) < 0)
		return TCT_CONTINUE;
	snprintf(f->iap, sizeof f->iap, "%.*s", (int)text.size, (char *)text.data);
	gnutls_free(text.data);
	e = tct_add(features, NS_IAP, "config-version");
	tct_set(e, "scheme", "opaque");
	tct_set(e, "value", f->iap);
	return TCT_CONTINUE;
}

/* ---- the life of a flow ---- */

void flow_reset(struct flow *f)
{
	tct_jid_unref(f->user);
	f->user = NULL;
	tct_stanza_unref(f->held);
	f->held = NULL;
	f->request = NULL;
	tct_stanza_unref(f->holder);
	f->holder = NULL;
	f->success = NULL;
	free(f->data);
	f->data = NULL;
	gnutls_memset(f->token, 0, sizeof f->token);
	gnutls_memset(&f->params, 0, sizeof f->params);
	f->step = FLOW_NONE;
	f->tasks = f->task = 0;
	f->ht = -1;
	f->invalidate = f->used_new = f->password = false;
	f->device[0] = '\0';
}

static void stream_end(struct tct_mod *m, void *data)
{
	(void)m;
	flow_reset(data);
}

static void send_failure(struct tct_stream *s, const char *condition, const char *text,
	bool mismatch)
{
	struct tct_elem *e = tcti_nonza_new(NS_SASL2, "failure");

	tct_add(e, NS_SASL, condition);
	if (mismatch)
		tct_add(e, NS_IAP, "config-version-mismatch");
	if (text != NULL)
		tct_add_text(e, "text", text);
	tcti_stream_send(s, e);
}

/* Of what is not the engine's: counted and logged as its own. */
enum tct_verdict flow_fail(struct flow *f, const char *condition, const char *text)
{
	const struct sasl2 *sasl2 = tct_mod_data(f->m);
	const struct tct_jid *user = tct_jid_ref(f->user);
	const char *mech = f->ht >= 0 ? ht_names[f->ht] : "unknown";

	flow_reset(f);
	send_failure(f->stream, condition, text, false);
	sasl2->sasl->failed(sasl2->sasl_mod, f->stream,
		user != NULL ? tct_jid_node(user) : NULL, mech, condition);
	tct_jid_unref(user);
	return TCT_HANDLED;
}

/* ---- the profile ---- */

static void on_challenge(struct tct_mod *m, struct tct_stream *s, const char *data)
{
	struct tct_elem *e = tcti_nonza_new(NS_SASL2, "challenge");

	(void)m;
	if (data != NULL)
		tct_text(e, data);
	tcti_stream_send(s, e);
}

static void on_failure(struct tct_mod *m, struct tct_stream *s, const char *condition,
	const char *text)
{
	flow_reset(tcti_stream_data(m, s));
	send_failure(s, condition, text, false);
}

static void on_success(struct tct_mod *m, struct tct_stream *s,
	const struct tcti_sasl_success *ok)
{
	struct flow *f = tcti_stream_data(m, s);

	f->user = tct_jid_ref(ok->user);
	f->password = ok->password;
	f->data = ok->data != NULL ? strdup(ok->data) : NULL;
	flow_authenticated(f);
}

void flow_authenticated(struct flow *f)
{
	const struct tct_jid *from = tcti_stream_from(f->stream);

	/* Who the client said it was decided what it was offered. */
	if (from != NULL && !tct_jid_equal_bare(from, f->user)) {
		flow_fail(f, "invalid-authzid", "the stream is from somebody else");
		return;
	}
	f->tasks = tasks_wanted(f);
	if (!tasks_next(f))
		flow_finish(f);
}

static const struct tcti_sasl_profile profile = {
	.size = sizeof(struct tcti_sasl_profile),
	.number = TCTI_SASL2,
	.challenge = on_challenge,
	.success = on_success,
	.failure = on_failure,
};

/* ---- the peer's elements ---- */

static bool mine(const struct tct_stream *s)
{
	return tcti_stream_kind(s) == TCTI_STREAM_C2S && tcti_stream_user(s) == NULL;
}

/* What follows concerns the request as it came: a copy that lives as long as the flow. */
static void hold_request(struct flow *f, const struct tct_elem *e)
{
	const char *agent = tct_attr(tct_child(e, NS_SASL2, "user-agent"), "id");

	f->held = tct_message_new(NULL, NULL, NULL);
	f->request = tct_add_copy(tct_stanza_root(f->held), e);
	if (agent != NULL && !device_id(agent, f->device))
		f->device[0] = '\0';
}

static bool version_fits(const struct flow *f, const struct tct_elem *e)
{
	const struct tct_elem *version = tct_child(e, NS_IAP, "config-version");
	const char *value = tct_attr(version, "value");

	return version == NULL || (value != NULL && strcmp(value, f->iap) == 0);
}

static void begin_fast(struct flow *f, int ht, const char *initial)
{
	gnutls_datum_t text = { (unsigned char *)initial, initial != NULL ? (unsigned)strlen(initial) : 0 };
	gnutls_datum_t bytes = { 0 };

	f->ht = ht;
	if (initial == NULL || gnutls_base64_decode2(&text, &bytes) < 0) {
		flow_fail(f, initial == NULL ? "malformed-request" : "incorrect-encoding", NULL);
		return;
	}
	fast_begin(f, ht, (const char *)bytes.data, bytes.size);
	gnutls_memset(bytes.data, 0, bytes.size);
	gnutls_free(bytes.data);
}

static enum tct_verdict on_authenticate(struct tct_mod *m, struct tct_stream *s,
	const struct tct_elem *e)
{
	const struct sasl2 *sasl2 = tct_mod_data(m);
	const char *initial = tct_child_text(e, NS_SASL2, "initial-response");
	int ht = ht_find(tct_attr(e, "mechanism"));
	struct flow *f;

	if (!mine(s))
		return TCT_CONTINUE; /* once is enough (XEP-0388 6.9) */
	f = tcti_stream_data(m, s);
	f->m = m;
	f->stream = s;
	if (!tcti_stream_secured(s))
		return flow_fail(f, "encryption-required", NULL);
	if (f->step > FLOW_SASL)
		return TCT_CONTINUE;
	if (!version_fits(f, e)) {
		/* Without prejudice: it is no failed login (XEP-0509 2.2). */
		send_failure(s, "aborted", "the configuration has changed", true);
		return TCT_HANDLED;
	}
	flow_reset(f);
	f->step = FLOW_SASL;
	hold_request(f, e);
	if (ht >= 0 && (f->ht_offered & 1u << ht) != 0) {
		begin_fast(f, ht, initial);
		return TCT_HANDLED;
	}
	sasl2->sasl->begin(sasl2->sasl_mod, s, &profile, m, tct_attr(e, "mechanism"),
		initial != NULL && *initial == '\0' ? "=" : initial);
	return TCT_HANDLED;
}

static enum tct_verdict on_response(struct tct_mod *m, struct tct_stream *s,
	const struct tct_elem *e)
{
	const struct sasl2 *sasl2 = tct_mod_data(m);

	if (!mine(s))
		return TCT_CONTINUE;
	sasl2->sasl->respond(sasl2->sasl_mod, s, &profile, m, tct_elem_text(e));
	return TCT_HANDLED;
}

static enum tct_verdict on_abort(struct tct_mod *m, struct tct_stream *s, const struct tct_elem *e)
{
	const struct sasl2 *sasl2 = tct_mod_data(m);
	struct flow *f;

	(void)e;
	if (!mine(s))
		return TCT_CONTINUE;
	f = tcti_stream_data(m, s);
	f->m = m;
	f->stream = s;
	if (f->step > FLOW_SASL)
		return flow_fail(f, "aborted", NULL);
	sasl2->sasl->abort(sasl2->sasl_mod, s, &profile, m);
	return TCT_HANDLED;
}

/* ---- instance ---- */

static int read_secret(struct tct_mod *m, struct tct_error *err)
{
	struct sasl2 *sasl2 = tct_mod_data(m);
	struct tct_value v;
	struct tct_txn *txn;
	int status = tct_kv_get_wait(sasl2->devices, "", "secret", &v);

	if (status == TCT_OK && v.kind == TCT_VALUE_BYTES && v.bytes.len == SECRET_LEN) {
		memcpy(sasl2->secret, v.bytes.data, SECRET_LEN);
		return TCT_OK;
	}
	if (status != TCT_OK && status != TCT_ENOENT)
		return tct_error_set(err, status, "cannot read the store of devices");
	tct_random(sasl2->secret, SECRET_LEN);
	txn = tct_txn_new(m);
	tct_kv_put(txn, sasl2->devices, "", "secret", tct_bytes(sasl2->secret, SECRET_LEN));
	tct_txn_submit(NULL, txn, NULL, NULL);
	return TCT_OK;
}

static int load(struct tct_mod *m, struct tct_error *err)
{
	struct sasl2 *sasl2 = tct_mod_data(m);

	sasl2->auth = tct_service(m, "auth", &sasl2->auth_mod);
	sasl2->sasl = tct_service(m, "sasl", &sasl2->sasl_mod);
	sasl2->resumption = tct_service(m, "resumption", &sasl2->resumption_mod);
	if (sasl2->auth == NULL || sasl2->sasl == NULL)
		return tct_error_set(err, TCT_ENOENT, "mod_saslauth and accounts are needed");
	sasl2->devices = tct_kv_open(m, "devices", err);
	if (sasl2->devices == NULL)
		return TCT_EIO;
	tcti_on_features(m, TCT_PRIO_HANDLE + 1, on_features);
	tcti_on_features(m, TCT_PRIO_FALLBACK - 100, add_version);
	tcti_on_nonza(m, NS_SASL2, "authenticate", on_authenticate);
	tcti_on_nonza(m, NS_SASL2, "response", on_response);
	tcti_on_nonza(m, NS_SASL2, "abort", on_abort);
	tcti_on_nonza(m, NS_SASL2, "next", on_next);
	tcti_on_nonza(m, NS_SASL2, "task-data", on_task_data);
	if (devices_load(m, err) != TCT_OK)
		return TCT_EINVAL;
	return read_secret(m, err);
}

static void unload(struct tct_mod *m)
{
	struct sasl2 *sasl2 = tct_mod_data(m);

	gnutls_memset(sasl2->secret, 0, sizeof sasl2->secret);
}

TCT_MODULE_FLAGS(sasl2, TCT_INTERNAL,
	.version = TCT_SERVER_VERSION,
	.summary = "SASL2, Bind 2, FAST (XEP-0388, 0386, 0484, 0480, 0494, 0509)",
	.depends = TCT_DEPENDS("saslauth", "@auth", "@storage", "?smacks"),
	.options = options,
	.config_size = sizeof(struct sasl2_config),
	.data_size = sizeof(struct sasl2),
	.stream_size = sizeof(struct flow),
	.session_size = sizeof(struct sasl2_session),
	.preload = TCT_PRELOAD("devices"),
	.load = load,
	.unload = unload,
	.stream_end = stream_end,
);

/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* fast.c - FAST (XEP-0484) with the mechanisms HT-SHA-256-* (draft-schmaus-kitten-sasl-ht): the
 * client proves that it has a token, by an HMAC over the channel binding data; one message each
 * way. A token belongs to a device and to a mechanism. There is no early data in our TLS, so that
 * the counter of section 3.4 has nothing to protect. */
#include "modules/mod_sasl2/sasl2.h"

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <stdlib.h>
#include <string.h>

#define PROOF 32
#define BINDING_MAX 64

const char *const ht_names[HT_MECHS] = { "HT-SHA-256-EXPR", "HT-SHA-256-ENDP",
	"HT-SHA-256-UNIQ", "HT-SHA-256-NONE" };

int ht_find(const char *name)
{
	for (int i = 0; name != NULL && i < HT_MECHS; i++) {
		if (strcmp(ht_names[i], name) == 0)
			return i;
	}
	return -1;
}

bool fast_wanted(struct tct_mod *m)
{
	const struct sasl2_config *config = tct_mod_config(m);
	const struct sasl2 *sasl2 = tct_mod_data(m);

	return config->fast && !TCT_AUTH_HAS(sasl2->auth, anonymous);
}

void fast_advertise(struct flow *f, struct tct_elem *inline_)
{
	const struct sasl2 *sasl2 = tct_mod_data(f->m);
	struct tct_elem *fast = tct_add(inline_, NS_FAST, "fast");

	f->ht_offered = sasl2->sasl->bindings(sasl2->sasl_mod, f->stream) | 1u << HT_NONE;
	for (int i = 0; i < HT_MECHS; i++) {
		if (f->ht_offered & 1u << i)
			tct_add_text(fast, "mechanism", ht_names[i]);
	}
}

/* An attempt: what the client has sent. */
struct attempt {
	struct flow *flow;
	uint8_t proof[PROOF];
};

static void attempt_fini(void *block)
{
	gnutls_memset(block, 0, sizeof(struct attempt));
}

/* HMAC(token, who || channel binding); false: this connection has no such binding. */
static bool sign(const struct flow *f, const uint8_t key[32], const char *who, uint8_t out[32])
{
	static const char *const types[] = { "tls-exporter", "tls-server-end-point", "tls-unique" };
	const struct sasl2 *sasl2 = tct_mod_data(f->m);
	uint8_t text[16 + BINDING_MAX];
	size_t n = strlen(who), len = BINDING_MAX;
	bool ok = true;

	memcpy(text, who, n);
	if (f->ht == HT_NONE)
		len = 0;
	else
		ok = sasl2->sasl->binding(sasl2->sasl_mod, f->stream, types[f->ht], text + n,
			     &len) == TCT_OK;
	ok = ok && gnutls_hmac_fast(GNUTLS_MAC_SHA256, key, 32, text, n + len, out) >= 0;
	gnutls_memset(text, 0, sizeof text);
	return ok;
}

/* Both slots are looked at in any case: the same work for every name. */
static const struct token *find_token(const struct flow *f, const struct attempt *a,
	const struct device *d)
{
	const struct token *slots[] = { &d->next, &d->current }, *found = NULL;

	for (size_t i = 0; i < 2; i++) {
		uint8_t expected[32];

		if (!sign(f, slots[i]->hash, "Initiator", expected))
			continue;
		if (gnutls_memcmp(expected, a->proof, PROOF) == 0 && slots[i]->mech == f->ht &&
			found == NULL)
			found = slots[i];
		gnutls_memset(expected, 0, sizeof expected);
	}
	return found;
}

static void accept(struct flow *f, const struct token *token, const struct device *d)
{
	const struct sasl2 *sasl2 = tct_mod_data(f->m);
	const char *invalidate = tct_attr(tct_child(f->request, NS_FAST, "fast"), "invalidate");
	uint8_t answer[32];
	gnutls_datum_t raw = { answer, sizeof answer }, text = { 0 };

	f->used_new = token == &d->next;
	f->invalidate = invalidate != NULL &&
		(strcmp(invalidate, "1") == 0 || strcmp(invalidate, "true") == 0);
	if (sign(f, token->hash, "Responder", answer) && gnutls_base64_encode2(&raw, &text) >= 0)
		f->data = strndup((char *)text.data, text.size);
	gnutls_free(text.data);
	sasl2->sasl->succeeded(sasl2->sasl_mod, f->stream, tct_jid_node(f->user), ht_names[f->ht]);
	flow_authenticated(f);
}

static void judge(struct attempt *a, struct tct_entity *e)
{
	struct flow *f = a->flow;
	const struct sasl2 *sasl2 = tct_mod_data(f->m);
	const struct token *token;
	struct device d;
	bool known = device_get(f->m, e, f->device, &d);
	int64_t changed = known && TCT_AUTH_HAS(sasl2->auth, password_changed) ?
		sasl2->auth->password_changed(sasl2->auth_mod, e) : 0;

	token = find_token(f, a, &d);
	if (token == NULL || !known || !sasl2->auth->exists(sasl2->auth_mod, e))
		flow_fail(f, "not-authorized", NULL);
	else if (token->expiry < tct_now() || token->made < changed)
		flow_fail(f, "credentials-expired", NULL);
	else if (TCT_AUTH_HAS(sasl2->auth, disabled) && sasl2->auth->disabled(sasl2->auth_mod, e))
		flow_fail(f, "account-disabled", NULL);
	else
		accept(f, token, &d);
	gnutls_memset(&d, 0, sizeof d);
}

static void loaded(struct tct_scope *scope, struct tct_entity *e, int status, void *data)
{
	struct attempt *a = data;
	struct tct_stream *s = a->flow->stream;

	(void)scope;
	if (status != TCT_OK)
		flow_fail(a->flow, "temporary-auth-failure", NULL);
	else
		judge(a, e);
	tct_scope_free(a);
	tcti_stream_release(s);
}

static void waited(struct tct_scope *scope, void *data)
{
	struct attempt *a = data;

	tct_entity_load(scope, tct_mod_host(a->flow->m), tct_jid_node(a->flow->user), loaded, a);
}

void fast_begin(struct flow *f, int ht, const char *message, size_t len)
{
	const struct sasl2 *sasl2 = tct_mod_data(f->m);
	const char *end = len > PROOF ? memchr(message, '\0', len) : NULL;
	struct tct_scope *scope = tcti_stream_scope(f->m, f->stream);
	struct attempt *a;

	f->ht = ht;
	if (end == NULL || (size_t)(message + len - end - 1) != PROOF || end == message ||
		tct_child(f->request, NS_FAST, "fast") == NULL || f->device[0] == '\0') {
		flow_fail(f, "malformed-request", NULL);
		return;
	}
	f->user = tct_jid_make(message, tct_host_name(tct_mod_host(f->m)), NULL);
	if (f->user == NULL) {
		flow_fail(f, "not-authorized", NULL);
		return;
	}
	a = tct_scope_alloc(scope, sizeof *a, attempt_fini);
	a->flow = f;
	memcpy(a->proof, end + 1, PROOF);
	tcti_stream_hold(f->stream);
	tct_timer_start(scope,
		sasl2->sasl->admit(sasl2->sasl_mod, f->stream, tct_jid_node(f->user)), 0, waited, a);
}

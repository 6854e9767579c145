/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* scram.c - see scram.h. Messages are read from left to right with a cursor; nothing is
 * trusted to be terminated, and a NUL anywhere is malformed. */
#include "modules/mod_saslauth/scram.h"

#include "modules/mod_saslauth/base64.h"

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistr.h>

struct cursor {
	const char *at, *end;
};

size_t scram_key_len(uint32_t hash)
{
	return hash == TCT_SHA1 ? 20 : hash == TCT_SHA256 ? 32 : 64;
}

static gnutls_mac_algorithm_t mac_of(uint32_t hash)
{
	return hash == TCT_SHA1 ? GNUTLS_MAC_SHA1 :
		hash == TCT_SHA256 ? GNUTLS_MAC_SHA256 : GNUTLS_MAC_SHA512;
}

static gnutls_digest_algorithm_t digest_of(uint32_t hash)
{
	return hash == TCT_SHA1 ? GNUTLS_DIG_SHA1 :
		hash == TCT_SHA256 ? GNUTLS_DIG_SHA256 : GNUTLS_DIG_SHA512;
}

/* Messages are at most SCRAM_MESSAGE_MAX: no memory for that ends the process, as in core. */
static char *copy(const char *from, size_t len)
{
	char *to = malloc(len + 1);

	if (to == NULL)
		abort();
	memcpy(to, from, len);
	to[len] = '\0';
	return to;
}

static void drop(char **text)
{
	if (*text != NULL)
		gnutls_memset(*text, 0, strlen(*text));
	free(*text);
	*text = NULL;
}

void scram_init(struct scram *s, uint32_t hash, bool plus, bool plus_offered)
{
	memset(s, 0, sizeof *s);
	s->hash = hash;
	s->plus = plus;
	s->plus_offered = plus_offered;
}

void scram_fini(struct scram *s)
{
	drop(&s->user);
	drop(&s->authzid);
	drop(&s->binding);
	drop(&s->header);
	drop(&s->bare);
	drop(&s->challenge);
	drop(&s->nonce);
	gnutls_memset(s, 0, sizeof *s);
}

/* ---- reading ---- */

static bool literal(struct cursor *c, const char *text)
{
	size_t len = strlen(text);

	if ((size_t)(c->end - c->at) < len || memcmp(c->at, text, len) != 0)
		return false;
	c->at += len;
	return true;
}

/* The bytes up to the next comma or the end; the comma is not read. */
static struct cursor value(struct cursor *c)
{
	struct cursor v = { c->at, memchr(c->at, ',', (size_t)(c->end - c->at)) };

	if (v.end == NULL)
		v.end = c->end;
	c->at = v.end;
	return v;
}

/* saslname: "=2C" is a comma, "=3D" an equals sign, any other "=" is malformed. */
static char *name(struct cursor v)
{
	char *out = copy(v.at, (size_t)(v.end - v.at));
	size_t n = 0;

	while (v.at < v.end) {
		char c = *v.at++;

		if (c == '=') {
			if (literal(&v, "2C"))
				c = ',';
			else if (!literal(&v, "3D"))
				goto bad;
		}
		out[n++] = c;
	}
	out[n] = '\0';
	if (n > 0 && n <= SCRAM_NAME_MAX && u8_check((const uint8_t *)out, n) == NULL)
		return out;
bad:
	free(out);
	return NULL;
}

static bool binding_name(struct cursor v)
{
	if (v.at == v.end || v.end - v.at > 64)
		return false;
	for (; v.at < v.end; v.at++) {
		char c = *v.at;

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			    (c >= '0' && c <= '9') || c == '.' || c == '-'))
			return false;
	}
	return true;
}

static bool nonce_ok(struct cursor v)
{
	if (v.at == v.end || v.end - v.at > SCRAM_NONCE_MAX)
		return false;
	for (; v.at < v.end; v.at++)
		if (*v.at < 0x21 || *v.at > 0x7e)
			return false;
	return true;
}

/* Extensions ",a=value" up to the end are skipped; `m` is the one that must not be (RFC 5802
 * 5.1), and an attribute that we read already must not come twice. */
static bool extensions(struct cursor *c)
{
	while (c->at < c->end) {
		struct cursor v;
		char attr;

		if (!literal(c, ",") || c->end - c->at < 3)
			return false;
		attr = *c->at++;
		if (!((attr >= 'a' && attr <= 'z') || (attr >= 'A' && attr <= 'Z')) ||
			strchr("mnrcp", attr) != NULL || !literal(c, "="))
			return false;
		v = value(c);
		if (v.at == v.end)
			return false;
	}
	return true;
}

/* gs2-cbind-flag: whether it fits the mechanism is asked after the whole message was read. */
static bool flag(struct scram *s, struct cursor *c, char *which)
{
	struct cursor v;

	if (c->at == c->end)
		return false;
	*which = *c->at++;
	if (*which == 'n' || *which == 'y')
		return literal(c, ",");
	if (*which != 'p' || !literal(c, "="))
		return false;
	v = value(c);
	if (!binding_name(v))
		return false;
	s->binding = copy(v.at, (size_t)(v.end - v.at));
	return literal(c, ",");
}

enum scram_result scram_first(struct scram *s, const char *msg, size_t len)
{
	struct cursor c = { msg, msg + len }, v;
	const char *bare;
	char which;

	if (len > SCRAM_MESSAGE_MAX || memchr(msg, '\0', len) != NULL || !flag(s, &c, &which))
		return SCRAM_MALFORMED;
	if (literal(&c, "a=") && (s->authzid = name(value(&c))) == NULL)
		return SCRAM_MALFORMED;
	if (!literal(&c, ","))
		return SCRAM_MALFORMED;
	bare = c.at;
	s->header = copy(msg, (size_t)(bare - msg));
	if (!literal(&c, "n=") || (s->user = name(value(&c))) == NULL || !literal(&c, ",r="))
		return SCRAM_MALFORMED;
	v = value(&c);
	if (!nonce_ok(v) || !extensions(&c))
		return SCRAM_MALFORMED;
	s->nonce = copy(v.at, (size_t)(v.end - v.at));
	s->bare = copy(bare, (size_t)(msg + len - bare));
	if (s->plus != (which == 'p') || (which == 'y' && s->plus_offered))
		return SCRAM_BINDING;
	return SCRAM_OK;
}

/* ---- answering ---- */

void scram_set_binding(struct scram *s, const void *data, size_t len)
{
	s->data_len = len <= sizeof s->data ? len : 0;
	memcpy(s->data, data, s->data_len);
}

const char *scram_challenge(struct scram *s, const struct tct_scram *keys, const char *nonce,
	const char *more)
{
	char salt[BASE64_ROOM(TCT_AUTH_KEY_MAX)];
	char whole[SCRAM_NONCE_MAX + 2 * SCRAM_NONCE_LEN];
	char text[sizeof whole + sizeof salt + 32 + SCRAM_MORE_MAX];

	snprintf(whole, sizeof whole, "%s%s", s->nonce, nonce);
	drop(&s->nonce);
	s->nonce = copy(whole, strlen(whole));
	s->keys = *keys;
	base64_encode(keys->salt, keys->salt_len, salt);
	snprintf(text, sizeof text, "r=%s,s=%s,i=%u%s", whole, salt,
		(unsigned)keys->iterations, more);
	s->challenge = copy(text, strlen(text));
	return s->challenge;
}

/* c= must decode to the GS2 header as it was sent and the binding data, byte by byte. */
static enum scram_result check_binding(const struct scram *s, struct cursor v)
{
	size_t header = strlen(s->header), len = (size_t)(v.end - v.at), have;
	uint8_t *bytes = (uint8_t *)copy(v.at, len);
	enum scram_result r = SCRAM_MALFORMED;

	if (base64_decode(v.at, len, bytes, &have))
		r = have == header + s->data_len && memcmp(bytes, s->header, header) == 0 &&
				(s->data_len == 0 ||
					gnutls_memcmp(bytes + header, s->data, s->data_len) == 0) ?
			SCRAM_OK : SCRAM_DENIED;
	free(bytes);
	return r;
}

/* HMAC over the AuthMessage: "bare,challenge,final-without-proof". */
static bool sign(const struct scram *s, const uint8_t *key, const char *msg, size_t len,
	uint8_t *out)
{
	gnutls_hmac_hd_t h;

	if (gnutls_hmac_init(&h, mac_of(s->hash), key, scram_key_len(s->hash)) < 0)
		return false;
	gnutls_hmac(h, s->bare, strlen(s->bare));
	gnutls_hmac(h, ",", 1);
	gnutls_hmac(h, s->challenge, strlen(s->challenge));
	gnutls_hmac(h, ",", 1);
	gnutls_hmac(h, msg, len);
	gnutls_hmac_deinit(h, out);
	return true;
}

/* ClientKey = ClientProof XOR HMAC(StoredKey, AuthMessage); its hash must be StoredKey. An
 * account that is not there takes the same way to its end. */
static enum scram_result check_proof(struct scram *s, const char *msg, size_t len,
	const uint8_t *proof)
{
	uint8_t key[TCT_AUTH_KEY_MAX], hashed[TCT_AUTH_KEY_MAX] = { 0 };
	size_t n = scram_key_len(s->hash);
	enum scram_result r = SCRAM_DENIED;
	bool same;

	if (!sign(s, s->keys.stored_key, msg, len, key))
		return SCRAM_DENIED;
	for (size_t i = 0; i < n; i++)
		key[i] ^= proof[i];
	same = gnutls_hash_fast(digest_of(s->hash), key, n, hashed) >= 0 &&
		gnutls_memcmp(hashed, s->keys.stored_key, n) == 0;
	gnutls_memset(key, 0, sizeof key);
	if (same && s->keys.usable)
		r = s->keys.disabled ? SCRAM_DISABLED : SCRAM_OK;
	if (sign(s, s->keys.server_key, msg, len, hashed)) {
		memcpy(s->success, "v=", 2);
		base64_encode(hashed, n, s->success + 2);
	} else {
		r = SCRAM_DENIED;
	}
	return r;
}

/* Finds ",p=" behind the last comma and decodes what follows. */
static const char *find_proof(const struct scram *s, const char *msg, size_t len, uint8_t *proof)
{
	const char *at = msg + len;
	uint8_t bytes[BASE64_BYTES(BASE64_ROOM(TCT_AUTH_KEY_MAX)) + 4];
	size_t n = scram_key_len(s->hash), have;

	while (at > msg && *--at != ',')
		;
	if (msg + len - at < 3 || memcmp(at, ",p=", 3) != 0)
		return NULL;
	if ((size_t)(msg + len - at - 3) != BASE64_ROOM(n) - 1 ||
		!base64_decode(at + 3, BASE64_ROOM(n) - 1, bytes, &have) || have != n)
		return NULL;
	memcpy(proof, bytes, n);
	gnutls_memset(bytes, 0, sizeof bytes);
	return at;
}

enum scram_result scram_final(struct scram *s, const char *msg, size_t len)
{
	struct cursor c = { msg, msg + len }, binding, nonce;
	uint8_t proof[TCT_AUTH_KEY_MAX];
	enum scram_result r;

	if (len > SCRAM_MESSAGE_MAX || memchr(msg, '\0', len) != NULL)
		return SCRAM_MALFORMED;
	c.end = find_proof(s, msg, len, proof);
	if (c.end == NULL || !literal(&c, "c="))
		return SCRAM_MALFORMED;
	binding = value(&c);
	if (!literal(&c, ",r="))
		return SCRAM_MALFORMED;
	nonce = value(&c);
	if (!extensions(&c))
		return SCRAM_MALFORMED;
	r = check_binding(s, binding);
	if (r == SCRAM_OK && ((size_t)(nonce.end - nonce.at) != strlen(s->nonce) ||
			memcmp(nonce.at, s->nonce, strlen(s->nonce)) != 0))
		r = SCRAM_DENIED;
	if (r == SCRAM_OK)
		r = check_proof(s, msg, (size_t)(c.end - msg), proof);
	gnutls_memset(proof, 0, sizeof proof);
	return r;
}

const char *scram_success(const struct scram *s)
{
	return s->success;
}

/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* keys.c - see keys.h. */
#include "modules/mod_auth_internal_hashed/keys.h"

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <stringprep.h>
#include <unistr.h>

static const struct {
	const char *name, *field;
	gnutls_mac_algorithm_t mac;
	gnutls_digest_algorithm_t digest;
	uint32_t len;
} hashes[TCT_AUTH_HASHES] = {
	[TCT_SHA1] = { "SHA-1", "sha1", GNUTLS_MAC_SHA1, GNUTLS_DIG_SHA1, 20 },
	[TCT_SHA256] = { "SHA-256", "sha256", GNUTLS_MAC_SHA256, GNUTLS_DIG_SHA256, 32 },
	[TCT_SHA512] = { "SHA-512", "sha512", GNUTLS_MAC_SHA512, GNUTLS_DIG_SHA512, 64 },
};

int keys_hash_find(const char *name)
{
	for (int i = 0; i < TCT_AUTH_HASHES; i++)
		if (strcmp(hashes[i].name, name) == 0)
			return i;
	return -1;
}

uint32_t keys_strongest(uint32_t set)
{
	uint32_t hash = TCT_AUTH_HASHES - 1;

	while (hash > 0 && (set & 1u << hash) == 0)
		hash--;
	return hash;
}

bool keys_prepare_password(const char *password, char *out)
{
	size_t len = strlen(password);
	char *prepared = NULL;
	bool ok;

	if (len == 0 || len > KEYS_PASSWORD_MAX ||
		u8_check((const uint8_t *)password, len) != NULL)
		return false;
	if (stringprep_profile(password, &prepared, "SASLprep", 0) != STRINGPREP_OK)
		return false;
	len = strlen(prepared);
	ok = len > 0 && len <= KEYS_PASSWORD_MAX;
	if (ok)
		memcpy(out, prepared, len + 1);
	gnutls_memset(prepared, 0, len);
	free(prepared);
	return ok;
}

bool keys_from_salted(struct tct_scram *k, const uint8_t *salted)
{
	gnutls_mac_algorithm_t mac = hashes[k->hash].mac;
	uint8_t client[TCT_AUTH_KEY_MAX];
	bool ok;

	k->key_len = hashes[k->hash].len;
	ok = gnutls_hmac_fast(mac, salted, k->key_len, "Client Key", 10, client) >= 0 &&
		gnutls_hash_fast(hashes[k->hash].digest, client, k->key_len, k->stored_key) >= 0 &&
		gnutls_hmac_fast(mac, salted, k->key_len, "Server Key", 10, k->server_key) >= 0;
	gnutls_memset(client, 0, sizeof client);
	return ok;
}

bool keys_derive(struct tct_scram *k, const char *password)
{
	gnutls_datum_t key = { (unsigned char *)password, (unsigned)strlen(password) };
	gnutls_datum_t salt = { k->salt, k->salt_len };
	uint8_t salted[TCT_AUTH_KEY_MAX];
	bool ok;

	ok = gnutls_pbkdf2(hashes[k->hash].mac, &key, &salt, k->iterations, salted,
		     hashes[k->hash].len) >= 0 &&
		keys_from_salted(k, salted);
	gnutls_memset(salted, 0, sizeof salted);
	return ok;
}

void keys_init(struct tct_scram *k, uint32_t hash, uint32_t iterations)
{
	memset(k, 0, sizeof *k);
	k->size = sizeof *k;
	k->hash = hash;
	k->iterations = iterations;
	k->usable = 1;
	k->key_len = hashes[hash].len;
	k->salt_len = KEYS_SALT_LEN;
	tct_random(k->salt, KEYS_SALT_LEN);
}

/* HMAC-SHA-512 over a number and a name: what nobody can know who has not the secret. */
static void keyed(uint8_t number, const char *user, const uint8_t secret[KEYS_SECRET_LEN],
	uint8_t out[64])
{
	gnutls_hmac_hd_t h;

	if (gnutls_hmac_init(&h, GNUTLS_MAC_SHA512, secret, KEYS_SECRET_LEN) < 0)
		abort(); /* the library has no SHA-2: nothing here can work */
	gnutls_hmac(h, &number, 1);
	gnutls_hmac(h, user, strlen(user));
	gnutls_hmac_deinit(h, out);
}

uint64_t keys_point(const char *user, const uint8_t secret[KEYS_SECRET_LEN])
{
	uint8_t digest[64];
	uint64_t point;

	keyed(0xff, user, secret, digest);
	memcpy(&point, digest, sizeof point);
	return point;
}

void keys_fake(struct tct_scram *k, uint32_t hash, uint32_t iterations, uint32_t salt_len,
	const char *user, const uint8_t secret[KEYS_SECRET_LEN])
{
	uint8_t digest[64];

	memset(k, 0, sizeof *k);
	k->size = sizeof *k;
	k->hash = hash;
	k->iterations = iterations;
	k->key_len = hashes[hash].len;
	k->salt_len = salt_len;
	keyed((uint8_t)hash, user, secret, digest);
	memcpy(k->salt, digest, salt_len);
	keyed((uint8_t)(hash | 0x10), user, secret, digest);
	memcpy(k->stored_key, digest, k->key_len);
	memcpy(k->server_key, digest, k->key_len);
	gnutls_memset(digest, 0, sizeof digest);
}

/* ---- keys that come from elsewhere ---- */

bool keys_are_given(const char *text)
{
	return strncmp(text, "{SCRAM-SHA-", 11) == 0;
}

/* One field of base64, up to the comma or the end. */
static bool read_field(const char **at, uint8_t *out, size_t min, size_t max, uint32_t *len)
{
	size_t n = strcspn(*at, ",");
	gnutls_datum_t text = { (unsigned char *)*at, (unsigned)n }, bytes = { 0 };
	bool ok = n > 0 && gnutls_base64_decode2(&text, &bytes) >= 0 && bytes.size >= min &&
		bytes.size <= max;

	if (ok) {
		memcpy(out, bytes.data, bytes.size);
		*len = bytes.size;
	}
	gnutls_free(bytes.data);
	*at += n + ((*at)[n] == ',');
	return ok;
}

bool keys_parse(const char *text, struct keys *keys)
{
	const char *end = strchr(text, '}');
	struct tct_scram *k;
	char name[16], *rest;
	unsigned long iterations;
	int hash;

	if (!keys_are_given(text) || end == NULL || end - text >= 20)
		return false;
	snprintf(name, sizeof name, "%.*s", (int)(end - text - 7), text + 7);
	hash = keys_hash_find(name);
	if (hash < 0)
		return false;
	k = &keys->of[hash];
	keys_init(k, (uint32_t)hash, 0);
	iterations = strtoul(end + 1, &rest, 10);
	if (rest == end + 1 || *rest != ',' || iterations < 1 || iterations > 100000000)
		return false;
	k->iterations = (uint32_t)iterations;
	text = rest + 1;
	if (!read_field(&text, k->salt, 1, sizeof k->salt, &k->salt_len) ||
		!read_field(&text, k->stored_key, k->key_len, k->key_len, &k->key_len) ||
		!read_field(&text, k->server_key, k->key_len, k->key_len, &k->key_len) ||
		*text != '\0')
		return false;
	keys->hashes = 1u << hash;
	return true;
}

static const char *field(char *room, size_t size, uint32_t hash, const char *what)
{
	snprintf(room, size, "%s_%s", hashes[hash].field, what);
	return room;
}

struct tct_record *keys_encode(const struct keys *keys)
{
	struct tct_record *r = tct_record_new();
	char f[32];

	tct_record_set_int(r, "created", keys->created);
	tct_record_set_int(r, "password_changed", keys->password_changed);
	tct_record_set_int(r, "disabled", keys->disabled);
	for (uint32_t h = 0; h < TCT_AUTH_HASHES; h++) {
		const struct tct_scram *k = &keys->of[h];

		if ((keys->hashes & 1u << h) == 0)
			continue;
		tct_record_set_int(r, field(f, sizeof f, h, "iterations"), k->iterations);
		tct_record_set_bytes(r, field(f, sizeof f, h, "salt"), k->salt, k->salt_len);
		tct_record_set_bytes(r, field(f, sizeof f, h, "stored_key"), k->stored_key,
			k->key_len);
		tct_record_set_bytes(r, field(f, sizeof f, h, "server_key"), k->server_key,
			k->key_len);
	}
	return r;
}

static bool read_bytes(const struct tct_value *v, uint32_t hash, const char *what, uint8_t *out,
	size_t min, size_t max, uint32_t *len)
{
	struct tct_value bytes;
	char f[32];

	if (!tct_record_find(v, field(f, sizeof f, hash, what), &bytes) ||
		bytes.kind != TCT_VALUE_BYTES || bytes.bytes.len < min || bytes.bytes.len > max)
		return false;
	memcpy(out, bytes.bytes.data, bytes.bytes.len);
	*len = (uint32_t)bytes.bytes.len;
	return true;
}

bool keys_decode(const struct tct_value *v, struct keys *keys)
{
	memset(keys, 0, sizeof *keys);
	if (v->kind != TCT_VALUE_RECORD)
		return false;
	keys->created = tct_record_int(v, "created", 0);
	keys->password_changed = tct_record_int(v, "password_changed", 0);
	keys->disabled = tct_record_int(v, "disabled", 0) != 0;
	for (uint32_t h = 0; h < TCT_AUTH_HASHES; h++) {
		struct tct_scram *k = &keys->of[h];
		uint32_t n = hashes[h].len;
		int64_t iterations;
		char f[32];

		iterations = tct_record_int(v, field(f, sizeof f, h, "iterations"), 0);
		if (iterations <= 0 || iterations > UINT32_MAX ||
			!read_bytes(v, h, "salt", k->salt, 1, sizeof k->salt, &k->salt_len) ||
			!read_bytes(v, h, "stored_key", k->stored_key, n, n, &k->key_len) ||
			!read_bytes(v, h, "server_key", k->server_key, n, n, &k->key_len))
			continue;
		k->size = sizeof *k;
		k->hash = h;
		k->iterations = (uint32_t)iterations;
		k->usable = 1;
		k->disabled = keys->disabled;
		keys->hashes |= 1u << h;
	}
	return true;
}

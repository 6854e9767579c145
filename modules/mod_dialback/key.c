/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* key.c - see key.h. */
#include "key.h"

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>

#include <stdlib.h>
#include <string.h>

static void hex(const unsigned char digest[32], char out[DIALBACK_KEY])
{
	static const char digits[] = "0123456789abcdef";

	for (int i = 0; i < 32; i++) {
		out[2 * i] = digits[digest[i] >> 4];
		out[2 * i + 1] = digits[digest[i] & 15];
	}
	out[64] = '\0';
}

void dialback_key(const char *secret, const char *receiving, const char *originating,
	const char *id, char key[DIALBACK_KEY])
{
	const char *parts[] = { receiving, " ", originating, " ", id };
	unsigned char digest[32];
	char hashed[DIALBACK_KEY];
	gnutls_hmac_hd_t mac;

	if (gnutls_hash_fast(GNUTLS_DIG_SHA256, secret, strlen(secret), digest) < 0)
		abort();
	hex(digest, hashed);
	if (gnutls_hmac_init(&mac, GNUTLS_MAC_SHA256, hashed, 64) < 0)
		abort();
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
		gnutls_hmac(mac, parts[i], strlen(parts[i]));
	gnutls_hmac_deinit(mac, digest);
	hex(digest, key);
	gnutls_memset(hashed, 0, sizeof hashed);
	gnutls_memset(digest, 0, sizeof digest);
}

bool dialback_key_is(const char *text, const char key[DIALBACK_KEY])
{
	size_t len;

	text += strspn(text, " \t\r\n");
	len = strcspn(text, " \t\r\n");
	return len == DIALBACK_KEY - 1 && text[len + strspn(text + len, " \t\r\n")] == '\0' &&
		gnutls_memcmp(text, key, len) == 0;
}

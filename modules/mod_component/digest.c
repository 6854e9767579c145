/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* digest.c - see digest.h. SHA-1 is the protocol's choice; an id is random and used once, and
 * nobody gains by two inputs with one digest, only by a secret that can be guessed. */
#include "modules/mod_component/digest.h"

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>

#include <stdlib.h>
#include <string.h>

#define DIGEST_BYTES (DIGEST_TEXT / 2)

void digest_make(const char *id, const char *secret, char out[DIGEST_TEXT + 1])
{
	static const char hex[] = "0123456789abcdef";
	unsigned char bytes[DIGEST_BYTES];
	gnutls_hash_hd_t hash;

	if (gnutls_hash_init(&hash, GNUTLS_DIG_SHA1) < 0 ||
		gnutls_hash(hash, id, strlen(id)) < 0 ||
		gnutls_hash(hash, secret, strlen(secret)) < 0)
		abort(); /* a library without SHA-1 speaks no XMPP */
	gnutls_hash_deinit(hash, bytes);
	for (size_t i = 0; i < sizeof bytes; i++) {
		out[2 * i] = hex[bytes[i] >> 4];
		out[2 * i + 1] = hex[bytes[i] & 15];
	}
	out[DIGEST_TEXT] = '\0';
	gnutls_memset(bytes, 0, sizeof bytes);
}

bool digest_is(const char *id, const char *secret, const char *given)
{
	char right[DIGEST_TEXT + 1];
	bool same;

	if (given == NULL || strlen(given) != DIGEST_TEXT)
		return false;
	digest_make(id, secret, right);
	same = gnutls_memcmp(right, given, DIGEST_TEXT) == 0;
	gnutls_memset(right, 0, sizeof right);
	return same;
}

/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* random.c - see random.h. A generator that fails ends the process: there is no safe way
 * to go on without it. */
#include "core/base/random.h"

#include "core/base/assert.h"

#include <gnutls/crypto.h>

void tct_random(void *bytes, size_t len)
{
	tct_assert(gnutls_rnd(GNUTLS_RND_RANDOM, bytes, len) == 0);
}

void tct_random_id(char *out, size_t len)
{
	static const char letters[] = "0123456789abcdefghijklmnopqrstuv";
	unsigned char raw[64];

	for (size_t i = 0; i < len; i++) {
		if (i % sizeof raw == 0)
			tct_assert(gnutls_rnd(GNUTLS_RND_RANDOM, raw, sizeof raw) == 0);
		out[i] = letters[raw[i % sizeof raw] & 31];
	}
	out[len] = '\0';
}

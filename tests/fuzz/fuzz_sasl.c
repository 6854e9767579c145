/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* fuzz_sasl.c - what a client says before anybody knows it: base64, PLAIN, and both messages
 * of SCRAM (separated by a newline). No proof may be right. The first byte chooses. */
#include "tests/fuzz/fuzz.h"

#include "modules/mod_saslauth/base64.h"
#include "modules/mod_saslauth/sasl.h"
#include "modules/mod_saslauth/scram.h"

static void read_base64(const char *text, size_t len)
{
	char *copy = malloc(len + 1);
	static unsigned char out[SASL_BYTES_MAX];
	static char again[BASE64_ROOM(SASL_BYTES_MAX)];
	size_t out_len = 0;

	memcpy(copy, text, len);
	copy[len] = '\0';
	if (sasl_content(copy, out, &out_len) == SASL_BYTES && strcmp(copy, "=") != 0) {
		fuzz_check(out_len <= SASL_BYTES_MAX);
		base64_encode(out, out_len, again);
		fuzz_check(strcmp(copy, again) == 0);
	}
	free(copy);
}

static void read_plain(const char *text, size_t len)
{
	char *copy = malloc(len + 1);
	struct sasl_plain plain;

	memcpy(copy, text, len);
	copy[len] = '\0';
	if (sasl_plain(copy, len, &plain)) {
		fuzz_check(plain.user >= copy && plain.user <= copy + len);
		fuzz_check(strlen(plain.user) + strlen(plain.password) <= len);
	}
	free(copy);
}

static void read_scram(uint8_t how, const char *text, size_t len)
{
	const char *newline = memchr(text, '\n', len);
	size_t first = newline != NULL ? (size_t)(newline - text) : len;
	struct tct_scram keys = { 0 };
	struct scram s;

	scram_init(&s, (how >> 2) % 3, (how & 16) != 0, (how & 32) != 0);
	if (scram_first(&s, text, first) == SCRAM_OK) {
		fuzz_check(s.user != NULL);
		if (s.binding != NULL)
			scram_set_binding(&s, "binding", 7);
		keys.iterations = 10000;
		fuzz_check(scram_challenge(&s, &keys, "nonce", ",h=x") != NULL);
		if (newline != NULL)
			fuzz_check(scram_final(&s, newline + 1, len - first - 1) != SCRAM_OK);
	}
	scram_fini(&s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data + 1;

	if (size < 1 || size > 6000)
		return 0;
	size--;
	switch (data[0] & 3) {
	case 0:
		read_base64(text, size);
		break;
	case 1:
		read_plain(text, size);
		break;
	default:
		read_scram(data[0], text, size);
		break;
	}
	return 0;
}

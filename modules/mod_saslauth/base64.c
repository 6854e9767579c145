/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* base64.c - see base64.h. Knows nothing of SASL. */
#include "modules/mod_saslauth/base64.h"

#include <stdint.h>

static const char alphabet[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* Without a table: passwords pass here, and a table look-up leaks by the cache. */
static int digit(unsigned char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+')
		return 62;
	return c == '/' ? 63 : -1;
}

/* The digits of one group of four that are not padding; -1: it is no group. */
static int group_digits(const char *text, bool last, uint32_t *bits)
{
	int used = 4;

	if (last && text[3] == '=')
		used = text[2] == '=' ? 2 : 3;
	*bits = 0;
	for (int i = 0; i < 4; i++) {
		int d = i < used ? digit((unsigned char)text[i]) : 0;

		if (d < 0)
			return -1;
		*bits = *bits << 6 | (uint32_t)d;
	}
	return used;
}

bool base64_decode(const char *text, size_t len, void *out, size_t *out_len)
{
	uint8_t *bytes = out;
	size_t n = 0;

	if (len % 4 != 0)
		return false;
	for (size_t at = 0; at < len; at += 4) {
		uint32_t bits;
		int used = group_digits(text + at, at + 4 == len, &bits);

		if (used < 0 || (used == 2 && (bits & 0xffff) != 0) ||
			(used == 3 && (bits & 0xff) != 0))
			return false;
		for (int i = 0; i < used - 1; i++)
			bytes[n++] = (uint8_t)(bits >> (16 - 8 * i));
	}
	*out_len = n;
	return true;
}

size_t base64_encode(const void *bytes, size_t len, char *out)
{
	const uint8_t *in = bytes;
	size_t n = 0;

	for (size_t at = 0; at < len; at += 3) {
		size_t left = len - at;
		uint32_t bits = (uint32_t)in[at] << 16;

		if (left > 1)
			bits |= (uint32_t)in[at + 1] << 8;
		if (left > 2)
			bits |= in[at + 2];
		out[n++] = alphabet[bits >> 18];
		out[n++] = alphabet[bits >> 12 & 63];
		out[n++] = left > 1 ? alphabet[bits >> 6 & 63] : '=';
		out[n++] = left > 2 ? alphabet[bits & 63] : '=';
	}
	out[n] = '\0';
	return n;
}

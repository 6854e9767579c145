/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* sasl.c - see sasl.h. */
#include "modules/mod_saslauth/sasl.h"

#include "modules/mod_saslauth/base64.h"

#include <stdio.h>
#include <string.h>
#include <tercet/auth.h>
#include <unistr.h>

#define FIELD_MAX 1023 /* of RFC 7622 for names, and for passwords */

static const struct {
	const char *name;
	uint32_t hash;
} mechs[SASL_MECHS] = {
	[SASL_SCRAM_SHA_512_PLUS] = { "SCRAM-SHA-512-PLUS", TCT_SHA512 },
	[SASL_SCRAM_SHA_256_PLUS] = { "SCRAM-SHA-256-PLUS", TCT_SHA256 },
	[SASL_SCRAM_SHA_1_PLUS] = { "SCRAM-SHA-1-PLUS", TCT_SHA1 },
	[SASL_SCRAM_SHA_512] = { "SCRAM-SHA-512", TCT_SHA512 },
	[SASL_SCRAM_SHA_256] = { "SCRAM-SHA-256", TCT_SHA256 },
	[SASL_SCRAM_SHA_1] = { "SCRAM-SHA-1", TCT_SHA1 },
	[SASL_PLAIN] = { "PLAIN", 0 },
	[SASL_EXTERNAL] = { "EXTERNAL", 0 },
	[SASL_ANONYMOUS] = { "ANONYMOUS", 0 },
};

const char *const sasl_bindings[SASL_BINDINGS] = { "tls-exporter", "tls-server-end-point",
	"tls-unique" };

int sasl_order(int i)
{
	return i == 0 ? SASL_EXTERNAL : i == SASL_MECHS - 1 ? SASL_ANONYMOUS : i - 1;
}

size_t sasl_offer_text(uint32_t offered, uint32_t bindings, char *out)
{
	/* Sorted by octets. */
	static const int sorted[SASL_MECHS] = { SASL_ANONYMOUS, SASL_EXTERNAL, SASL_PLAIN,
		SASL_SCRAM_SHA_1, SASL_SCRAM_SHA_1_PLUS, SASL_SCRAM_SHA_256,
		SASL_SCRAM_SHA_256_PLUS, SASL_SCRAM_SHA_512, SASL_SCRAM_SHA_512_PLUS };
	size_t n = 0;

	for (int i = 0; i < SASL_MECHS; i++) {
		if (offered & 1u << sorted[i])
			n += (size_t)snprintf(out + n, SASL_OFFER_TEXT - n, "%s%s",
				n > 0 ? "\x1e" : "", mechs[sorted[i]].name);
	}
	for (int i = 0, first = 1; i < SASL_BINDINGS; i++) {
		if (bindings & 1u << i) {
			n += (size_t)snprintf(out + n, SASL_OFFER_TEXT - n, "%s%s",
				first ? "\x1f" : "\x1e", sasl_bindings[i]);
			first = 0;
		}
	}
	return n;
}

const char *sasl_mech_name(int mech)
{
	return mech >= 0 && mech < SASL_MECHS ? mechs[mech].name : "unknown";
}

int sasl_mech_find(const char *name)
{
	for (int i = 0; name != NULL && i < SASL_MECHS; i++)
		if (strcmp(mechs[i].name, name) == 0)
			return i;
	return -1;
}

bool sasl_mech_plus(int mech)
{
	return mech >= 0 && mech < SASL_PLUS_MECHS;
}

uint32_t sasl_mech_hash(int mech)
{
	return mechs[mech].hash;
}

bool sasl_listed(const char *const *list, const char *name)
{
	for (; list != NULL && *list != NULL; list++)
		if (strcmp(*list, name) == 0)
			return true;
	return false;
}

static bool fits_policy(const struct sasl_policy *p, int mech)
{
	switch (mech) {
	case SASL_PLAIN:
		return p->plain && (p->secured || p->plain_in_clear);
	case SASL_EXTERNAL:
		return p->external && p->secured;
	case SASL_ANONYMOUS:
		return p->anonymous;
	default:
		return (p->hashes & 1u << mechs[mech].hash) != 0 &&
			(!sasl_mech_plus(mech) || (p->secured && p->bindings));
	}
}

uint32_t sasl_offer(const struct sasl_policy *p)
{
	uint32_t offer = 0;

	if (p->required && !p->secured)
		return 0;
	for (int i = 0; i < SASL_MECHS; i++) {
		bool fits = fits_policy(p, i);

		if (sasl_listed(p->disabled, mechs[i].name) ||
			(!p->secured && sasl_listed(p->insecure, mechs[i].name)))
			fits = false;
		if (fits)
			offer |= 1u << i;
	}
	return offer;
}

enum sasl_content sasl_content(const char *text, void *out, size_t *len)
{
	size_t text_len = text != NULL ? strlen(text) : 0;

	*len = 0;
	if (text_len == 0)
		return SASL_ABSENT;
	if (text_len == 1 && *text == '=')
		return SASL_BYTES;
	if (BASE64_BYTES(text_len) > SASL_BYTES_MAX)
		return SASL_TOO_LONG;
	return base64_decode(text, text_len, out, len) ? SASL_BYTES : SASL_NOT_BASE64;
}

static bool field(const char *text, size_t len, bool may_be_empty)
{
	return (len > 0 || may_be_empty) && len <= FIELD_MAX &&
		u8_check((const uint8_t *)text, len) == NULL;
}

bool sasl_plain(const char *msg, size_t len, struct sasl_plain *out)
{
	const char *end = msg + len;
	const char *first = memchr(msg, '\0', len);
	const char *second;

	if (first == NULL)
		return false;
	second = memchr(first + 1, '\0', (size_t)(end - first - 1));
	if (second == NULL || memchr(second + 1, '\0', (size_t)(end - second - 1)) != NULL)
		return false;
	if (!field(msg, (size_t)(first - msg), true) ||
		!field(first + 1, (size_t)(second - first - 1), false) ||
		!field(second + 1, (size_t)(end - second - 1), false))
		return false;
	out->authzid = first > msg ? msg : NULL;
	out->user = first + 1;
	out->password = second + 1;
	return true;
}

/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* sasl.h - what SASL over XMPP (RFC 6120 6) needs beside the mechanisms: their table, which
 * of them a stream is offered, the contents of <auth/> and <response/>, the message of PLAIN
 * (RFC 4616). Pure: no stream, no store. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Offered in the order of sasl_order: EXTERNAL, then the strongest first. */
enum sasl_mech {
	SASL_SCRAM_SHA_512_PLUS = 0,
	SASL_SCRAM_SHA_256_PLUS,
	SASL_SCRAM_SHA_1_PLUS,
	SASL_SCRAM_SHA_512,
	SASL_SCRAM_SHA_256,
	SASL_SCRAM_SHA_1,
	SASL_PLAIN,
	SASL_EXTERNAL,
	SASL_ANONYMOUS
};
#define SASL_MECHS 9
#define SASL_PLUS_MECHS 3 /* the first ones */

const char *sasl_mech_name(int mech); /* "unknown" for what is none */
int sasl_mech_find(const char *name);  /* -1: none of ours; NULL: -1 */
bool sasl_mech_plus(int mech);
/* enum tct_auth_hash of a SCRAM mechanism. */
uint32_t sasl_mech_hash(int mech);

struct sasl_policy {
	bool secured;   /* TLS is up */
	bool required;  /* nothing before TLS */
	bool bindings;  /* the connection has a channel binding, and they are switched on */
	bool plain;     /* PLAIN is switched on */
	bool plain_in_clear; /* without TLS too */
	bool external;  /* the peer has shown a certificate that names an account */
	bool anonymous; /* accounts are made for whoever comes */
	uint32_t hashes; /* bits 1 << enum tct_auth_hash that all accounts have */
	const char *const *disabled, *const *insecure; /* names, NULL-terminated */
};
/* Bits 1 << enum sasl_mech. */
uint32_t sasl_offer(const struct sasl_policy *p);
/* The i-th in the order of offering, enum sasl_mech. */
int sasl_order(int i);
/* Channel bindings, sorted; bits 1 << index. */
#define SASL_BINDINGS 3
extern const char *const sasl_bindings[SASL_BINDINGS];
/* What XEP-0474 hashes: the mechanisms and bindings that were offered. `out` has room for
 * SASL_OFFER_TEXT bytes; returns the length. */
#define SASL_OFFER_TEXT 256
size_t sasl_offer_text(uint32_t offered, uint32_t bindings, char *out);
/* True when `name` is in a NULL-terminated list. */
bool sasl_listed(const char *const *list, const char *name);

enum sasl_content {
	SASL_ABSENT,       /* no text: no initial response */
	SASL_BYTES,        /* decoded, perhaps zero bytes ("=") */
	SASL_NOT_BASE64,   /* incorrect-encoding */
	SASL_TOO_LONG      /* malformed-request */
};
#define SASL_BYTES_MAX 4096
/* Decodes the text of an element; `out` has SASL_BYTES_MAX bytes. */
enum sasl_content sasl_content(const char *text, void *out, size_t *len);

struct sasl_plain {
	const char *authzid; /* NULL: none */
	const char *user, *password;
};
/* Splits "authzid NUL user NUL password" in place; `msg` has a NUL at msg[len]. False: not
 * exactly three fields, an empty one, a field over 1023 bytes, or no UTF-8. */
bool sasl_plain(const char *msg, size_t len, struct sasl_plain *out);

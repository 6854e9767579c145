/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* scram.h - the server's side of one SCRAM exchange (RFC 5802, RFC 7677), as a state machine
 * over bytes: it knows no XML, no stream and no store. The order of calls is init, first,
 * challenge, final, fini. Messages are given after base64 was taken off. */
#pragma once

#include <tercet/auth.h>

#define SCRAM_MESSAGE_MAX 4096 /* bytes of a client's message */
#define SCRAM_NAME_MAX 1023    /* bytes of a user name or authzid, unescaped */
#define SCRAM_NONCE_MAX 512    /* bytes of the client's part */
#define SCRAM_BINDING_MAX 64   /* bytes of channel binding data */
#define SCRAM_MORE_MAX 128
#define SCRAM_NONCE_LEN 24     /* characters of the server's part */

enum scram_result {
	SCRAM_OK = 0,
	SCRAM_MALFORMED, /* the syntax is wrong, or `m=` asks for what we do not know */
	SCRAM_BINDING,   /* the flag does not fit the mechanism or is a downgrade */
	SCRAM_DENIED,    /* nonce, binding or proof are wrong, or nobody has that name */
	SCRAM_DISABLED   /* the proof is right, the account is disabled */
};

struct scram {
	uint32_t hash;     /* enum tct_auth_hash */
	bool plus;         /* a -PLUS mechanism */
	bool plus_offered; /* one was offered on this stream: "y" is a downgrade */
	char *user;        /* unescaped, not prepared; NULL before first */
	char *authzid;     /* NULL: none was given */
	char *binding;     /* type of the channel binding; NULL: none */
	/* private */
	char *header, *bare, *challenge, *nonce;
	struct tct_scram keys;
	uint8_t data[SCRAM_BINDING_MAX];
	size_t data_len;
	char success[2 + TCT_AUTH_KEY_MAX * 2];
};

void scram_init(struct scram *s, uint32_t hash, bool plus, bool plus_offered);
/* Frees and wipes. */
void scram_fini(struct scram *s);
/* client-first-message: sets user, authzid and binding. */
enum scram_result scram_first(struct scram *s, const char *msg, size_t len);
/* The channel binding data of the connection for s->binding; at most SCRAM_BINDING_MAX. */
void scram_set_binding(struct scram *s, const void *data, size_t len);
/* server-first-message for the account's keys (copied); `nonce` is our part, printable,
 * without comma, at most 47 characters; `more` are attributes behind ours, ",x=..." or "", at most
 * SCRAM_MORE_MAX characters. Borrowed from `s`. */
const char *scram_challenge(struct scram *s, const struct tct_scram *keys, const char *nonce,
	const char *more);
/* client-final-message: SCRAM_OK when the client knows the password of a usable account. */
enum scram_result scram_final(struct scram *s, const char *msg, size_t len);
/* server-final-message after SCRAM_OK: "v=" and our signature. Borrowed from `s`. */
const char *scram_success(const struct scram *s);
/* Bytes of a hash: 20, 32 or 64. */
size_t scram_key_len(uint32_t hash);

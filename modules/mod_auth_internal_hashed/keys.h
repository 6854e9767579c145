/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* keys.h - the keys of an account: made from a password, read from and written to its
 * record, and made up for names that nobody has. Knows no instance and no store. */
#pragma once

#include <tercet/auth.h>

#define KEYS_PASSWORD_MAX 1023 /* bytes after SASLprep */
#define KEYS_SALT_LEN 16
#define KEYS_SECRET_LEN 32
#define KEYS_ALL ((1u << TCT_AUTH_HASHES) - 1)

/* One account. `hashes`: bits 1 << enum tct_auth_hash of the entries of `of` that are set. */
struct keys {
	uint32_t hashes;
	bool disabled;
	int64_t created, password_changed; /* tct_now() */
	struct tct_scram of[TCT_AUTH_HASHES];
};

/* SASLprep (RFC 4013) into `out`, KEYS_PASSWORD_MAX + 1 bytes. False: not UTF-8, prohibited
 * characters, empty or too long. Code points that Unicode 3.2 did not know pass, so that new
 * letters and signs can be used. */
bool keys_prepare_password(const char *password, char *out);
/* Fills stored_key and server_key of one entry whose hash, iterations and salt are set, by
 * PBKDF2 over a prepared password (RFC 5802 3). Any thread; takes milliseconds. */
bool keys_derive(struct tct_scram *k, const char *password);
/* An entry with a fresh salt, not derived yet. */
void keys_init(struct tct_scram *k, uint32_t hash, uint32_t iterations);
/* A number that belongs to a name, from all 64 bits, known to nobody without the secret. */
uint64_t keys_point(const char *user, const uint8_t secret[KEYS_SECRET_LEN]);
/* What a name without account is answered: the same each time, usable 0. `salt_len` is at most
 * TCT_AUTH_KEY_MAX. */
void keys_fake(struct tct_scram *k, uint32_t hash, uint32_t iterations, uint32_t salt_len,
	const char *user, const uint8_t secret[KEYS_SECRET_LEN]);
/* Fills stored_key and server_key from the SaltedPassword (RFC 5802 3), key_len bytes. */
bool keys_from_salted(struct tct_scram *k, const uint8_t *salted);
/* Reads "{SCRAM-SHA-1}ITERATIONS,SALT,STOREDKEY,SERVERKEY" into the one entry that it is for.
 * False: `text` is no such thing. */
bool keys_parse(const char *text, struct keys *keys);
/* True when `text` is meant to be one. */
bool keys_are_given(const char *text);
/* The record of the account; the caller frees it. */
struct tct_record *keys_encode(const struct keys *keys);
/* False: not a record of ours. */
bool keys_decode(const struct tct_value *v, struct keys *keys);
/* The strongest of a set of hashes (not empty). */
uint32_t keys_strongest(uint32_t hashes);
/* "SHA-256" to its enum tct_auth_hash; -1: none of ours. */
int keys_hash_find(const char *name);

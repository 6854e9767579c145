/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* crypt.h - encryption of the store at rest, by Berkeley DB's own AES: its key, and the way
 * from a store without it to one with it and back. */
#pragma once

#include "env.h"

/* A tool names other keys than the configuration, and asks for a migration, by these. */
#define CRYPT_ENV_KEY "TERCET_STORE_KEY_FILE"
#define CRYPT_ENV_OLD_KEY "TERCET_STORE_OLD_KEY_FILE"
#define CRYPT_ENV_MIGRATE "TERCET_STORE_MIGRATE"

/* The first line of the file, which nobody else may read: 43 characters at least, what 32
 * random bytes take. The caller wipes and frees it. NULL and `err`: it is none. */
char *crypt_key_new(const char *file, struct tct_error *err);
void crypt_key_free(char *key); /* wipes it; NULL: nothing */

/* Whether the key is that of the store in the folder. Berkeley DB itself finds out in the middle
 * of recovery, and then nothing can be said any more; so a small file of its own is tried
 * first. With `make` it is written. */
int crypt_check(const char *folder, const char *key, bool make, struct tct_error *err);

/* Copies the store of `bdb`, whose lock is held and whose environment is not open, into one
 * with `bdb->key` (NULL: not encrypted), and puts that in its place; the old one is left
 * beside it as PATH.old. `from_key`: of the old one; NULL: it is not encrypted. */
int crypt_migrate(struct bdb *bdb, const char *from_key, const struct bdb_config *config,
	struct tct_error *err);

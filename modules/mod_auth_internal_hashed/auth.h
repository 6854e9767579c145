/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* auth.h - what the files of mod_auth_internal_hashed share: the instance, the operation
 * that waits, and the functions of the service. */
#pragma once

#include "modules/mod_auth_internal_hashed/keys.h"
#include "modules/mod_auth_internal_hashed/population.h"

#include <tercet/module.h>

#define ACCOUNT "account" /* key of an account's row */

struct auth_config {
	const char *const *password_hashes;
	int64_t default_iteration_count;
};

struct auth {
	struct tct_kv *kv;
	uint32_t hashes;     /* bits of what is made for new passwords */
	uint32_t iterations;
	uint8_t secret[KEYS_SECRET_LEN]; /* for fakes */
	struct population population;    /* of all accounts; also in the store */
	struct population *survey;       /* while all accounts are read again; else NULL */
	bool survey_again;               /* some changed meanwhile */
};

/* One call of the service that waits for its answer; lives in the caller's scope. */
struct op {
	struct tct_mod *m;
	const struct tct_jid *user; /* NULL: no name */
	tct_auth_done_fn *done;
	tct_scram_fn *scram;        /* of the operation scram, instead of done */
	void *data;
	bool create, disable;       /* which of two operations it is */
	bool bad_password;          /* not preparable: fails after the same work */
	uint32_t hash;
	struct keys keys;
	struct tct_scram given;     /* of the operation upgrade */
	uint8_t salted[TCT_AUTH_KEY_MAX];
	char password[KEYS_PASSWORD_MAX + 1]; /* prepared; "" when it was bad */
};

/* The instance's own answer to every name: prepared here. `password` NULL: none. */
struct op *op_new(struct tct_mod *m, struct tct_scope *scope, const char *user,
	const char *password, tct_auth_done_fn *done, void *data);
/* Ends the operation and calls its `done`. */
void op_finish(struct tct_scope *scope, struct op *op, int status);
/* op_finish in a later turn. */
void op_finish_later(struct tct_scope *scope, struct op *op, int status);

/* Derives on a worker the entries of `set` in op->keys, then calls `then`; *ok tells whether
 * all could be. */
typedef void op_derived_fn(struct tct_scope *scope, struct op *op, bool ok);
void op_derive(struct tct_scope *scope, struct op *op, uint32_t set, op_derived_fn *then);

/* Puts an account's row into `txn`, or takes it out (NULL), and the count of accounts with it.
 * `was`: what it had, for an account that is not in memory; NULL: nothing. */
void auth_put(struct tct_mod *m, struct tct_txn *txn, const char *user, const struct keys *was,
	const struct keys *keys);
/* A set of auth_put was not written: the count is made anew by reading all accounts, soon. */
void auth_survey(struct tct_mod *m);
/* Reads the account of a loaded entity. */
bool auth_get(struct tct_mod *m, const struct tct_entity *e, struct keys *keys);
/* What a name without account pretends to have: the hashes, and one entry of them. */
uint32_t auth_fake_hashes(struct tct_mod *m, const char *user);
void auth_fake(struct tct_mod *m, struct tct_scram *k, uint32_t hash, const char *user);
/* survey.c: reads or makes the count; in ready(). */
void survey_ready(struct tct_mod *m);

/* The service; contracts in <tercet/auth.h>. */
void accounts_create(struct tct_mod *m, struct tct_scope *scope, const char *user,
	const char *password, tct_auth_done_fn *fn, void *data);
void accounts_set_password(struct tct_mod *m, struct tct_scope *scope, const char *user,
	const char *password, tct_auth_done_fn *fn, void *data);
void accounts_remove(struct tct_mod *m, struct tct_scope *scope, const char *user,
	tct_auth_done_fn *fn, void *data);
void accounts_set_disabled(struct tct_mod *m, struct tct_scope *scope, const char *user,
	bool disabled, tct_auth_done_fn *fn, void *data);
void accounts_upgrade(struct tct_mod *m, struct tct_scope *scope, const char *user,
	const struct tct_scram *params, const uint8_t *salted, tct_auth_done_fn *fn, void *data);
void accounts_import(struct tct_mod *m, struct tct_scope *scope, const char *const *names,
	const char *const *passwords, size_t count, tct_auth_done_fn *fn, void *data);

/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* auth.h - the service "auth": accounts and credentials of a host. Every operation that may
 * read or compute answers by its callback, never inside the call. A provider that has no
 * passwords (anonymous accounts, a directory) leaves what it cannot do NULL, behind `exists`,
 * `hashes` and `users`; those who ask look first. */
#pragma once

#include <tercet/session.h>

#ifdef __cplusplus
extern "C" {
#endif

enum tct_auth_hash { TCT_SHA1 = 0, TCT_SHA256 = 1, TCT_SHA512 = 2 };
#define TCT_AUTH_HASHES 3
#define TCT_AUTH_KEY_MAX 64

/* What a SCRAM server needs (RFC 5802 5.1). For an unknown account it is filled with a
 * stable fake and `usable` is 0, so the exchange runs to its end and then fails. */
struct tct_scram {
	uint32_t size;
	uint32_t hash;        /* enum tct_auth_hash */
	uint32_t iterations;
	uint32_t usable;      /* 0: fail at the end with not-authorized */
	uint32_t disabled;    /* 1: account-disabled after a correct proof */
	uint32_t salt_len, key_len;
	uint8_t salt[TCT_AUTH_KEY_MAX];
	uint8_t stored_key[TCT_AUTH_KEY_MAX], server_key[TCT_AUTH_KEY_MAX];
};
typedef void tct_scram_fn(struct tct_scope *scope, int status, const struct tct_scram *scram, void *data);
typedef void tct_auth_done_fn(struct tct_scope *scope, int status, void *data);
/* `user` is the localpart of the new account; NULL unless TCT_OK. */
typedef void tct_auth_user_fn(struct tct_scope *scope, int status, const char *user, void *data);

/* Append-only: a member is there when `size` reaches it and it is not NULL. */
struct tct_auth_ops {
	uint32_t size;
	/* Of a loaded entity; synchronous: from a preloaded store. */
	bool (*exists)(struct tct_mod *m, const struct tct_entity *e);
	/* Bits 1 << enum tct_auth_hash that may be offered before the user is known: every
	 * account that is not disabled has them. */
	uint32_t (*hashes)(struct tct_mod *m);
	void (*scram)(struct tct_mod *m, struct tct_scope *scope, const char *user, uint32_t hash,
		tct_scram_fn *fn, void *data);
	/* TCT_OK, TCT_EPERM (wrong or unknown), TCT_EBUSY (disabled); PBKDF2 on a worker. Keys
	 * that the account lacks are made of the password and stored before TCT_OK. */
	void (*verify)(struct tct_mod *m, struct tct_scope *scope, const char *user,
		const char *password, tct_auth_done_fn *fn, void *data);
	/* `user` is prepared here and everywhere below. TCT_OK, TCT_EEXIST, TCT_EINVAL (name or
	 * password not acceptable), TCT_EIO, TCT_EFULL. */
	void (*create)(struct tct_mod *m, struct tct_scope *scope, const char *user,
		const char *password, tct_auth_done_fn *fn, void *data);
	/* As create; TCT_ENOENT: no such account. */
	void (*set_password)(struct tct_mod *m, struct tct_scope *scope, const char *user,
		const char *password, tct_auth_done_fn *fn, void *data);
	/* Every module is told by TCT_ENTITY_DELETED first. TCT_ENOENT: no such account. */
	void (*remove)(struct tct_mod *m, struct tct_scope *scope, const char *user,
		tct_auth_done_fn *fn, void *data);
	/* Localparts, sorted; at most `limit` after `after` (NULL: from the start). */
	void (*users)(struct tct_mod *m, struct tct_scope *scope, const char *after, size_t limit,
		tct_kv_rows_fn *fn, void *data);
	/* Many accounts at once: those with one password share one salt and one computation. A
	 * password "{SCRAM-SHA-1}ITERATIONS,SALT,STOREDKEY,SERVERKEY" (base64, as "gsasl
	 * --mkpasswd" prints it; also SHA-256 and SHA-512) is taken as keys: the account has
	 * those alone. `names` and `passwords` have `count` entries (at most 1000). Names that
	 * are there already get the password. TCT_EINVAL: one of them is not acceptable, nothing
	 * was written. */
	void (*import)(struct tct_mod *m, struct tct_scope *scope, const char *const *names,
		const char *const *passwords, size_t count, tct_auth_done_fn *fn, void *data);
	/* A disabled account keeps its data and cannot log in. TCT_ENOENT: no such account. */
	void (*set_disabled)(struct tct_mod *m, struct tct_scope *scope, const char *user,
		bool disabled, tct_auth_done_fn *fn, void *data);
	/* When the account of a loaded entity was made, tct_now() of then; 0: not known. */
	int64_t (*created)(struct tct_mod *m, const struct tct_entity *e);

	/* ---- for SASL2 ---- */
	/* Bits of the hashes that may be offered to `e` (loaded, NULL: nobody's). A name without
	 * account gets those of an account that could be, always the same. */
	uint32_t (*hashes_of)(struct tct_mod *m, const struct tct_entity *e);
	/* Bits of the hashes that new passwords get: what XEP-0480 can add to an account. */
	uint32_t (*upgrades)(struct tct_mod *m);
	/* A fresh salt and the number of iterations, for keys of that hash. */
	void (*salt)(struct tct_mod *m, uint32_t hash, struct tct_scram *out);
	/* Adds the keys that come from `salted`, the SaltedPassword (RFC 5802 3) for what `salt`
	 * gave. Keys of that hash that are there already stay. TCT_ENOENT: no such account. */
	void (*upgrade)(struct tct_mod *m, struct tct_scope *scope, const char *user,
		const struct tct_scram *params, const uint8_t *salted, tct_auth_done_fn *fn,
		void *data);

	/* Of a loaded entity: the account is there and may not log in. */
	bool (*disabled)(struct tct_mod *m, const struct tct_entity *e);
	/* Of a loaded entity: tct_now() of the last change of its password; 0: not known. */
	int64_t (*password_changed)(struct tct_mod *m, const struct tct_entity *e);

	/* ---- ANONYMOUS (RFC 4505) ---- */
	/* Makes an account that goes with its session. */
	void (*anonymous)(struct tct_mod *m, struct tct_scope *scope, tct_auth_user_fn *fn,
		void *data);
};
/* A member, when the provider has it. */
#define TCT_AUTH_HAS(ops, member)                                                        \
	((ops)->size >= offsetof(struct tct_auth_ops, member) + sizeof((ops)->member) && \
		(ops)->member != NULL)

#ifdef __cplusplus
}
#endif

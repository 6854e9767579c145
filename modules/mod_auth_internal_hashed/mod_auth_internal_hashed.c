/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* mod_auth_internal_hashed - the accounts of a host, kept in the server's own store: for
 * each account the keys of SCRAM for several hashes, never the password. The service "auth"
 * (<tercet/auth.h>). This file owns the instance, what is read without waiting, and what is
 * checked; accounts.c what changes accounts. */
#include "modules/mod_auth_internal_hashed/auth.h"

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <stdlib.h>
#include <string.h>

static const struct tct_option options[] = {
	TCT_OPT_STRINGS(struct auth_config, password_hashes, .global = 1,
		.doc = "What is kept for a new password: SHA-1, SHA-256, SHA-512. Without it all "
		       "three, so that every client finds a mechanism it knows."),
	TCT_OPT_INT(struct auth_config, default_iteration_count, .global = 1, .def = "10000",
		.min = "4096", .max = "1000000",
		.doc = "Rounds of PBKDF2 for a new password. Each login costs the client that "
		       "many, so do not go to six digits."),
	TCT_OPT_END
};

static int check(const void *data, struct tct_error *err)
{
	const struct auth_config *config = data;

	for (const char *const *h = config->password_hashes; *h != NULL; h++) {
		if (keys_hash_find(*h) < 0)
			return tct_error_set(err, TCT_EINVAL,
				"password_hashes: \"%s\" is not known (SHA-1, "
				"SHA-256, SHA-512)",
				*h);
	}
	return TCT_OK;
}

bool auth_get(struct tct_mod *m, const struct tct_entity *e, struct keys *keys)
{
	const struct auth *auth = tct_mod_data(m);
	struct tct_value v;

	return tct_entity_get(e, auth->kv, ACCOUNT, &v) && keys_decode(&v, keys);
}

/* ---- asked without waiting ---- */

static bool exists(struct tct_mod *m, const struct tct_entity *e)
{
	const struct auth *auth = tct_mod_data(m);
	struct tct_value v;

	return tct_entity_get(e, auth->kv, ACCOUNT, &v);
}

static int64_t created(struct tct_mod *m, const struct tct_entity *e)
{
	const struct auth *auth = tct_mod_data(m);
	struct tct_value v;

	return tct_entity_get(e, auth->kv, ACCOUNT, &v) ? tct_record_int(&v, "created", 0) : 0;
}

/* Before the user is known only what everybody can use. */
static uint32_t hashes(struct tct_mod *m)
{
	const struct auth *auth = tct_mod_data(m);

	return population_common(&auth->population, auth->hashes);
}

static int64_t password_changed(struct tct_mod *m, const struct tct_entity *e)
{
	const struct auth *auth = tct_mod_data(m);
	struct tct_value v;

	return tct_entity_get(e, auth->kv, ACCOUNT, &v) ?
		tct_record_int(&v, "password_changed", 0) : 0;
}

static bool disabled(struct tct_mod *m, const struct tct_entity *e)
{
	struct keys keys;
	bool is = auth_get(m, e, &keys) && keys.disabled;

	gnutls_memset(&keys, 0, sizeof keys);
	return is;
}

static uint32_t upgrades(struct tct_mod *m)
{
	const struct auth *auth = tct_mod_data(m);

	return auth->hashes;
}

static uint32_t hashes_of(struct tct_mod *m, const struct tct_entity *e)
{
	struct keys keys;
	uint32_t fake, set;

	if (e == NULL)
		return hashes(m);
	/* Made in any case: the same work for every name. */
	fake = auth_fake_hashes(m, tct_entity_user(e));
	set = auth_get(m, e, &keys) ? keys.hashes : fake;
	gnutls_memset(&keys, 0, sizeof keys);
	return set;
}

static void salt(struct tct_mod *m, uint32_t hash, struct tct_scram *out)
{
	const struct auth *auth = tct_mod_data(m);

	keys_init(out, hash, auth->iterations);
}

/* ---- keys and passwords ---- */

static void give_scram(struct tct_scope *scope, struct tct_entity *e, int status, void *data)
{
	struct op *op = data;
	struct tct_scram fake;
	const struct tct_scram *k = &fake;

	if (status != TCT_OK) {
		op->scram(scope, status, NULL, op->data);
		op_finish(scope, op, status);
		return;
	}
	/* The fake is made in any case: the same work for every name. */
	auth_fake(op->m, &fake, op->hash, op->user != NULL ? tct_jid_node(op->user) : "");
	if (auth_get(op->m, e, &op->keys) && (op->keys.hashes & 1u << op->hash) != 0)
		k = &op->keys.of[op->hash];
	op->scram(scope, TCT_OK, k, op->data);
	gnutls_memset(&fake, 0, sizeof fake);
	op_finish(scope, op, TCT_OK);
}

static void scram(struct tct_mod *m, struct tct_scope *scope, const char *user, uint32_t hash,
	tct_scram_fn *fn, void *data)
{
	struct op *op = op_new(m, scope, user, NULL, NULL, data);

	op->scram = fn;
	op->hash = hash;
	tct_entity_load(scope, tct_mod_host(m), op->user != NULL ? tct_jid_node(op->user) : "",
		give_scram, op);
}

static void upgraded(struct tct_scope *scope, int status, void *data)
{
	struct op *op = data;

	if (status != TCT_OK)
		auth_survey(op->m);
	op_finish(scope, op, TCT_OK); /* the password was right, whatever the disk says */
}

static void write_upgrade(struct tct_scope *scope, struct op *op, bool ok)
{
	struct tct_entity *e = tct_entity_find(tct_mod_host(op->m), tct_jid_node(op->user));
	struct tct_txn *txn;
	struct keys kept;

	if (!ok || e == NULL || !auth_get(op->m, e, &kept)) {
		op_finish(scope, op, TCT_OK);
		return;
	}
	for (uint32_t h = 0; h < TCT_AUTH_HASHES; h++) {
		if ((op->keys.hashes & 1u << h) != 0 && (kept.hashes & 1u << h) == 0)
			kept.of[h] = op->keys.of[h];
	}
	kept.hashes |= op->keys.hashes;
	txn = tct_txn_new(op->m);
	auth_put(op->m, txn, tct_jid_node(op->user), NULL, &kept);
	gnutls_memset(&kept, 0, sizeof kept);
	tct_txn_submit(scope, txn, upgraded, op);
}

/* The password is known for once: keys that are missing are made of it. */
static void upgrade_of(struct tct_scope *scope, struct op *op, uint32_t missing)
{
	const struct auth *auth = tct_mod_data(op->m);

	op->keys.hashes = missing;
	for (uint32_t h = 0; h < TCT_AUTH_HASHES; h++) {
		if ((missing & 1u << h) != 0)
			keys_init(&op->keys.of[h], h, auth->iterations);
	}
	op_derive(scope, op, missing, write_upgrade);
}

/* The entry that was derived against the one that is kept. */
static void compare(struct tct_scope *scope, struct op *op, bool ok)
{
	const struct auth *auth = tct_mod_data(op->m);
	const struct tct_scram *mine = &op->keys.of[op->hash];
	struct tct_entity *e = op->user != NULL ?
		tct_entity_find(tct_mod_host(op->m), tct_jid_node(op->user)) :
		NULL;
	struct keys kept;
	uint32_t missing;
	bool same = false;

	memset(&kept, 0, sizeof kept);
	if (ok && e != NULL && auth_get(op->m, e, &kept) && (kept.hashes & 1u << op->hash) != 0)
		same = gnutls_memcmp(mine->stored_key, kept.of[op->hash].stored_key,
			       mine->key_len) == 0 &&
			!op->bad_password;
	missing = auth->hashes & ~kept.hashes;
	if (same && !kept.disabled && missing != 0)
		upgrade_of(scope, op, missing);
	else
		op_finish(scope, op, !same ? TCT_EPERM : kept.disabled ? TCT_EBUSY : TCT_OK);
	gnutls_memset(&kept, 0, sizeof kept);
}

static void verify_loaded(struct tct_scope *scope, struct tct_entity *e, int status, void *data)
{
	struct op *op = data;
	const char *name = op->user != NULL ? tct_jid_node(op->user) : "";
	struct tct_scram fake;

	if (status != TCT_OK) {
		op_finish(scope, op, TCT_EIO);
		return;
	}
	op->hash = keys_strongest(auth_fake_hashes(op->m, name));
	auth_fake(op->m, &fake, op->hash, name);
	if (auth_get(op->m, e, &op->keys) && op->keys.hashes != 0)
		op->hash = keys_strongest(op->keys.hashes);
	else
		op->keys.of[op->hash] = fake;
	op_derive(scope, op, 1u << op->hash, compare);
}

static void verify(struct tct_mod *m, struct tct_scope *scope, const char *user,
	const char *password, tct_auth_done_fn *fn, void *data)
{
	struct op *op = op_new(m, scope, user, password, fn, data);

	tct_entity_load(scope, tct_mod_host(m), op->user != NULL ? tct_jid_node(op->user) : "",
		verify_loaded, op);
}

static void users(struct tct_mod *m, struct tct_scope *scope, const char *after, size_t limit,
	tct_kv_rows_fn *fn, void *data)
{
	struct auth *auth = tct_mod_data(m);

	tct_kv_users(scope, auth->kv, after != NULL && *after != '\0' ? after : "", limit, fn, data);
}

/* ---- instance ---- */

static const struct tct_auth_ops ops = {
	.size = sizeof(struct tct_auth_ops),
	.exists = exists,
	.hashes = hashes,
	.scram = scram,
	.verify = verify,
	.create = accounts_create,
	.set_password = accounts_set_password,
	.remove = accounts_remove,
	.users = users,
	.import = accounts_import,
	.set_disabled = accounts_set_disabled,
	.created = created,
	.hashes_of = hashes_of,
	.upgrades = upgrades,
	.salt = salt,
	.upgrade = accounts_upgrade,
	.disabled = disabled,
	.password_changed = password_changed,
};

/* The secret of the fakes is made once and kept with the host itself, whose localpart is
 * empty: no account can have that row. */
static int read_secret(struct tct_mod *m, struct tct_error *err)
{
	struct auth *auth = tct_mod_data(m);
	struct tct_value v;
	struct tct_txn *txn;
	int status = tct_kv_get_wait(auth->kv, "", "secret", &v);

	if (status == TCT_OK && v.kind == TCT_VALUE_BYTES && v.bytes.len == KEYS_SECRET_LEN) {
		memcpy(auth->secret, v.bytes.data, KEYS_SECRET_LEN);
		return TCT_OK;
	}
	if (status != TCT_OK && status != TCT_ENOENT)
		return tct_error_set(err, status, "cannot read the store of accounts");
	tct_random(auth->secret, KEYS_SECRET_LEN);
	txn = tct_txn_new(m);
	tct_kv_put(txn, auth->kv, "", "secret", tct_bytes(auth->secret, KEYS_SECRET_LEN));
	tct_txn_submit(NULL, txn, NULL, NULL);
	return TCT_OK;
}

static int load(struct tct_mod *m, struct tct_error *err)
{
	const struct auth_config *config = tct_mod_config(m);
	struct auth *auth = tct_mod_data(m);

	auth->iterations = (uint32_t)config->default_iteration_count;
	for (const char *const *h = config->password_hashes; *h != NULL; h++)
		auth->hashes |= 1u << keys_hash_find(*h);
	if (auth->hashes == 0)
		auth->hashes = KEYS_ALL;
	auth->kv = tct_kv_open(m, "accounts", err);
	if (auth->kv == NULL)
		return TCT_EIO;
	tct_provide(m, "auth", "internal_hashed", &ops);
	return read_secret(m, err);
}

static void unload(struct tct_mod *m)
{
	struct auth *auth = tct_mod_data(m);

	gnutls_memset(auth->secret, 0, sizeof auth->secret);
	free(auth->survey);
}

TCT_MODULE(auth_internal_hashed,
	.version     = "1.0",
	.summary     = "accounts in the server's own store, as SCRAM keys",
	.depends     = TCT_DEPENDS("@storage"),
	.options     = options,
	.config_size = sizeof(struct auth_config),
	.data_size   = sizeof(struct auth),
	.preload     = TCT_PRELOAD("accounts"),
	.check       = check,
	.load        = load,
	.ready       = survey_ready,
	.unload      = unload,
);

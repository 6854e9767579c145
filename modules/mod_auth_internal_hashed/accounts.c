/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* accounts.c - making, changing and deleting accounts. An operation loads the entity, makes
 * keys on a worker where it needs them, writes one set, and answers when that is on disk. */
#include "modules/mod_auth_internal_hashed/auth.h"

#include <gnutls/gnutls.h>
#include <stdlib.h>
#include <string.h>

#define IMPORT_MAX 1000

/* ---- operations ---- */

static void op_fini(void *block)
{
	struct op *op = block;

	tct_jid_unref(op->user);
	gnutls_memset(op, 0, sizeof *op);
}

struct op *op_new(struct tct_mod *m, struct tct_scope *scope, const char *user,
	const char *password, tct_auth_done_fn *done, void *data)
{
	struct op *op = tct_scope_alloc(scope, sizeof *op, op_fini);

	op->m = m;
	op->done = done;
	op->data = data;
	op->user = user != NULL && *user != '\0' ?
		tct_jid_make(user, tct_host_name(tct_mod_host(m)), NULL) :
		NULL;
	if (password != NULL && !keys_prepare_password(password, op->password)) {
		op->bad_password = true;
		op->password[0] = '\0';
	}
	return op;
}

void op_finish(struct tct_scope *scope, struct op *op, int status)
{
	tct_auth_done_fn *done = op->done;
	void *data = op->data;

	tct_scope_free(op);
	if (done != NULL)
		done(scope, status, data);
}

struct later {
	struct op *op;
	int status;
};

static void finish_now(struct tct_scope *scope, void *data)
{
	struct later *l = data;
	struct later copy = *l;

	tct_scope_free(l);
	op_finish(scope, copy.op, copy.status);
}

void op_finish_later(struct tct_scope *scope, struct op *op, int status)
{
	struct later *l = tct_scope_alloc(scope, sizeof *l, NULL);

	l->op = op;
	l->status = status;
	tct_timer_start(scope, 0, 0, finish_now, l);
}

/* What a worker gets: copies of everything. */
struct derivation {
	struct op *op; /* for the loop only */
	op_derived_fn *then;
	struct tct_scram of[TCT_AUTH_HASHES];
	char password[KEYS_PASSWORD_MAX + 1];
	uint32_t set;
	bool ok;
};

static void derive(void *data)
{
	struct derivation *d = data;

	d->ok = true;
	for (uint32_t h = 0; h < TCT_AUTH_HASHES; h++) {
		if ((d->set & 1u << h) != 0)
			d->ok &= keys_derive(&d->of[h], d->password);
	}
}

static void derived(struct tct_scope *scope, void *data)
{
	struct derivation *d = data;
	struct op *op = d->op;

	for (uint32_t h = 0; h < TCT_AUTH_HASHES; h++) {
		if ((d->set & 1u << h) != 0)
			op->keys.of[h] = d->of[h];
	}
	d->then(scope, op, d->ok);
}

static void derivation_free(void *data)
{
	gnutls_memset(data, 0, sizeof(struct derivation));
	free(data);
}

void op_derive(struct tct_scope *scope, struct op *op, uint32_t set, op_derived_fn *then)
{
	struct derivation *d = calloc(1, sizeof *d);

	if (d == NULL)
		abort();
	d->op = op;
	d->then = then;
	d->set = set;
	memcpy(d->of, op->keys.of, sizeof d->of);
	memcpy(d->password, op->password, sizeof d->password);
	tct_job(scope, derive, derived, derivation_free, d);
}

/* ---- writing ---- */

static void written(struct tct_scope *scope, int status, void *data)
{
	struct op *op = data;

	if (status != TCT_OK)
		auth_survey(op->m);
	op_finish(scope, op, status);
}

/* Still true after the worker's time? Two calls for one name may have crossed. */
static void write_derived(struct tct_scope *scope, struct op *op, bool ok)
{
	struct tct_entity *e = tct_entity_find(tct_mod_host(op->m), tct_jid_node(op->user));
	struct tct_txn *txn;

	if (!ok || e == NULL) {
		op_finish(scope, op, TCT_EIO);
		return;
	}
	if (tct_entity_exists(e) == op->create) {
		op_finish(scope, op, op->create ? TCT_EEXIST : TCT_ENOENT);
		return;
	}
	txn = tct_txn_new(op->m);
	auth_put(op->m, txn, tct_jid_node(op->user), NULL, &op->keys);
	tct_txn_submit(scope, txn, written, op);
}

static void set_loaded(struct tct_scope *scope, struct tct_entity *e, int status, void *data)
{
	struct op *op = data;
	struct auth *auth = tct_mod_data(op->m);

	if (status != TCT_OK) {
		op_finish(scope, op, status);
		return;
	}
	if (tct_entity_exists(e) == op->create) {
		op_finish(scope, op, op->create ? TCT_EEXIST : TCT_ENOENT);
		return;
	}
	if (!auth_get(op->m, e, &op->keys)) {
		memset(&op->keys, 0, sizeof op->keys);
		op->keys.created = tct_now();
	}
	op->keys.password_changed = tct_now();
	op->keys.hashes = auth->hashes;
	for (uint32_t h = 0; h < TCT_AUTH_HASHES; h++)
		keys_init(&op->keys.of[h], h, auth->iterations);
	op_derive(scope, op, auth->hashes, write_derived);
}

static void start(struct tct_mod *m, struct tct_scope *scope, struct op *op,
	tct_entity_load_fn *fn)
{
	if (op->user == NULL || op->bad_password) {
		op_finish_later(scope, op, TCT_EINVAL);
		return;
	}
	tct_entity_load(scope, tct_mod_host(m), tct_jid_node(op->user), fn, op);
}

void accounts_create(struct tct_mod *m, struct tct_scope *scope, const char *user,
	const char *password, tct_auth_done_fn *fn, void *data)
{
	struct op *op = op_new(m, scope, user, password, fn, data);

	op->create = true;
	start(m, scope, op, set_loaded);
}

void accounts_set_password(struct tct_mod *m, struct tct_scope *scope, const char *user,
	const char *password, tct_auth_done_fn *fn, void *data)
{
	start(m, scope, op_new(m, scope, user, password, fn, data), set_loaded);
}

/* ---- disable, delete ---- */

static void disable_loaded(struct tct_scope *scope, struct tct_entity *e, int status, void *data)
{
	struct op *op = data;
	struct tct_txn *txn;

	if (status != TCT_OK || !auth_get(op->m, e, &op->keys)) {
		op_finish(scope, op, status != TCT_OK ? status : TCT_ENOENT);
		return;
	}
	op->keys.disabled = op->disable;
	txn = tct_txn_new(op->m);
	auth_put(op->m, txn, tct_jid_node(op->user), NULL, &op->keys);
	tct_txn_submit(scope, txn, written, op);
}

void accounts_set_disabled(struct tct_mod *m, struct tct_scope *scope, const char *user,
	bool disabled, tct_auth_done_fn *fn, void *data)
{
	struct op *op = op_new(m, scope, user, NULL, fn, data);

	op->disable = disabled;
	start(m, scope, op, disable_loaded);
}

static void told(struct tct_scope *scope, int status, void *data)
{
	struct op *op = data;
	struct auth *auth = tct_mod_data(op->m);
	struct tct_txn *txn;

	if (status != TCT_OK) {
		op_finish(scope, op, status);
		return;
	}
	txn = tct_txn_new(op->m);
	auth_put(op->m, txn, tct_jid_node(op->user), NULL, NULL);
	tct_kv_delete_user(txn, auth->kv, tct_jid_node(op->user));
	tct_txn_submit(scope, txn, written, op);
}

static void remove_loaded(struct tct_scope *scope, struct tct_entity *e, int status, void *data)
{
	struct op *op = data;

	if (status != TCT_OK || !tct_entity_exists(e)) {
		op_finish(scope, op, status != TCT_OK ? status : TCT_ENOENT);
		return;
	}
	tct_entity_delete(op->m, scope, tct_jid_node(op->user), told, op);
}

void accounts_remove(struct tct_mod *m, struct tct_scope *scope, const char *user,
	tct_auth_done_fn *fn, void *data)
{
	start(m, scope, op_new(m, scope, user, NULL, fn, data), remove_loaded);
}

/* ---- keys of one more hash ---- */

static void upgrade_loaded(struct tct_scope *scope, struct tct_entity *e, int status, void *data)
{
	struct op *op = data;
	struct tct_txn *txn;

	if (status != TCT_OK || !auth_get(op->m, e, &op->keys)) {
		op_finish(scope, op, status != TCT_OK ? status : TCT_ENOENT);
		return;
	}
	if ((op->keys.hashes & 1u << op->hash) != 0) {
		op_finish(scope, op, TCT_OK);
		return;
	}
	if (!keys_from_salted(&op->given, op->salted)) {
		op_finish(scope, op, TCT_EIO);
		return;
	}
	op->keys.of[op->hash] = op->given;
	op->keys.hashes |= 1u << op->hash;
	txn = tct_txn_new(op->m);
	auth_put(op->m, txn, tct_jid_node(op->user), NULL, &op->keys);
	tct_txn_submit(scope, txn, written, op);
}

void accounts_upgrade(struct tct_mod *m, struct tct_scope *scope, const char *user,
	const struct tct_scram *params, const uint8_t *salted, tct_auth_done_fn *fn, void *data)
{
	struct op *op = op_new(m, scope, user, NULL, fn, data);

	op->given = *params;
	op->hash = params->hash;
	memcpy(op->salted, salted, params->key_len);
	start(m, scope, op, upgrade_loaded);
}

/* ---- many at once ---- */

struct import {
	struct tct_mod *m;
	tct_auth_done_fn *done;
	void *data;
	size_t count;
	char **names;        /* prepared */
	char **passwords;    /* prepared */
	struct keys *keys;   /* of the first account with that password */
	size_t *same_as;     /* index of that account */
	struct keys *was;    /* what accounts of these names have now; hashes 0: nothing */
};

static void import_free(struct import *im)
{
	for (size_t i = 0; i < im->count; i++) {
		free(im->names[i]);
		if (im->passwords[i] != NULL)
			gnutls_memset(im->passwords[i], 0, strlen(im->passwords[i]));
		free(im->passwords[i]);
	}
	gnutls_memset(im->keys, 0, im->count * sizeof *im->keys);
	gnutls_memset(im->was, 0, im->count * sizeof *im->was);
	free(im->was);
	free(im->names);
	free(im->passwords);
	free(im->keys);
	free(im->same_as);
	free(im);
}

static void import_free_data(void *data)
{
	import_free(data);
}

static void import_derive(void *data)
{
	struct import *im = data;

	for (size_t i = 0; i < im->count; i++) {
		for (uint32_t h = 0; im->same_as[i] == i && *im->passwords[i] != '\0' &&
			h < TCT_AUTH_HASHES; h++) {
			if ((im->keys[i].hashes & 1u << h) != 0)
				keys_derive(&im->keys[i].of[h], im->passwords[i]);
		}
	}
}

struct import_done {
	struct tct_mod *m;
	tct_auth_done_fn *done;
	void *data;
};

static void import_written(struct tct_scope *scope, int status, void *data)
{
	struct import_done copy = *(struct import_done *)data;

	tct_scope_free(data);
	if (status != TCT_OK)
		auth_survey(copy.m);
	if (copy.done != NULL)
		copy.done(scope, status, copy.data);
}

static void import_derived(struct tct_scope *scope, void *data)
{
	struct import *im = data;
	struct import_done *d = tct_scope_alloc(scope, sizeof *d, NULL);
	struct tct_txn *txn = tct_txn_new(im->m);

	d->m = im->m;
	d->done = im->done;
	d->data = im->data;
	for (size_t i = 0; i < im->count; i++)
		auth_put(im->m, txn, im->names[i], im->was[i].hashes != 0 ? &im->was[i] : NULL,
			&im->keys[im->same_as[i]]);
	tct_txn_submit(scope, txn, import_written, d);
}

/* Until the accounts are read. */
struct import_read {
	struct import *im; /* NULL: taken */
};

static void import_read_fini(void *block)
{
	struct import_read *r = block;

	if (r->im != NULL)
		import_free(r->im);
}

static void import_read(struct tct_scope *scope, const struct tct_kv_rows *rows, void *data)
{
	struct import_read *r = data;
	struct import *im = r->im;

	/* Rows come in the order of names, without those that are not there. */
	for (size_t i = 0, k = 0; i < im->count && k < rows->count; i++) {
		if (strcmp(im->names[i], rows->rows[k].user) != 0)
			continue;
		if (!keys_decode(&rows->rows[k].value, &im->was[i]))
			im->was[i].hashes = 0;
		k++;
	}
	r->im = NULL;
	tct_scope_free(r);
	tct_job(scope, import_derive, import_derived, import_free_data, im);
}

static bool import_add(struct import *im, size_t i, const char *name, const char *password)
{
	const struct auth *auth = tct_mod_data(im->m);
	const struct tct_jid *jid = tct_jid_make(name, tct_host_name(tct_mod_host(im->m)), NULL);
	char prepared[KEYS_PASSWORD_MAX + 1];
	bool given = keys_are_given(password);
	bool ok = jid != NULL &&
		(given ? keys_parse(password, &im->keys[i]) : keys_prepare_password(password, prepared));

	if (given && ok)
		prepared[0] = '\0';
	if (ok) {
		im->names[i] = strdup(tct_jid_node(jid));
		im->passwords[i] = strdup(prepared);
		ok = im->names[i] != NULL && im->passwords[i] != NULL;
	}
	tct_jid_unref(jid);
	if (!ok)
		return false;
	im->same_as[i] = i;
	im->keys[i].created = im->keys[i].password_changed = tct_now();
	if (given)
		return true;
	for (size_t k = 0; k < i; k++) {
		if (strcmp(im->passwords[k], im->passwords[i]) == 0) {
			im->same_as[i] = im->same_as[k];
			return true;
		}
	}
	im->keys[i].hashes = auth->hashes;
	for (uint32_t h = 0; h < TCT_AUTH_HASHES; h++)
		keys_init(&im->keys[i].of[h], h, auth->iterations);
	return true;
}

static void import_refused(struct tct_scope *scope, void *data)
{
	struct import_done copy = *(struct import_done *)data;

	tct_scope_free(data);
	if (copy.done != NULL)
		copy.done(scope, TCT_EINVAL, copy.data);
}

void accounts_import(struct tct_mod *m, struct tct_scope *scope, const char *const *names,
	const char *const *passwords, size_t count, tct_auth_done_fn *fn, void *data)
{
	struct auth *auth = tct_mod_data(m);
	struct import *im = calloc(1, sizeof *im);
	bool ok = count <= IMPORT_MAX;
	struct import_done *d;

	if (im == NULL)
		abort();
	im->m = m;
	im->done = fn;
	im->data = data;
	im->count = ok ? count : 0;
	im->names = calloc(im->count + 1, sizeof *im->names);
	im->passwords = calloc(im->count + 1, sizeof *im->passwords);
	im->keys = calloc(im->count + 1, sizeof *im->keys);
	im->same_as = calloc(im->count + 1, sizeof *im->same_as);
	im->was = calloc(im->count + 1, sizeof *im->was);
	if (im->names == NULL || im->passwords == NULL || im->keys == NULL ||
		im->same_as == NULL || im->was == NULL)
		abort();
	for (size_t i = 0; ok && i < count; i++)
		ok = import_add(im, i, names[i], passwords[i]);
	if (ok) {
		struct import_read *r = tct_scope_alloc(scope, sizeof *r, import_read_fini);

		r->im = im;
		tct_kv_get_many(scope, auth->kv, (const char *const *)im->names, im->count,
			ACCOUNT, import_read, r);
		return;
	}
	import_free(im);
	d = tct_scope_alloc(scope, sizeof *d, NULL);
	d->done = fn;
	d->data = data;
	tct_timer_start(scope, 0, 0, import_refused, d);
}

/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* survey.c - keeps the count of accounts (population.h) true: it changes with each account in
 * the same write set, and is made anew from all accounts when there is none in the store, or
 * when what changed is not known. Also what names without account pretend to have. */
#include "modules/mod_auth_internal_hashed/auth.h"

#include <gnutls/gnutls.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE 500
#define AGAIN_MS 2000 /* changes that come together cost one more reading */

/* The count is a row of the host itself, whose localpart is empty: no account can have it. */
#define COUNT "population"

static void put_count(struct tct_mod *m, struct tct_txn *txn)
{
	struct auth *auth = tct_mod_data(m);
	struct tct_record *r = population_encode(&auth->population);

	tct_kv_put(txn, auth->kv, "", COUNT, tct_record_value(r));
	tct_record_free(r);
}

void auth_put(struct tct_mod *m, struct tct_txn *txn, const char *user, const struct keys *was,
	const struct keys *keys)
{
	struct auth *auth = tct_mod_data(m);
	struct tct_entity *e = tct_entity_find(tct_mod_host(m), user);
	struct keys old;

	if (e != NULL)
		was = auth_get(m, e, &old) ? &old : NULL;
	population_change(&auth->population, was, keys);
	if (auth->survey != NULL)
		auth->survey_again = true;
	if (keys != NULL) {
		struct tct_record *r = keys_encode(keys);

		tct_kv_put(txn, auth->kv, user, ACCOUNT, tct_record_value(r));
		tct_record_free(r);
	}
	put_count(m, txn);
	gnutls_memset(&old, 0, sizeof old);
}

/* ---- reading all accounts ---- */

static void survey_page(struct tct_scope *scope, const struct tct_kv_rows *rows, void *data);

static void again(struct tct_scope *scope, void *data)
{
	struct tct_mod *m = data;
	struct auth *auth = tct_mod_data(m);

	free(auth->survey);
	auth->survey = NULL;
	auth_survey(m);
	(void)scope;
}

static void end(struct tct_mod *m, int status)
{
	struct auth *auth = tct_mod_data(m);
	struct tct_txn *txn;

	if (auth->survey_again || status != TCT_OK) {
		tct_timer_start(tct_mod_scope(m), AGAIN_MS, 0, again, m);
		return;
	}
	auth->population = *auth->survey;
	free(auth->survey);
	auth->survey = NULL;
	txn = tct_txn_new(m);
	put_count(m, txn);
	tct_txn_submit(NULL, txn, NULL, NULL);
}

static void survey_rows(struct tct_scope *scope, const struct tct_kv_rows *rows, void *data)
{
	struct tct_mod *m = data;
	struct auth *auth = tct_mod_data(m);
	struct keys keys;

	(void)scope;
	for (size_t i = 0; i < rows->count; i++) {
		if (keys_decode(&rows->rows[i].value, &keys))
			population_change(auth->survey, NULL, &keys);
	}
	gnutls_memset(&keys, 0, sizeof keys);
	if (rows->status != TCT_OK)
		end(m, rows->status);
}

struct page {
	struct tct_mod *m;
	size_t count;
	char last[1024];
};

static void page_rows(struct tct_scope *scope, const struct tct_kv_rows *rows, void *data)
{
	struct page *p = data;
	struct tct_mod *m = p->m;
	struct auth *auth = tct_mod_data(m);

	survey_rows(scope, rows, m);
	if (rows->status == TCT_OK && p->count == PAGE)
		tct_kv_users(scope, auth->kv, p->last, PAGE, survey_page, m);
	else if (rows->status == TCT_OK)
		end(m, TCT_OK);
	tct_scope_free(p);
}

static void survey_page(struct tct_scope *scope, const struct tct_kv_rows *rows, void *data)
{
	struct tct_mod *m = data;
	struct auth *auth = tct_mod_data(m);
	const char *names[PAGE];
	struct page *p;

	if (rows->status != TCT_OK || rows->count == 0) {
		end(m, rows->status == TCT_ENOENT ? TCT_OK : rows->status);
		return;
	}
	p = tct_scope_alloc(scope, sizeof *p, NULL);
	p->m = m;
	p->count = rows->count;
	for (size_t i = 0; i < rows->count; i++)
		names[i] = rows->rows[i].user;
	snprintf(p->last, sizeof p->last, "%s", names[rows->count - 1]);
	tct_kv_get_many(scope, auth->kv, names, rows->count, ACCOUNT, page_rows, p);
}

void auth_survey(struct tct_mod *m)
{
	struct auth *auth = tct_mod_data(m);

	if (auth->survey != NULL) {
		auth->survey_again = true;
		return;
	}
	auth->survey = calloc(1, sizeof *auth->survey);
	if (auth->survey == NULL)
		abort();
	auth->survey_again = false;
	tct_kv_users(tct_mod_scope(m), auth->kv, "", PAGE, survey_page, m);
}

static void got_count(struct tct_scope *scope, const struct tct_kv_result *r, void *data)
{
	struct tct_mod *m = data;
	struct auth *auth = tct_mod_data(m);

	(void)scope;
	if (r->status != TCT_OK || !population_decode(&r->value, &auth->population))
		auth_survey(m);
}

void survey_ready(struct tct_mod *m)
{
	struct auth *auth = tct_mod_data(m);

	tct_kv_get(tct_mod_scope(m), auth->kv, "", COUNT, got_count, m);
}

/* ---- names without account ---- */

static const struct population_class *class_for(struct tct_mod *m, const char *user)
{
	const struct auth *auth = tct_mod_data(m);

	return population_pick(&auth->population, keys_point(user, auth->secret));
}

uint32_t auth_fake_hashes(struct tct_mod *m, const char *user)
{
	const struct auth *auth = tct_mod_data(m);
	const struct population_class *c = class_for(m, user);
	uint32_t set = 0;

	for (uint32_t h = 0; c != NULL && h < TCT_AUTH_HASHES; h++) {
		if (c->iterations[h] != 0)
			set |= 1u << h;
	}
	return set != 0 ? set : auth->hashes;
}

void auth_fake(struct tct_mod *m, struct tct_scram *k, uint32_t hash, const char *user)
{
	const struct auth *auth = tct_mod_data(m);
	const struct population_class *c = class_for(m, user);
	uint32_t iterations = c != NULL && c->iterations[hash] > 1 ? c->iterations[hash] : 0;

	keys_fake(k, hash, iterations != 0 ? iterations : auth->iterations,
		iterations != 0 ? c->salt_len[hash] : KEYS_SALT_LEN, user, auth->secret);
}

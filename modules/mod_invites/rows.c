/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* rows.c - invitations as they are kept: what they allow, until when, how often; of their token
 * the hash alone. Whoever reads the store can use none, and a look-up by the hash of what
 * somebody says tells nothing of those that are there. */
#include "modules/mod_invites/invites.h"

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Who has shown a token in time may take his time with the name (XEP-0445 section 4). */
#define LATE 3600

void invite_key(const char *token, char out[INVITE_KEY + 1])
{
	unsigned char digest[INVITE_KEY / 2];

	if (gnutls_hash_fast(GNUTLS_DIG_SHA256, token, strlen(token), digest) < 0)
		abort();
	for (size_t i = 0; i < sizeof digest; i++)
		snprintf(out + 2 * i, 3, "%02x", digest[i]);
}

static void read_row(const char *key, const struct tct_value *v, struct invite_row *row)
{
	*row = (struct invite_row){ .is = TCT_INVITE_INIT };
	row->is.flags = (uint32_t)tct_record_int(v, "flags", 0);
	row->is.name = tct_record_string(v, "name", NULL);
	row->is.inviter = tct_record_string(v, "inviter", NULL);
	row->is.until = tct_record_int(v, "until", 0);
	row->is.uses = tct_record_int(v, "uses", 0);
	row->is.created = tct_record_int(v, "created", 0);
	snprintf(row->key, sizeof row->key, "%s", key);
	snprintf(row->id, sizeof row->id, "%.*s", TCT_INVITE_ID_SIZE - 1, key);
}

bool invite_get(struct tct_mod *m, const struct tct_entity *host, const char *key,
	struct invite_row *row)
{
	const struct invites *invites = tct_mod_data(m);
	struct tct_value v;

	if (!tct_entity_get(host, invites->kv, key, &v))
		return false;
	read_row(key, &v, row);
	return true;
}

bool invite_open(const struct invite_row *row)
{
	return row->is.uses > 0 && row->is.until > tct_now();
}

/* ---- looking at all ---- */

struct walk {
	struct tct_mod *m;
	invite_row_fn *fn;
	void *data;
};

static void walk_row(const char *key, const struct tct_value *v, void *data)
{
	const struct walk *w = data;
	struct invite_row row;

	read_row(key, v, &row);
	w->fn(&row, w->data);
}

static void walk(struct tct_mod *m, const struct tct_entity *host, invite_row_fn *fn, void *data)
{
	const struct invites *invites = tct_mod_data(m);
	struct walk w = { m, fn, data };

	tct_entity_each(host, invites->kv, walk_row, &w);
}

static void walk_open(const struct invite_row *row, void *data)
{
	const struct walk *w = data;

	if (invite_open(row))
		w->fn(row, w->data);
}

void invite_each(struct tct_mod *m, const struct tct_entity *host, invite_row_fn *fn, void *data)
{
	struct walk w = { m, fn, data };

	walk(m, host, walk_open, &w);
}

struct search {
	const char *id, *name, *inviter, *except;
	size_t count;
	struct invite_row row;
};

static void match_id(const struct invite_row *row, void *data)
{
	struct search *s = data;

	if (strcmp(row->id, s->id) == 0) {
		s->row = *row;
		s->count++;
	}
}

bool invite_by_id(struct tct_mod *m, const struct tct_entity *host, const char *id,
	struct invite_row *row)
{
	struct search s = { .id = id };

	walk(m, host, match_id, &s);
	if (s.count == 1)
		*row = s.row;
	return s.count == 1;
}

static void match_name(const struct invite_row *row, void *data)
{
	struct search *s = data;

	if (row->is.name != NULL && strcmp(row->is.name, s->name) == 0 &&
		(s->except == NULL || strcmp(row->id, s->except) != 0))
		s->count++;
}

bool invite_reserved(struct tct_mod *m, const struct tct_entity *host, const char *name,
	const char *except)
{
	struct search s = { .name = name, .except = except };

	invite_each(m, host, match_name, &s);
	return s.count > 0;
}

/* ---- writing ---- */

void invite_put(struct tct_mod *m, struct tct_txn *txn, const struct invite_row *row)
{
	const struct invites *invites = tct_mod_data(m);
	struct tct_record *r = tct_record_new();

	tct_record_set_int(r, "flags", row->is.flags);
	if (row->is.name != NULL)
		tct_record_set_string(r, "name", row->is.name);
	if (row->is.inviter != NULL)
		tct_record_set_string(r, "inviter", row->is.inviter);
	tct_record_set_int(r, "until", row->is.until);
	tct_record_set_int(r, "uses", row->is.uses);
	tct_record_set_int(r, "created", row->is.created);
	tct_kv_put(txn, invites->kv, "", row->key, tct_record_value(r));
	tct_record_free(r);
}

void invite_delete(struct tct_mod *m, struct tct_txn *txn, const struct invite_row *row)
{
	const struct invites *invites = tct_mod_data(m);

	tct_kv_delete(txn, invites->kv, "", row->key);
}

void invite_spend(struct tct_mod *m, struct tct_txn *txn, struct invite_row *row)
{
	if (--row->is.uses > 0)
		invite_put(m, txn, row);
	else
		invite_delete(m, txn, row);
}

static void match_inviter(const struct invite_row *row, void *data)
{
	struct search *s = data;

	if (row->is.inviter != NULL && strcmp(row->is.inviter, s->inviter) == 0)
		s->count++;
}

/* Administrators make invitations on no account, and only all of the host are counted. */
static bool has_room(struct tct_mod *m, const struct tct_entity *host, const char *inviter)
{
	const struct invites *invites = tct_mod_data(m);
	const struct invites_config *config = tct_mod_config(m);
	struct search s = { .inviter = inviter };

	if (tct_entity_count(host, invites->kv) >= (size_t)config->max_open_all)
		return false;
	if (inviter == NULL)
		return true;
	invite_each(m, host, match_inviter, &s);
	return s.count < (size_t)config->max_open;
}

int invite_add(struct tct_mod *m, struct tct_txn *txn, const struct tct_entity *host,
	const struct tct_invite *what, struct invite_row *row, char token[INVITE_TOKEN + 1])
{
	const struct invites_config *config = tct_mod_config(m);
	int64_t now = tct_now();

	if (!has_room(m, host, (what->flags & TCT_INVITE_CONTACT) != 0 ? what->inviter : NULL))
		return TCT_EFULL;
	*row = (struct invite_row){ .is = *what };
	row->is.created = now;
	if (row->is.until == 0)
		row->is.until = now + config->invite_expiry;
	tct_random_id(token, INVITE_TOKEN);
	invite_key(token, row->key);
	snprintf(row->id, sizeof row->id, "%.*s", TCT_INVITE_ID_SIZE - 1, row->key);
	invite_put(m, txn, row);
	return TCT_OK;
}

struct sweep {
	const char *inviter;
	size_t count;
	char (*keys)[INVITE_KEY + 1]; /* as many as there are rows */
};

static void collect(const struct invite_row *row, void *data)
{
	struct sweep *s = data;
	bool his = s->inviter != NULL && row->is.inviter != NULL &&
		strcmp(s->inviter, row->is.inviter) == 0;

	if (his || row->is.until + LATE <= tct_now())
		memcpy(s->keys[s->count++], row->key, sizeof row->key);
}

void invite_sweep(struct tct_mod *m, const struct tct_entity *host, const char *inviter)
{
	const struct invites *invites = tct_mod_data(m);
	size_t rows = tct_entity_count(host, invites->kv);
	struct sweep s = { .inviter = inviter, .keys = calloc(rows + 1, sizeof *s.keys) };
	struct tct_txn *txn;

	if (s.keys == NULL)
		abort();
	walk(m, host, collect, &s);
	if (s.count > 0) {
		txn = tct_txn_new(m);
		for (size_t i = 0; i < s.count; i++)
			tct_kv_delete(txn, invites->kv, "", s.keys[i]);
		tct_txn_submit(NULL, txn, NULL, NULL);
	}
	free(s.keys);
}

/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* restore.c - sessions that were there when the server before this one ended (save.c). An
 * account's come back when it is loaded, before anything reaches it; at the start all accounts
 * that have some are loaded, so that those whose clients stay away end in time. */
#include "smacks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ACCOUNTS 64  /* that are loaded at once */

/* A message of the session's queue. */
struct entry {
	uint32_t number;
	uint32_t order; /* of coming, for equal numbers */
	struct delivery *d;
};

/* One session while its rows are looked for. */
struct restoring {
	struct sm *sm; /* NULL: it has ended meanwhile */
	uint64_t key, low;
	uint32_t acked, sent, ceiling, handled;
	bool clean;
	struct entry *entries;
	uint32_t count, room;
	/* messages of the client's that were handled before others that were not */
	struct {
		uint32_t number;
		uint64_t hash;
	} ahead[AHEAD_MAX];
	uint32_t ahead_count;
	struct restoring *next;
};

/* The sessions of an account that come back. In the scope of the instance. */
struct account {
	struct restoring *first;
	uint64_t low;
};

static void account_fini(void *block)
{
	struct account *a = block;

	while (a->first != NULL) {
		struct restoring *r = a->first;

		a->first = r->next;
		if (r->sm != NULL)
			r->sm->restoring = NULL;
		for (uint32_t i = 0; i < r->count; i++)
			tcti_delivery_unref(r->entries[i].d);
		free(r->entries);
		free(r);
	}
}

void sm_restore_leave(struct sm *sm)
{
	if (sm->restoring != NULL)
		sm->restoring->sm = NULL;
	sm->restoring = NULL;
}

/* ---- what is found ---- */

static void add_entry(struct tct_mod *m, struct restoring *r, uint32_t number, struct delivery *d)
{
	const struct smacks_config *config = tct_mod_config(m);

	if (r->count >= (uint32_t)config->queue_count) {
		tcti_delivery_unref(d);
		return;
	}
	if (r->count == r->room) {
		r->room = r->room > 0 ? r->room * 2 : 16;
		r->entries = realloc(r->entries, r->room * sizeof *r->entries);
		if (r->entries == NULL)
			abort();
	}
	r->entries[r->count] = (struct entry){ number, r->count, d };
	r->count++;
}

static void handled_up_to(struct restoring *r, uint32_t number)
{
	if ((int32_t)(number - r->handled) > 0)
		r->handled = number;
}

static void add_ahead(struct restoring *r, uint32_t number, uint64_t hash)
{
	if ((int32_t)(number - r->handled) <= 0 || r->ahead_count == AHEAD_MAX)
		return;
	r->ahead[r->ahead_count].number = number;
	r->ahead[r->ahead_count++].hash = hash;
}

static void on_sent(struct restoring *r, const struct tcti_row *row, const struct tcti_mark *mark)
{
	struct tct_stanza *st = NULL;

	handled_up_to(r, mark->floor);
	if ((int32_t)(mark->number - r->handled) > 0)
		st = tcti_row_stanza(row);
	if (st != NULL)
		add_ahead(r, mark->number, tcti_message_hash(st));
	tct_stanza_unref(st);
}

static void on_mark(struct tct_mod *m, struct tcti_row *row, const struct tcti_mark *mark, void *data)
{
	struct account *a = data;
	struct restoring *r = a->first;
	struct delivery *d;

	while (r != NULL && r->key != mark->session &&
		!(r->sm != NULL && sm_earlier_has(r->sm->earlier, mark->session)))
		r = r->next;
	if (r == NULL || r->sm == NULL)
		return;
	if (r->key != mark->session) {
		if (mark->kind != TCTI_MARK_SENT && !tcti_row_marked(row, r->key))
			tcti_row_taken(row);
		return;
	}
	if (mark->kind == TCTI_MARK_SENT) {
		on_sent(r, row, mark);
		return;
	}
	if ((int32_t)(mark->number - r->acked) <= 0) {
		/* Acknowledged; that its keeper was told may not have come to the disk. */
		tcti_row_taken(row);
		return;
	}
	d = tcti_row_delivery(row, mark);
	if (d != NULL)
		add_entry(m, r, mark->number, d);
}

/* What the server before this one wrote down of the queue when it stopped. */
static void add_inline(struct tct_mod *m, struct restoring *r)
{
	const struct smacks *smacks = tct_mod_data(m);
	struct tct_value saved, bytes;
	char key[SM_KEY_SIZE], field[16];

	sm_row_key('q', r->key, key);
	if (!r->clean || !tct_entity_get(tct_session_entity(r->sm->session), smacks->kv, key, &saved))
		return;
	for (uint32_t i = 0; i < r->sent - r->acked; i++) {
		struct delivery *d;

		snprintf(field, sizeof field, "%u", i);
		if (!tct_record_find(&saved, field, &bytes))
			continue;
		d = tcti_delivery_load(&bytes);
		if (d != NULL)
			add_entry(m, r, r->acked + 1 + i, d);
	}
}

static int compare(const void *a, const void *b)
{
	const struct entry *one = a, *other = b;
	int32_t d = (int32_t)(one->number - other->number);

	if (d != 0)
		return d;
	return one->order < other->order ? -1 : 1;
}

/* Whether the queue is whole, so that both sides count alike. */
static bool is_whole(const struct restoring *r)
{
	if (!r->clean || r->count != r->sent - r->acked)
		return false;
	for (uint32_t i = 0; i < r->count; i++) {
		if (r->entries[i].number != r->acked + 1 + i)
			return false;
	}
	return true;
}

static void fill_queue(struct restoring *r)
{
	struct sm *sm = r->sm;

	if (r->count > 0)
		qsort(r->entries, r->count, sizeof *r->entries, compare);
	for (uint32_t i = 0; i < r->count; i++)
		queue_push(&sm->queue, r->entries[i].d);
	sm->acked = r->acked;
	if (is_whole(r)) {
		tcti_session_mark(sm->session, sm->key, r->sent);
		return;
	}
	sm->sparse = calloc(1, sizeof *sm->sparse + r->count * sizeof *sm->sparse->numbers);
	if (sm->sparse == NULL)
		abort();
	sm->sparse->last = r->ceiling;
	sm->sparse->count = r->count;
	for (uint32_t i = 0; i < r->count; i++)
		sm->sparse->numbers[i] = r->entries[i].number;
	tcti_session_mark(sm->session, sm->key, r->ceiling);
}

/* The session is as it was, as far as that can be. */
static void come_back(struct tct_mod *m, struct restoring *r)
{
	struct sm *sm = r->sm;
	struct tct_session *s = sm->session;

	add_inline(m, r);
	fill_queue(r);
	tcti_session_track(s, r->handled);
	for (uint32_t i = 0; i < r->ahead_count; i++) {
		if ((int32_t)(r->ahead[i].number - r->handled) > 0)
			tcti_session_expect_again(s, r->ahead[i].number, r->ahead[i].hash);
	}
	tcti_session_set_kept(s, sm->queue.bytes);
	tcti_session_set_pipe(m, s, &sm_pipe_ops);
	tcti_session_set_resumable(s, sm->max);
	sm->low = r->low;
	sm->keep_low = true;
	tcti_session_detach(s, sm->max, NULL);
	/* The record says it from here on. */
	sm_ahead_forget(m, sm, tcti_txn_of_turn(m));
	sm_save_write(m, sm, tcti_txn_of_turn(m));
	tcti_session_restored(s);
}

static void all_found(struct tct_mod *m, struct tct_entity *e, int status, void *data)
{
	struct account *a = data;

	if (status != TCT_OK)
		tct_log_warn(m, "the messages of the sessions of \"%s\" cannot be read (%s)",
			tct_jid_text(tct_entity_jid(e)), tct_code_text(status));
	for (struct restoring *r = a->first; r != NULL; r = r->next) {
		if (r->sm != NULL)
			come_back(m, r);
	}
	tct_scope_free(a);
}

/* ---- what was written down ---- */

struct loading {
	struct tct_mod *mod;
	struct tct_entity *entity;
	struct account *account; /* made for the first one */
};

static uint32_t number_of(const struct tct_value *record, const char *field)
{
	return (uint32_t)tct_record_int(record, field, 0);
}

static struct restoring *read_record(struct account *a, uint64_t key, const struct tct_value *v)
{
	struct restoring *r = calloc(1, sizeof *r);

	if (r == NULL)
		abort();
	r->key = key;
	r->low = (uint64_t)tct_record_int(v, "low", 0);
	r->acked = number_of(v, "acked");
	r->sent = number_of(v, "sent");
	r->ceiling = number_of(v, "ceiling");
	r->handled = number_of(v, "handled");
	r->clean = tct_record_int(v, "clean", 0) != 0;
	r->next = a->first;
	a->first = r;
	if (r->low < a->low)
		a->low = r->low;
	return r;
}

static void read_handled(struct tct_mod *m, struct tct_entity *e, struct restoring *r)
{
	const struct smacks *smacks = tct_mod_data(m);
	struct tct_value v;
	char key[SM_KEY_SIZE];

	sm_row_key('h', r->key, key);
	if (tct_entity_get(e, smacks->kv, key, &v) && v.kind == TCT_VALUE_INT)
		handled_up_to(r, (uint32_t)v.i);
}

static void on_ahead(const char *key, const struct tct_value *value, void *data)
{
	struct restoring *r = data;
	uint32_t number;

	if (!sm_ahead_number(key, r->key, &number) || value->kind != TCT_VALUE_INT)
		return;
	sm_ahead_add(r->sm, number);
	add_ahead(r, number, (uint64_t)value->i);
}

struct known {
	struct tct_mod *mod;
	uint64_t key;
	bool found;
};

static void is_known(struct tct_session *s, void *data)
{
	struct known *known = data;
	const struct sm *sm = tct_session_data_peek(known->mod, s);

	known->found |= sm_enabled(sm) && sm->key == known->key;
}

static void restore(struct loading *loading, uint64_t key, const struct tct_value *v)
{
	struct tct_mod *m = loading->mod;
	const char *id = tct_record_string(v, "id", "");
	struct tct_session *s;
	struct restoring *r;
	struct sm *sm;

	if (strlen(id) != ID_LEN || tcti_session_restore(loading->entity, v, &s) != TCT_OK)
		return;
	if (loading->account == NULL) {
		loading->account = tct_scope_alloc(tct_mod_scope(m), sizeof *loading->account,
			account_fini);
		loading->account->low = UINT64_MAX;
	}
	r = read_record(loading->account, key, v);
	read_handled(m, loading->entity, r);
	sm = tct_session_data(m, s);
	sm->session = s;
	sm->mod = m;
	memcpy(sm->id, id, ID_LEN + 1);
	sm->resumable = true;
	sm->key = key;
	sm->max = tct_record_int(v, "max", 0);
	sm->earlier = sm_earlier_read(v);
	sm->restoring = r;
	r->sm = sm;
	tct_entity_each(loading->entity, ((struct smacks *)tct_mod_data(m))->kv, on_ahead, r);
}

static void on_row(const char *key, const struct tct_value *value, void *data)
{
	struct loading *loading = data;
	struct known known = { loading->mod, 0, false };

	if (key[0] != 's')
		return;
	known.key = strtoull(key + 1, NULL, 16);
	tct_entity_sessions(loading->entity, is_known, &known);
	if (known.key != 0 && !known.found)
		restore(loading, known.key, value);
}

void sm_loaded(struct tct_mod *m, struct tct_entity *e)
{
	const struct smacks *smacks = tct_mod_data(m);
	struct loading loading = { m, e, NULL };

	tct_entity_each(e, smacks->kv, on_row, &loading);
	if (loading.account != NULL)
		tcti_entity_marks(m, e, loading.account->low, on_mark, all_found,
			loading.account);
}

/* ---- at the start ---- */

static void look_for_more(struct tct_mod *m);

static void account_loaded(struct tct_scope *scope, struct tct_entity *e, int status, void *data)
{
	struct tct_mod *m = data;
	struct smacks *smacks = tct_mod_data(m);

	(void)scope;
	(void)e;
	(void)status; /* said by who could not read it; it comes back when it is read */
	if (--smacks->loading == 0)
		look_for_more(m);
}

static void on_users(struct tct_scope *scope, const struct tct_kv_rows *rows, void *data)
{
	struct tct_mod *m = data;
	struct smacks *smacks = tct_mod_data(m);

	if (rows->status != TCT_OK || rows->count == 0)
		return;
	free(smacks->after);
	smacks->after = strdup(rows->rows[rows->count - 1].user);
	if (smacks->after == NULL)
		abort();
	smacks->loading = rows->count;
	for (size_t i = 0; i < rows->count; i++)
		tct_entity_load(scope, tct_mod_host(m), rows->rows[i].user, account_loaded, m);
}

static void look_for_more(struct tct_mod *m)
{
	struct smacks *smacks = tct_mod_data(m);

	tct_kv_users(tct_mod_scope(m), smacks->kv, smacks->after, ACCOUNTS, on_users, m);
}

void sm_restore_start(struct tct_mod *m)
{
	look_for_more(m);
}

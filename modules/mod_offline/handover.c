/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* handover.c - rows of the archive are about to go, and some wait for an account still: those
 * become messages of the queue's own, in their place, before the archive lets them go. What the
 * queue has no room for goes with the archive. One account after the other. */
#include "modules/mod_offline/offline.h"

#include <stdlib.h>
#include <string.h>

#define USERS 100 /* of one read */
#define NS_RETRACT "urn:xmpp:message-retract:1"

/* In the scope of the instance. */
struct handover {
	struct tct_mod *m;
	struct tct_archive_leave *leave;
	uint64_t up_to;
	struct tct_entity *entity; /* that is being looked at; in its scope */
	char *users[USERS];
	size_t count, at;
	bool more; /* users, after the last one of these */
	size_t row_count;
	uint64_t rows[OFFLINE_BATCH];
};

static void next_user(struct handover *h);

static void forget_users(struct handover *h, size_t keep)
{
	while (h->count > keep)
		free(h->users[--h->count]);
}

static void handover_fini(void *block)
{
	forget_users(block, 0);
}

static void end(struct handover *h, bool ok)
{
	const struct offline_data *data = tct_mod_data(h->m);

	if (!ok)
		tct_log_warn(h->m, "what waits cannot be taken over from the archive now");
	data->archive_ops->let_go(data->archive_mod, h->leave, ok);
	tct_scope_free(h);
}

/* ---- one account ---- */

static bool is_leaving(const struct handover *h, const struct offline_entry *entry)
{
	return entry->reference && entry->row <= h->up_to;
}

static void next_rows(struct handover *h);

static void on_written(struct tct_scope *scope, int status, void *data)
{
	(void)scope;
	if (status != TCT_OK)
		end(data, false);
	else
		next_rows(data);
}

/* Takes over one message; `row` NULL: it is not there. */
static void take_over(struct handover *h, struct tct_txn *txn, struct offline_entry *entry,
	const struct tct_value *row)
{
	const struct offline_data *data = tct_mod_data(h->m);
	struct tct_stanza *shell = tct_stanza_new(TCT_MESSAGE_NORMAL, NULL, NULL, NULL);
	struct offline_entry whole = *entry;
	struct tct_elem *e = NULL;
	struct tct_value xml;

	if (row != NULL && !offline_expired(h->m, entry))
		e = data->archive_ops->add_row(data->archive_mod, tct_stanza_root(shell), row);
	if (e != NULL && tct_child(e, NS_RETRACT, "retracted") == NULL) {
		xml = tct_xml(e);
		whole.reference = false;
		whole.bytes = (int64_t)xml.bytes.len;
		if (offline_admit(h->m, txn, h->entity, &whole)) {
			whole.row = tct_archive_append(txn, data->bodies,
				tct_entity_user(h->entity), entry->from, xml);
			offline_replace(h->m, txn, h->entity, entry, &whole);
			tct_stanza_unref(shell);
			return;
		}
	}
	tct_stanza_unref(shell);
	offline_remove(h->m, txn, h->entity, entry);
}

static void on_rows(struct tct_scope *scope, const struct tct_archive_page *page, void *data)
{
	struct handover *h = data;
	const struct offline_queue *q = offline_queue(h->m, h->entity);
	struct tct_txn *txn;
	size_t at = 0;

	if (page->status != TCT_OK || !q->ready) {
		end(h, false);
		return;
	}
	txn = tct_txn_new(h->m);
	for (size_t i = 0; i < h->row_count; i++) {
		bool there = at < page->count && page->rows[at].id == h->rows[i];
		struct offline_entry *entry = offline_find(q, h->rows[i]);

		if (entry != NULL && is_leaving(h, entry))
			take_over(h, txn, entry, there ? &page->rows[at].value : NULL);
		at += there;
	}
	tct_txn_submit(scope, txn, on_written, h);
}

static void next_rows(struct handover *h)
{
	const struct offline_data *data = tct_mod_data(h->m);
	const struct offline_queue *q = offline_queue(h->m, h->entity);

	h->row_count = 0;
	for (size_t i = 0; i < q->count && h->row_count < OFFLINE_BATCH; i++) {
		if (is_leaving(h, q->entries[i]))
			h->rows[h->row_count++] = q->entries[i]->row;
	}
	if (!q->ready)
		end(h, false);
	else if (h->row_count == 0)
		next_user(h);
	else
		tct_archive_get(tct_entity_scope(h->m, h->entity), data->archive,
			tct_entity_user(h->entity), h->rows, h->row_count, 0, on_rows, h);
}

static void on_entity(struct tct_scope *scope, struct tct_entity *e, int status, void *data)
{
	struct handover *h = data;

	(void)scope;
	if (status != TCT_OK) {
		end(h, false);
		return;
	}
	h->entity = e;
	next_rows(h);
}

/* ---- all accounts ---- */

/* Only those that have something here are loaded. */
static void on_entries(struct tct_scope *scope, const struct tct_kv_rows *rows, void *data)
{
	struct handover *h = data;
	bool some = false;

	if (rows->status != TCT_OK) {
		end(h, false);
		return;
	}
	for (size_t i = 0; i < rows->count; i++)
		some |= tct_record_int(&rows->rows[i].value, "archived", 0) != 0 &&
			strtoull(rows->rows[i].key, NULL, 16) <= h->up_to;
	if (some)
		tct_entity_load(scope, tct_mod_host(h->m), h->users[h->at - 1], on_entity, h);
	else
		next_user(h);
}

static char *copy_of(const char *text)
{
	char *copy = strdup(text);

	if (copy == NULL)
		abort();
	return copy;
}

static void on_users(struct tct_scope *scope, const struct tct_kv_rows *rows, void *data)
{
	struct handover *h = data;

	(void)scope;
	if (rows->status != TCT_OK) {
		end(h, false);
		return;
	}
	forget_users(h, 0);
	h->at = 0;
	for (size_t i = 0; i < rows->count && i < USERS; i++)
		h->users[h->count++] = copy_of(rows->rows[i].user);
	h->more = h->count == USERS;
	next_user(h);
}

static void next_user(struct handover *h)
{
	const struct offline_data *data = tct_mod_data(h->m);
	struct tct_scope *scope = tct_mod_scope(h->m);

	h->entity = NULL;
	if (h->at < h->count)
		tct_kv_each(scope, data->entries, h->users[h->at++], on_entries, h);
	else if (h->more)
		tct_kv_users(scope, data->entries, h->users[h->count - 1], USERS, on_users, h);
	else
		end(h, true);
}

void offline_on_leaving(struct tct_mod *m, const char *user, uint64_t up_to,
	struct tct_archive_leave *leave)
{
	const struct offline_data *data = tct_mod_data(m);
	struct handover *h = tct_scope_alloc(tct_mod_scope(m), sizeof *h, handover_fini);

	h->m = m;
	h->leave = leave;
	h->up_to = up_to;
	if (user == NULL) {
		tct_kv_users(tct_mod_scope(m), data->entries, NULL, USERS, on_users, h);
		return;
	}
	h->users[h->count++] = copy_of(user);
	tct_kv_each(tct_mod_scope(m), data->entries, h->users[h->at++], on_entries, h);
}

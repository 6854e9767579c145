/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* queue.c - the entries of one account, made from the preloaded rows and written back row by
 * row. They are forgotten when core puts rows back after a set that failed. */
#include "modules/mod_offline/offline.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEY_SIZE 17

/* Bounded by the limits of the queue: no memory for it ends the process, as in the server. */
static void *allocate(void *old, size_t size)
{
	void *p = realloc(old, size);

	if (p == NULL)
		abort();
	return p;
}

static void key_text(uint64_t key, char out[KEY_SIZE])
{
	snprintf(out, KEY_SIZE, "%016" PRIx64, key);
}

/* ---- in memory ---- */

static size_t size_of(const char *text)
{
	return text != NULL ? strlen(text) + 1 : 0;
}

static const char *put(char **at, const char *text)
{
	const char *start = *at;

	if (text == NULL)
		return NULL;
	memcpy(*at, text, size_of(text));
	*at += size_of(text);
	return start;
}

/* One block with its texts. */
static struct offline_entry *copy_of(const struct offline_entry *from)
{
	struct offline_entry *e = allocate(NULL,
		sizeof *e + size_of(from->from) + size_of(from->id) + size_of(from->resource));
	char *at = (char *)(e + 1);

	*e = *from;
	e->from = put(&at, from->from);
	e->id = put(&at, from->id);
	e->resource = put(&at, from->resource);
	return e;
}

/* Almost always at the end. */
static void insert(struct offline_queue *q, struct offline_entry *entry)
{
	size_t at = q->count;

	if (q->count == q->room) {
		q->room = q->room > 0 ? q->room * 2 : 8;
		q->entries = allocate(q->entries, q->room * sizeof *q->entries);
	}
	for (; at > 0 && q->entries[at - 1]->key > entry->key; at--)
		q->entries[at] = q->entries[at - 1];
	q->entries[at] = entry;
	q->count++;
}

static void take_out(struct offline_queue *q, const struct offline_entry *entry)
{
	size_t i = 0;

	while (i < q->count && q->entries[i] != entry)
		i++;
	if (i == q->count)
		return;
	memmove(&q->entries[i], &q->entries[i + 1], (--q->count - i) * sizeof *q->entries);
	if (q->count > 0)
		return;
	free(q->entries);
	q->entries = NULL;
	q->room = 0;
}

void offline_queue_fini(struct offline_queue *q)
{
	for (size_t i = 0; i < q->count; i++)
		free(q->entries[i]);
	free(q->entries);
	memset(q, 0, sizeof *q);
}

struct offline_entry *offline_find(const struct offline_queue *q, uint64_t row)
{
	size_t low = 0, high = q->count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (q->entries[middle]->key < row)
			low = middle + 1;
		else
			high = middle;
	}
	if (low < q->count && q->entries[low]->key == row)
		return q->entries[low];
	for (size_t i = 0; i < q->count; i++) {
		if (q->entries[i]->row == row)
			return q->entries[i];
	}
	return NULL;
}

/* ---- rows ---- */

static void read_entry(const char *key, const struct tct_value *v, void *data)
{
	struct offline_entry e = { .key = strtoull(key, NULL, 16),
		.until = tct_record_int(v, "until", 0),
		.bytes = tct_record_int(v, "bytes", 0),
		.reference = tct_record_int(v, "archived", 0) != 0,
		.contact = tct_record_int(v, "contact", 0) != 0,
		.from = tct_record_string(v, "from", ""),
		.id = tct_record_string(v, "id", NULL),
		.resource = tct_record_string(v, "resource", NULL) };

	e.row = (uint64_t)tct_record_int(v, "row", (int64_t)e.key);
	insert(data, copy_of(&e));
}

struct offline_queue *offline_queue(struct tct_mod *m, struct tct_entity *e)
{
	const struct offline_data *data = tct_mod_data(m);
	struct offline_queue *q = tct_entity_data(m, e);

	/* Rows that are being read again are not there. */
	if (q->ready || tct_entity_find(tct_entity_host(e), tct_entity_user(e)) != e)
		return q;
	q->ready = true;
	tct_entity_each(e, data->entries, read_entry, q);
	return q;
}

static void note_row(const char *key, const struct tct_value *v, void *data)
{
	(void)key;
	(void)v;
	*(bool *)data = true;
}

bool offline_has_queue(struct tct_mod *m, const struct tct_entity *e)
{
	const struct offline_data *data = tct_mod_data(m);
	bool some = false;

	tct_entity_each(e, data->entries, note_row, &some);
	return some;
}

bool offline_has(struct tct_mod *m, const struct tct_entity *e, uint64_t key)
{
	const struct offline_data *data = tct_mod_data(m);
	struct tct_value value;
	char text[KEY_SIZE];

	key_text(key, text);
	return tct_entity_get(e, data->entries, text, &value);
}

static void write_row(struct tct_mod *m, struct tct_txn *txn, const struct tct_entity *e,
	const struct offline_entry *entry)
{
	const struct offline_data *data = tct_mod_data(m);
	struct tct_record *r = tct_record_new();
	char key[KEY_SIZE];

	tct_record_set_string(r, "from", entry->from);
	tct_record_set_int(r, "bytes", entry->bytes);
	if (entry->id != NULL)
		tct_record_set_string(r, "id", entry->id);
	if (entry->resource != NULL)
		tct_record_set_string(r, "resource", entry->resource);
	if (entry->until != 0)
		tct_record_set_int(r, "until", entry->until);
	if (entry->reference)
		tct_record_set_int(r, "archived", 1);
	if (entry->contact)
		tct_record_set_int(r, "contact", 1);
	if (entry->row != entry->key)
		tct_record_set_int(r, "row", (int64_t)entry->row);
	key_text(entry->key, key);
	tct_kv_put(txn, data->entries, tct_entity_user(e), key, tct_record_value(r));
	tct_record_free(r);
}

void offline_add(struct tct_mod *m, struct tct_txn *txn, struct tct_entity *e,
	const struct offline_entry *entry)
{
	const struct offline_data *data = tct_mod_data(m);

	tct_figure_add(data->stored, 1);
	insert(offline_queue(m, e), copy_of(entry));
	write_row(m, txn, e, entry);
}

void offline_replace(struct tct_mod *m, struct tct_txn *txn, struct tct_entity *e,
	struct offline_entry *entry, const struct offline_entry *new)
{
	entry->row = new->row;
	entry->bytes = new->bytes;
	entry->reference = new->reference;
	write_row(m, txn, e, entry);
}

void offline_remove(struct tct_mod *m, struct tct_txn *txn, struct tct_entity *e,
	struct offline_entry *entry)
{
	const struct offline_data *data = tct_mod_data(m);
	const char *user = tct_entity_user(e);
	char key[KEY_SIZE];

	key_text(entry->key, key);
	tct_kv_delete(txn, data->entries, user, key);
	if (!entry->reference)
		tct_archive_delete(txn, data->bodies, user, entry->row);
	take_out(offline_queue(m, e), entry);
	free(entry);
}

void offline_remove_row(struct tct_mod *m, struct tct_txn *txn, struct tct_entity *e,
	uint64_t row)
{
	const struct offline_data *data = tct_mod_data(m);
	struct offline_queue *q = offline_queue(m, e);
	struct offline_entry *entry = offline_find(q, row);
	char key[KEY_SIZE];

	if (entry != NULL) {
		offline_remove(m, txn, e, entry);
		return;
	}
	if (q->ready)
		return;
	/* Its rows are on their way into memory: these writes come on top. */
	key_text(row, key);
	tct_kv_delete(txn, data->entries, tct_entity_user(e), key);
	tct_archive_delete(txn, data->bodies, tct_entity_user(e), row);
}

bool offline_expired(struct tct_mod *m, const struct offline_entry *entry)
{
	const struct offline_config *config = tct_mod_config(m);
	int64_t now = tct_now();

	return (entry->until != 0 && entry->until <= now) ||
		(config->expire_after > 0 &&
			(int64_t)(entry->key >> 8) / 1000000 + config->expire_after <= now);
}

/* Perhaps as the row that it had when it was sent. */
bool offline_is_out(struct tct_mod *m, const struct offline_entry *entry)
{
	const struct offline_data *data = tct_mod_data(m);

	return offline_ids_have(&data->out, entry->row) ||
		offline_ids_have(&data->out, entry->key);
}

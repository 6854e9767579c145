/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* store.c - see store.h and the key-value stores of <tercet/store.h>. */
#include "core/store/store.h"

#include "core/base/assert.h"
#include "core/base/mem.h"
#include "core/mod/module.h"
#include "core/mod/service.h"
#include "core/store/txn.h"
#include "core/store/value.h"

#include <stdlib.h>
#include <string.h>

static void (*on_written)(struct tct_kv *, const char *, const char *, const struct tct_value *);
static void (*on_rolled_back)(struct tct_kv *, const char *);

void store_set_hooks(void (*written)(struct tct_kv *, const char *, const char *,
			     const struct tct_value *),
	void (*rolled_back)(struct tct_kv *, const char *))
{
	on_written = written;
	on_rolled_back = rolled_back;
}

void store_written(struct tct_kv *kv, const char *user, const char *key,
	const struct tct_value *value)
{
	if (on_written != NULL)
		on_written(kv, user, key, value);
}

void store_rolled_back(struct tct_kv *kv, const char *user)
{
	if (on_rolled_back != NULL)
		on_rolled_back(kv, user);
}

struct store_env *store_env_find(const struct tct_host *host)
{
	struct tct_mod *provider;
	const struct tct_storage_ops *ops = service_find(host, "storage", &provider);

	return ops != NULL ? env_of(provider, ops) : NULL;
}

struct tct_kv *store_find(const struct store_env *env, const struct tct_host *host,
	const char *name)
{
	return env_find(env, host, name);
}

struct tct_host *kv_host(const struct tct_kv *kv)
{
	return kv->host;
}

static struct tct_kv *open_table(struct tct_mod *m, const char *store, uint32_t kind,
	struct tct_error *err)
{
	struct store_env *env = store_env_find(m->host);

	assert_loop();
	if (env == NULL) {
		tct_error_set(err, TCT_ENOENT,
			"there is no storage: add \"storage_bdb\" to modules at the top level");
		return NULL;
	}
	return env_table(env, m->host, m->host_name != NULL ? m->host_name : "", store, kind, err);
}

struct tct_kv *tct_kv_open(struct tct_mod *m, const char *store, struct tct_error *err)
{
	return open_table(m, store, TCT_TABLE_KV, err);
}

struct tct_archive *tct_archive_open(struct tct_mod *m, const char *store, struct tct_error *err)
{
	return (struct tct_archive *)open_table(m, store, TCT_TABLE_ARCHIVE, err);
}

/* ---- arguments of a read ---- */

static struct read *new_read(struct tct_kv *const *kvs, size_t count, enum read_kind kind,
	const char *const *users, size_t user_count, const char *key)
{
	struct read *r = read_new(kvs[0]->env, kind);

	assert_loop();
	r->tables = arena_alloc(&r->arena, count * sizeof *r->tables);
	r->table_count = count;
	for (size_t i = 0; i < count; i++)
		r->tables[i] = kvs[i]->table;
	r->users = arena_alloc(&r->arena, (user_count + 1) * sizeof *r->users);
	r->user_count = user_count;
	for (size_t i = 0; i < user_count; i++)
		r->users[i] = arena_strdup(&r->arena, users[i]);
	r->key = key != NULL ? arena_strdup(&r->arena, key) : NULL;
	return r;
}

/* ---- results ---- */

static void got(struct tct_scope *scope, struct read *r)
{
	struct tct_kv_result result = { .size = sizeof result, .status = r->status,
		.user = r->users[0], .key = r->key };
	tct_kv_fn *fn = (tct_kv_fn *)r->fn;

	if (r->status == TCT_OK && r->rows.count > 0 &&
		!value_decode(r->rows.items[0].bytes, &result.value))
		result.status = TCT_EIO;
	fn(scope, &result, r->data);
}

void tct_kv_get(struct tct_scope *scope, struct tct_kv *kv, const char *user, const char *key,
	tct_kv_fn *fn, void *data)
{
	struct read *r = new_read(&kv, 1, READ_GET, &user, 1, key);

	r->done = got;
	r->fn = (void *)fn;
	r->data = data;
	read_start(r, scope);
}

static void got_rows(struct tct_scope *scope, struct read *r)
{
	struct tct_kv_row *rows =
		arena_zalloc(&r->arena, (r->rows.count + 1) * sizeof *rows);
	struct tct_kv_rows result = { .size = sizeof result, .status = r->status, .rows = rows };
	tct_kv_rows_fn *fn = (tct_kv_rows_fn *)r->fn;

	for (size_t i = 0; r->status == TCT_OK && i < r->rows.count; i++) {
		const struct read_row *from = &r->rows.items[i];
		struct tct_kv_row *to = &rows[result.count];

		to->user = from->user;
		to->key = from->key;
		if (from->bytes.data != NULL && !value_decode(from->bytes, &to->value))
			continue;
		result.count++;
	}
	fn(scope, &result, r->data);
}

static void start_rows(struct read *r, struct tct_scope *scope, tct_kv_rows_fn *fn, void *data)
{
	r->done = got_rows;
	r->fn = (void *)fn;
	r->data = data;
	read_start(r, scope);
}

void tct_kv_each(struct tct_scope *scope, struct tct_kv *kv, const char *user,
	tct_kv_rows_fn *fn, void *data)
{
	start_rows(new_read(&kv, 1, READ_EACH, &user, 1, NULL), scope, fn, data);
}

void tct_kv_get_many(struct tct_scope *scope, struct tct_kv *kv, const char *const *users,
	size_t count, const char *key, tct_kv_rows_fn *fn, void *data)
{
	start_rows(new_read(&kv, 1, READ_MANY, users, count, key), scope, fn, data);
}

void tct_kv_users(struct tct_scope *scope, struct tct_kv *kv, const char *after, size_t limit,
	tct_kv_rows_fn *fn, void *data)
{
	struct read *r = new_read(&kv, 1, READ_USERS, NULL, 0, NULL);

	r->after = after != NULL ? arena_strdup(&r->arena, after) : NULL;
	r->limit = limit;
	start_rows(r, scope, fn, data);
}

/* ---- in load() ---- */

static bool keep_row(void *ctx, const char *user, const char *key, const void *bytes, size_t len)
{
	struct str *out = ctx;

	(void)user;
	(void)key;
	str_append_n(out, bytes, len);
	return true;
}

int tct_kv_get_wait(struct tct_kv *kv, const char *user, const char *key,
	struct tct_value *value)
{
	static struct str row;
	int status;

	assert_loop();
	str_clear(&row);
	status = env_ops(kv->env)->get(env_mod(kv->env), kv->table, user, key, keep_row, &row);
	if (status != TCT_OK)
		return status;
	return value_decode(str_span(&row), value) ? TCT_OK : TCT_EIO;
}

/* ---- preloading ---- */

static void preloaded(struct tct_scope *scope, struct read *r)
{
	struct store_row *rows = arena_zalloc(&r->arena, (r->rows.count + 1) * sizeof *rows);
	struct store_preloaded result = { .status = r->status, .rows = rows };
	store_preload_fn *fn = (store_preload_fn *)r->fn;

	for (size_t i = 0; r->status == TCT_OK && i < r->rows.count; i++) {
		const struct read_row *from = &r->rows.items[i];
		struct store_row *to = &rows[result.count];

		if (!value_decode(from->bytes, &to->value))
			continue;
		to->store = from->store;
		to->key = from->key;
		result.count++;
	}
	fn(scope, &result, r->data);
}

void store_preload(struct store_env *env, struct tct_kv *const *kvs, size_t count,
	const char *user, struct tct_scope *scope, store_preload_fn *fn, void *data)
{
	struct read *r = new_read(kvs, count, READ_PRELOAD, &user, 1, NULL);

	(void)env;
	r->done = preloaded;
	r->fn = (void *)fn;
	r->data = data;
	read_start(r, scope);
}

/* ---- archives ---- */

static void found(struct tct_scope *scope, struct read *r)
{
	struct tct_archive_row *rows = arena_zalloc(&r->arena, (r->rows.count + 1) * sizeof *rows);
	struct tct_archive_page page = { .size = sizeof page, .status = r->status,
		.complete = r->complete, .rows = rows };
	tct_archive_fn *fn = (tct_archive_fn *)r->fn;

	for (size_t i = 0; r->status == TCT_OK && i < r->rows.count; i++) {
		const struct read_row *from = &r->rows.items[i];
		struct tct_archive_row *to = &rows[page.count];

		if (!value_decode(from->bytes, &to->value))
			continue;
		to->id = from->id;
		to->time = (int64_t)(from->id >> 8);
		to->with = from->with;
		to->marks = &from->bytes;
		page.count++;
	}
	if (r->kind == READ_COUNT && r->status == TCT_OK)
		page.count = r->counted;
	fn(scope, &page, r->data);
}

/* The first id of a moment: its time and eight bits more. Clients ask for the year 9999 too. */
static uint64_t first_id(int64_t time)
{
	return (uint64_t)time > UINT64_MAX >> 8 ? UINT64_MAX : (uint64_t)time << 8;
}

static void narrow(struct tct_archive_query *q)
{
	uint64_t end = q->end > 0 && q->end < INT64_MAX ? first_id(q->end + 1) : UINT64_MAX;

	if (q->start > 0 && first_id(q->start) - 1 > q->after)
		q->after = first_id(q->start) - 1;
	if (end != UINT64_MAX && (q->before == 0 || end < q->before))
		q->before = end;
}

/* Ids are given before sets are closed: who has read up to a row must not find that one with a
 * lower id comes later. */
uint64_t tct_archive_settled(const struct tct_archive *a, const char *user)
{
	uint64_t end = txn_first_open(&a->kv, user);

	return end != 0 ? end : env_last_id(a->kv.env) + 1;
}

static void settle(struct tct_archive_query *q, const struct tct_archive *a, const char *user)
{
	uint64_t end = tct_archive_settled(a, user);

	if (q->before == 0 || end < q->before)
		q->before = end;
}

static struct read *archive_read(struct tct_archive *a, enum read_kind kind, const char *user,
	const struct tct_archive_query *q)
{
	struct tct_kv *kv = &a->kv;
	struct read *r = new_read(&kv, 1, kind, &user, 1, NULL);

	memcpy(&r->query, q, q->size < sizeof r->query ? q->size : sizeof r->query);
	if (q->with != NULL)
		r->query.with = arena_strdup(&r->arena, q->with);
	narrow(&r->query);
	if ((r->query.flags & TCT_ARCHIVE_SETTLED) != 0)
		settle(&r->query, a, user);
	return r;
}

static void archive_start(struct read *r, struct tct_scope *scope, tct_archive_fn *fn, void *data)
{
	r->done = found;
	r->fn = (void *)fn;
	r->data = data;
	read_start(r, scope);
}

void tct_archive_find(struct tct_scope *scope, struct tct_archive *a, const char *user,
	const struct tct_archive_query *q, tct_archive_fn *fn, void *data)
{
	struct read *r = archive_read(a, READ_FIND, user, q);

	if (r->query.limit == 0)
		r->query.limit = 50;
	if (r->query.limit > TCT_ARCHIVE_PAGE_MAX)
		r->query.limit = TCT_ARCHIVE_PAGE_MAX;
	archive_start(r, scope, fn, data);
}

void tct_archive_get(struct tct_scope *scope, struct tct_archive *a, const char *user,
	const uint64_t *ids, size_t count, uint64_t bytes, tct_archive_fn *fn, void *data)
{
	struct tct_archive_query q = { .size = sizeof q, .limit = (uint32_t)count, .bytes = bytes };
	struct read *r = archive_read(a, READ_IDS, user, &q);
	uint64_t *copy = arena_alloc(&r->arena, (count + 1) * sizeof *copy);

	memcpy(copy, ids, count * sizeof *copy);
	r->ids = copy;
	archive_start(r, scope, fn, data);
}

void tct_archive_count(struct tct_scope *scope, struct tct_archive *a, const char *user,
	const struct tct_archive_query *q, tct_archive_fn *fn, void *data)
{
	archive_start(archive_read(a, READ_COUNT, user, q), scope, fn, data);
}

void tct_archive_users(struct tct_scope *scope, struct tct_archive *a, const char *after,
	size_t limit, tct_kv_rows_fn *fn, void *data)
{
	tct_kv_users(scope, &a->kv, after, limit, fn, data);
}

bool tct_archive_matches(const struct tct_archive_query *q, const char *with)
{
	size_t len;

	if (q->with == NULL)
		return true;
	if ((q->flags & TCT_ARCHIVE_BARE) == 0)
		return strcmp(q->with, with) == 0;
	len = strlen(q->with);
	return strncmp(q->with, with, len) == 0 && (with[len] == '\0' || with[len] == '/');
}

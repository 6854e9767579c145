/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* mod_storage_mem - the service "storage" in memory: for tests and for trying things out.
 * Everything is gone when the server stops. Each table is an array of rows sorted by user
 * and key, under one lock; a transaction is a list of operations applied at commit. */
#include <tercet/module.h>
#include <tercet/storage.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct row {
	char *user, *key; /* key of an archive row: its id, 16 hexadecimal digits */
	char *with;
	char *bytes;
	size_t len;
};

struct table {
	struct table *next;
	struct row *rows;
	size_t count, room;
};

struct mem {
	pthread_mutex_t lock;
	struct table *tables;
};

enum kind { PUT, DELETE, DELETE_USER, REPLACE, TRIM, EXPIRE };
struct change {
	struct change *next;
	struct table *table;
	enum kind kind;
	uint64_t id; /* of TRIM and EXPIRE */
	struct row row;
};
struct txn {
	struct change *first, **last;
};

static char *copy(const void *bytes, size_t len)
{
	char *p = malloc(len + 1);

	if (p == NULL)
		abort();
	if (len > 0)
		memcpy(p, bytes, len);
	p[len] = '\0';
	return p;
}

static char *copy_text(const char *text)
{
	return copy(text, strlen(text));
}

static void row_fini(struct row *r)
{
	free(r->user);
	free(r->key);
	free(r->with);
	free(r->bytes);
}

/* ---- rows ---- */

static int compare(const struct row *r, const char *user, const char *key)
{
	int c = strcmp(r->user, user);

	return c != 0 ? c : strcmp(r->key, key);
}

static size_t place(const struct table *t, const char *user, const char *key)
{
	size_t low = 0, high = t->count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (compare(&t->rows[middle], user, key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool is_at(const struct table *t, size_t i, const char *user, const char *key)
{
	return i < t->count && compare(&t->rows[i], user, key) == 0;
}

static void remove_row(struct table *t, size_t i)
{
	row_fini(&t->rows[i]);
	t->count--;
	memmove(&t->rows[i], &t->rows[i + 1], (t->count - i) * sizeof *t->rows);
}

static uint64_t id_of(const struct row *r)
{
	return strtoull(r->key, NULL, 16);
}

static void replace_value(struct row *r, struct row *with)
{
	free(r->bytes);
	r->bytes = with->bytes;
	r->len = with->len;
	with->bytes = NULL;
}

static void expire_rows(struct table *t, uint64_t before)
{
	for (size_t i = t->count; i-- > 0;) {
		if (id_of(&t->rows[i]) < before)
			remove_row(t, i);
	}
}

static void apply(struct change *c)
{
	struct table *t = c->table;
	size_t i = place(t, c->row.user, c->row.key != NULL ? c->row.key : "");

	switch (c->kind) {
	case DELETE:
		if (is_at(t, i, c->row.user, c->row.key))
			remove_row(t, i);
		return;
	case DELETE_USER:
		while (i < t->count && strcmp(t->rows[i].user, c->row.user) == 0)
			remove_row(t, i);
		return;
	case TRIM:
		while (i < t->count && strcmp(t->rows[i].user, c->row.user) == 0 &&
			id_of(&t->rows[i]) <= c->id)
			remove_row(t, i);
		return;
	case EXPIRE:
		expire_rows(t, c->id);
		return;
	case REPLACE:
		if (is_at(t, i, c->row.user, c->row.key))
			replace_value(&t->rows[i], &c->row);
		return;
	case PUT:
		break;
	}
	if (is_at(t, i, c->row.user, c->row.key))
		remove_row(t, i);
	if (t->count == t->room) {
		t->room = t->room > 0 ? t->room * 2 : 16;
		t->rows = realloc(t->rows, t->room * sizeof *t->rows);
		if (t->rows == NULL)
			abort();
	}
	memmove(&t->rows[i + 1], &t->rows[i], (t->count - i) * sizeof *t->rows);
	t->rows[i] = c->row;
	memset(&c->row, 0, sizeof c->row);
	t->count++;
}

/* ---- the service ---- */

static int table(struct tct_mod *m, const char *host, const char *store, uint32_t kind,
	void **out, struct tct_error *err)
{
	struct mem *mem = tct_mod_data(m);
	struct table *t = calloc(1, sizeof *t);

	(void)host;
	(void)store;
	(void)kind;
	if (t == NULL)
		return tct_error_set(err, TCT_EFULL, "no memory");
	t->next = mem->tables;
	mem->tables = t;
	*out = t;
	return TCT_OK;
}

static void close_all(struct tct_mod *m)
{
	struct mem *mem = tct_mod_data(m);

	while (mem->tables != NULL) {
		struct table *t = mem->tables;

		mem->tables = t->next;
		for (size_t i = 0; i < t->count; i++)
			row_fini(&t->rows[i]);
		free(t->rows);
		free(t);
	}
	pthread_mutex_destroy(&mem->lock);
}

static int get(struct tct_mod *m, void *tbl, const char *user, const char *key,
	tct_storage_row_fn *row, void *ctx)
{
	struct mem *mem = tct_mod_data(m);
	struct table *t = tbl;
	int status = TCT_ENOENT;
	size_t i;

	pthread_mutex_lock(&mem->lock);
	i = place(t, user, key);
	if (is_at(t, i, user, key)) {
		row(ctx, user, key, t->rows[i].bytes, t->rows[i].len);
		status = TCT_OK;
	}
	pthread_mutex_unlock(&mem->lock);
	return status;
}

static int each(struct tct_mod *m, void *tbl, const char *user, tct_storage_row_fn *row, void *ctx)
{
	struct mem *mem = tct_mod_data(m);
	struct table *t = tbl;

	pthread_mutex_lock(&mem->lock);
	for (size_t i = place(t, user, ""); i < t->count && strcmp(t->rows[i].user, user) == 0; i++) {
		if (!row(ctx, user, t->rows[i].key, t->rows[i].bytes, t->rows[i].len))
			break;
	}
	pthread_mutex_unlock(&mem->lock);
	return TCT_OK;
}

static int users(struct tct_mod *m, void *tbl, const char *after, size_t limit,
	tct_storage_row_fn *row, void *ctx)
{
	struct mem *mem = tct_mod_data(m);
	struct table *t = tbl;
	const char *last = after;

	pthread_mutex_lock(&mem->lock);
	for (size_t i = 0; i < t->count && limit > 0; i++) {
		if (last != NULL && strcmp(t->rows[i].user, last) <= 0)
			continue;
		last = t->rows[i].user;
		limit--;
		if (!row(ctx, last, NULL, NULL, 0))
			break;
	}
	pthread_mutex_unlock(&mem->lock);
	return TCT_OK;
}

static bool matches(const struct row *r, const struct tct_archive_query *q)
{
	uint64_t id = id_of(r);

	return id > q->after && (q->before == 0 || id < q->before) &&
		tct_archive_matches(q, r->with);
}

static int find(struct tct_mod *m, void *tbl, const char *user, const struct tct_archive_query *q,
	tct_storage_archive_fn *row, void *ctx, bool *complete)
{
	struct mem *mem = tct_mod_data(m);
	struct table *t = tbl;
	size_t first, matching = 0, skip, given = 0;

	pthread_mutex_lock(&mem->lock);
	first = place(t, user, "");
	for (size_t i = first; i < t->count && strcmp(t->rows[i].user, user) == 0; i++)
		matching += matches(&t->rows[i], q);
	*complete = matching <= q->limit;
	skip = q->reverse && matching > q->limit ? matching - q->limit : 0;
	for (size_t i = first; i < t->count && strcmp(t->rows[i].user, user) == 0; i++) {
		const struct row *r = &t->rows[i];

		if (!matches(r, q))
			continue;
		if (skip > 0) {
			skip--;
			continue;
		}
		if (given++ >= q->limit || !row(ctx, id_of(r), r->with, r->bytes, r->len))
			break;
	}
	pthread_mutex_unlock(&mem->lock);
	return TCT_OK;
}

static int count(struct tct_mod *m, void *tbl, const char *user, const struct tct_archive_query *q,
	uint32_t *rows, bool *complete)
{
	struct mem *mem = tct_mod_data(m);
	struct table *t = tbl;

	*rows = 0;
	*complete = true;
	pthread_mutex_lock(&mem->lock);
	for (size_t i = place(t, user, ""); i < t->count && strcmp(t->rows[i].user, user) == 0; i++) {
		if (!matches(&t->rows[i], q))
			continue;
		if (*rows == q->limit) {
			*complete = false;
			break;
		}
		*rows += 1;
	}
	pthread_mutex_unlock(&mem->lock);
	return TCT_OK;
}

static void id_text(char out[17], uint64_t id)
{
	snprintf(out, 17, "%016llx", (unsigned long long)id);
}

static int last_id(struct tct_mod *m, void *tbl, uint64_t *id)
{
	(void)m;
	(void)tbl;
	*id = 0; /* nothing survives, so nothing is there when a table is opened */
	return TCT_OK;
}

static int begin(struct tct_mod *m, void **out)
{
	struct txn *t = calloc(1, sizeof *t);

	(void)m;
	if (t == NULL)
		return TCT_EFULL;
	t->last = &t->first;
	*out = t;
	return TCT_OK;
}

static struct change *add(void *txn, void *tbl, enum kind kind, const char *user)
{
	struct txn *t = txn;
	struct change *c = calloc(1, sizeof *c);

	if (c == NULL)
		abort();
	c->table = tbl;
	c->kind = kind;
	c->row.user = copy_text(user);
	*t->last = c;
	t->last = &c->next;
	return c;
}

static int put(struct tct_mod *m, void *txn, void *tbl, const char *user, const char *key,
	const void *bytes, size_t len)
{
	struct change *c = add(txn, tbl, PUT, user);

	(void)m;
	c->row.key = copy_text(key);
	c->row.bytes = copy(bytes, len);
	c->row.len = len;
	return TCT_OK;
}

static int del(struct tct_mod *m, void *txn, void *tbl, const char *user, const char *key)
{
	(void)m;
	add(txn, tbl, DELETE, user)->row.key = copy_text(key);
	return TCT_OK;
}

static int del_user(struct tct_mod *m, void *txn, void *tbl, const char *user)
{
	(void)m;
	add(txn, tbl, DELETE_USER, user);
	return TCT_OK;
}

static int txn_get(struct tct_mod *m, void *txn, void *tbl, const char *user, const char *key,
	tct_storage_row_fn *row, void *ctx)
{
	(void)txn; /* what is expected comes before what is changed */
	return get(m, tbl, user, key, row, ctx);
}

static char *id_key(uint64_t id)
{
	char text[17];

	id_text(text, id);
	return copy_text(text);
}

static int append(struct tct_mod *m, void *txn, void *tbl, const char *user, uint64_t id,
	const char *with, const void *bytes, size_t len)
{
	struct change *c = add(txn, tbl, PUT, user);

	(void)m;
	c->row.key = id_key(id);
	c->row.with = copy_text(with);
	c->row.bytes = copy(bytes, len);
	c->row.len = len;
	return TCT_OK;
}

static int archive_del(struct tct_mod *m, void *txn, void *tbl, const char *user, uint64_t id)
{
	(void)m;
	add(txn, tbl, DELETE, user)->row.key = id_key(id);
	return TCT_OK;
}

static int replace(struct tct_mod *m, void *txn, void *tbl, const char *user, uint64_t id,
	const void *bytes, size_t len)
{
	struct change *c = add(txn, tbl, REPLACE, user);

	(void)m;
	c->row.key = id_key(id);
	c->row.bytes = copy(bytes, len);
	c->row.len = len;
	return TCT_OK;
}

static int trim(struct tct_mod *m, void *txn, void *tbl, const char *user, uint64_t up_to)
{
	(void)m;
	add(txn, tbl, TRIM, user)->id = up_to;
	return TCT_OK;
}

static int expire(struct tct_mod *m, void *txn, void *tbl, uint64_t before)
{
	(void)m;
	add(txn, tbl, EXPIRE, "")->id = before;
	return TCT_OK;
}

static int tidy(struct tct_mod *m, size_t limit, bool *more)
{
	(void)m;
	(void)limit;
	*more = false; /* nothing is hidden here: what should go has gone */
	return TCT_OK;
}

static void free_txn(struct txn *t)
{
	while (t->first != NULL) {
		struct change *c = t->first;

		t->first = c->next;
		row_fini(&c->row);
		free(c);
	}
	free(t);
}

static int commit(struct tct_mod *m, void *txn)
{
	struct mem *mem = tct_mod_data(m);
	struct txn *t = txn;

	pthread_mutex_lock(&mem->lock);
	for (struct change *c = t->first; c != NULL; c = c->next)
		apply(c);
	pthread_mutex_unlock(&mem->lock);
	free_txn(t);
	return TCT_OK;
}

static void abort_txn(struct tct_mod *m, void *txn)
{
	(void)m;
	free_txn(txn);
}

static int nothing(struct tct_mod *m)
{
	(void)m;
	return TCT_OK;
}

static const struct tct_storage_ops ops = {
	.size = sizeof(struct tct_storage_ops),
	.table = table,
	.close = close_all,
	.get = get,
	.each = each,
	.users = users,
	.find = find,
	.last_id = last_id,
	.begin = begin,
	.put = put,
	.del = del,
	.del_user = del_user,
	.txn_get = txn_get,
	.append = append,
	.archive_del = archive_del,
	.commit = commit,
	.abort = abort_txn,
	.flush = nothing,
	.space = nothing,
	.count = count,
	.replace = replace,
	.trim = trim,
	.purge = del_user,
	.expire = expire,
	.tidy = tidy,
};

static int load(struct tct_mod *m, struct tct_error *err)
{
	struct mem *mem = tct_mod_data(m);

	(void)err;
	pthread_mutex_init(&mem->lock, NULL);
	tct_provide(m, "storage", "mem", &ops);
	return TCT_OK;
}

TCT_MODULE_FLAGS(storage_mem, TCT_GLOBAL,
	.version   = "1.0",
	.summary   = "storage in memory, for tests: nothing survives",
	.data_size = sizeof(struct mem),
	.load      = load,
);

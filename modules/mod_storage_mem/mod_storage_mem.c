/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* mod_storage_mem - the service "storage" in memory, of one host: for tests, for trying things
 * out, and for anonymous users. Everything is gone when the server stops. Each table is a sorted array of users, each user
 * an array of rows sorted by key or id, under one lock; a transaction is a list of operations
 * applied at commit. */
#include <tercet/module.h>
#include <tercet/storage.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* One block: key (of an archive: the other party) with its NUL, then the value. */
struct row {
	uint64_t id; /* of an archive, else 0 */
	size_t key_len, len;
	char text[];
};

struct owner {
	char *user;
	struct row **rows;
	size_t count, room;
};

struct table {
	struct table *next;
	struct owner *owners;
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
	struct row *row; /* owned; what is to be there, or its key or id */
	char user[];
};
struct txn {
	struct change *first, **last;
};

static void *checked(void *block)
{
	if (block == NULL)
		abort();
	return block;
}

/* ---- rows ---- */

static struct row *row_new(uint64_t id, const char *key, const void *bytes, size_t len)
{
	size_t key_len = strlen(key);
	struct row *r = checked(malloc(sizeof *r + key_len + 1 + len + 1));

	r->id = id;
	r->key_len = key_len;
	r->len = len;
	memcpy(r->text, key, key_len + 1);
	if (len > 0)
		memcpy(r->text + key_len + 1, bytes, len);
	r->text[key_len + 1 + len] = '\0';
	return r;
}

static const char *bytes_of(const struct row *r)
{
	return r->text + r->key_len + 1;
}

/* Where there is place for one more. */
static void *make_room(void *array, size_t count, size_t *room, size_t size)
{
	if (count < *room)
		return array;
	*room = *room > 0 ? *room * 2 : 16;
	return checked(realloc(array, *room * size));
}

static size_t owner_place(const struct table *t, const char *user, bool *there)
{
	size_t low = 0, high = t->count;

	*there = false;
	while (low < high) {
		size_t middle = (low + high) / 2;
		int c = strcmp(t->owners[middle].user, user);

		*there |= c == 0;
		if (c < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* NULL: no rows. */
static struct owner *owner_find(const struct table *t, const char *user)
{
	bool there;
	size_t i = owner_place(t, user, &there);

	return there ? &t->owners[i] : NULL;
}

static struct owner *owner_make(struct table *t, const char *user)
{
	bool there;
	size_t i = owner_place(t, user, &there);

	if (there)
		return &t->owners[i];
	t->owners = make_room(t->owners, t->count, &t->room, sizeof *t->owners);
	memmove(&t->owners[i + 1], &t->owners[i], (t->count - i) * sizeof *t->owners);
	t->owners[i] = (struct owner){ .user = checked(strdup(user)) };
	t->count++;
	return &t->owners[i];
}

static void owner_fini(struct owner *o)
{
	for (size_t i = 0; i < o->count; i++)
		free(o->rows[i]);
	free(o->rows);
	free(o->user);
}

static void owner_remove(struct table *t, struct owner *o)
{
	size_t i = (size_t)(o - t->owners);

	owner_fini(o);
	t->count--;
	memmove(o, o + 1, (t->count - i) * sizeof *o);
}

static int compare(const struct row *r, uint64_t id, const char *key)
{
	if (id == 0 && r->id == 0)
		return strcmp(r->text, key);
	return (r->id > id) - (r->id < id);
}

/* The first row that does not come before this one. */
static size_t place(const struct owner *o, uint64_t id, const char *key)
{
	size_t low = 0, high = o->count;

	if (high > 0 && compare(o->rows[high - 1], id, key) < 0)
		return high; /* archives grow at their end */
	while (low < high) {
		size_t middle = (low + high) / 2;

		if (compare(o->rows[middle], id, key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* The first row of an archive that comes after this id. */
static size_t place_after(const struct owner *o, uint64_t id)
{
	return id < UINT64_MAX ? place(o, id + 1, "") : o->count;
}

static struct row *row_find(const struct owner *o, uint64_t id, const char *key)
{
	size_t i = o != NULL ? place(o, id, key) : 0;

	return o != NULL && i < o->count && compare(o->rows[i], id, key) == 0 ? o->rows[i] : NULL;
}

/* Rows from `first` up to before `end`; the user, too, when none is left. */
static void remove_rows(struct table *t, struct owner *o, size_t first, size_t end)
{
	for (size_t i = first; i < end; i++)
		free(o->rows[i]);
	memmove(&o->rows[first], &o->rows[end], (o->count - end) * sizeof(struct row *));
	o->count -= end - first;
	if (o->count == 0)
		owner_remove(t, o);
}

/* ---- a change ---- */

static void put_row(struct table *t, struct change *c)
{
	struct owner *o = owner_make(t, c->user);
	size_t i = place(o, c->row->id, c->row->text);

	if (i < o->count && compare(o->rows[i], c->row->id, c->row->text) == 0) {
		free(o->rows[i]);
	} else {
		o->rows = make_room(o->rows, o->count, &o->room, sizeof(struct row *));
		memmove(&o->rows[i + 1], &o->rows[i], (o->count - i) * sizeof(struct row *));
		o->count++;
	}
	o->rows[i] = c->row;
	c->row = NULL;
}

static void replace_row(struct owner *o, struct change *c)
{
	size_t i = o != NULL ? place(o, c->row->id, "") : 0;
	struct row *old = row_find(o, c->row->id, "");

	if (old == NULL)
		return;
	o->rows[i] = row_new(old->id, old->text, bytes_of(c->row), c->row->len);
	free(old);
}

static void apply(struct change *c)
{
	struct table *t = c->table;
	struct owner *o = c->kind != PUT && c->kind != EXPIRE ? owner_find(t, c->user) : NULL;
	size_t i;

	switch (c->kind) {
	case PUT:
		put_row(t, c);
		break;
	case REPLACE:
		replace_row(o, c);
		break;
	case DELETE:
		if (row_find(o, c->row->id, c->row->text) != NULL) {
			i = place(o, c->row->id, c->row->text);
			remove_rows(t, o, i, i + 1);
		}
		break;
	case DELETE_USER:
		if (o != NULL)
			owner_remove(t, o);
		break;
	case TRIM:
		if (o != NULL)
			remove_rows(t, o, 0, place_after(o, c->row->id));
		break;
	case EXPIRE:
		for (i = t->count; i-- > 0;)
			remove_rows(t, &t->owners[i], 0, place(&t->owners[i], c->row->id, ""));
		break;
	}
}

/* ---- the service: readers ---- */

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
			owner_fini(&t->owners[i]);
		free(t->owners);
		free(t);
	}
	pthread_mutex_destroy(&mem->lock);
}

static int get(struct tct_mod *m, void *tbl, const char *user, const char *key,
	tct_storage_row_fn *row, void *ctx)
{
	struct mem *mem = tct_mod_data(m);
	const struct row *r;

	pthread_mutex_lock(&mem->lock);
	r = row_find(owner_find(tbl, user), 0, key);
	if (r != NULL)
		row(ctx, user, key, bytes_of(r), r->len);
	pthread_mutex_unlock(&mem->lock);
	return r != NULL ? TCT_OK : TCT_ENOENT;
}

static int each(struct tct_mod *m, void *tbl, const char *user, tct_storage_row_fn *row, void *ctx)
{
	struct mem *mem = tct_mod_data(m);
	const struct owner *o;

	pthread_mutex_lock(&mem->lock);
	o = owner_find(tbl, user);
	for (size_t i = 0; o != NULL && i < o->count; i++) {
		if (!row(ctx, user, o->rows[i]->text, bytes_of(o->rows[i]), o->rows[i]->len))
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
	bool there = false;
	size_t first;

	pthread_mutex_lock(&mem->lock);
	first = after != NULL ? owner_place(t, after, &there) : 0;
	for (size_t i = first + there; i < t->count && i - first - there < limit; i++) {
		if (!row(ctx, t->owners[i].user, NULL, NULL, 0))
			break;
	}
	pthread_mutex_unlock(&mem->lock);
	return TCT_OK;
}

/* The rows that the ids of the query leave. */
static const struct owner *range(struct table *t, const char *user,
	const struct tct_archive_query *q, size_t *first, size_t *end)
{
	const struct owner *o = owner_find(t, user);

	*first = *end = 0;
	if (o == NULL)
		return NULL;
	*first = place_after(o, q->after);
	*end = q->before != 0 ? place(o, q->before, "") : o->count;
	return o;
}

static int find(struct tct_mod *m, void *tbl, const char *user, const struct tct_archive_query *q,
	tct_storage_archive_fn *row, void *ctx, bool *complete)
{
	struct mem *mem = tct_mod_data(m);
	size_t first, end, matching = 0, skip, given = 0;
	const struct owner *o;

	pthread_mutex_lock(&mem->lock);
	o = range(tbl, user, q, &first, &end);
	for (size_t i = first; i < end; i++)
		matching += tct_archive_matches(q, o->rows[i]->text);
	*complete = matching <= q->limit;
	skip = q->reverse && matching > q->limit ? matching - q->limit : 0;
	for (size_t i = first; i < end; i++) {
		const struct row *r = o->rows[i];

		if (!tct_archive_matches(q, r->text))
			continue;
		if (skip > 0) {
			skip--;
			continue;
		}
		if (given++ >= q->limit || !row(ctx, r->id, r->text, bytes_of(r), r->len))
			break;
	}
	pthread_mutex_unlock(&mem->lock);
	return TCT_OK;
}

static int count(struct tct_mod *m, void *tbl, const char *user, const struct tct_archive_query *q,
	uint32_t *rows, bool *complete)
{
	struct mem *mem = tct_mod_data(m);
	const struct owner *o;
	size_t first, end;

	*rows = 0;
	*complete = true;
	pthread_mutex_lock(&mem->lock);
	o = range(tbl, user, q, &first, &end);
	for (size_t i = first; i < end && *complete; i++) {
		if (!tct_archive_matches(q, o->rows[i]->text))
			continue;
		*complete = *rows < q->limit;
		*rows += *complete;
	}
	pthread_mutex_unlock(&mem->lock);
	return TCT_OK;
}

static int last_id(struct tct_mod *m, void *tbl, uint64_t *id)
{
	(void)m;
	(void)tbl;
	*id = 0; /* nothing survives, so nothing is there when a table is opened */
	return TCT_OK;
}

/* ---- the writer ---- */

static int begin(struct tct_mod *m, void **out)
{
	struct txn *t = malloc(sizeof *t);

	(void)m;
	if (t == NULL)
		return TCT_EFULL;
	t->first = NULL;
	t->last = &t->first;
	*out = t;
	return TCT_OK;
}

/* `row` is taken. */
static int add(void *txn, void *tbl, enum kind kind, const char *user, struct row *row)
{
	size_t len = strlen(user) + 1;
	struct change *c = checked(malloc(sizeof *c + len));
	struct txn *t = txn;

	c->next = NULL;
	c->table = tbl;
	c->kind = kind;
	c->row = row;
	memcpy(c->user, user, len);
	*t->last = c;
	t->last = &c->next;
	return TCT_OK;
}

static int put(struct tct_mod *m, void *txn, void *tbl, const char *user, const char *key,
	const void *bytes, size_t len)
{
	(void)m;
	return add(txn, tbl, PUT, user, row_new(0, key, bytes, len));
}

static int del(struct tct_mod *m, void *txn, void *tbl, const char *user, const char *key)
{
	(void)m;
	return add(txn, tbl, DELETE, user, row_new(0, key, NULL, 0));
}

static int del_user(struct tct_mod *m, void *txn, void *tbl, const char *user)
{
	(void)m;
	return add(txn, tbl, DELETE_USER, user, NULL);
}

static int txn_get(struct tct_mod *m, void *txn, void *tbl, const char *user, const char *key,
	tct_storage_row_fn *row, void *ctx)
{
	(void)txn; /* what is expected comes before what is changed */
	return get(m, tbl, user, key, row, ctx);
}

static int append(struct tct_mod *m, void *txn, void *tbl, const char *user, uint64_t id,
	const char *with, const void *bytes, size_t len)
{
	(void)m;
	return add(txn, tbl, PUT, user, row_new(id, with, bytes, len));
}

static int archive_del(struct tct_mod *m, void *txn, void *tbl, const char *user, uint64_t id)
{
	(void)m;
	return add(txn, tbl, DELETE, user, row_new(id, "", NULL, 0));
}

static int replace(struct tct_mod *m, void *txn, void *tbl, const char *user, uint64_t id,
	const void *bytes, size_t len)
{
	(void)m;
	return add(txn, tbl, REPLACE, user, row_new(id, "", bytes, len));
}

static int archive_get(struct tct_mod *m, void *txn, void *tbl, const char *user, uint64_t id,
	tct_storage_archive_fn *give, void *ctx)
{
	struct mem *mem = tct_mod_data(m);
	const struct row *old, *last = NULL;
	struct table *t = tbl;

	pthread_mutex_lock(&mem->lock);
	old = row_find(owner_find(t, user), id, "");
	for (const struct change *c = ((struct txn *)txn)->first; old != NULL && c != NULL; c = c->next) {
		if (c->table == t && c->kind == REPLACE && c->row->id == id &&
			strcmp(c->user, user) == 0)
			last = c->row;
	}
	if (old != NULL)
		give(ctx, id, old->text, bytes_of(last != NULL ? last : old),
			last != NULL ? last->len : old->len);
	pthread_mutex_unlock(&mem->lock);
	return old != NULL ? TCT_OK : TCT_ENOENT;
}

static int trim(struct tct_mod *m, void *txn, void *tbl, const char *user, uint64_t up_to)
{
	(void)m;
	return add(txn, tbl, TRIM, user, row_new(up_to, "", NULL, 0));
}

static int expire(struct tct_mod *m, void *txn, void *tbl, uint64_t before)
{
	(void)m;
	return add(txn, tbl, EXPIRE, "", row_new(before, "", NULL, 0));
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
		free(c->row);
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
	.archive_get = archive_get,
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

TCT_MODULE(storage_mem,
	.version   = "1.0",
	.summary   = "storage in memory: nothing survives",
	.data_size = sizeof(struct mem),
	.load      = load,
);

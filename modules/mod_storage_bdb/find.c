/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* find.c - see archive.h: reading. No transaction: a cursor holds a lock on one page at a
 * time. Rows come many at once into the thread's buffer; only backwards they come one by one.
 * A deadlock with the writer ends the read, which core starts again. */
#include "archive.h"

#include <stdlib.h>
#include <string.h>

#define RUNS 64          /* that are read at once */
#define ROW_GUESS 640    /* bytes */
#define BULK_MAX (256u * 1024)

/* What becomes of a row that matches. */
enum way {
	WAY_GIVE, /* to the caller, up to the limit */
	WAY_KEEP, /* given when all are there: they come in another order */
	WAY_COUNT
};

/* Where a scan ends, at the latest. */
enum bound {
	BOUND_NONE,
	BOUND_PARTY, /* behind the last row of a run: where the party changes */
	BOUND_ROWS   /* behind the last row that a mark stands for */
};

struct walk {
	struct archive *a;
	const struct tct_archive_query *q;
	struct bdb_thread *thread;
	enum way way;
	uint64_t number, hash;
	uint64_t full;        /* of the address when one full address is wanted; else 0 */
	enum bound bound;     /* of what `hash` finds */
	size_t rows;          /* of this scan */
	uint64_t first, last; /* ids, inclusive */
	size_t limit, found;
	size_t bulk;          /* how much is read at once */
	tct_storage_archive_fn *row;
	void *ctx;
};

/* ---- rows ---- */

static void keep(struct walk *w, uint64_t id, const char *value, size_t len)
{
	struct bdb_thread *t = w->thread;

	if (t->kept_len + len > t->kept_room) {
		t->kept_room = (t->kept_len + len) * 2;
		t->kept = realloc(t->kept, t->kept_room);
	}
	if (t->row_count == t->row_room) {
		t->row_room = t->row_room > 0 ? t->row_room * 2 : 128;
		t->rows = realloc(t->rows, t->row_room * sizeof *t->rows);
	}
	if ((t->kept == NULL && t->kept_room > 0) || t->rows == NULL)
		abort();
	memcpy(t->kept + t->kept_len, value, len);
	t->rows[t->row_count++] = (struct bdb_kept){ id, t->kept_len, len };
	t->kept_len += len;
}

static bool give(struct walk *w, uint64_t id, const char *value, size_t len)
{
	size_t with = strlen(value) + 1;

	return w->row(w->ctx, id, value, value + with, len - with);
}

/* From the last kept to the first. */
static void give_kept(struct walk *w)
{
	struct bdb_thread *t = w->thread;
	size_t i = t->row_count < w->limit ? t->row_count : w->limit;

	while (i-- > 0 && give(w, t->rows[i].id, t->kept + t->rows[i].at, t->rows[i].len))
		;
}

/* False: enough. The row after the last that is wanted says that there is more. */
static bool take(struct walk *w, uint64_t id, const char *value, size_t len)
{
	if (!tct_archive_matches(w->q, value))
		return true;
	w->found++;
	switch (w->way) {
	case WAY_COUNT:
		return w->found <= w->limit;
	case WAY_KEEP:
		keep(w, id, value, len);
		return true;
	case WAY_GIVE:
		break;
	}
	return w->found <= w->limit && give(w, id, value, len);
}

/* The id of a row of this user; false: the key is something else's. */
static bool is_row(const struct walk *w, const void *key, size_t len, uint64_t *id)
{
	const unsigned char *bytes = key;

	if (len != ROW_KEY || get_u64(bytes) != w->number || bytes[8] != 1)
		return false;
	*id = get_u64(bytes + 9);
	return true;
}

/* ---- forwards, many at once ---- */

static bool take_bulk(struct walk *w, DBT *v, uint64_t last, enum bound bound)
{
	void *at, *key, *bytes;
	size_t key_len, len;
	uint64_t id;

	DB_MULTIPLE_INIT(at, v);
	for (;;) {
		DB_MULTIPLE_KEY_NEXT(at, v, key, key_len, bytes, len);
		if (at == NULL)
			return true;
		if (!is_row(w, key, key_len, &id) || id > last)
			return false;
		if (bound == BOUND_ROWS && w->rows++ == RUN_ROWS)
			return false;
		if (len == 0 || memchr(bytes, '\0', len) == NULL)
			continue;
		if (bound == BOUND_PARTY && party_hash(bytes) != w->hash)
			return false;
		if (!take(w, id, bytes, len))
			return false;
	}
}

/* A row that is larger than the buffer says how large it must be. */
static int get_bulk(struct walk *w, DBC *c, DBT *k, DBT *v, u_int32_t how, size_t size)
{
	int rc;

	for (;;) {
		v->data = bdb_buffer(w->a->bdb, size);
		v->ulen = (u_int32_t)size;
		rc = c->get(c, k, v, how | DB_MULTIPLE_KEY);
		if (rc != DB_BUFFER_SMALL)
			return rc;
		size = ((size_t)v->size + 2 * BDB_BULK_LEAST) / 1024 * 1024;
	}
}

/* Rows from `first` to `last`. */
static int scan(struct walk *w, struct month *m, uint64_t first, uint64_t last, enum bound bound)
{
	size_t size = bound != BOUND_NONE ? BDB_BULK_LEAST : w->bulk;
	unsigned char key[BDB_KEY_MAX];
	DBT k, v;
	DBC *c;
	int rc = m->db->cursor(m->db, NULL, &c, DB_READ_COMMITTED);

	if (rc != 0)
		return bdb_status(rc);
	w->rows = 0;
	memset(&k, 0, sizeof k);
	memset(&v, 0, sizeof v);
	row_key(key, w->number, first);
	k.data = key;
	k.size = ROW_KEY;
	k.ulen = sizeof key;
	k.flags = v.flags = DB_DBT_USERMEM;
	rc = get_bulk(w, c, &k, &v, DB_SET_RANGE, size);
	while (rc == 0 && take_bulk(w, &v, last, bound)) {
		size = size * 4 < BULK_MAX ? size * 4 : BULK_MAX;
		rc = get_bulk(w, c, &k, &v, DB_NEXT, size);
	}
	c->close(c);
	return rc == DB_NOTFOUND ? TCT_OK : bdb_status(rc);
}

/* ---- runs ---- */

struct runs {
	uint64_t start[RUNS];
	size_t count;
};

static int run_get(const struct walk *w, DBC *c, unsigned char key[BDB_KEY_MAX], u_int32_t how,
	uint64_t *id)
{
	unsigned char prefix[RUN_KEY];
	DBT k, v;
	int rc;

	memset(&k, 0, sizeof k);
	memset(&v, 0, sizeof v);
	k.data = key;
	k.size = RUN_KEY;
	k.ulen = BDB_KEY_MAX;
	k.flags = DB_DBT_USERMEM;
	v.flags = DB_DBT_USERMEM | DB_DBT_PARTIAL;
	run_key(prefix, w->number, w->hash, 0);
	rc = c->get(c, &k, &v, how);
	*id = 0; /* another's */
	if (rc == 0 && k.size == RUN_KEY && memcmp(key, prefix, RUN_KEY - 8) == 0)
		*id = get_u64(key + RUN_KEY - 8);
	return rc;
}

/* Puts the cursor on the last run that begins at `at` or before; *id 0: there is none. */
static int run_before(const struct walk *w, DBC *c, uint64_t at, uint64_t *id)
{
	unsigned char key[BDB_KEY_MAX];
	int rc;

	run_key(key, w->number, w->hash, at);
	rc = run_get(w, c, key, DB_SET_RANGE, id);
	if (rc == 0 && *id == at)
		return 0;
	if (rc != 0 && rc != DB_NOTFOUND)
		return rc;
	return run_get(w, c, key, rc == 0 ? DB_PREV : DB_LAST, id);
}

/* From the run that holds `at` on, ascending; in the next call from a start. */
static int runs_from(const struct walk *w, struct month *m, uint64_t at, struct runs *r)
{
	unsigned char key[BDB_KEY_MAX];
	uint64_t id;
	DBC *c;
	int rc = m->db->cursor(m->db, NULL, &c, DB_READ_COMMITTED);

	r->count = 0;
	if (rc != 0)
		return bdb_status(rc);
	rc = run_before(w, c, at, &id);
	if (rc == 0 && id != 0)
		r->start[r->count++] = id;
	run_key(key, w->number, w->hash, at);
	if (rc == 0 || rc == DB_NOTFOUND)
		rc = rc == 0 ? run_get(w, c, key, DB_NEXT, &id) :
			       run_get(w, c, key, DB_SET_RANGE, &id);
	while (rc == 0 && id != 0 && id <= w->last && r->count < RUNS) {
		r->start[r->count++] = id;
		rc = r->count < RUNS ? run_get(w, c, key, DB_NEXT, &id) : 0;
	}
	c->close(c);
	return rc == DB_NOTFOUND ? TCT_OK : bdb_status(rc);
}

/* From the run that holds `at` back, descending, to the one that holds the first row. */
static int runs_back(const struct walk *w, struct month *m, uint64_t at, struct runs *r)
{
	unsigned char key[BDB_KEY_MAX];
	uint64_t id;
	DBC *c;
	int rc = m->db->cursor(m->db, NULL, &c, DB_READ_COMMITTED);

	r->count = 0;
	if (rc != 0)
		return bdb_status(rc);
	rc = run_before(w, c, at, &id);
	while (rc == 0 && id != 0) {
		r->start[r->count++] = id;
		if (id <= w->first || r->count == RUNS)
			break;
		rc = run_get(w, c, key, DB_PREV, &id);
	}
	c->close(c);
	return rc == DB_NOTFOUND ? TCT_OK : bdb_status(rc);
}

static uint64_t later(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* A run ends at the latest where the next of its party begins: rows between may be gone. */
static int runs_forward(struct walk *w, struct month *m)
{
	uint64_t at = w->first;
	struct runs r;
	int status;

	for (;;) {
		size_t i = 0;

		status = runs_from(w, m, at, &r);
		for (; status == TCT_OK && i < r.count && w->found <= w->limit; i++) {
			bool is_last = i + 1 == r.count;

			if (is_last && r.count == RUNS)
				break; /* where it ends, the next batch says */
			status = scan(w, m, later(r.start[i], w->first),
				is_last ? w->last : r.start[i + 1] - 1, w->bound);
		}
		if (status != TCT_OK || i == r.count || w->found > w->limit)
			return status;
		at = r.start[i];
	}
}

static void turn_round(struct bdb_kept *rows, size_t count)
{
	for (size_t i = 0; i < count / 2; i++) {
		struct bdb_kept row = rows[i];

		rows[i] = rows[count - 1 - i];
		rows[count - 1 - i] = row;
	}
}

static int runs_backward(struct walk *w, struct month *m)
{
	uint64_t last = w->last;
	struct runs r;
	int status;

	do {
		status = runs_back(w, m, last, &r);
		for (size_t i = 0; status == TCT_OK && i < r.count && w->found <= w->limit; i++) {
			size_t kept = w->thread->row_count;

			status = scan(w, m, later(r.start[i], w->first), last, w->bound);
			turn_round(w->thread->rows + kept, w->thread->row_count - kept);
			last = r.start[i] - 1;
		}
	} while (status == TCT_OK && r.count == RUNS && last >= w->first && w->found <= w->limit);
	return status;
}

/* ---- backwards, one by one ---- */

static int get_back(struct walk *w, DBC *c, DBT *k, DBT *v, u_int32_t how)
{
	size_t size = BULK_MAX;
	int rc;

	for (;;) {
		v->data = bdb_buffer(w->a->bdb, size);
		v->ulen = (u_int32_t)size;
		rc = c->get(c, k, v, how);
		if (rc != DB_BUFFER_SMALL)
			return rc;
		size = (size_t)v->size + 1024;
	}
}

static int backward(struct walk *w, struct month *m)
{
	unsigned char key[BDB_KEY_MAX];
	uint64_t id;
	DBT k, v;
	DBC *c;
	int rc = m->db->cursor(m->db, NULL, &c, DB_READ_COMMITTED);

	if (rc != 0)
		return bdb_status(rc);
	memset(&k, 0, sizeof k);
	memset(&v, 0, sizeof v);
	row_key(key, w->number, w->last);
	k.data = key;
	k.size = ROW_KEY;
	k.ulen = sizeof key;
	k.flags = v.flags = DB_DBT_USERMEM;
	rc = get_back(w, c, &k, &v, DB_SET_RANGE);
	if (rc == DB_NOTFOUND)
		rc = get_back(w, c, &k, &v, DB_LAST);
	else if (rc == 0 && !(is_row(w, k.data, k.size, &id) && id == w->last))
		rc = get_back(w, c, &k, &v, DB_PREV);
	while (rc == 0 && w->found <= w->limit && is_row(w, k.data, k.size, &id) &&
		id >= w->first) {
		if (v.size > 0 && memchr(v.data, '\0', v.size) != NULL)
			take(w, id, v.data, v.size);
		rc = w->found <= w->limit ? get_back(w, c, &k, &v, DB_PREV) : 0;
	}
	c->close(c);
	return rc == DB_NOTFOUND ? TCT_OK : bdb_status(rc);
}

/* ---- months ---- */

static int walk_runs(struct walk *w, struct month *m)
{
	if (w->first > w->last || w->found > w->limit)
		return TCT_OK;
	return w->way == WAY_KEEP ? runs_backward(w, m) : runs_forward(w, m);
}

/* Rows from this id on have marks. */
static int full_from(struct archive *a, uint64_t *from)
{
	int status = TCT_OK;

	*from = a->full_from;
	if (*from == 0)
		status = archive_number(a, NULL, "f", from);
	a->full_from = *from;
	if (*from == 0)
		*from = UINT64_MAX;
	return status;
}

/* By marks, and by runs what has come before there were any. */
static int walk_full(struct walk *w, struct month *m)
{
	uint64_t first = w->first, last = w->last, from;
	int status = full_from(w->a, &from);

	for (int part = 0; status == TCT_OK && part < 2; part++) {
		bool marked = (part == 0) == (w->way == WAY_KEEP);

		w->hash = marked ? w->full : party_hash(w->q->with);
		w->bound = marked ? BOUND_ROWS : BOUND_PARTY;
		w->first = marked && from > first ? from : first;
		w->last = !marked && from <= last ? from - 1 : last;
		status = walk_runs(w, m);
		w->first = first;
		w->last = last;
	}
	return status;
}

static int walk_month(struct walk *w, struct month *m)
{
	if (w->full != 0)
		return walk_full(w, m);
	if (w->q->with != NULL)
		return walk_runs(w, m);
	return w->way == WAY_KEEP ? backward(w, m) :
				    scan(w, m, w->first, w->last, BOUND_NONE);
}

static int walk_months(struct walk *w)
{
	bool back = w->way == WAY_KEEP;
	uint32_t first = month_of(w->first), last = month_of(w->last);
	uint32_t n = back ? last : first;
	struct month *m;
	int status;

	do {
		status = month_take(w->a, n, back, &m);
		if (status != TCT_OK || m == NULL)
			return status;
		n = back ? m->number - 1 : m->number + 1;
		if (m->number >= first && m->number <= last)
			status = walk_month(w, m);
		month_put(w->a, m);
	} while (status == TCT_OK && w->found <= w->limit && n >= first && n <= last);
	return status;
}

/* TCT_ENOENT: nothing can match. */
static int walk_init(struct walk *w, struct archive *a, const char *user,
	const struct tct_archive_query *q, enum way way, size_t limit)
{
	uint64_t hidden, cut = a->cut;
	int status;

	memset(w, 0, sizeof *w);
	w->a = a;
	w->q = q;
	w->way = way;
	w->limit = limit;
	w->thread = bdb_thread(a->bdb);
	w->thread->kept_len = w->thread->row_count = 0;
	w->bulk = BULK_MAX;
	if (limit < BULK_MAX / ROW_GUESS)
		w->bulk = (limit + 1) * ROW_GUESS / 1024 * 1024 + BDB_BULK_LEAST;
	status = archive_user(a, NULL, user, &w->number, &hidden);
	if (status != TCT_OK)
		return status;
	w->first = later(q->after, hidden);
	if (w->first == UINT64_MAX)
		return TCT_ENOENT;
	w->first = later(w->first + 1, cut);
	w->last = q->before == 0 ? UINT64_MAX : q->before - 1;
	if (q->with != NULL)
		w->hash = party_hash(q->with);
	w->bound = BOUND_PARTY;
	if (q->with != NULL && (q->flags & TCT_ARCHIVE_BARE) == 0)
		w->full = full_hash(q->with);
	return w->first <= w->last ? TCT_OK : TCT_ENOENT;
}

int archive_find(struct archive *a, const char *user, const struct tct_archive_query *q,
	tct_storage_archive_fn *row, void *ctx, bool *complete)
{
	struct walk w;
	int status = walk_init(&w, a, user, q, q->reverse ? WAY_KEEP : WAY_GIVE, q->limit);

	w.row = row;
	w.ctx = ctx;
	if (status == TCT_OK)
		status = walk_months(&w);
	*complete = w.found <= w.limit;
	if (status == TCT_OK && q->reverse)
		give_kept(&w);
	return status == TCT_ENOENT ? TCT_OK : status;
}

int archive_count(struct archive *a, const char *user, const struct tct_archive_query *q,
	uint32_t *rows, bool *complete)
{
	struct walk w;
	int status = walk_init(&w, a, user, q, WAY_COUNT, q->limit);

	if (status == TCT_OK)
		status = walk_months(&w);
	*complete = w.found <= w.limit;
	*rows = (uint32_t)(*complete ? w.found : w.limit);
	return status == TCT_ENOENT ? TCT_OK : status;
}

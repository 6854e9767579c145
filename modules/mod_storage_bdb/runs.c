/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* runs.c - see archive.h: the writer's part of the index by the other party. */
#include "archive.h"

#include <string.h>

#define WITH_MAX 3072 /* bytes of an address, with its NUL */

static int put_run(struct month *m, DB_TXN *txn, uint64_t number, uint64_t hash, uint64_t id)
{
	unsigned char key[RUN_KEY];

	run_key(key, number, hash, id);
	return archive_put(m->db, txn, key, sizeof key, "", 0);
}

/* ---- full addresses ---- */

/* The first row of an archive says from where on all rows have marks. */
static int note_beginning(struct archive *a, DB_TXN *txn, uint64_t id)
{
	uint64_t from;
	int status = TCT_OK;

	if (a->full_noted)
		return TCT_OK;
	status = archive_number(a, txn, "f", &from);
	if (status == TCT_OK && from == 0)
		status = archive_put_number(a, txn, "f", 1, id);
	a->full_noted = status == TCT_OK;
	return status;
}

/* True when the last mark of this address is too far away; then there is one now. */
static bool wants_mark(struct slot *s, uint64_t hash)
{
	size_t place = 0;

	for (size_t i = 0; i < FULLS; i++) {
		if (s->fulls[i].hash == hash) {
			if (s->rows - s->fulls[i].at < RUN_ROWS)
				return false;
			place = i;
			break;
		}
		if (s->fulls[place].hash != 0 && (s->fulls[i].hash == 0 ||
				s->rows - s->fulls[i].at > s->rows - s->fulls[place].at))
			place = i;
	}
	s->fulls[place].hash = hash;
	s->fulls[place].at = s->rows;
	return true;
}

/* ---- a row between others ---- */

struct behind {
	uint64_t id[RUN_ROWS], hash, full[RUN_ROWS];
	size_t count;
};

/* Rows behind `id`, as many as a mark before it may stand for. */
static int look_behind(struct month *m, DB_TXN *txn, uint64_t number, uint64_t id, struct behind *b)
{
	unsigned char key[BDB_KEY_MAX];
	char with[WITH_MAX + 1];
	DBT k, v;
	DBC *c;
	int rc = m->db->cursor(m->db, txn, &c, 0);

	b->count = 0;
	if (rc != 0)
		return bdb_status(rc);
	memset(&k, 0, sizeof k);
	memset(&v, 0, sizeof v);
	row_key(key, number, id + 1);
	k.data = key;
	k.size = ROW_KEY;
	k.ulen = sizeof key;
	k.flags = DB_DBT_USERMEM;
	v.data = with;
	v.ulen = v.dlen = WITH_MAX;
	v.flags = DB_DBT_USERMEM | DB_DBT_PARTIAL;
	rc = c->get(c, &k, &v, DB_SET_RANGE);
	while (rc == 0 && k.size == ROW_KEY && get_u64(key) == number && key[8] == 1 &&
		b->count < RUN_ROWS) {
		with[v.size] = '\0';
		if (b->count == 0)
			b->hash = party_hash(with);
		b->full[b->count] = full_hash(with);
		b->id[b->count++] = get_u64(key + 9);
		rc = c->get(c, &k, &v, DB_NEXT);
	}
	c->close(c);
	return rc == DB_NOTFOUND ? TCT_OK : bdb_status(rc);
}

static bool had_before(const struct behind *b, size_t at)
{
	for (size_t i = 0; i < at; i++) {
		if (b->full[i] == b->full[at])
			return true;
	}
	return false;
}

/* What was before the row stands no longer for what is behind it. */
static int mend(struct month *m, DB_TXN *txn, uint64_t number, const struct behind *b)
{
	int status = put_run(m, txn, number, b->hash, b->id[0]);

	for (size_t i = 0; status == TCT_OK && i < b->count; i++) {
		if (b->full[i] != 0 && !had_before(b, i))
			status = put_run(m, txn, number, b->full[i], b->id[i]);
	}
	return status;
}

static int note_between(struct month *m, DB_TXN *txn, struct slot *s, const char *with, uint64_t id,
	const struct behind *b)
{
	uint64_t full = full_hash(with);
	int status = put_run(m, txn, s->number, party_hash(with), id);

	if (status == TCT_OK && full != 0)
		status = put_run(m, txn, s->number, full, id);
	return status == TCT_OK ? mend(m, txn, s->number, b) : status;
}

/* ---- at the end ---- */

static int note_last(struct month *m, DB_TXN *txn, struct slot *s, const char *with, uint64_t id)
{
	uint64_t hash = party_hash(with), full = full_hash(with);
	int status = TCT_OK;

	if (s->hash != hash || s->run >= RUN_ROWS) {
		status = put_run(m, txn, s->number, hash, id);
		s->hash = hash;
		s->run = 0;
	}
	s->run++;
	if (status == TCT_OK && full != 0 && wants_mark(s, full))
		status = put_run(m, txn, s->number, full, id);
	return status;
}

int runs_note(struct archive *a, struct month *m, DB_TXN *txn, struct slot *s, const char *with,
	uint64_t id)
{
	struct behind b = { .count = 0 };
	int status = note_beginning(a, txn, id);

	if (status == TCT_OK && id <= s->last)
		status = look_behind(m, txn, s->number, id, &b);
	if (status == TCT_OK && s->last == 0)
		status = look_behind(m, txn, s->number, id, &b);
	if (status != TCT_OK)
		return status;
	s->rows++;
	if (b.count > 0)
		return note_between(m, txn, s, with, id, &b);
	if (s->month != m->number) {
		s->month = m->number;
		s->run = RUN_ROWS;
		memset(s->fulls, 0, sizeof s->fulls);
	}
	if (id > s->last)
		s->last = id;
	return note_last(m, txn, s, with, id);
}

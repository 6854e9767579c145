/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* archive.h - archives of mod_storage_bdb: what lies in which file, and who may touch what.
 *
 * An archive is a catalog and one file for each calendar month (UTC) in which rows came.
 * Numbers are big-endian, so that keys sort as they count.
 *
 *	catalog  STEM.db
 *	    "u" user            number of the user (8), highest id that is hidden (8)
 *	    "n"                 next number
 *	    "h"                 no row has had a higher id (8)
 *	    "c"                 rows with lower ids have expired (8)
 *	    "g" number          what is hidden and not removed yet: ids up to this (8)
 *	    "f"                 rows with lower ids may have come without marks of their full
 *	                        addresses (8)
 *	month    STEM-YYYYMM.db
 *	    number 1 id         the other party, NUL, the value
 *	    number 0 hash id    a run begins: from this row on, messages with that party; or a
 *	                        mark: this row and others of the next are of that full address
 *
 * A user's number is never used again: deleting a user is deleting the name, and what is left
 * under the number is removed in pieces. Hash is of the other party's bare address. A run ends
 * where the hash changes, or at the next run of the same hash: no run has more than RUN_ROWS
 * rows, so that one can be read backwards. Rows that are deleted leave their run behind; it
 * is harmless (the rows say whose they are) and goes with the month.
 *
 * A row of a full address has a mark of it at most RUN_ROWS - 1 rows before it, whoever the rows
 * between are of; the hash of a mark is of the whole address. Ids are given before sets are
 * submitted, so rows need not come in their order: one that comes between others begins a run,
 * ends the one that it is in, and the rows behind it get what they lack (runs.c).
 *
 * The writer's thread appends and tidies; readers look up users and walk months. They share
 * the list of months, under the lock, and `cut`. */
#pragma once

#include "env.h"

#include <stdatomic.h>

#define RUN_ROWS 64
#define ROW_KEY 17 /* bytes of the key of a row */
#define RUN_KEY 25
#define FULLS 8    /* full addresses whose marks the writer has in mind, for a user */

/* One file. Opened on first use, closed with the archive or before it is removed. */
struct month {
	uint32_t number; /* of months since January 1970 */
	uint32_t users;  /* that walk it now */
	bool dying;
	DB *db;
};

/* What the writer knows of a user without looking. */
struct slot {
	char *user; /* NULL: nobody */
	uint64_t number, hidden;
	uint64_t hash;  /* of the last row's party */
	uint32_t month; /* of the last row; 0: not known */
	uint32_t run;   /* rows in the last row's run */
	uint64_t last;  /* the highest id; 0: not known */
	uint32_t rows;  /* that have come in this month, as far as is known; wraps */
	struct {
		uint64_t hash; /* 0: nobody's */
		uint32_t at;   /* of its last mark, in `rows` */
	} fulls[FULLS];
};

struct archive {
	struct bdb *bdb;
	DB *catalog;
	char *stem;
	_Atomic uint64_t cut;
	_Atomic uint64_t full_from; /* "f"; 0: not known */
	/* under the lock */
	pthread_mutex_t lock;
	struct month **months; /* sorted */
	size_t count, room;
	/* the writer's */
	struct slot *slots;
	uint64_t next_number; /* 0: not read yet */
	uint64_t last;        /* highest id appended */
	uint64_t ceiling;     /* of "h" on disk; 0: not known */
	uint64_t new_cut;     /* of the open transaction */
	bool touched;         /* by the open transaction */
	bool full_noted;      /* "f" is there */
};

int archive_open(struct bdb *bdb, const char *stem, struct archive **out, struct tct_error *err);
void archive_close(struct archive *a);
int archive_last_id(struct archive *a, uint64_t *id);

/* ---- the writer ---- */
/* The row that comes now, in the index by the other party; runs.c. */
int runs_note(struct archive *a, struct month *m, DB_TXN *txn, struct slot *s, const char *with,
	uint64_t id);
int archive_append(struct archive *a, DB_TXN *txn, const char *user, uint64_t id,
	const char *with, const void *bytes, size_t len);
/* The row in the transaction. */
int archive_get(struct archive *a, DB_TXN *txn, const char *user, uint64_t id,
	tct_storage_archive_fn *row, void *ctx);
int archive_replace(struct archive *a, DB_TXN *txn, const char *user, uint64_t id,
	const void *bytes, size_t len);
int archive_delete(struct archive *a, DB_TXN *txn, const char *user, uint64_t id);
int archive_trim(struct archive *a, DB_TXN *txn, const char *user, uint64_t up_to);
int archive_purge(struct archive *a, DB_TXN *txn, const char *user);
int archive_expire(struct archive *a, DB_TXN *txn, uint64_t before);
/* The transaction has ended. */
void archive_ended(struct archive *a, bool committed);
/* As the service's tidy. */
int archive_tidy(struct archive *a, size_t limit, bool *more);

/* ---- readers; find.c ---- */
int archive_find(struct archive *a, const char *user, const struct tct_archive_query *q,
	tct_storage_archive_fn *row, void *ctx, bool *complete);
int archive_count(struct archive *a, const char *user, const struct tct_archive_query *q,
	uint32_t *rows, bool *complete);

/* ---- shared ---- */
uint32_t month_of(uint64_t id);
/* The first id of a month; UINT64_MAX when none is that late. */
uint64_t month_first(uint32_t number);
/* The first month that is `number` or later (backwards: earlier), held until it is put back;
 * NULL with TCT_OK: there is none. */
int month_take(struct archive *a, uint32_t number, bool backwards, struct month **out);
void month_put(struct archive *a, struct month *m);
/* TCT_ENOENT: nobody of this name has an archive. */
int archive_user(struct archive *a, DB_TXN *txn, const char *user, uint64_t *number,
	uint64_t *hidden);
/* Of the part of an address before the first slash. */
uint64_t party_hash(const char *with);
/* Of all of it; 0: it is no full address. */
uint64_t full_hash(const char *with);
int archive_number(struct archive *a, DB_TXN *txn, const char *key, uint64_t *n);
int archive_put_number(struct archive *a, DB_TXN *txn, const void *key, size_t len, uint64_t n);
int archive_put(DB *db, DB_TXN *txn, const void *key, size_t key_len, const void *bytes,
	size_t len);
void row_key(unsigned char key[ROW_KEY], uint64_t number, uint64_t id);
void run_key(unsigned char key[RUN_KEY], uint64_t number, uint64_t hash, uint64_t id);
uint64_t get_u64(const void *bytes);
void put_u64(void *bytes, uint64_t n);

/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* archive.c - see archive.h: opening, months, and what the writer does. */
#include "archive.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SLOTS 16384u                            /* a power of two */
#define SECOND_IDS (UINT64_C(1000000) << 8)     /* ids of one second */
#define DAY_US INT64_C(86400000000)

/* ---- numbers and keys ---- */

uint64_t get_u64(const void *bytes)
{
	const unsigned char *in = bytes;
	uint64_t n = 0;

	for (int i = 0; i < 8; i++)
		n = n << 8 | in[i];
	return n;
}

void put_u64(void *bytes, uint64_t n)
{
	unsigned char *out = bytes;

	for (int i = 0; i < 8; i++)
		out[i] = (unsigned char)(n >> (8 * (7 - i)));
}

void row_key(unsigned char key[ROW_KEY], uint64_t number, uint64_t id)
{
	put_u64(key, number);
	key[8] = 1;
	put_u64(key + 9, id);
}

void run_key(unsigned char key[RUN_KEY], uint64_t number, uint64_t hash, uint64_t id)
{
	put_u64(key, number);
	key[8] = 0;
	put_u64(key + 9, hash);
	put_u64(key + 17, id);
}

/* FNV-1a. Whoever makes two addresses meet makes only his own searches longer. */
uint64_t party_hash(const char *with)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (; *with != '\0' && *with != '/'; with++)
		h = (h ^ (unsigned char)*with) * UINT64_C(0x100000001b3);
	return h;
}

uint64_t full_hash(const char *with)
{
	const char *resource = strchr(with, '/');
	uint64_t h = party_hash(with);

	if (resource == NULL || resource[1] == '\0')
		return 0;
	for (; *resource != '\0'; resource++)
		h = (h ^ (unsigned char)*resource) * UINT64_C(0x100000001b3);
	return h;
}

static DBT dbt(const void *data, size_t len)
{
	DBT d;

	memset(&d, 0, sizeof d);
	d.data = (void *)data;
	d.size = (u_int32_t)len;
	return d;
}

/* A place for what is read. */
static DBT room(void *data, size_t len)
{
	DBT d = dbt(data, 0);

	d.ulen = (u_int32_t)len;
	d.flags = DB_DBT_USERMEM;
	return d;
}

/* ---- months ---- */

/* Days since 1970 of the first of a month; March is the first month here, so that the leap
 * day comes last. */
static int64_t first_day(uint32_t number)
{
	int64_t year = 1970 + number / 12, month = number % 12; /* 0: January */
	int64_t y = month < 2 ? year - 1 : year;
	int64_t m = month < 2 ? month + 10 : month - 2;

	return y * 365 + y / 4 - y / 100 + y / 400 + (m * 153 + 2) / 5 - 719468;
}

uint64_t month_first(uint32_t number)
{
	int64_t us = first_day(number) * DAY_US;

	return (uint64_t)us > UINT64_MAX >> 8 ? UINT64_MAX : (uint64_t)us << 8;
}

uint32_t month_of(uint64_t id)
{
	int64_t day = (int64_t)(id >> 8) / DAY_US;
	uint32_t number = (uint32_t)(day * 12 / 366); /* not later than the true one */

	while (first_day(number + 1) <= day)
		number++;
	return number;
}

static size_t month_place(const struct archive *a, uint32_t number)
{
	size_t i = a->count;

	while (i > 0 && a->months[i - 1]->number >= number)
		i--;
	return i;
}

static struct month *add_month(struct archive *a, uint32_t number)
{
	struct month *m = calloc(1, sizeof *m);
	size_t at = month_place(a, number);

	if (a->count == a->room) {
		a->room = a->room > 0 ? a->room * 2 : 16;
		a->months = realloc(a->months, a->room * sizeof *a->months);
	}
	if (m == NULL || a->months == NULL)
		abort();
	memmove(&a->months[at + 1], &a->months[at], (a->count - at) * sizeof *a->months);
	a->months[at] = m;
	a->count++;
	m->number = number;
	return m;
}

static void drop_month(struct archive *a, size_t i)
{
	free(a->months[i]);
	a->count--;
	memmove(&a->months[i], &a->months[i + 1], (a->count - i) * sizeof *a->months);
}

static void month_name(const struct archive *a, const struct month *m, char *out, size_t len)
{
	snprintf(out, len, "%s-%04u%02u.db", a->stem, 1970 + m->number / 12, m->number % 12 + 1);
}

/* Under the lock. A name that has come is on disk before a row in it can be. */
static int open_month(struct archive *a, struct month *m, bool create)
{
	char file[BDB_FILE_MAX];
	int rc;

	if (m->db != NULL)
		return TCT_OK;
	month_name(a, m, file, sizeof file);
	rc = bdb_open_file(a->bdb, file, create, &m->db);
	if (rc != 0)
		return bdb_status(rc);
	if (create && fsync(a->bdb->folder_fd) != 0)
		return TCT_EIO;
	return TCT_OK;
}

int month_take(struct archive *a, uint32_t number, bool backwards, struct month **out)
{
	struct month *m = NULL;
	int status = TCT_OK;
	size_t i;

	pthread_mutex_lock(&a->lock);
	i = month_place(a, backwards ? number + 1 : number);
	for (;;) {
		if (backwards ? i == 0 : i == a->count)
			break;
		m = a->months[backwards ? --i : i++];
		if (!m->dying)
			break;
		m = NULL;
	}
	if (m != NULL)
		status = open_month(a, m, false);
	if (status != TCT_OK)
		m = NULL;
	if (m != NULL)
		m->users++;
	pthread_mutex_unlock(&a->lock);
	*out = m;
	return status;
}

void month_put(struct archive *a, struct month *m)
{
	pthread_mutex_lock(&a->lock);
	m->users--;
	pthread_mutex_unlock(&a->lock);
}

/* The writer's: made if need be. Only the writer removes months, so it may keep it. */
static int month_for(struct archive *a, uint32_t number, struct month **out)
{
	struct month *m;
	int status;
	size_t i;

	pthread_mutex_lock(&a->lock);
	i = month_place(a, number);
	m = i < a->count && a->months[i]->number == number ? a->months[i] : NULL;
	if (m == NULL)
		m = add_month(a, number);
	status = m->dying ? TCT_EIO : open_month(a, m, true);
	if (m->db == NULL && !m->dying)
		drop_month(a, i);
	pthread_mutex_unlock(&a->lock);
	*out = m;
	return status;
}

/* ---- the catalog ---- */

int archive_number(struct archive *a, DB_TXN *txn, const char *key, uint64_t *n)
{
	unsigned char bytes[8];
	DBT k = dbt(key, strlen(key)), v = room(bytes, sizeof bytes);
	int rc = a->catalog->get(a->catalog, txn, &k, &v, txn != NULL ? 0 : DB_READ_COMMITTED);

	*n = 0;
	if (rc == 0 && v.size == 8)
		*n = get_u64(bytes);
	return rc == DB_NOTFOUND ? TCT_OK : bdb_status(rc);
}

int archive_put(DB *db, DB_TXN *txn, const void *key, size_t key_len, const void *bytes,
	size_t len)
{
	DBT k = dbt(key, key_len), v = dbt(bytes, len);

	return bdb_status(db->put(db, txn, &k, &v, 0));
}

int archive_put_number(struct archive *a, DB_TXN *txn, const void *key, size_t len, uint64_t n)
{
	unsigned char bytes[8];

	put_u64(bytes, n);
	return archive_put(a->catalog, txn, key, len, bytes, sizeof bytes);
}

/* "u" and the name; 0 when it is too long to be anybody's. */
static size_t user_key(char key[BDB_KEY_MAX], const char *user)
{
	size_t len = strlen(user);

	if (len + 1 > BDB_KEY_MAX)
		return 0;
	key[0] = 'u';
	memcpy(key + 1, user, len);
	return len + 1;
}

int archive_user(struct archive *a, DB_TXN *txn, const char *user, uint64_t *number,
	uint64_t *hidden)
{
	unsigned char bytes[16];
	char key[BDB_KEY_MAX];
	size_t len = user_key(key, user);
	DBT k = dbt(key, len), v = room(bytes, sizeof bytes);
	int rc;

	if (len == 0)
		return TCT_ENOENT;
	rc = a->catalog->get(a->catalog, txn, &k, &v, txn != NULL ? 0 : DB_READ_COMMITTED);
	if (rc == 0 && v.size != sizeof bytes)
		return TCT_EIO;
	if (rc == 0) {
		*number = get_u64(bytes);
		*hidden = get_u64(bytes + 8);
	}
	return bdb_status(rc);
}

static int put_user(struct archive *a, DB_TXN *txn, const struct slot *s)
{
	unsigned char bytes[16];
	char key[BDB_KEY_MAX];
	size_t len = user_key(key, s->user);

	put_u64(bytes, s->number);
	put_u64(bytes + 8, s->hidden);
	return len > 0 ? archive_put(a->catalog, txn, key, len, bytes, sizeof bytes) : TCT_EINVAL;
}

/* ---- what the writer remembers ---- */

static void forget(struct slot *s)
{
	free(s->user);
	memset(s, 0, sizeof *s);
}

static int new_user(struct archive *a, DB_TXN *txn, struct slot *s)
{
	int status = TCT_OK;

	if (a->next_number == 0)
		status = archive_number(a, txn, "n", &a->next_number);
	if (status != TCT_OK)
		return status;
	s->number = a->next_number == 0 ? 1 : a->next_number;
	a->next_number = s->number + 1;
	status = archive_put_number(a, txn, "n", 1, a->next_number);
	return status == TCT_OK ? put_user(a, txn, s) : status;
}

static int find_slot(struct archive *a, DB_TXN *txn, const char *user, bool create,
	struct slot **out)
{
	struct slot *s;
	int status;

	a->touched = true;
	if (a->slots == NULL)
		a->slots = calloc(SLOTS, sizeof *a->slots);
	if (a->slots == NULL)
		abort();
	*out = s = &a->slots[(party_hash(user) ^ party_hash(user) >> 32) & (SLOTS - 1)];
	if (s->user != NULL && strcmp(s->user, user) == 0)
		return TCT_OK;
	forget(s);
	s->user = strdup(user);
	if (s->user == NULL)
		abort();
	status = archive_user(a, txn, user, &s->number, &s->hidden);
	if (status == TCT_ENOENT && create)
		status = new_user(a, txn, s);
	if (status != TCT_OK)
		forget(s);
	return status;
}

/* What was remembered follows the disk: after an abort nothing of it can be trusted. */
void archive_ended(struct archive *a, bool committed)
{
	if (committed && a->new_cut > a->cut)
		a->cut = a->new_cut;
	if (!committed && a->touched) {
		for (size_t i = 0; a->slots != NULL && i < SLOTS; i++)
			forget(&a->slots[i]);
		a->next_number = a->ceiling = 0;
		a->full_noted = false;
	}
	a->new_cut = 0;
	a->touched = false;
}

/* ---- writing ---- */

/* The highest id is known on disk only to the next second, and exactly after a clean stop:
 * so it costs one small row each second. */
static int raise_ceiling(struct archive *a, DB_TXN *txn, uint64_t id)
{
	int status;

	if (id > a->last)
		a->last = id;
	if (id < a->ceiling)
		return TCT_OK;
	status = archive_put_number(a, txn, "h", 1, id + SECOND_IDS);
	if (status == TCT_OK)
		a->ceiling = id + SECOND_IDS;
	return status;
}

static int put_value(struct archive *a, struct month *m, DB_TXN *txn, uint64_t number, uint64_t id,
	const char *with, const void *bytes, size_t len)
{
	size_t with_len = strlen(with) + 1;
	char *value = bdb_buffer(a->bdb, with_len + len);
	unsigned char key[ROW_KEY];

	memcpy(value, with, with_len);
	memcpy(value + with_len, bytes, len);
	row_key(key, number, id);
	return archive_put(m->db, txn, key, sizeof key, value, with_len + len);
}

int archive_append(struct archive *a, DB_TXN *txn, const char *user, uint64_t id,
	const char *with, const void *bytes, size_t len)
{
	struct month *m;
	struct slot *s;
	int status = find_slot(a, txn, user, true, &s);

	if (status == TCT_OK)
		status = month_for(a, month_of(id), &m);
	if (status == TCT_OK)
		status = runs_note(a, m, txn, s, with, id);
	if (status == TCT_OK)
		status = put_value(a, m, txn, s->number, id, with, bytes, len);
	return status == TCT_OK ? raise_ceiling(a, txn, id) : status;
}

/* The user and the month of a row that may be there. */
static int find_place(struct archive *a, DB_TXN *txn, const char *user, uint64_t id,
	struct slot **s, struct month **m)
{
	int status = find_slot(a, txn, user, false, s);

	if (status != TCT_OK)
		return status;
	if (id <= (*s)->hidden || id < a->cut)
		return TCT_ENOENT;
	status = month_take(a, month_of(id), false, m);
	if (status != TCT_OK || *m == NULL)
		return status != TCT_OK ? status : TCT_ENOENT;
	month_put(a, *m); /* only the writer removes months */
	return (*m)->number == month_of(id) ? TCT_OK : TCT_ENOENT;
}

/* A row as it is, to be changed: `v` begins with the other party; the caller frees it. */
static int take_row(const struct month *m, DB_TXN *txn, uint64_t number, uint64_t id, DBT *v)
{
	unsigned char key[ROW_KEY];
	DBT k = dbt(key, sizeof key);
	int rc;

	row_key(key, number, id);
	*v = dbt(NULL, 0);
	v->flags = DB_DBT_MALLOC;
	rc = m->db->get(m->db, txn, &k, v, DB_RMW);
	if (rc != 0)
		return bdb_status(rc);
	if (v->size > 0 && memchr(v->data, '\0', v->size) != NULL)
		return TCT_OK;
	free(v->data);
	return TCT_EIO;
}

int archive_replace(struct archive *a, DB_TXN *txn, const char *user, uint64_t id,
	const void *bytes, size_t len)
{
	struct month *m;
	struct slot *s;
	DBT v;
	int status = find_place(a, txn, user, id, &s, &m);

	if (status == TCT_OK)
		status = take_row(m, txn, s->number, id, &v);
	if (status != TCT_OK)
		return status;
	status = put_value(a, m, txn, s->number, id, v.data, bytes, len);
	free(v.data);
	return status;
}

int archive_get(struct archive *a, DB_TXN *txn, const char *user, uint64_t id,
	tct_storage_archive_fn *row, void *ctx)
{
	struct month *m;
	struct slot *s;
	size_t with;
	DBT v;
	int status = find_place(a, txn, user, id, &s, &m);

	if (status == TCT_OK)
		status = take_row(m, txn, s->number, id, &v);
	if (status != TCT_OK)
		return status;
	with = strlen(v.data) + 1;
	row(ctx, id, v.data, (char *)v.data + with, v.size - with);
	free(v.data);
	return TCT_OK;
}

int archive_delete(struct archive *a, DB_TXN *txn, const char *user, uint64_t id)
{
	unsigned char key[ROW_KEY];
	struct month *m;
	struct slot *s;
	int status = find_place(a, txn, user, id, &s, &m);
	DBT k;

	if (status != TCT_OK)
		return status;
	row_key(key, s->number, id);
	k = dbt(key, sizeof key);
	return bdb_status(m->db->del(m->db, txn, &k, 0));
}

/* ---- hiding ---- */

static int put_hidden(struct archive *a, DB_TXN *txn, uint64_t number, uint64_t up_to)
{
	unsigned char key[9] = { 'g' };

	put_u64(key + 1, number);
	return archive_put_number(a, txn, key, sizeof key, up_to);
}

int archive_trim(struct archive *a, DB_TXN *txn, const char *user, uint64_t up_to)
{
	struct slot *s;
	int status = find_slot(a, txn, user, false, &s);

	if (status != TCT_OK || up_to <= s->hidden)
		return status;
	s->hidden = up_to;
	status = put_user(a, txn, s);
	return status == TCT_OK ? put_hidden(a, txn, s->number, up_to) : status;
}

int archive_purge(struct archive *a, DB_TXN *txn, const char *user)
{
	char key[BDB_KEY_MAX];
	struct slot *s;
	int status = find_slot(a, txn, user, false, &s);
	DBT k;

	if (status != TCT_OK)
		return status;
	status = put_hidden(a, txn, s->number, UINT64_MAX);
	if (status != TCT_OK)
		return status;
	k = dbt(key, user_key(key, user));
	forget(s);
	return bdb_status(a->catalog->del(a->catalog, txn, &k, 0));
}

int archive_expire(struct archive *a, DB_TXN *txn, uint64_t before)
{
	a->touched = true;
	if (before <= a->cut || before <= a->new_cut)
		return TCT_OK;
	a->new_cut = before;
	return archive_put_number(a, txn, "c", 1, before);
}

/* ---- opening and closing ---- */

/* The number of the month in "STEM-YYYYMM.db"; 0: it is another file's name. */
static uint32_t month_in_name(const struct archive *a, const char *name)
{
	size_t len = strlen(a->stem);
	uint32_t n = 0;

	if (strncmp(name, a->stem, len) != 0 || name[len] != '-' ||
		strlen(name + len) != strlen("-202601.db") || strcmp(name + len + 7, ".db") != 0)
		return 0;
	for (size_t i = len + 1; i < len + 7; i++) {
		if (name[i] < '0' || name[i] > '9')
			return 0;
		n = n * 10 + (uint32_t)(name[i] - '0');
	}
	if (n / 100 < 1970 || n % 100 < 1 || n % 100 > 12)
		return 0;
	return (n / 100 - 1970) * 12 + n % 100 - 1;
}

/* After recovery the folder holds exactly the files whose making was committed. */
static int find_months(struct archive *a)
{
	int fd = dup(a->bdb->folder_fd);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *entry;

	if (dir == NULL) {
		if (fd >= 0)
			close(fd);
		return TCT_EIO;
	}
	rewinddir(dir);
	while ((entry = readdir(dir)) != NULL) {
		uint32_t number = month_in_name(a, entry->d_name);

		if (number != 0)
			add_month(a, number);
	}
	closedir(dir);
	return TCT_OK;
}

int archive_open(struct bdb *bdb, const char *stem, struct archive **out, struct tct_error *err)
{
	struct archive *a = calloc(1, sizeof *a);
	char file[BDB_FILE_MAX];
	uint64_t cut = 0;
	int rc, status;

	if (a == NULL || (a->stem = strdup(stem)) == NULL)
		abort();
	a->bdb = bdb;
	pthread_mutex_init(&a->lock, NULL);
	snprintf(file, sizeof file, "%s.db", stem);
	rc = bdb_open_file(bdb, file, true, &a->catalog);
	status = bdb_status(rc);
	if (status == TCT_OK)
		status = archive_number(a, NULL, "c", &cut);
	if (status == TCT_OK)
		status = find_months(a);
	a->cut = cut;
	if (status != TCT_OK) {
		tct_error_set(err, status, "cannot open \"%s/%s\" (%s)", bdb->path, file,
			rc != 0 ? db_strerror(rc) : tct_code_text(status));
		archive_close(a);
		return status;
	}
	*out = a;
	return TCT_OK;
}

void archive_close(struct archive *a)
{
	if (a->last != 0)
		archive_put_number(a, NULL, "h", 1, a->last);
	for (size_t i = 0; i < a->count; i++) {
		if (a->months[i]->db != NULL)
			a->months[i]->db->close(a->months[i]->db, 0);
		free(a->months[i]);
	}
	if (a->catalog != NULL)
		a->catalog->close(a->catalog, 0);
	for (size_t i = 0; a->slots != NULL && i < SLOTS; i++)
		forget(&a->slots[i]);
	pthread_mutex_destroy(&a->lock);
	free(a->slots);
	free(a->months);
	free(a->stem);
	free(a);
}

int archive_last_id(struct archive *a, uint64_t *id)
{
	return archive_number(a, NULL, "h", id);
}

/* ---- tidying ---- */

/* A month whose last id is below the cut goes as a file, unless somebody reads it now. */
static int remove_month(struct archive *a, bool *removed)
{
	char file[BDB_FILE_MAX];
	struct month *m;
	bool held;
	int rc;

	*removed = false;
	pthread_mutex_lock(&a->lock);
	m = a->count > 0 ? a->months[0] : NULL;
	if (m != NULL && month_first(m->number + 1) <= a->cut)
		m->dying = true; /* nobody takes it from now on */
	held = m != NULL && m->users > 0;
	pthread_mutex_unlock(&a->lock);
	if (m == NULL || !m->dying)
		return TCT_OK;
	if (held)
		return TCT_EBUSY;
	if (m->db != NULL)
		m->db->close(m->db, 0);
	m->db = NULL;
	month_name(a, m, file, sizeof file);
	rc = a->bdb->env->dbremove(a->bdb->env, NULL, file, NULL, DB_AUTO_COMMIT);
	if (rc != 0 && rc != ENOENT)
		return bdb_status(rc);
	pthread_mutex_lock(&a->lock);
	drop_month(a, 0);
	pthread_mutex_unlock(&a->lock);
	*removed = true;
	return fsync(a->bdb->folder_fd) == 0 ? TCT_OK : TCT_EIO;
}

/* Keys from this one on that begin with its first eight bytes and are not above `last`. */
static int remove_range(DB *db, DB_TXN *txn, const unsigned char *first, size_t first_len,
	const unsigned char last[ROW_KEY], size_t limit, size_t *removed)
{
	unsigned char key[RUN_KEY + 1];
	DBT k = room(key, sizeof key), v = room(NULL, 0);
	DBC *c;
	int rc = db->cursor(db, txn, &c, 0);

	if (rc != 0)
		return bdb_status(rc);
	memcpy(key, first, first_len);
	k.size = (u_int32_t)first_len;
	v.flags |= DB_DBT_PARTIAL;
	rc = c->get(c, &k, &v, DB_SET_RANGE | DB_RMW);
	while (rc == 0 && *removed < limit && k.size >= 9 && memcmp(key, first, 8) == 0 &&
		memcmp(key, last, k.size < ROW_KEY ? k.size : ROW_KEY) <= 0) {
		rc = c->del(c, 0);
		*removed += rc == 0;
		if (rc == 0)
			rc = c->get(c, &k, &v, DB_NEXT | DB_RMW);
	}
	c->close(c);
	return rc == DB_NOTFOUND ? TCT_OK : bdb_status(rc);
}

/* What is hidden of one number, month by month; in those that are hidden whole its runs too. */
static int remove_hidden(struct archive *a, DB_TXN *txn, uint64_t number, uint64_t up_to,
	size_t limit, size_t *removed)
{
	unsigned char first[ROW_KEY], last[ROW_KEY];
	int status = TCT_OK;

	for (uint32_t n = 0; status == TCT_OK && *removed < limit;) {
		struct month *m;

		status = month_take(a, n, false, &m);
		if (status != TCT_OK || m == NULL || month_first(m->number) > up_to) {
			if (m != NULL)
				month_put(a, m);
			break;
		}
		n = m->number + 1;
		row_key(first, number, 0);
		row_key(last, number, up_to);
		status = remove_range(m->db, txn, first,
			up_to >= month_first(n) - 1 ? 8 : ROW_KEY, last, limit, removed);
		month_put(a, m);
	}
	return status;
}

/* The first row of "g"; TCT_ENOENT: nothing is left. */
static int next_hidden(struct archive *a, DB_TXN *txn, uint64_t *number, uint64_t *up_to)
{
	unsigned char key[BDB_KEY_MAX] = "g", bytes[16];
	DBT k = room(key, sizeof key), v = room(bytes, sizeof bytes);
	DBC *c;
	int rc = a->catalog->cursor(a->catalog, txn, &c, 0);

	if (rc != 0)
		return bdb_status(rc);
	k.size = 1;
	rc = c->get(c, &k, &v, DB_SET_RANGE);
	c->close(c);
	if (rc != 0)
		return bdb_status(rc);
	if (k.size != 9 || key[0] != 'g' || v.size != 8)
		return TCT_ENOENT;
	*number = get_u64(key + 1);
	*up_to = get_u64(bytes);
	return TCT_OK;
}

static int tidy_piece(struct archive *a, DB_TXN *txn, size_t limit)
{
	unsigned char key[9] = { 'g' };
	uint64_t number, up_to;
	size_t removed = 0;
	int status = next_hidden(a, txn, &number, &up_to);
	DBT k;

	if (status == TCT_OK)
		status = remove_hidden(a, txn, number, up_to, limit, &removed);
	if (status != TCT_OK || removed >= limit)
		return status;
	put_u64(key + 1, number);
	k = dbt(key, sizeof key);
	return bdb_status(a->catalog->del(a->catalog, txn, &k, 0));
}

int archive_tidy(struct archive *a, size_t limit, bool *more)
{
	DB_ENV *env = a->bdb->env;
	DB_TXN *txn;
	int rc, status = remove_month(a, more);

	if (status != TCT_OK || *more)
		return status;
	rc = env->txn_begin(env, NULL, &txn, DB_TXN_NOSYNC);
	if (rc != 0)
		return bdb_status(rc);
	status = tidy_piece(a, txn, limit);
	if (status != TCT_OK) {
		txn->abort(txn);
		return status == TCT_ENOENT ? TCT_OK : status;
	}
	*more = true;
	return bdb_status(txn->commit(txn, DB_TXN_NOSYNC));
}

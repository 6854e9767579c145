/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* mod_storage_bdb - the service "storage" on Berkeley DB 5.3: one transactional environment,
 * private to this process, opened with recovery every time, under a lock file of our own
 * because Berkeley DB itself would let a second process in. A key-value store is one file of
 * rows "user NUL key"; no text may hold a NUL, so no user can reach into another's rows. An
 * archive is a catalog and monthly files, see archive.h. The environment's files and their
 * page size are for ever; FORMAT says which version they are. What a power cut may leave of
 * pages that were being written: see BDB_PAGE_BYTES. */
#include "archive.h"
#include "env.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct tct_option options[] = {
	TCT_OPT_PATH(struct bdb_config, path,
		.doc = "Folder of the store; by default \"store\" in the state folder. It must "
		       "belong to the server's user and be closed to everybody else."),
	TCT_OPT_PATH(struct bdb_config, key_file,
		.doc = "File with the key of an encrypted store, see ENCRYPTION; it must not be "
		       "readable by others. Without it the store is not encrypted."),
	TCT_OPT_SIZE(struct bdb_config, cache_size, .def = "64 MB", .min = "1 MB", .max = "64 GB",
		.doc = "Memory for pages. Give it what the active users' pages take."),
	TCT_OPT_SIZE(struct bdb_config, checkpoint_size, .def = "16 MB", .min = "1 MB",
		.max = "1 GB",
		.doc = "Log written between two checkpoints; recovery after a crash reads about "
		       "twice as much, 25 ms for each megabyte."),
	TCT_OPT_SIZE(struct bdb_config, store_reserve, .def = "64 MB", .min = "0 B",
		.max = "16 GB",
		.doc = "Disk space that is set aside, so that the server starts on a full disk. "
		       "New data is refused before it would be needed."),
	TCT_OPT_ENUM(struct bdb_config, durability, .choices = bdb_durabilities, .def = "full",
		.doc = "\"full\": what the server has acknowledged is on disk. \"relaxed\": it is "
		       "there within a second, and a power cut may take that second."),
	TCT_OPT_END
};

/* ---- keys ---- */

static bool make_key(DBT *dbt, char *buf, size_t room, const char *user, const void *tail,
	size_t len)
{
	size_t user_len = strlen(user);

	memset(dbt, 0, sizeof *dbt);
	if (user_len + 1 + len > room)
		return false;
	memcpy(buf, user, user_len + 1);
	if (len > 0)
		memcpy(buf + user_len + 1, tail, len);
	dbt->data = buf;
	dbt->size = (u_int32_t)(user_len + 1 + len);
	return true;
}

/* ---- reading ---- */

struct buffers {
	char key[BDB_KEY_MAX];
	DBT k, v;
};

static struct buffers *buffers_new(void)
{
	struct buffers *b = calloc(1, sizeof *b);

	if (b == NULL)
		abort();
	b->v.flags = DB_DBT_REALLOC;
	return b;
}

static void buffers_free(struct buffers *b)
{
	if ((b->k.flags & DB_DBT_REALLOC) != 0)
		free(b->k.data);
	free(b->v.data);
	free(b);
}

/* Read keys go into memory of their own. */
static void own_key(struct buffers *b)
{
	char *copy = malloc(b->k.size);

	if (copy == NULL)
		abort();
	memcpy(copy, b->k.data, b->k.size);
	b->k.data = copy;
	b->k.flags = DB_DBT_REALLOC;
}

static int get_in(DB_TXN *txn, void *table, const char *user, const char *key,
	tct_storage_row_fn *row, void *ctx)
{
	DB *db = ((struct bdb_table *)table)->db;
	struct buffers *b = buffers_new();
	int rc, status;

	if (!make_key(&b->k, b->key, sizeof b->key, user, key, strlen(key))) {
		buffers_free(b);
		return TCT_ENOENT;
	}
	rc = db->get(db, txn, &b->k, &b->v, txn != NULL ? 0 : DB_READ_COMMITTED);
	status = bdb_status(rc);
	if (rc == 0)
		row(ctx, user, key, b->v.data, b->v.size);
	buffers_free(b);
	return status;
}

static int get(struct tct_mod *m, void *table, const char *user, const char *key,
	tct_storage_row_fn *row, void *ctx)
{
	(void)m;
	return get_in(NULL, table, user, key, row, ctx);
}

static int txn_get(struct tct_mod *m, void *txn, void *table, const char *user, const char *key,
	tct_storage_row_fn *row, void *ctx)
{
	(void)m;
	return get_in(txn, table, user, key, row, ctx);
}

/* True while the cursor's key belongs to the user. */
static bool same_user(const DBT *k, const char *user, size_t len)
{
	return k->size > len && memcmp(k->data, user, len + 1) == 0;
}

static char *text_of(const DBT *k, size_t from)
{
	char *text = malloc(k->size - from + 1);

	if (text == NULL)
		abort();
	memcpy(text, (const char *)k->data + from, k->size - from);
	text[k->size - from] = '\0';
	return text;
}

static int each(struct tct_mod *m, void *table, const char *user, tct_storage_row_fn *row, void *ctx)
{
	DB *db = ((struct bdb_table *)table)->db;
	struct buffers *b = buffers_new();
	size_t len = strlen(user);
	bool more = true;
	DBC *c;
	int rc;

	(void)m;
	if (!make_key(&b->k, b->key, sizeof b->key, user, NULL, 0)) {
		buffers_free(b);
		return TCT_OK;
	}
	own_key(b);
	rc = db->cursor(db, NULL, &c, DB_READ_COMMITTED);
	if (rc != 0) {
		buffers_free(b);
		return bdb_status(rc);
	}
	for (rc = c->get(c, &b->k, &b->v, DB_SET_RANGE); rc == 0 && more && same_user(&b->k, user, len);
		rc = c->get(c, &b->k, &b->v, DB_NEXT)) {
		char *key = text_of(&b->k, len + 1);

		more = row(ctx, user, key, b->v.data, b->v.size);
		free(key);
	}
	c->close(c);
	buffers_free(b);
	return rc == DB_NOTFOUND ? TCT_OK : bdb_status(rc);
}

/* From user to user: behind the rows of one comes the first key after "user\1". In the
 * catalog of an archive the names have a letter before them. */
static int users(struct tct_mod *m, void *table, const char *after, size_t limit,
	tct_storage_row_fn *row, void *ctx)
{
	struct bdb_table *t = table;
	size_t skip = t->archive != NULL ? 1 : 0;
	struct buffers *b = buffers_new();
	bool more = true;
	DBC *c;
	int rc;

	(void)m;
	b->k.data = b->key;
	b->k.size = (u_int32_t)snprintf(b->key, sizeof b->key - 1, "%s%s", skip > 0 ? "u" : "",
		after != NULL ? after : "");
	if (b->k.size >= sizeof b->key - 1)
		b->k.size = sizeof b->key - 2;
	if (after != NULL)
		b->key[b->k.size++] = '\1';
	own_key(b);
	rc = t->db->cursor(t->db, NULL, &c, DB_READ_COMMITTED);
	if (rc != 0) {
		buffers_free(b);
		return bdb_status(rc);
	}
	while (more && limit-- > 0 && (rc = c->get(c, &b->k, &b->v, DB_SET_RANGE)) == 0) {
		char *user;

		if (skip > 0 && *(char *)b->k.data != 'u')
			break;
		user = text_of(&b->k, skip);
		more = row(ctx, user, NULL, NULL, 0);
		b->k.size = (u_int32_t)(skip + strlen(user)) + 1;
		b->k.data = realloc(b->k.data, b->k.size);
		if (b->k.data == NULL)
			abort();
		((char *)b->k.data)[b->k.size - 1] = '\1';
		free(user);
	}
	c->close(c);
	buffers_free(b);
	return rc == DB_NOTFOUND ? TCT_OK : bdb_status(rc);
}

/* ---- archives ---- */

static struct archive *archive(void *table)
{
	return ((struct bdb_table *)table)->archive;
}

static int find(struct tct_mod *m, void *table, const char *user, const struct tct_archive_query *q,
	tct_storage_archive_fn *row, void *ctx, bool *complete)
{
	(void)m;
	return archive_find(archive(table), user, q, row, ctx, complete);
}

static int count(struct tct_mod *m, void *table, const char *user,
	const struct tct_archive_query *q, uint32_t *rows, bool *complete)
{
	(void)m;
	return archive_count(archive(table), user, q, rows, complete);
}

static int last_id(struct tct_mod *m, void *table, uint64_t *id)
{
	(void)m;
	return archive_last_id(archive(table), id);
}

static int append(struct tct_mod *m, void *txn, void *table, const char *user, uint64_t id,
	const char *with, const void *bytes, size_t len)
{
	(void)m;
	return archive_append(archive(table), txn, user, id, with, bytes, len);
}

static int replace(struct tct_mod *m, void *txn, void *table, const char *user, uint64_t id,
	const void *bytes, size_t len)
{
	(void)m;
	return archive_replace(archive(table), txn, user, id, bytes, len);
}

static int get_row(struct tct_mod *m, void *txn, void *table, const char *user, uint64_t id,
	tct_storage_archive_fn *row, void *ctx)
{
	(void)m;
	return archive_get(archive(table), txn, user, id, row, ctx);
}

static int archive_del(struct tct_mod *m, void *txn, void *table, const char *user, uint64_t id)
{
	(void)m;
	return archive_delete(archive(table), txn, user, id);
}

static int trim(struct tct_mod *m, void *txn, void *table, const char *user, uint64_t up_to)
{
	(void)m;
	return archive_trim(archive(table), txn, user, up_to);
}

static int purge(struct tct_mod *m, void *txn, void *table, const char *user)
{
	(void)m;
	return archive_purge(archive(table), txn, user);
}

static int expire(struct tct_mod *m, void *txn, void *table, uint64_t before)
{
	(void)m;
	return archive_expire(archive(table), txn, before);
}

static int tidy(struct tct_mod *m, size_t limit, bool *more)
{
	struct bdb *bdb = tct_mod_data(m);
	int status = TCT_OK;

	*more = false;
	for (struct bdb_table *t = bdb->tables; status == TCT_OK && !*more && t != NULL; t = t->next) {
		if (t->archive != NULL)
			status = archive_tidy(t->archive, limit, more);
	}
	return status;
}

/* ---- writing ---- */

static int put_bytes(void *txn, void *table, const char *user, const void *tail, size_t tail_len,
	const void *bytes, size_t len)
{
	DB *db = ((struct bdb_table *)table)->db;
	char key[BDB_KEY_MAX];
	DBT k, v = { 0 };

	if (!make_key(&k, key, sizeof key, user, tail, tail_len))
		return TCT_EINVAL;
	v.data = (void *)bytes;
	v.size = (u_int32_t)len;
	return bdb_status(db->put(db, txn, &k, &v, 0));
}

static int put(struct tct_mod *m, void *txn, void *table, const char *user, const char *key,
	const void *bytes, size_t len)
{
	(void)m;
	return put_bytes(txn, table, user, key, strlen(key), bytes, len);
}

static int del_bytes(void *txn, void *table, const char *user, const void *tail, size_t len)
{
	DB *db = ((struct bdb_table *)table)->db;
	char key[BDB_KEY_MAX];
	DBT k;

	if (!make_key(&k, key, sizeof key, user, tail, len))
		return TCT_ENOENT;
	return bdb_status(db->del(db, txn, &k, 0));
}

static int del(struct tct_mod *m, void *txn, void *table, const char *user, const char *key)
{
	(void)m;
	return del_bytes(txn, table, user, key, strlen(key));
}

static int del_user(struct tct_mod *m, void *txn, void *table, const char *user)
{
	DB *db = ((struct bdb_table *)table)->db;
	struct buffers *b = buffers_new();
	size_t len = strlen(user);
	DBC *c;
	int rc;

	(void)m;
	if (!make_key(&b->k, b->key, sizeof b->key, user, NULL, 0)) {
		buffers_free(b);
		return TCT_OK;
	}
	own_key(b);
	rc = db->cursor(db, txn, &c, 0);
	if (rc == 0) {
		for (rc = c->get(c, &b->k, &b->v, DB_SET_RANGE | DB_RMW);
			rc == 0 && same_user(&b->k, user, len);
			rc = c->get(c, &b->k, &b->v, DB_NEXT | DB_RMW)) {
			rc = c->del(c, 0);
			if (rc != 0)
				break;
		}
		c->close(c);
	}
	buffers_free(b);
	return rc == DB_NOTFOUND ? TCT_OK : bdb_status(rc);
}

static int begin(struct tct_mod *m, void **out)
{
	struct bdb *bdb = tct_mod_data(m);
	DB_TXN *txn = NULL;
	int rc = bdb->env->txn_begin(bdb->env, NULL, &txn, DB_TXN_NOSYNC);

	*out = txn;
	return bdb_status(rc);
}

static void tell_archives(struct tct_mod *m, bool committed)
{
	struct bdb *bdb = tct_mod_data(m);

	for (struct bdb_table *t = bdb->tables; t != NULL; t = t->next) {
		if (t->archive != NULL && t->archive->touched)
			archive_ended(t->archive, committed);
	}
}

static int commit(struct tct_mod *m, void *txn)
{
	DB_TXN *t = txn;
	int status = bdb_status(t->commit(t, DB_TXN_NOSYNC));

	tell_archives(m, status == TCT_OK);
	return status;
}

static void abort_txn(struct tct_mod *m, void *txn)
{
	DB_TXN *t = txn;

	t->abort(t);
	tell_archives(m, false);
}

static int flush(struct tct_mod *m)
{
	return bdb_flush(tct_mod_data(m));
}

static int space(struct tct_mod *m)
{
	return bdb_space(tct_mod_data(m));
}

static int table(struct tct_mod *m, const char *host, const char *store, uint32_t kind,
	void **out, struct tct_error *err)
{
	return bdb_table(tct_mod_data(m), host, store, kind, out, err);
}

static void close_all(struct tct_mod *m)
{
	bdb_close(tct_mod_data(m));
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
	.flush = flush,
	.space = space,
	.count = count,
	.replace = replace,
	.archive_get = get_row,
	.trim = trim,
	.purge = purge,
	.expire = expire,
	.tidy = tidy,
};

static int load(struct tct_mod *m, struct tct_error *err)
{
	const struct bdb_config *config = tct_mod_config(m);
	struct bdb *bdb = tct_mod_data(m);
	char path[BDB_PATH_MAX];
	int status;

	if (config->path != NULL)
		snprintf(path, sizeof path, "%s", config->path);
	else
		snprintf(path, sizeof path, "%s/store", tct_state_dir());
	status = bdb_open(bdb, path, config, err);
	if (status != TCT_OK)
		return status;
	tct_provide(m, "storage", "bdb", &ops);
	return TCT_OK;
}

/* Whoever has tables closes; a start that failed before anybody did leaves it to us, or our
 * thread would outlive its code. */
static void unload(struct tct_mod *m)
{
	struct bdb *bdb = tct_mod_data(m);

	if (bdb->tables == NULL)
		bdb_close(bdb);
}

TCT_MODULE_FLAGS(storage_bdb, TCT_GLOBAL,
	.version     = "1.0",
	.summary     = "storage on Berkeley DB: transactional and durable",
	.options     = options,
	.config_size = sizeof(struct bdb_config),
	.data_size   = sizeof(struct bdb),
	.load        = load,
	.unload      = unload,
);

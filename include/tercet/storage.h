/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* storage.h - the service "storage": what a backend offers to core. All functions but open
 * and table block and run on threads of core's, never on the loop: one writer thread calls
 * begin to flush, some reader threads call get to find, at the same time. A backend author
 * writes straight-line code and never locks against himself; the queues, the order, the
 * grouping of commits are core's. Functions return TCT_OK, TCT_ENOENT, TCT_EBUSY (a deadlock:
 * the whole set is tried again), TCT_EFULL (no space) or TCT_EIO. Bytes given to a function
 * are valid for the call only. */
#pragma once

#include <tercet/store.h>

#ifdef __cplusplus
extern "C" {
#endif

enum tct_table_kind { TCT_TABLE_KV = 1, TCT_TABLE_ARCHIVE = 2 };

/* A row that was read; `ctx` is what the reading function was given. False: enough. */
typedef bool tct_storage_row_fn(void *ctx, const char *user, const char *key, const void *bytes,
	size_t len);
typedef bool tct_storage_archive_fn(void *ctx, uint64_t id, const char *with, const void *bytes,
	size_t len);

struct tct_storage_ops {
	uint32_t size;
	/* On the loop, while modules load: opens or makes a table; it lives until close. */
	int (*table)(struct tct_mod *m, const char *host, const char *store, uint32_t kind,
		void **table, struct tct_error *err);
	/* On the loop, when no thread uses the backend any more and all is flushed. */
	void (*close)(struct tct_mod *m);

	/* ---- readers ---- */
	int (*get)(struct tct_mod *m, void *table, const char *user, const char *key,
		tct_storage_row_fn *row, void *ctx);
	/* All rows of a user, sorted by key. */
	int (*each)(struct tct_mod *m, void *table, const char *user, tct_storage_row_fn *row,
		void *ctx);
	/* Users that have rows, sorted, after `after` (NULL: all); key NULL, no bytes. */
	int (*users)(struct tct_mod *m, void *table, const char *after, size_t limit,
		tct_storage_row_fn *row, void *ctx);
	/* At most q->limit rows in ascending order of ids; *complete as in the page. Whether a
	 * row's other party matches, tct_archive_matches says; q->bytes is core's affair. */
	int (*find)(struct tct_mod *m, void *table, const char *user,
		const struct tct_archive_query *q, tct_storage_archive_fn *row, void *ctx,
		bool *complete);
	/* No row of the table has ever had a higher id, whatever was deleted since; 0: there
	 * never was one. On the loop, while modules load. */
	int (*last_id)(struct tct_mod *m, void *table, uint64_t *id);

	/* ---- the writer ---- */
	int (*begin)(struct tct_mod *m, void **txn);
	int (*put)(struct tct_mod *m, void *txn, void *table, const char *user, const char *key,
		const void *bytes, size_t len);
	int (*del)(struct tct_mod *m, void *txn, void *table, const char *user, const char *key);
	int (*del_user)(struct tct_mod *m, void *txn, void *table, const char *user);
	/* The row inside the transaction, for kv_expect. */
	int (*txn_get)(struct tct_mod *m, void *txn, void *table, const char *user,
		const char *key, tct_storage_row_fn *row, void *ctx);
	int (*append)(struct tct_mod *m, void *txn, void *table, const char *user, uint64_t id,
		const char *with, const void *bytes, size_t len);
	int (*archive_del)(struct tct_mod *m, void *txn, void *table, const char *user, uint64_t id);
	/* Visible to readers afterwards; not on disk yet. */
	int (*commit)(struct tct_mod *m, void *txn);
	void (*abort)(struct tct_mod *m, void *txn);
	/* Everything that was committed is on disk when it returns TCT_OK. */
	int (*flush)(struct tct_mod *m);
	/* TCT_EFULL when new data should be refused; called before each batch of sets, so it must
	 * be cheap. */
	int (*space)(struct tct_mod *m);

	/* ---- archives: readers ---- */
	/* How many rows find would give, with a limit of any size. */
	int (*count)(struct tct_mod *m, void *table, const char *user,
		const struct tct_archive_query *q, uint32_t *rows, bool *complete);
	/* ---- archives: the writer ---- */
	/* TCT_ENOENT: there is no such row. */
	int (*replace)(struct tct_mod *m, void *txn, void *table, const char *user, uint64_t id,
		const void *bytes, size_t len);
	/* Each of these takes about as long as one append, however many rows it hides; tidy
	 * does the rest. */
	int (*trim)(struct tct_mod *m, void *txn, void *table, const char *user, uint64_t up_to);
	int (*purge)(struct tct_mod *m, void *txn, void *table, const char *user);
	int (*expire)(struct tct_mod *m, void *txn, void *table, uint64_t before);
	/* The row inside the transaction: what was changed in it shows. TCT_ENOENT: no such row. */
	int (*archive_get)(struct tct_mod *m, void *txn, void *table, const char *user,
		uint64_t id, tct_storage_archive_fn *row, void *ctx);
	/* Outside of any transaction: removes at most `limit` rows that are hidden; *more: call
	 * again. Called when there is nothing else to do, and now and then between sets. */
	int (*tidy)(struct tct_mod *m, size_t limit, bool *more);
};

/* True when a row with this other party is one that the query wants. Any thread. */
TCT_API bool tct_archive_matches(const struct tct_archive_query *q, const char *with);

/* The server's state folder, absolute; a backend keeps its files in a folder of its own there.
 * NULL before the configuration was read. */
TCT_API const char *tct_state_dir(void);

#ifdef __cplusplus
}
#endif

/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* store.h - storing: values and records, key-value stores, archives, write sets. A store is
 * named by the module and lives under host / store / user. All reads are asynchronous and
 * belong to a scope: when it ends, the callback is not called. Writes are collected in a
 * write set (tct_txn), committed whole, in the order of submission, and never cancelled. A
 * callback never runs inside the call that started it. */
#pragma once

#include <tercet/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- values: 32 bytes for ever ---- */
enum tct_value_kind {
	TCT_VALUE_NONE = 0, /* no row */
	TCT_VALUE_INT = 1,
	TCT_VALUE_STRING = 2, /* UTF-8, NUL follows the last byte */
	TCT_VALUE_BYTES = 3,
	TCT_VALUE_XML = 4,    /* one serialised element */
	TCT_VALUE_RECORD = 5  /* named fields, see tct_record */
};
struct tct_value {
	uint32_t kind;
	uint32_t flags;
	union {
		int64_t i;
		struct {
			const char *data;
			size_t len;
		} bytes;
		uint64_t reserved[3];
	};
};
TCT_API struct tct_value tct_int(int64_t i);
TCT_API struct tct_value tct_string(const char *text); /* borrowed */
TCT_API struct tct_value tct_bytes(const void *data, size_t len); /* borrowed */
/* The serialised element (borrowed from an internal buffer until the next call). */
TCT_API struct tct_value tct_xml(const struct tct_elem *e);
/* Appends the stored element of `v` to `parent`; NULL when `v` is no well-formed XML. */
TCT_API struct tct_elem *tct_add_stored(struct tct_elem *parent, const struct tct_value *v);

/* The whole stanza as one element, its header too; borrowed as above. Freezes the stanza. */
TCT_API struct tct_value tct_stanza_xml(struct tct_stanza *st);

/* A flat record under construction; the caller frees it. */
struct tct_record;
TCT_API struct tct_record *tct_record_new(void);
TCT_API void tct_record_free(struct tct_record *r);
TCT_API void tct_record_set_int(struct tct_record *r, const char *field, int64_t i);
TCT_API void tct_record_set_string(struct tct_record *r, const char *field, const char *text);
TCT_API void tct_record_set_bytes(struct tct_record *r, const char *field, const void *data, size_t len);
/* The encoded record, borrowed from `r`. */
TCT_API struct tct_value tct_record_value(const struct tct_record *r);
/* A field of an encoded record; false when absent or `v` is no record. */
TCT_API bool tct_record_find(const struct tct_value *v, const char *field, struct tct_value *out);
/* The same with a kind and a default. The string is borrowed from `v`. */
TCT_API int64_t tct_record_int(const struct tct_value *v, const char *field, int64_t def);
TCT_API const char *tct_record_string(const struct tct_value *v, const char *field, const char *def);

/* ---- write sets ---- */
/* The stanza's own: open until its last stage has run, then submitted by the server. */
TCT_API struct tct_txn *tct_event_txn(struct tct_event *ev);
/* One for timers and callbacks; end it with submit or drop. */
TCT_API struct tct_txn *tct_txn_new(struct tct_mod *m);
/* Before its first write: nobody waits for this set, and a crash may take it back. It goes to
 * disk with the next that is not lazy, or within some two seconds, and costs no flush of its
 * own. Reads see it as any other. For what would be known anew, never for what somebody was
 * promised. */
TCT_API void tct_txn_lazy(struct tct_txn *txn);
/* Called once on the loop when the set is on disk (TCT_OK) or was refused (TCT_EFULL,
 * TCT_EIO, TCT_ECONFLICT: nothing of it was written). */
typedef void tct_done_fn(struct tct_scope *scope, int status, void *data);
/* Hands the set (taken) to the writer. `scope` and `fn` may be NULL. */
TCT_API void tct_txn_submit(struct tct_scope *scope, struct tct_txn *txn, tct_done_fn *fn, void *data);
TCT_API void tct_txn_drop(struct tct_txn *txn);
/* Routes `st` (taken) when the set is on disk, even if the asker is gone by then. */
TCT_API void tct_txn_route(struct tct_txn *txn, struct tct_stanza *st);

/* ---- key-value: rows (user, key) -> value; without keys the whole-document use ---- */
struct tct_kv;
/* In load(). The store is the same object for all instances of the host that name it. */
TCT_API struct tct_kv *tct_kv_open(struct tct_mod *m, const char *store, struct tct_error *err);

struct tct_kv_result {
	uint32_t size;
	int32_t status; /* TCT_OK, TCT_ENOENT or TCT_EIO */
	const char *user, *key;
	struct tct_value value;
};
typedef void tct_kv_fn(struct tct_scope *scope, const struct tct_kv_result *r, void *data);
TCT_API void tct_kv_get(struct tct_scope *scope, struct tct_kv *kv, const char *user,
	const char *key, tct_kv_fn *fn, void *data);

struct tct_kv_row {
	const char *user, *key;
	struct tct_value value;
};
struct tct_kv_rows {
	uint32_t size;
	int32_t status;
	size_t count;
	const struct tct_kv_row *rows;
};
typedef void tct_kv_rows_fn(struct tct_scope *scope, const struct tct_kv_rows *rows, void *data);
/* All rows of a user, sorted by key. */
TCT_API void tct_kv_each(struct tct_scope *scope, struct tct_kv *kv, const char *user,
	tct_kv_rows_fn *fn, void *data);
/* One key of many users in one read; users without the row are left out. */
TCT_API void tct_kv_get_many(struct tct_scope *scope, struct tct_kv *kv, const char *const *users,
	size_t count, const char *key, tct_kv_rows_fn *fn, void *data);
/* The users that have rows, sorted, at most `limit` after `after` (NULL: from the start). */
TCT_API void tct_kv_users(struct tct_scope *scope, struct tct_kv *kv, const char *after,
	size_t limit, tct_kv_rows_fn *fn, void *data);

TCT_API void tct_kv_put(struct tct_txn *txn, struct tct_kv *kv, const char *user, const char *key,
	struct tct_value value);
TCT_API void tct_kv_delete(struct tct_txn *txn, struct tct_kv *kv, const char *user, const char *key);
/* All rows of a user. */
TCT_API void tct_kv_delete_user(struct tct_txn *txn, struct tct_kv *kv, const char *user);
/* The set is refused (TCT_ECONFLICT) unless the row now equals `expected` (kind NONE: is
 * absent). In sets of tct_txn_new only. */
TCT_API void tct_kv_expect(struct tct_txn *txn, struct tct_kv *kv, const char *user,
	const char *key, struct tct_value expected);
/* In load() only: reads and blocks. `value` is valid until load returns. */
TCT_API int tct_kv_get_wait(struct tct_kv *kv, const char *user, const char *key,
	struct tct_value *value);

/* ---- archives: append-only rows of a user with server-made, rising ids ---- */
struct tct_archive;
TCT_API struct tct_archive *tct_archive_open(struct tct_mod *m, const char *store,
	struct tct_error *err);
/* Appends and returns the id at once (never 0, never one that any row of the server's store
 * has had). `with`: the other party, for queries: an address, full where it has a resource. */
TCT_API uint64_t tct_archive_append(struct tct_txn *txn, struct tct_archive *a, const char *user,
	const char *with, struct tct_value value);
/* Another value for a row; id, time and `with` stay. A row that is not there stays away. */
TCT_API void tct_archive_replace(struct tct_txn *txn, struct tct_archive *a, const char *user,
	uint64_t id, struct tct_value value);
TCT_API void tct_archive_delete(struct tct_txn *txn, struct tct_archive *a, const char *user, uint64_t id);
/* These three cost the same for one row and for a million: no read finds the rows once the set
 * is committed, and their space comes back in small pieces when the writer has time.
 * trim: the rows of a user up to and with this id. delete_user: all, and the user: who comes
 * again under the name finds nothing. expire: the rows of all users that are older than this
 * moment (microseconds since 1970; not later than now); a month that is wholly older goes as a
 * file. A read that must not see them waits for the set. */
TCT_API void tct_archive_trim(struct tct_txn *txn, struct tct_archive *a, const char *user, uint64_t up_to);
TCT_API void tct_archive_delete_user(struct tct_txn *txn, struct tct_archive *a, const char *user);
TCT_API void tct_archive_expire(struct tct_txn *txn, struct tct_archive *a, int64_t before);

#define TCT_ARCHIVE_PAGE_MAX 1000
enum tct_archive_flags {
	TCT_ARCHIVE_BARE = 1 << 0, /* `with` also stands for what begins with it and a '/' */
	TCT_ARCHIVE_SETTLED = 1 << 1 /* only rows that none will come before: none from the first
	                                on that a set appends which is not submitted yet */
};
struct tct_archive_query {
	uint32_t size;           /* sizeof(struct tct_archive_query) */
	uint32_t limit;          /* rows at most; 0: 50, never more than the above */
	uint64_t after, before;  /* ids, exclusive; 0: open */
	int64_t start, end;      /* microseconds since 1970, inclusive; 0: open */
	const char *with;        /* exact, but for the flag; NULL: any */
	uint32_t reverse;        /* 1: the last `limit` rows; they still come oldest first */
	uint32_t flags;          /* enum tct_archive_flags */
	uint64_t bytes;          /* the page ends before it would be larger; 0: no limit. One
	                            row comes in any case */
};
struct tct_archive_row {
	uint64_t id;
	int64_t time; /* microseconds since 1970 */
	const char *with;
	struct tct_value value;
	const void *marks; /* the server's own */
};
struct tct_archive_page {
	uint32_t size;
	int32_t status;
	size_t count;
	uint32_t complete; /* 1: nothing more matches in that direction */
	const struct tct_archive_row *rows;
};
typedef void tct_archive_fn(struct tct_scope *scope, const struct tct_archive_page *page, void *data);
TCT_API void tct_archive_find(struct tct_scope *scope, struct tct_archive *a, const char *user,
	const struct tct_archive_query *q, tct_archive_fn *fn, void *data);
/* The rows with these ids (copied), in this order; absent ones are left out. `bytes` as in a
 * query, and then `complete` is 0. */
TCT_API void tct_archive_get(struct tct_scope *scope, struct tct_archive *a, const char *user,
	const uint64_t *ids, size_t count, uint64_t bytes, tct_archive_fn *fn, void *data);
/* Where what TCT_ARCHIVE_SETTLED shows ends at this moment: before this id. */
TCT_API uint64_t tct_archive_settled(const struct tct_archive *a, const char *user);
/* How many rows match, in `count` of a page without rows; counts up to q->limit (of any
 * size, not 0) and then says `complete` 0. Costs as much as reading them. */
TCT_API void tct_archive_count(struct tct_scope *scope, struct tct_archive *a, const char *user,
	const struct tct_archive_query *q, tct_archive_fn *fn, void *data);
/* The users that have an archive (perhaps an empty one), as tct_kv_users. */
TCT_API void tct_archive_users(struct tct_scope *scope, struct tct_archive *a, const char *after,
	size_t limit, tct_kv_rows_fn *fn, void *data);

#ifdef __cplusplus
}
#endif

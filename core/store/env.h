/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* env.h - one storage backend at work: its writer thread, its readers, the order between
 * them. Sets commit in the order in which they were submitted; all that is queued is
 * committed and then flushed once. Lazy sets wait for others, a read, or a second to pass: alone
 * they cost neither a flush nor a wake-up of the writer. A read of a user starts when the last
 * set that touched the user has been applied, and ends when all that it may have seen is durable
 * (but for lazy sets). Results come back on the loop. */
#pragma once

#include "core/base/arena.h"
#include "core/base/map.h"
#include "core/base/vec.h"
#include "core/loop/loop.h"

#include <tercet/storage.h>

struct op;
struct tct_txn;
struct store_env;

struct tct_kv {
	struct list link;
	struct store_env *env;
	struct tct_host *host; /* NULL: of a global instance */
	void *table;
	bool archive;
	uint32_t preload_at; /* where it most likely is in the preload of a host */
	char *name;
};
struct tct_archive {
	struct tct_kv kv;
};

/* ---- reads ---- */
struct read_row {
	uint32_t store;
	const char *user, *key, *with;
	uint64_t id;
	struct span bytes; /* a NUL follows */
};

enum read_kind { READ_GET, READ_EACH, READ_MANY, READ_USERS, READ_PRELOAD, READ_FIND,
	READ_IDS, READ_COUNT };

struct read {
	struct loop_message message;
	struct list link;
	struct scope_node node;
	struct store_env *env;
	struct arena arena; /* of the arguments and rows */
	VEC(struct read_row) rows;
	void **tables;
	size_t table_count;
	const char **users;
	size_t user_count;
	const char *key, *after;
	size_t limit;
	struct tct_archive_query query;
	const uint64_t *ids; /* of READ_IDS; query.limit of them */
	uint64_t bytes;      /* of the archive rows so far */
	uint64_t min_seq;
	enum read_kind kind;
	int status;
	bool complete;
	uint32_t counted; /* of READ_COUNT */
	void (*done)(struct tct_scope *scope, struct read *r); /* on the loop; NULL scope: gone */
	void *fn, *data; /* of the caller */
};

/* The env of a provider's instance, made on first use: its threads start with the first
 * read or write. It ends with the instance: all that is queued is written first. */
struct store_env *env_of(struct tct_mod *provider, const struct tct_storage_ops *ops);
/* At the end of the server: waits until all that was written is on disk or has failed, and who
 * waits for that has been told; a disk that stays full is waited for some seconds only. */
void env_settle(void);
struct tct_mod *env_mod(const struct store_env *env);
const struct tct_storage_ops *env_ops(const struct store_env *env);
/* The writer's: within the backend's transaction `t`; apply.c. */
int env_apply_op(struct store_env *env, void *t, const struct op *op);
/* The table of a store, opened once. */
struct tct_kv *env_table(struct store_env *env, struct tct_host *host, const char *host_name,
	const char *store, uint32_t kind, struct tct_error *err);
struct tct_kv *env_find(const struct store_env *env, const struct tct_host *host,
	const char *store);

struct read *read_new(struct store_env *env, enum read_kind kind);
/* Starts it; `r` is the env's until done is called, which frees it with read_free. */
void read_start(struct read *r, struct tct_scope *scope);
void read_free(struct read *r);

/* Reads of the rows of one account that were started, of all stores. */
uint64_t env_reads(void);

/* A set goes to the tail of the writer's queue (taken). */
void env_submit(struct store_env *env, struct tct_txn *txn);
/* The users that a set touched wait for it. */
void env_touch(struct store_env *env, const char *user, uint64_t seq);
uint64_t env_next_seq(struct store_env *env);
/* The next id of an archive row. */
uint64_t env_next_id(struct store_env *env);
uint64_t env_last_id(const struct store_env *env);
/* False: the disk is nearly full, sets that add are refused. */
bool env_has_space(const struct store_env *env);
bool env_crowded(const struct store_env *env);

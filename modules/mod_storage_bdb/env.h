/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* env.h - the Berkeley DB environment of mod_storage_bdb: opening under a lock, recovery,
 * checkpoints, space. */
#pragma once

#include <tercet/module.h>
#include <tercet/storage.h>

#include "config.h"

#ifdef HAVE_DB5_3_DB_H
#include <db5.3/db.h>
#else
#include <db.h>
#endif

#include <pthread.h>

#define BDB_KEY_MAX 4096
#define BDB_PATH_MAX 4096
#define BDB_FILE_MAX 1024
/* Not more than what disks and file systems write whole: nothing in a log can mend a page of which
 * a power cut has left half. Files keep the size that they were made with. */
#define BDB_PAGE_BYTES 4096
#define BDB_BULK_LEAST 8192 /* what is filled with many rows at once: a page of any file */

struct bdb_config {
	const char *path, *key_file;
	int64_t cache_size, checkpoint_size, store_reserve;
	int32_t durability; /* 0: full, 1: relaxed */
};
extern const char *const bdb_durabilities[];

struct archive;
/* What the service calls a table: a file of rows, or an archive. */
struct bdb_table {
	struct bdb_table *next;
	DB *db; /* of an archive: its catalog */
	struct archive *archive; /* NULL: key-value */
};

/* Memory of a thread that reads or writes, kept from one call to the next. */
struct bdb_thread {
	char *bulk; /* what Berkeley DB fills */
	size_t bulk_size;
	char *kept; /* rows that are given later */
	size_t kept_len, kept_room;
	struct bdb_kept {
		uint64_t id;
		size_t at, len;
	} *rows;
	size_t row_count, row_room;
};

struct bdb {
	DB_ENV *env;
	char *path;
	char *key; /* NULL: not encrypted; wiped when it is open */
	bool encrypted;
	int lock_fd, folder_fd;
	int64_t reserve, checkpoint_bytes;
	bool relaxed, running, have_key;
	bool full; /* the writer's: new data is refused */
	bool said; /* that there is no reserve */
	_Atomic bool has_reserve;
	uint32_t log_file; /* the newest whose name is known to be on disk */
	struct bdb_table *tables;
	pthread_key_t key_of_threads; /* of struct bdb_thread */
	pthread_t thread; /* checkpoints */
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool stopping;
};

int bdb_open(struct bdb *bdb, const char *path, const struct bdb_config *config,
	struct tct_error *err);
void bdb_close(struct bdb *bdb);
int bdb_table(struct bdb *bdb, const char *host, const char *store, uint32_t kind, void **table,
	struct tct_error *err);
/* A file of the environment; 0 or an error of Berkeley DB. */
int bdb_open_file(struct bdb *bdb, const char *file, bool create, DB **out);
/* The environment of the folder bdb->path, encrypted with bdb->key. */
int bdb_open_env(struct bdb *bdb, const struct bdb_config *config, struct tct_error *err);
/* Says in the folder bdb->folder_fd what it is. */
int bdb_write_format(struct bdb *bdb, struct tct_error *err);
int bdb_flush(struct bdb *bdb);
int bdb_space(struct bdb *bdb);
/* The calling thread's memory, and its buffer with room for that much. */
struct bdb_thread *bdb_thread(struct bdb *bdb);
char *bdb_buffer(struct bdb *bdb, size_t len);
/* A return value of Berkeley DB as one of ours. */
int bdb_status(int rc);

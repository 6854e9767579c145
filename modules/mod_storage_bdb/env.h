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

struct bdb_config {
	const char *path;
	int64_t cache_size, checkpoint_size, store_reserve;
	int32_t durability; /* 0: full, 1: relaxed */
};
extern const char *const bdb_durabilities[];

struct bdb_table;
struct bdb {
	DB_ENV *env;
	char *path;
	int lock_fd, folder_fd;
	int64_t reserve, checkpoint_bytes;
	bool relaxed, running;
	uint32_t log_file; /* the newest whose name is known to be on disk */
	struct bdb_table *tables;
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
int bdb_flush(struct bdb *bdb);
int bdb_space(struct bdb *bdb);
/* A return value of Berkeley DB as one of ours. */
int bdb_status(int rc);

/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* store_kit.h - what the tests of storing share: a backend that is started by hand as the
 * loader would, a module that uses it, and calls that wait for their answer. */
#pragma once

#include "core/base/error.h"
#include "core/mod/module.h"
#include "core/store/store.h"
#include "core/store/txn.h"
#include "tests/unit/unit.h"

/* The backend under test, given by the main file. */
extern const struct tct_module_info *const backend_info;
/* What `load` finds as its options; called for each start. */
const void *backend_config(void);

struct seen_row {
	char user[64], key[64], with[64], text[64];
	uint64_t id;
	int64_t time;
	size_t store, len;
};
/* The last answer. */
struct seen {
	int calls, status;
	uint32_t kind;
	int64_t i;
	size_t count;
	bool complete;
	struct seen_row rows[64];
};
extern struct seen seen;
/* The last end of a set, and how many there were. */
extern int done_calls, done_status;
extern struct tct_scope *done_scope;
/* True inside a call of the module: nothing may call back then. */
extern bool calling;
#define CALL(...)                                                                        \
	do {                                                                             \
		calling = true;                                                          \
		__VA_ARGS__;                                                             \
		calling = false;                                                         \
	} while (0)

extern struct tct_mod provider, user; /* the backend, and who uses it */
extern struct tct_scope scope;        /* of the reads and sets of the test */
extern struct tct_kv *kv;             /* "things" */
extern struct tct_archive *archive;   /* "history" */

/* A store with these settings of testhook.h (NULL: none) is started, and everything ended. */
int kit_start(const char *latency, const char *fail);
int kit_setup(void **state); /* kit_start(NULL, NULL) */
int kit_teardown(void **state);
/* The backend alone. */
int backend_start(struct tct_error *err);
void backend_end(void);
void kit_open(void);
/* Skips the test in a build without --enable-test-hooks. */
void kit_needs_hooks(void);

void turn_until(const int *counter, int value);
/* Submits with a callback that counts; `commit` waits and returns the status. */
void submit(struct tct_txn *txn);
int commit(struct tct_txn *txn);
void on_done(struct tct_scope *s, int status, void *data);
/* A set of one put, submitted. */
void put(const char *who, const char *key, const char *text);
/* The string of a row, NULL when there is none. */
const char *get(const char *who, const char *key);
void on_get(struct tct_scope *s, const struct tct_kv_result *r, void *data);
void on_rows(struct tct_scope *s, const struct tct_kv_rows *rows, void *data);
void on_page(struct tct_scope *s, const struct tct_archive_page *page, void *data);
void on_count(struct tct_scope *s, const struct tct_archive_page *page, void *data);
void on_preload(struct tct_scope *s, const struct store_preloaded *p, void *data);
/* All rows of a user into `seen`; the others likewise. */
void each(const char *who);
void users(const char *after, size_t limit);
void find(const char *who, const struct tct_archive_query *q);

/* The tests that every backend passes. */
extern const struct CMUnitTest store_suite[];
extern const size_t store_suite_count;
extern const struct CMUnitTest archive_suite[];
extern const size_t archive_suite_count;
/* Runs them and these. */
int store_suite_run(const struct CMUnitTest *more, size_t count);

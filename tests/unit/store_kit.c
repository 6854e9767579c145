/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* store_kit.c - see store_kit.h. */
#include "tests/unit/store_kit.h"

#include "core/store/testhook.h"

#include "config.h"

#include <unistd.h>

struct seen seen;
int done_calls, done_status;
struct tct_scope *done_scope;
bool calling;
struct tct_mod provider, user;
struct tct_scope scope;
struct tct_kv *kv;
struct tct_archive *archive;

/* ---- life ---- */

/* As the loader starts an instance. */
int backend_start(struct tct_error *err)
{
	int status;

	memset(&provider, 0, sizeof provider);
	provider.info = backend_info;
	provider.name = backend_info->name;
	provider.config = (void *)backend_config();
	provider.data = calloc(1, backend_info->data_size);
	scope_init(&provider.scope, &provider);
	status = backend_info->load(&provider, err);
	if (status != TCT_OK || provider.problem != NULL)
		backend_end();
	return status;
}

void backend_end(void)
{
	provider.ending = true;
	scope_end(&provider.scope);
	free(provider.data);
	free(provider.problem);
	provider.data = NULL;
	provider.problem = NULL;
}

void kit_open(void)
{
	struct tct_error err = { 0 };

	kv = tct_kv_open(&user, "things", &err);
	assert_non_null(kv);
	archive = tct_archive_open(&user, "history", &err);
	assert_non_null(archive);
}

static void set_or_not(const char *name, const char *value)
{
	if (value != NULL)
		setenv(name, value, 1);
	else
		unsetenv(name);
}

int kit_start(const char *latency, const char *fail)
{
	struct tct_error err = { 0 };

	alarm(120); /* a test that waits for ever says so */
	set_or_not("TERCET_STORE_LATENCY", latency);
	set_or_not("TERCET_STORE_FAIL", fail);
	testhook_forget();
	memset(&seen, 0, sizeof seen);
	done_calls = 0;
	done_status = -1000;
	if (loop_init(NULL) != TCT_OK)
		return -1;
	loop_on_prepare(0, txn_turn_end);
	memset(&user, 0, sizeof user);
	user.name = "user";
	scope_init(&user.scope, &user);
	scope_init(&scope, &user);
	if (backend_start(&err) != TCT_OK) {
		print_error("%s\n", tct_error_text(&err));
		return -1;
	}
	kit_open();
	return 0;
}

int kit_setup(void **state)
{
	(void)state;
	return kit_start(NULL, NULL);
}

int kit_teardown(void **state)
{
	(void)state;
	store_set_hooks(NULL, NULL);
	txn_set_router(NULL);
	scope_end(&scope);
	scope_end(&user.scope);
	if (provider.data != NULL)
		backend_end();
	loop_fini();
	return 0;
}

void kit_needs_hooks(void)
{
#ifndef TERCET_TEST_HOOKS
	skip();
#endif
}

void turn_until(const int *counter, int value)
{
	while (*counter < value)
		loop_turn(true);
}

/* ---- sets ---- */

void on_done(struct tct_scope *s, int status, void *data)
{
	(void)data;
	assert_false(calling);
	assert_true(loop_is_here());
	done_scope = s;
	done_status = status;
	done_calls++;
}

void submit(struct tct_txn *txn)
{
	CALL(tct_txn_submit(&scope, txn, on_done, NULL));
}

static void on_commit(struct tct_scope *s, int status, void *data)
{
	*(int *)data = 1;
	on_done(s, status, NULL);
}

/* Sets that were submitted before may be done first. */
int commit(struct tct_txn *txn)
{
	int done = 0;

	CALL(tct_txn_submit(&scope, txn, on_commit, &done));
	turn_until(&done, 1);
	return done_status;
}

void put(const char *who, const char *key, const char *text)
{
	struct tct_txn *txn = tct_txn_new(&user);

	CALL(tct_kv_put(txn, kv, who, key, tct_string(text)));
	submit(txn);
}

/* ---- reads ---- */

static void copy(char out[64], const char *text)
{
	snprintf(out, 64, "%s", text != NULL ? text : "");
}

static void begin(const struct tct_scope *s, int status, size_t count)
{
	assert_false(calling);
	assert_true(loop_is_here());
	assert_ptr_equal(s, &scope);
	memset(seen.rows, 0, sizeof seen.rows);
	seen.status = status;
	seen.count = count;
	assert_true(count <= sizeof seen.rows / sizeof *seen.rows);
	seen.calls++;
}

static void see_value(struct seen_row *to, const struct tct_value *v)
{
	if (v->kind == TCT_VALUE_NONE || v->kind == TCT_VALUE_INT)
		return;
	assert_int_equal(v->bytes.data[v->bytes.len], '\0');
	copy(to->text, v->bytes.data);
	to->len = v->bytes.len;
}

void on_get(struct tct_scope *s, const struct tct_kv_result *r, void *data)
{
	(void)data;
	begin(s, r->status, 1);
	copy(seen.rows[0].user, r->user);
	copy(seen.rows[0].key, r->key);
	seen.kind = r->value.kind;
	if (seen.kind == TCT_VALUE_INT)
		seen.i = r->value.i;
	see_value(&seen.rows[0], &r->value);
}

void on_rows(struct tct_scope *s, const struct tct_kv_rows *rows, void *data)
{
	(void)data;
	begin(s, rows->status, rows->count);
	for (size_t i = 0; i < rows->count; i++) {
		copy(seen.rows[i].user, rows->rows[i].user);
		copy(seen.rows[i].key, rows->rows[i].key);
		see_value(&seen.rows[i], &rows->rows[i].value);
	}
}

void on_page(struct tct_scope *s, const struct tct_archive_page *page, void *data)
{
	(void)data;
	begin(s, page->status, page->count);
	seen.complete = page->complete != 0;
	for (size_t i = 0; i < page->count; i++) {
		seen.rows[i].id = page->rows[i].id;
		seen.rows[i].time = page->rows[i].time;
		copy(seen.rows[i].with, page->rows[i].with);
		see_value(&seen.rows[i], &page->rows[i].value);
	}
}

void on_count(struct tct_scope *s, const struct tct_archive_page *page, void *data)
{
	(void)data;
	begin(s, page->status, 0);
	seen.count = page->count;
	seen.complete = page->complete != 0;
}

void on_preload(struct tct_scope *s, const struct store_preloaded *p, void *data)
{
	(void)data;
	begin(s, p->status, p->count);
	for (size_t i = 0; i < p->count; i++) {
		seen.rows[i].store = p->rows[i].store;
		copy(seen.rows[i].key, p->rows[i].key);
		see_value(&seen.rows[i], &p->rows[i].value);
	}
}

const char *get(const char *who, const char *key)
{
	int calls = seen.calls;

	CALL(tct_kv_get(&scope, kv, who, key, on_get, NULL));
	turn_until(&seen.calls, calls + 1);
	assert_string_equal(seen.rows[0].user, who);
	assert_string_equal(seen.rows[0].key, key);
	if (seen.status != TCT_OK)
		assert_int_equal(seen.kind, TCT_VALUE_NONE);
	return seen.status == TCT_OK ? seen.rows[0].text : NULL;
}

void each(const char *who)
{
	int calls = seen.calls;

	CALL(tct_kv_each(&scope, kv, who, on_rows, NULL));
	turn_until(&seen.calls, calls + 1);
}

void users(const char *after, size_t limit)
{
	int calls = seen.calls;

	CALL(tct_kv_users(&scope, kv, after, limit, on_rows, NULL));
	turn_until(&seen.calls, calls + 1);
}

void find(const char *who, const struct tct_archive_query *q)
{
	int calls = seen.calls;

	CALL(tct_archive_find(&scope, archive, who, q, on_page, NULL));
	turn_until(&seen.calls, calls + 1);
}

int store_suite_run(const struct CMUnitTest *more, size_t count)
{
	size_t base = store_suite_count + archive_suite_count;
	struct CMUnitTest *all = calloc(base + count, sizeof *all);
	int failed;

	memcpy(all, store_suite, store_suite_count * sizeof *all);
	memcpy(all + store_suite_count, archive_suite, archive_suite_count * sizeof *all);
	if (count > 0)
		memcpy(all + base, more, count * sizeof *all);
	failed = _cmocka_run_group_tests("store", all, base + count, NULL, NULL);
	free(all);
	return failed;
}

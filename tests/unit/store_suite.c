/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* store_suite.c - what holds for a store on any backend. */
#include "tests/unit/store_kit.h"

#include <tercet/stanza.h>

/* ---- key-value ---- */

static void a_put_is_read_back(void **state)
{
	struct tct_txn *txn = tct_txn_new(&user);

	tct_kv_put(txn, kv, "juliet", "name", tct_string("Juliet"));
	tct_kv_put(txn, kv, "juliet", "age", tct_int(-13));
	tct_kv_put(txn, kv, "juliet", "", tct_bytes("a\0b", 3));
	assert_int_equal(commit(txn), TCT_OK);
	assert_ptr_equal(done_scope, &scope);
	assert_string_equal(get("juliet", "name"), "Juliet");
	assert_int_equal(seen.kind, TCT_VALUE_STRING);
	assert_non_null(get("juliet", "age"));
	assert_int_equal(seen.kind, TCT_VALUE_INT);
	assert_int_equal(seen.i, -13);
	assert_non_null(get("juliet", ""));
	assert_int_equal(seen.kind, TCT_VALUE_BYTES);
	assert_int_equal(seen.rows[0].len, 3);
	assert_null(get("juliet", "nam"));
	assert_int_equal(seen.status, TCT_ENOENT);
	assert_null(get("romeo", "name"));
	assert_null(get("", ""));
}

static void a_row_changes_and_goes(void **state)
{
	struct tct_txn *txn;

	put("juliet", "name", "Juliet");
	put("juliet", "name", "Julia, with a longer name");
	assert_string_equal(get("juliet", "name"), "Julia, with a longer name");
	txn = tct_txn_new(&user);
	tct_kv_delete(txn, kv, "juliet", "name");
	tct_kv_delete(txn, kv, "juliet", "never there");
	tct_kv_delete_user(txn, kv, "nobody");
	assert_int_equal(commit(txn), TCT_OK);
	assert_null(get("juliet", "name"));
	/* In one set the last word counts. */
	txn = tct_txn_new(&user);
	tct_kv_put(txn, kv, "juliet", "a", tct_string("1"));
	tct_kv_delete(txn, kv, "juliet", "a");
	tct_kv_delete(txn, kv, "juliet", "b");
	tct_kv_put(txn, kv, "juliet", "b", tct_string("2"));
	assert_int_equal(commit(txn), TCT_OK);
	assert_null(get("juliet", "a"));
	assert_string_equal(get("juliet", "b"), "2");
}

static void a_large_value_is_kept_whole(void **state)
{
	size_t len = 3 * 1024 * 1024 + 17;
	char *bytes = malloc(len);
	struct tct_txn *txn = tct_txn_new(&user);

	for (size_t i = 0; i < len; i++)
		bytes[i] = (char)('a' + i % 26);
	tct_kv_put(txn, kv, "juliet", "avatar", tct_bytes(bytes, len));
	memset(bytes, 'x', len); /* the set has its own copy */
	assert_int_equal(commit(txn), TCT_OK);
	assert_non_null(get("juliet", "avatar"));
	assert_int_equal(seen.rows[0].len, len);
	assert_memory_equal(seen.rows[0].text, "abcdefghijklmnopqrstuvwxyzab", 28);
	free(bytes);
}

static void each_gives_the_rows_of_one_user(void **state)
{
	static const char *const keys[] = { "b", "", "a", "\xc3\xa4", "aa" };
	static const char *const sorted[] = { "", "a", "aa", "b", "\xc3\xa4" };
	struct tct_txn *txn = tct_txn_new(&user);

	for (size_t i = 0; i < 5; i++)
		tct_kv_put(txn, kv, "ab", keys[i], tct_string(keys[i]));
	tct_kv_put(txn, kv, "a", "b", tct_string("of another"));
	tct_kv_put(txn, kv, "abc", "", tct_string("of another"));
	tct_kv_put(txn, kv, "ab ", "", tct_string("of another"));
	submit(txn);
	each("ab");
	assert_int_equal(seen.status, TCT_OK);
	assert_int_equal(seen.count, 5);
	for (size_t i = 0; i < 5; i++) {
		assert_string_equal(seen.rows[i].key, sorted[i]);
		assert_string_equal(seen.rows[i].text, sorted[i]);
		assert_string_equal(seen.rows[i].user, "ab");
	}
	each("nobody");
	assert_int_equal(seen.status, TCT_OK);
	assert_int_equal(seen.count, 0);
	txn = tct_txn_new(&user);
	tct_kv_delete_user(txn, kv, "ab");
	submit(txn);
	each("ab");
	assert_int_equal(seen.count, 0);
	assert_string_equal(get("a", "b"), "of another");
	assert_string_equal(get("abc", ""), "of another");
	assert_string_equal(get("ab ", ""), "of another");
}

static void assert_users(const char *after, size_t limit, const char *wanted)
{
	char line[256] = "";

	users(after, limit);
	assert_int_equal(seen.status, TCT_OK);
	for (size_t i = 0; i < seen.count; i++)
		snprintf(line + strlen(line), sizeof line - strlen(line), "%s ", seen.rows[i].user);
	assert_string_equal(line, wanted);
}

static void users_are_listed_in_order(void **state)
{
	static const char *const names[] = { "romeo", "a", "juliet", "ab", "abc" };
	struct tct_txn *txn = tct_txn_new(&user);

	assert_users(NULL, 10, "");
	for (size_t i = 0; i < 5; i++) {
		tct_kv_put(txn, kv, names[i], "", tct_int(1));
		tct_kv_put(txn, kv, names[i], "more", tct_int(2));
	}
	submit(txn);
	assert_users(NULL, 10, "a ab abc juliet romeo ");
	assert_users(NULL, 2, "a ab ");
	assert_users("ab", 2, "abc juliet ");
	assert_users("b", 2, "juliet romeo ");
	assert_users("romeo", 2, "");
	assert_users("", 10, "a ab abc juliet romeo ");
	assert_users(NULL, 0, "");
	txn = tct_txn_new(&user);
	tct_kv_delete_user(txn, kv, "ab");
	tct_kv_delete(txn, kv, "abc", "");
	submit(txn);
	assert_users(NULL, 10, "a abc juliet romeo ");
}

static void many_users_are_read_at_once(void **state)
{
	static const char *const names[] = { "romeo", "nobody", "juliet" };

	put("juliet", "name", "Juliet");
	put("romeo", "name", "Romeo");
	put("romeo", "other", "x");
	CALL(tct_kv_get_many(&scope, kv, names, 3, "name", on_rows, NULL));
	turn_until(&seen.calls, 1);
	assert_int_equal(seen.status, TCT_OK);
	assert_int_equal(seen.count, 2);
	assert_string_equal(seen.rows[0].user, "romeo");
	assert_string_equal(seen.rows[0].text, "Romeo");
	assert_string_equal(seen.rows[1].user, "juliet");
	CALL(tct_kv_get_many(&scope, kv, NULL, 0, "name", on_rows, NULL));
	turn_until(&seen.calls, 2);
	assert_int_equal(seen.status, TCT_OK);
	assert_int_equal(seen.count, 0);
}

static void stores_are_preloaded_together(void **state)
{
	struct tct_error err = { 0 };
	struct tct_kv *other = tct_kv_open(&user, "others", &err);
	struct tct_kv *both[] = { other, kv };
	struct tct_txn *txn = tct_txn_new(&user);

	tct_kv_put(txn, kv, "juliet", "k", tct_string("thing"));
	tct_kv_put(txn, other, "juliet", "1", tct_string("first"));
	tct_kv_put(txn, other, "juliet", "2", tct_string("second"));
	tct_kv_put(txn, other, "romeo", "1", tct_string("not hers"));
	submit(txn);
	CALL(store_preload(store_env_find(NULL), both, 2, "juliet", &scope, on_preload, NULL));
	turn_until(&seen.calls, 1);
	assert_int_equal(seen.status, TCT_OK);
	assert_int_equal(seen.count, 3);
	assert_int_equal(seen.rows[1].store, 0);
	assert_string_equal(seen.rows[1].text, "second");
	assert_int_equal(seen.rows[2].store, 1);
	assert_string_equal(seen.rows[2].text, "thing");
}

/* ---- names ---- */

static void a_store_is_one_object(void **state)
{
	static const struct tct_jid *nowhere;
	struct tct_error err = { 0 };
	struct tct_mod guest = { .name = "guest", .host = (struct tct_host *)&nowhere,
		.host_name = "b-c.example" };
	struct tct_kv *there;
	struct tct_value v;

	assert_ptr_equal(tct_kv_open(&user, "things", &err), kv);
	assert_null(tct_archive_open(&user, "things", &err));
	assert_non_null(strstr(tct_error_text(&err), "things"));
	assert_null(tct_kv_open(&user, "history", &err));
	there = tct_kv_open(&guest, "things", &err);
	assert_non_null(there);
	assert_ptr_not_equal(there, kv);
	assert_ptr_equal(kv_host(there), guest.host);
	assert_ptr_equal(store_find(store_env_find(NULL), guest.host, "things"), there);
	assert_null(store_find(store_env_find(NULL), guest.host, "nothing"));
	put("juliet", "name", "here");
	assert_string_equal(get("juliet", "name"), "here");
	assert_int_equal(tct_kv_get_wait(there, "juliet", "name", &v), TCT_ENOENT);
	assert_int_equal(tct_kv_get_wait(kv, "juliet", "name", &v), TCT_OK);
	assert_string_equal(v.bytes.data, "here");
}

static void without_storage_nothing_opens(void **state)
{
	struct tct_error err = { 0 };

	backend_end();
	assert_null(store_env_find(NULL));
	assert_null(tct_kv_open(&user, "things", &err));
	assert_non_null(strstr(tct_error_text(&err), "no storage"));
}

/* ---- conditions ---- */

static int put_if(const char *key, struct tct_value expected, const char *text)
{
	struct tct_txn *txn = tct_txn_new(&user);

	tct_kv_put(txn, kv, "juliet", "beside", tct_string(text));
	tct_kv_expect(txn, kv, "juliet", key, expected);
	tct_kv_put(txn, kv, "juliet", key, tct_string(text));
	return commit(txn);
}

static void what_was_expected_is_checked(void **state)
{
	struct tct_value none = { 0 };

	assert_int_equal(put_if("v", tct_string("0"), "1"), TCT_ECONFLICT);
	assert_null(get("juliet", "v"));
	assert_null(get("juliet", "beside"));
	assert_int_equal(put_if("v", none, "1"), TCT_OK);
	assert_int_equal(put_if("v", none, "2"), TCT_ECONFLICT);
	assert_int_equal(put_if("v", tct_bytes("1", 1), "2"), TCT_ECONFLICT);
	assert_int_equal(put_if("v", tct_string("1"), "2"), TCT_OK);
	assert_int_equal(put_if("v", tct_string("1"), "3"), TCT_ECONFLICT);
	assert_string_equal(get("juliet", "v"), "2");
	assert_string_equal(get("juliet", "beside"), "2");
}

/* Of two that hold the same expectation, queued together, the first one wins. */
static void the_first_of_two_wins(void **state)
{
	struct tct_value none = { 0 };

	for (int i = 0; i < 2; i++) {
		struct tct_txn *txn = tct_txn_new(&user);

		tct_kv_expect(txn, kv, "juliet", "v", none);
		tct_kv_put(txn, kv, "juliet", "v", tct_int(i));
		submit(txn);
	}
	turn_until(&done_calls, 2);
	assert_int_equal(done_status, TCT_ECONFLICT);
	assert_non_null(get("juliet", "v"));
	assert_int_equal(seen.i, 0);
}

/* ---- archives ---- */

static uint64_t append(const char *who, const char *with, const char *text)
{
	struct tct_txn *txn = tct_txn_new(&user);
	uint64_t id = tct_archive_append(txn, archive, who, with, tct_string(text));

	submit(txn);
	return id;
}

static void assert_found(const struct tct_archive_query *q, const char *texts, bool complete)
{
	char line[256] = "";

	find("juliet", q);
	assert_int_equal(seen.status, TCT_OK);
	for (size_t i = 0; i < seen.count; i++) {
		snprintf(line + strlen(line), sizeof line - strlen(line), "%s", seen.rows[i].text);
		assert_true(i == 0 || seen.rows[i].id > seen.rows[i - 1].id);
	}
	assert_string_equal(line, texts);
	assert_int_equal(seen.complete, complete);
}

#define QUERY(...) (&(struct tct_archive_query){ .size = sizeof(struct tct_archive_query), __VA_ARGS__ })

static void an_archive_is_searched_both_ways(void **state)
{
	uint64_t id[6] = { 0 };
	static const char *const with[] = { NULL, "romeo", "nurse", "romeo", "nurse", "romeo" };

	for (int i = 1; i <= 5; i++) {
		char text[2] = { (char)('0' + i), '\0' };

		id[i] = append("juliet", with[i], text);
		assert_true(id[i] > id[i - 1]);
		assert_true(append("juliet2", "romeo", "x") > id[i]);
		assert_true(append("julie", "romeo", "x") > id[i]);
	}
	assert_found(QUERY(0), "12345", true);
	assert_string_equal(seen.rows[1].with, "nurse");
	assert_true(seen.rows[1].id == id[2]);
	assert_found(QUERY(.limit = 2), "12", false);
	assert_found(QUERY(.limit = 5), "12345", true);
	assert_found(QUERY(.limit = 2, .reverse = 1), "45", false);
	assert_found(QUERY(.limit = 5, .reverse = 1), "12345", true);
	assert_found(QUERY(.after = id[3]), "45", true);
	assert_found(QUERY(.after = id[3], .limit = 1), "4", false);
	assert_found(QUERY(.before = id[3]), "12", true);
	assert_found(QUERY(.before = id[3], .limit = 1, .reverse = 1), "2", false);
	assert_found(QUERY(.before = id[3], .limit = 2, .reverse = 1), "12", true);
	assert_found(QUERY(.after = id[1], .before = id[5], .limit = 2), "23", false);
	assert_found(QUERY(.after = id[1], .before = id[5], .limit = 2, .reverse = 1), "34", false);
	assert_found(QUERY(.after = id[1], .before = id[5], .limit = 3, .reverse = 1), "234", true);
	assert_found(QUERY(.after = id[5]), "", true);
	assert_found(QUERY(.before = id[1], .reverse = 1), "", true);
	assert_found(QUERY(.after = id[4], .before = id[2]), "", true);
	assert_found(QUERY(.with = "romeo"), "135", true);
	assert_found(QUERY(.with = "romeo", .limit = 2), "13", false);
	assert_found(QUERY(.with = "romeo", .limit = 2, .reverse = 1), "35", false);
	assert_found(QUERY(.with = "nurse", .limit = 2), "24", true);
	assert_found(QUERY(.with = "rome"), "", true);
}

static void a_bare_address_stands_for_its_resources(void **state)
{
	append("juliet", "romeo@b", "1");
	append("juliet", "romeo@b/home", "2");
	append("juliet", "romeo@bc/home", "3");
	append("juliet", "romeo@b/home/2", "4");
	assert_found(QUERY(.with = "romeo@b"), "1", true);
	assert_found(QUERY(.with = "romeo@b", .flags = TCT_ARCHIVE_BARE), "124", true);
	assert_found(QUERY(.with = "romeo@b", .flags = TCT_ARCHIVE_BARE, .limit = 2, .reverse = 1),
		"24", false);
	assert_found(QUERY(.with = "romeo@b/home"), "2", true);
	assert_found(QUERY(.with = "romeo@", .flags = TCT_ARCHIVE_BARE), "", true);
}

static void a_page_may_be_bounded_in_bytes(void **state)
{
	append("juliet", "romeo", "one");
	append("juliet", "romeo", "two");
	append("juliet", "romeo", "six");
	assert_found(QUERY(.bytes = 1), "one", false);
	assert_found(QUERY(.bytes = 8), "onetwo", false);
	assert_found(QUERY(.bytes = 11), "onetwo", false);
	assert_found(QUERY(.bytes = 12), "onetwosix", true);
	assert_found(QUERY(.bytes = 8, .limit = 2), "onetwo", false);
	assert_found(QUERY(.bytes = 8, .reverse = 1), "twosix", false);
	assert_found(QUERY(.bytes = 1, .reverse = 1), "six", false);
}

static void rows_are_got_by_their_ids(void **state)
{
	uint64_t first = append("juliet", "romeo", "1"), second = append("juliet", "nurse", "2");
	uint64_t other = append("romeo", "juliet", "x");
	const uint64_t ids[] = { second, other, 0, 1, UINT64_MAX, first };
	int calls = seen.calls;

	CALL(tct_archive_get(&scope, archive, "juliet", ids, 6, 0, on_page, NULL));
	turn_until(&seen.calls, calls + 1);
	assert_int_equal(seen.count, 2);
	assert_true(seen.complete);
	assert_string_equal(seen.rows[0].text, "2");
	assert_string_equal(seen.rows[0].with, "nurse");
	assert_string_equal(seen.rows[1].text, "1");
	CALL(tct_archive_get(&scope, archive, "juliet", ids, 6, 1, on_page, NULL));
	turn_until(&seen.calls, calls + 2);
	assert_int_equal(seen.count, 1);
	assert_false(seen.complete);
	CALL(tct_archive_get(&scope, archive, "juliet", ids, 0, 0, on_page, NULL));
	turn_until(&seen.calls, calls + 3);
	assert_int_equal(seen.count, 0);
}

static void assert_counted(const struct tct_archive_query *q, size_t count, bool complete)
{
	int calls = seen.calls;

	CALL(tct_archive_count(&scope, archive, "juliet", q, on_count, NULL));
	turn_until(&seen.calls, calls + 1);
	assert_int_equal(seen.status, TCT_OK);
	assert_int_equal(seen.count, count);
	assert_int_equal(seen.complete, complete);
}

static void rows_are_counted(void **state)
{
	struct tct_txn *txn = tct_txn_new(&user);
	uint64_t id = 0;

	for (int i = 0; i < 2500; i++)
		id = tct_archive_append(txn, archive, "juliet", i % 5 == 0 ? "nurse" : "romeo",
			tct_string("text"));
	tct_archive_append(txn, archive, "juliet2", "nurse", tct_string("text"));
	submit(txn);
	assert_counted(QUERY(.limit = 10000), 2500, true);
	assert_counted(QUERY(.limit = 2500), 2500, true);
	assert_counted(QUERY(.limit = 2499), 2499, false);
	assert_counted(QUERY(.limit = 1500, .reverse = 1), 1500, false);
	assert_counted(QUERY(.limit = 10000, .with = "nurse"), 500, true);
	assert_counted(QUERY(.limit = 10000, .before = id), 2499, true);
	assert_counted(QUERY(.limit = 10000, .after = id), 0, true);
}

static void users_of_an_archive(void **state)
{
	int calls = seen.calls;

	append("juliet", "romeo", "1");
	append("juliet", "romeo", "2");
	append("romeo", "juliet", "1");
	CALL(tct_archive_users(&scope, archive, NULL, 10, on_rows, NULL));
	turn_until(&seen.calls, calls + 1);
	assert_int_equal(seen.count, 2);
	assert_string_equal(seen.rows[0].user, "juliet");
	assert_string_equal(seen.rows[1].user, "romeo");
	CALL(tct_archive_users(&scope, archive, "juliet", 10, on_rows, NULL));
	turn_until(&seen.calls, calls + 2);
	assert_int_equal(seen.count, 1);
}

static void a_row_gets_another_value(void **state)
{
	uint64_t id = append("juliet", "romeo", "1");
	struct tct_txn *txn = tct_txn_new(&user);

	append("juliet", "romeo", "2");
	tct_archive_replace(txn, archive, "juliet", id, tct_string("gone"));
	assert_int_equal(commit(txn), TCT_OK);
	assert_found(QUERY(.with = "romeo"), "gone2", true);
	assert_true(seen.rows[0].id == id);
}

static void the_ends_of_an_archive_hold(void **state)
{
	uint64_t id;

	assert_found(QUERY(0), "", true);
	assert_found(QUERY(.reverse = 1), "", true);
	id = append("juliet", NULL, "1");
	assert_found(QUERY(.after = UINT64_MAX), "", true);
	assert_found(QUERY(.before = 1), "", true);
	assert_found(QUERY(.before = UINT64_MAX), "1", true);
	assert_found(QUERY(.before = UINT64_MAX, .reverse = 1), "1", true);
	assert_found(QUERY(.limit = UINT32_MAX, .reverse = 1), "1", true);
	assert_string_equal(seen.rows[0].with, "");
	assert_true(seen.rows[0].id == id);
}

static void an_archive_is_searched_by_time(void **state)
{
	static const int64_t year_9999 = 253402300799999999;
	int64_t now;

	append("juliet", NULL, "1");
	find("juliet", QUERY(0));
	now = seen.rows[0].time;
	assert_in_range(now, 1577836800000000, 4102444800000000); /* 2020 to 2100 */
	assert_found(QUERY(.start = now), "1", true);
	assert_found(QUERY(.start = now + 1), "", true);
	assert_found(QUERY(.end = now), "1", true);
	assert_found(QUERY(.end = now - 1), "", true);
	assert_found(QUERY(.start = now - 1, .end = now + 1), "1", true);
	/* Clients ask for times that no row can have. */
	assert_found(QUERY(.end = year_9999), "1", true);
	assert_found(QUERY(.start = year_9999), "", true);
	assert_found(QUERY(.end = INT64_MAX), "1", true);
	assert_found(QUERY(.end = INT64_MAX, .before = 1), "", true);
	assert_found(QUERY(.start = INT64_MAX), "", true);
	assert_found(QUERY(.start = now, .after = UINT64_MAX), "", true);
	assert_found(QUERY(.start = INT64_MIN, .end = INT64_MIN), "1", true);
}

static void archive_rows_go(void **state)
{
	uint64_t first = append("juliet", "romeo", "1"), second = append("juliet", "romeo", "2");
	struct tct_txn *txn = tct_txn_new(&user);

	tct_archive_delete(txn, archive, "juliet", first);
	tct_archive_delete(txn, archive, "juliet", first - 1);
	tct_archive_delete(txn, archive, "romeo", second);
	assert_int_equal(commit(txn), TCT_OK);
	assert_found(QUERY(0), "2", true);
}

/* ---- answers ---- */

static int setup_slow(void **state)
{
	(void)state;
	return kit_start("5ms", NULL);
}

/* A read that was asked for after a set sees it, however slow the store. */
static void reads_see_what_was_written_before(void **state)
{
	kit_needs_hooks();
	for (int i = 0; i < 5; i++) {
		char text[2] = { (char)('0' + i), '\0' };

		put("juliet", "v", text);
		assert_string_equal(get("juliet", "v"), text);
	}
}

static void put_lazily(const char *who, const char *key, const char *text)
{
	struct tct_txn *txn = tct_txn_new(&user);

	tct_txn_lazy(txn);
	tct_kv_put(txn, kv, who, key, tct_string(text));
	submit(txn);
}

/* Lazy sets keep their place among the others, a read sees them, and the end of the server
 * does not lose them. */
static void a_lazy_set_is_like_any_other(void **state)
{
	(void)state;
	put_lazily("juliet", "v", "1");
	assert_string_equal(get("juliet", "v"), "1");
	put_lazily("juliet", "v", "2");
	put_lazily("romeo", "v", "3");
	put("juliet", "v", "4");
	turn_until(&done_calls, 4);
	assert_string_equal(get("juliet", "v"), "4");
	assert_string_equal(get("romeo", "v"), "3");
	put_lazily("romeo", "v", "5");
	env_settle();
	assert_int_equal(done_calls, 5);
	assert_string_equal(get("romeo", "v"), "5");
}

/* With nothing that would take it along it goes by itself. */
static void a_lazy_set_does_not_wait_for_ever(void **state)
{
	(void)state;
	put_lazily("juliet", "v", "1");
	turn_until(&done_calls, 1);
	assert_int_equal(done_status, TCT_OK);
}

static void what_is_waited_for_makes_a_lazy_set_urgent(void **state)
{
	struct tct_txn *lazy = tct_txn_new(&user), *urgent = tct_txn_new(&user);

	(void)state;
	tct_txn_lazy(lazy);
	tct_kv_put(lazy, kv, "romeo", "row", tct_string("one"));
	assert_true(lazy->lazy);
	tct_kv_put(urgent, kv, "romeo", "row", tct_string("two"));
	assert_false(lazy->lazy);
	submit(lazy);
	submit(urgent);
	turn_until(&done_calls, 2);
	assert_string_equal(get("romeo", "row"), "two");
}

/* The caller goes: nobody is called, and the rows are written all the same. */
static void a_set_outlives_its_caller(void **state)
{
	struct tct_scope gone = { 0 };
	struct tct_txn *txn = tct_txn_new(&user);
	int calls = seen.calls;

	scope_init(&gone, &user);
	tct_kv_put(txn, kv, "juliet", "v", tct_string("1"));
	tct_txn_submit(&gone, txn, on_done, NULL);
	tct_kv_get(&gone, kv, "juliet", "v", on_get, NULL);
	scope_end(&gone);
	assert_string_equal(get("juliet", "v"), "1");
	assert_int_equal(done_calls, 0);
	assert_int_equal(seen.calls, calls + 1);
}

/* Two sets that write one row: the second was made from what the first has written, so it is
 * not committed before it, though it is closed earlier. */
static void a_set_waits_for_the_one_it_builds_on(void **state)
{
	struct tct_txn *first = tct_txn_new(&user), *second = tct_txn_new(&user);
	struct ticket *ticket = ticket_ref(txn_ticket(second));
	int before = done_calls;

	(void)state;
	tct_kv_put(first, kv, "romeo", "row", tct_string("one"));
	tct_kv_put(second, kv, "romeo", "row", tct_string("two"));
	tct_kv_put(second, kv, "juliet", "row", tct_string("hers"));
	submit(second);
	put("nurse", "row", "alone"); /* has nothing to do with them, and does not wait */
	turn_until(&done_calls, before + 1);
	assert_int_equal(ticket_state(ticket), TICKET_OPEN);
	assert_null(get("juliet", "row"));
	tct_kv_put(first, kv, "romeo", "other", tct_string("late"));
	submit(first);
	turn_until(&done_calls, before + 3);
	assert_int_equal(ticket_state(ticket), TICKET_DURABLE);
	assert_string_equal(get("romeo", "row"), "two");
	assert_string_equal(get("romeo", "other"), "late");
	assert_string_equal(get("juliet", "row"), "hers");
	ticket_unref(ticket);
}

/* Each writes a row of the other: what was written last is what is there. */
static void sets_that_build_on_each_other_are_one(void **state)
{
	struct tct_txn *first = tct_txn_new(&user), *second = tct_txn_new(&user),
		       *third = tct_txn_new(&user);
	int before = done_calls;

	(void)state;
	tct_kv_put(first, kv, "romeo", "a", tct_string("1"));
	tct_kv_put(second, kv, "romeo", "b", tct_string("2"));
	tct_kv_put(third, kv, "romeo", "c", tct_string("3"));
	tct_kv_put(second, kv, "romeo", "a", tct_string("2"));
	tct_kv_put(first, kv, "romeo", "b", tct_string("1"));
	tct_kv_delete_user(third, kv, "romeo");
	tct_kv_put(second, kv, "romeo", "c", tct_string("2"));
	submit(third);
	submit(first);
	submit(second);
	turn_until(&done_calls, before + 3);
	assert_int_equal(done_status, TCT_OK);
	assert_null(get("romeo", "a"));
	assert_null(get("romeo", "b"));
	assert_string_equal(get("romeo", "c"), "2");
}

static void count_marks(struct tct_scope *sc, const struct tct_archive_page *page, void *data)
{
	size_t *counts = data;

	(void)sc;
	assert_int_equal(page->count, 2);
	for (size_t i = 0; i < 2; i++)
		counts[i] = value_mark_count(*(const struct span *)page->rows[i].marks);
	seen.calls++;
}

/* Who reads the mark takes the row for what the set's own stanza was. */
static void a_mark_is_on_a_row_of_the_own_set(void **state)
{
	struct tct_txn *first = tct_txn_new(&user), *second = tct_txn_new(&user);
	struct tct_archive_query all = { .size = sizeof all };
	struct mark mark = { .session = 7, .number = 2, .kind = MARK_SENT };
	int before = done_calls, calls = seen.calls;
	size_t counts[2];

	(void)state;
	tct_kv_put(first, kv, "juliet", "row", tct_string("one"));
	tct_archive_append(first, archive, "juliet", "romeo", tct_string("1"));
	tct_kv_put(second, kv, "juliet", "row", tct_string("two"));
	assert_false(txn_mark_first(second, user.host, "juliet", &mark));
	tct_archive_append(second, archive, "juliet", "romeo", tct_string("2"));
	assert_true(txn_mark_first(second, user.host, "juliet", &mark));
	submit(first);
	submit(second);
	turn_until(&done_calls, before + 2);
	tct_archive_find(&scope, archive, "juliet", &all, count_marks, counts);
	turn_until(&seen.calls, calls + 1);
	assert_int_equal(counts[0], 0);
	assert_int_equal(counts[1], 1);
}

/* What was built on nothing is nothing. */
static void a_dropped_set_takes_those_with_it_that_build_on_it(void **state)
{
	struct tct_txn *first = tct_txn_new(&user), *second = tct_txn_new(&user);
	int before = done_calls;

	(void)state;
	put("romeo", "row", "before");
	turn_until(&done_calls, before + 1);
	tct_kv_put(first, kv, "romeo", "row", tct_string("one"));
	tct_kv_put(second, kv, "romeo", "row", tct_string("two"));
	submit(second);
	tct_txn_drop(first);
	turn_until(&done_calls, before + 2);
	assert_int_equal(done_status, TCT_ECANCELED);
	assert_string_equal(get("romeo", "row"), "before");
	/* The rows are free again. */
	put("romeo", "row", "after");
	turn_until(&done_calls, before + 3);
	assert_int_equal(done_status, TCT_OK);
	assert_string_equal(get("romeo", "row"), "after");
}

static void a_dropped_set_does_nothing(void **state)
{
	struct tct_txn *txn = tct_txn_new(&user);

	tct_kv_put(txn, kv, "juliet", "v", tct_string("1"));
	tct_txn_drop(txn);
	assert_null(get("juliet", "v"));
}

static int setup_failing(void **state)
{
	(void)state;
	return kit_start(NULL, "commit:2");
}

/* The set that fails takes none of its rows, and its neighbours none of the harm. */
static void a_failed_set_is_as_if_it_never_was(void **state)
{
	kit_needs_hooks();
	put("juliet", "a", "1");
	turn_until(&done_calls, 1);
	assert_int_equal(done_status, TCT_OK);
	put("juliet", "b", "2");
	turn_until(&done_calls, 2);
	assert_int_equal(done_status, TCT_EIO);
	put("juliet", "c", "3");
	turn_until(&done_calls, 3);
	assert_int_equal(done_status, TCT_OK);
	assert_string_equal(get("juliet", "a"), "1");
	assert_null(get("juliet", "b"));
	assert_string_equal(get("juliet", "c"), "3");
}

static int setup_failing_reads(void **state)
{
	(void)state;
	return kit_start(NULL, "read:1");
}

/* "not there" and "cannot say" are two answers. */
static void a_failed_read_says_so(void **state)
{
	kit_needs_hooks();
	put("juliet", "a", "1");
	assert_null(get("juliet", "a"));
	assert_int_equal(seen.status, TCT_EIO);
	each("juliet");
	assert_int_equal(seen.status, TCT_EIO);
	find("juliet", QUERY(0));
	assert_int_equal(seen.status, TCT_EIO);
}

const struct CMUnitTest store_suite[] = {
	cmocka_unit_test_setup_teardown(reads_see_what_was_written_before, setup_slow,
		kit_teardown),
	cmocka_unit_test_setup_teardown(a_set_outlives_its_caller, kit_setup, kit_teardown),
	cmocka_unit_test_setup_teardown(a_lazy_set_is_like_any_other, kit_setup, kit_teardown),
	cmocka_unit_test_setup_teardown(a_lazy_set_does_not_wait_for_ever, kit_setup, kit_teardown),
	cmocka_unit_test_setup_teardown(what_is_waited_for_makes_a_lazy_set_urgent, kit_setup,
		kit_teardown),
	cmocka_unit_test_setup_teardown(a_dropped_set_does_nothing, kit_setup, kit_teardown),
	cmocka_unit_test_setup_teardown(a_set_waits_for_the_one_it_builds_on, kit_setup,
		kit_teardown),
	cmocka_unit_test_setup_teardown(a_mark_is_on_a_row_of_the_own_set, kit_setup,
		kit_teardown),
	cmocka_unit_test_setup_teardown(sets_that_build_on_each_other_are_one, kit_setup,
		kit_teardown),
	cmocka_unit_test_setup_teardown(a_dropped_set_takes_those_with_it_that_build_on_it,
		kit_setup, kit_teardown),
	cmocka_unit_test_setup_teardown(a_failed_set_is_as_if_it_never_was, setup_failing,
		kit_teardown),
	cmocka_unit_test_setup_teardown(a_failed_read_says_so, setup_failing_reads, kit_teardown),
	cmocka_unit_test_setup_teardown(a_put_is_read_back, kit_setup, kit_teardown),
	cmocka_unit_test_setup_teardown(a_row_changes_and_goes, kit_setup, kit_teardown),
	cmocka_unit_test_setup_teardown(a_large_value_is_kept_whole, kit_setup, kit_teardown),
	cmocka_unit_test_setup_teardown(each_gives_the_rows_of_one_user, kit_setup, kit_teardown),
	cmocka_unit_test_setup_teardown(users_are_listed_in_order, kit_setup, kit_teardown),
	cmocka_unit_test_setup_teardown(many_users_are_read_at_once, kit_setup, kit_teardown),
	cmocka_unit_test_setup_teardown(stores_are_preloaded_together, kit_setup, kit_teardown),
	cmocka_unit_test_setup_teardown(a_store_is_one_object, kit_setup, kit_teardown),
	cmocka_unit_test_setup_teardown(without_storage_nothing_opens, kit_setup, kit_teardown),
	cmocka_unit_test_setup_teardown(what_was_expected_is_checked, kit_setup, kit_teardown),
	cmocka_unit_test_setup_teardown(the_first_of_two_wins, kit_setup, kit_teardown),
	cmocka_unit_test_setup_teardown(an_archive_is_searched_both_ways, kit_setup, kit_teardown),
	cmocka_unit_test_setup_teardown(the_ends_of_an_archive_hold, kit_setup, kit_teardown),
	cmocka_unit_test_setup_teardown(an_archive_is_searched_by_time, kit_setup, kit_teardown),
	cmocka_unit_test_setup_teardown(archive_rows_go, kit_setup, kit_teardown),
	cmocka_unit_test_setup_teardown(a_bare_address_stands_for_its_resources, kit_setup,
		kit_teardown),
	cmocka_unit_test_setup_teardown(a_page_may_be_bounded_in_bytes, kit_setup,
		kit_teardown),
	cmocka_unit_test_setup_teardown(rows_are_got_by_their_ids, kit_setup,
		kit_teardown),
	cmocka_unit_test_setup_teardown(rows_are_counted, kit_setup, kit_teardown),
	cmocka_unit_test_setup_teardown(users_of_an_archive, kit_setup, kit_teardown),
	cmocka_unit_test_setup_teardown(a_row_gets_another_value, kit_setup,
		kit_teardown),
};
const size_t store_suite_count = sizeof store_suite / sizeof *store_suite;

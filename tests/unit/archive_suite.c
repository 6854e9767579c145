/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* archive_suite.c - what holds for an archive on any backend: the simple cases, and a long
 * random life of one beside a model of it that is an array. */
#include "tests/unit/store_kit.h"

#define DAY_MS INT64_C(86400000)
#define QUERY(...) (&(struct tct_archive_query){ .size = sizeof(struct tct_archive_query), __VA_ARGS__ })

static uint64_t append(const char *who, const char *with, const char *text)
{
	struct tct_txn *txn = tct_txn_new(&user);
	uint64_t id = tct_archive_append(txn, archive, who, with, tct_string(text));

	submit(txn);
	return id;
}

static void assert_texts(const char *texts, bool complete)
{
	char line[256] = "";

	assert_int_equal(seen.status, TCT_OK);
	for (size_t i = 0; i < seen.count; i++) {
		snprintf(line + strlen(line), sizeof line - strlen(line), "%s", seen.rows[i].text);
		assert_true(i == 0 || seen.rows[i].id > seen.rows[i - 1].id);
	}
	assert_string_equal(line, texts);
	assert_int_equal(seen.complete, complete);
}

static void assert_found(const struct tct_archive_query *q, const char *texts, bool complete)
{
	find("juliet", q);
	assert_texts(texts, complete);
}

static void assert_counted(const char *who, const struct tct_archive_query *q, size_t count)
{
	int calls = seen.calls;

	CALL(tct_archive_count(&scope, archive, who, q, on_count, NULL));
	turn_until(&seen.calls, calls + 1);
	assert_int_equal(seen.status, TCT_OK);
	assert_int_equal(seen.count, count < q->limit ? count : q->limit);
	assert_int_equal(seen.complete, count <= q->limit);
}

#define BARE(with_) .with = (with_), .flags = TCT_ARCHIVE_BARE

/* ---- whom with ---- */

static void a_bare_address_finds_its_resources(void **state)
{
	static const char *const with[] = { "r@b/x", "r@b", "r@b/y", "r@bc/x", "ar@b", "b/x", "" };

	for (size_t i = 0; i < 7; i++) {
		char text[2] = { (char)('1' + i), '\0' };

		append("juliet", with[i], text);
	}
	assert_found(QUERY(BARE("r@b")), "123", true);
	assert_found(QUERY(BARE("r@b"), .limit = 2), "12", false);
	assert_found(QUERY(BARE("r@b"), .limit = 2, .reverse = 1), "23", false);
	assert_found(QUERY(BARE("r@b/x")), "1", true);
	assert_found(QUERY(.with = "r@b"), "2", true);
	assert_found(QUERY(.with = "r@b/x"), "1", true);
	assert_found(QUERY(.with = "r@b/"), "", true);
	assert_found(QUERY(BARE("b")), "6", true);
	assert_found(QUERY(BARE("r")), "", true);
	assert_found(QUERY(BARE("")), "7", true);
	assert_found(QUERY(.with = ""), "7", true);
}

/* Rows between two runs of a contact go, and the runs meet. */
static void deleted_rows_join_what_is_around_them(void **state)
{
	static const char *const with[] = { "r@b", "n@b", "r@b/x", "n@b", "n@b", "r@b" };
	struct tct_txn *txn;
	uint64_t id[6];

	for (size_t i = 0; i < 6; i++) {
		char text[2] = { (char)('1' + i), '\0' };

		id[i] = append("juliet", with[i], text);
	}
	txn = tct_txn_new(&user);
	tct_archive_delete(txn, archive, "juliet", id[1]);
	tct_archive_delete(txn, archive, "juliet", id[3]);
	submit(txn);
	assert_found(QUERY(BARE("r@b")), "136", true);
	assert_found(QUERY(BARE("r@b"), .reverse = 1, .limit = 2), "36", false);
	assert_found(QUERY(BARE("n@b")), "5", true);
	txn = tct_txn_new(&user);
	tct_archive_delete(txn, archive, "juliet", id[5]);
	tct_archive_delete(txn, archive, "juliet", id[4]);
	submit(txn);
	append("juliet", "n@b", "7");
	append("juliet", "r@b", "8");
	assert_found(QUERY(BARE("r@b")), "138", true);
	assert_found(QUERY(BARE("n@b")), "7", true);
}

/* Three contacts in turn, more often than runs are read at once; then one of them only. */
static void runs_are_many_or_long(void **state)
{
	static const char *const with[] = { "r@b/x", "n@b", "r@b/y", "r@b/y", "n@b", "r@b/y" };
	uint64_t id[450];
	struct tct_archive_query q = { .size = sizeof q, .limit = 40, BARE("r@b") };

	for (size_t i = 0; i < 450; i++)
		id[i] = append("juliet", i < 300 ? with[i % 6] : "r@b", "");
	for (size_t i = 0, pages = 0;; pages++) {
		find("juliet", &q);
		assert_int_equal(seen.complete, pages == 8);
		for (size_t n = 0; n < seen.count; n++, i++) {
			i += i % 3 == 1 && i < 300;
			assert_true(seen.rows[n].id == id[i]);
			q.after = id[i];
		}
		if (seen.complete) {
			assert_int_equal(i, 450);
			break;
		}
	}
	q.after = 0;
	q.reverse = 1;
	for (size_t i = 450, pages = 0;; pages++) {
		find("juliet", &q);
		assert_int_equal(seen.complete, pages == 8);
		for (size_t n = seen.count; n-- > 0;) {
			i -= i % 3 == 2 && i <= 300 ? 2 : 1;
			assert_true(seen.rows[n].id == id[i]);
			q.before = id[i];
		}
		if (seen.complete) {
			assert_int_equal(i, 0);
			break;
		}
	}
	assert_counted("juliet", QUERY(.limit = 1000, .with = "r@b"), 150);
	find("juliet", QUERY(.limit = 49, .with = "r@b/x", .reverse = 1));
	assert_int_equal(seen.count, 49);
	assert_true(seen.rows[0].id == id[6]);
	assert_false(seen.complete);
}

/* ---- values ---- */

static void get_rows(const uint64_t *ids, size_t count)
{
	int calls = seen.calls;

	CALL(tct_archive_get(&scope, archive, "juliet", ids, count, 0, on_page, NULL));
	turn_until(&seen.calls, calls + 1);
}

static void a_value_is_replaced(void **state)
{
	uint64_t one = append("juliet", "r@b/x", "1"), two = append("juliet", "r@b", "2");
	struct tct_txn *txn = tct_txn_new(&user);

	tct_archive_replace(txn, archive, "juliet", one, tct_string("one, and longer"));
	tct_archive_replace(txn, archive, "romeo", two, tct_string("x"));
	tct_archive_replace(txn, archive, "juliet", two + 1, tct_string("x"));
	assert_int_equal(commit(txn), TCT_OK);
	assert_found(QUERY(0), "one, and longer2", true);
	assert_string_equal(seen.rows[0].with, "r@b/x");
	assert_true(seen.rows[0].id == one);
	find("romeo", QUERY(0));
	assert_int_equal(seen.count, 0);
}

/* ---- what goes ---- */

static void an_archive_is_trimmed(void **state)
{
	uint64_t id[5];
	struct tct_txn *txn = tct_txn_new(&user);

	for (size_t i = 1; i < 5; i++)
		id[i] = append("juliet", "r@b", (char[]){ (char)('0' + i), '\0' });
	append("romeo", "j@b", "his");
	tct_archive_trim(txn, archive, "juliet", id[2]);
	tct_archive_trim(txn, archive, "nobody", id[2]);
	submit(txn);
	assert_found(QUERY(0), "34", true);
	assert_found(QUERY(.reverse = 1), "34", true);
	assert_found(QUERY(BARE("r@b")), "34", true);
	get_rows(&id[2], 1);
	assert_texts("", true);
	txn = tct_txn_new(&user);
	tct_archive_trim(txn, archive, "juliet", id[1]); /* nothing comes back */
	tct_archive_replace(txn, archive, "juliet", id[1], tct_string("x"));
	submit(txn);
	assert_found(QUERY(0), "34", true);
	/* Rows that come later are not hidden beforehand. */
	txn = tct_txn_new(&user);
	tct_archive_trim(txn, archive, "juliet", UINT64_MAX);
	submit(txn);
	append("juliet", "r@b", "5");
	assert_found(QUERY(0), "5", true);
	find("romeo", QUERY(0));
	assert_texts("his", true);
}

static void assert_users(const char *wanted)
{
	char line[256] = "";
	int calls = seen.calls;

	CALL(tct_archive_users(&scope, archive, NULL, 10, on_rows, NULL));
	turn_until(&seen.calls, calls + 1);
	for (size_t i = 0; i < seen.count; i++)
		snprintf(line + strlen(line), sizeof line - strlen(line), "%s ", seen.rows[i].user);
	assert_string_equal(line, wanted);
}

static void a_user_goes_and_comes_again(void **state)
{
	struct tct_txn *txn;
	uint64_t old = append("juliet", "r@b", "1");

	append("romeo", "j@b", "his");
	append("juliet", "r@b", "2");
	assert_users("juliet romeo ");
	txn = tct_txn_new(&user);
	tct_archive_delete_user(txn, archive, "juliet");
	tct_archive_delete_user(txn, archive, "nobody");
	submit(txn);
	assert_found(QUERY(0), "", true);
	assert_users("romeo ");
	assert_true(append("juliet", "r@b", "3") > old);
	assert_found(QUERY(0), "3", true);
	assert_found(QUERY(BARE("r@b"), .reverse = 1), "3", true);
	find("romeo", QUERY(0));
	assert_texts("his", true);
	/* And in one set. */
	txn = tct_txn_new(&user);
	tct_archive_append(txn, archive, "juliet", "r@b", tct_string("4"));
	tct_archive_delete_user(txn, archive, "juliet");
	tct_archive_append(txn, archive, "juliet", "r@b", tct_string("5"));
	submit(txn);
	assert_found(QUERY(0), "5", true);
}

static void expire(int64_t before)
{
	struct tct_txn *txn = tct_txn_new(&user);

	tct_archive_expire(txn, archive, before);
	assert_int_equal(commit(txn), TCT_OK);
}

static void old_rows_expire(void **state)
{
	uint64_t first = append("juliet", "r@b", "1");
	int64_t middle;

	loop_clock_advance(40 * DAY_MS);
	append("juliet", "r@b", "2");
	loop_clock_advance(40 * DAY_MS);
	append("juliet", "n@b", "3");
	append("romeo", "j@b", "his");
	assert_found(QUERY(0), "123", true);
	assert_found(QUERY(.reverse = 1, .limit = 2), "23", false);
	assert_found(QUERY(BARE("r@b")), "12", true);
	assert_found(QUERY(BARE("r@b"), .reverse = 1), "12", true);
	find("juliet", QUERY(0));
	middle = seen.rows[1].time;
	expire(middle);
	assert_found(QUERY(0), "23", true);
	get_rows(&first, 1);
	assert_texts("", true);
	expire(middle - 1); /* nothing comes back */
	expire(0);
	assert_found(QUERY(.reverse = 1), "23", true);
	expire(middle + 1);
	assert_found(QUERY(0), "3", true);
	/* Nothing expires before it is written. */
	expire(INT64_MAX);
	loop_clock_advance(1);
	append("juliet", "r@b", "4");
	find("juliet", QUERY(0));
	assert_int_equal(seen.count, 1);
	find("romeo", QUERY(0));
	assert_int_equal(seen.count, 0);
	loop_clock_advance(-80 * DAY_MS - 1);
}

/* ---- a long life ---- */

#define MODEL_ROWS 6000

struct model_row {
	uint64_t id;
	int user;
	bool gone;
	char with[24], text[16];
};
static struct model_row model[MODEL_ROWS];
static size_t model_count;
static uint64_t dice;
static const char *const names[] = { "juliet", "romeo", "julie" };

static uint32_t roll(uint32_t sides)
{
	dice = dice * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(dice >> 33) % sides;
}

static void random_with(char *out, size_t len)
{
	static const char *const forms[] = { "c%u@x", "c%u@x/phone", "c%u@x/desk" };

	snprintf(out, len, forms[roll(3)], roll(5));
}

/* A conversation: now and then longer than the longest run. */
static void model_append(struct tct_txn *txn)
{
	uint32_t count = roll(8) == 0 ? 1 + roll(150) : 1 + roll(4);
	int who = (int)roll(3);
	char with[24];

	random_with(with, sizeof with);
	for (; count-- > 0 && model_count < MODEL_ROWS; model_count++) {
		struct model_row *r = &model[model_count];

		r->user = who;
		r->gone = false;
		snprintf(r->with, sizeof r->with, "%s", with);
		if (roll(3) == 0)
			snprintf(r->with + strcspn(with, "/"), 8, "/other");
		snprintf(r->text, sizeof r->text, "%zu", model_count);
		r->id = tct_archive_append(txn, archive, names[who], r->with, tct_string(r->text));
	}
}

static void model_hide(int who, uint64_t up_to)
{
	for (size_t i = 0; i < model_count; i++) {
		if ((who < 0 || model[i].user == who) && model[i].id <= up_to)
			model[i].gone = true;
	}
}

static void model_change(struct tct_txn *txn)
{
	struct model_row *r = &model[roll((uint32_t)model_count)];
	uint32_t kind = roll(40);

	if (kind < 20) {
		tct_archive_delete(txn, archive, names[r->user], r->id);
		r->gone = true;
	} else if (kind < 30) {
		tct_archive_replace(txn, archive, names[r->user], r->id, tct_string("new"));
		snprintf(r->text, sizeof r->text, "new");
	} else if (kind < 34) {
		r = &model[roll((uint32_t)model_count / 4 + 1)];
		tct_archive_trim(txn, archive, names[r->user], r->id);
		model_hide(r->user, r->id);
	} else if (kind == 35) {
		tct_archive_delete_user(txn, archive, names[r->user]);
		model_hide(r->user, UINT64_MAX);
	} else if (kind == 36) {
		r = &model[roll((uint32_t)model_count / 4 + 1)];
		tct_archive_expire(txn, archive, (int64_t)(r->id >> 8));
		model_hide(-1, ((r->id >> 8) << 8) - 1);
	}
}

static bool model_matches(const struct model_row *r, int who, const struct tct_archive_query *q)
{
	size_t len = q->with != NULL ? strlen(q->with) : 0;
	bool bare = (q->flags & TCT_ARCHIVE_BARE) != 0;

	if (r->gone || r->user != who || r->id <= q->after || (q->before != 0 && r->id >= q->before))
		return false;
	return q->with == NULL || strcmp(r->with, q->with) == 0 ||
		(bare && strncmp(r->with, q->with, len) == 0 && r->with[len] == '/');
}

/* Asks the archive and the model. */
static void model_ask(void)
{
	struct tct_archive_query q = { .size = sizeof q, .limit = 1 + roll(60), .reverse = roll(2) };
	const struct model_row *wanted[61];
	size_t total = 0, kept;
	int who = (int)roll(3);
	char with[24];

	random_with(with, sizeof with);
	if (roll(3) > 0)
		q.with = with;
	if (roll(2) == 0 && q.with != NULL) {
		q.flags = TCT_ARCHIVE_BARE;
		with[strcspn(with, "/")] = '\0';
	}
	if (roll(2) == 0)
		q.after = model[roll((uint32_t)model_count)].id - roll(2);
	if (roll(2) == 0)
		q.before = model[roll((uint32_t)model_count)].id + roll(2);
	for (size_t n = 0; n < model_count; n++) {
		const struct model_row *r = &model[q.reverse ? model_count - 1 - n : n];

		if (!model_matches(r, who, &q))
			continue;
		if (total < q.limit)
			wanted[total] = r;
		total++;
	}
	kept = total < q.limit ? total : q.limit;
	find(names[who], &q);
	assert_int_equal(seen.status, TCT_OK);
	assert_int_equal(seen.count, kept);
	assert_int_equal(seen.complete, total <= q.limit);
	for (size_t i = 0; i < kept; i++) {
		const struct model_row *r = wanted[q.reverse ? kept - 1 - i : i];

		assert_true(seen.rows[i].id == r->id);
		assert_string_equal(seen.rows[i].with, r->with);
		assert_string_equal(seen.rows[i].text, r->text);
	}
	q.limit = roll(2) == 0 ? q.limit : MODEL_ROWS;
	if (roll(4) == 0)
		assert_counted(names[who], &q, total);
}

/* Their ids are in the order of this, and their rows come in the other one. */
static void model_append_turned(int *submitted)
{
	struct tct_txn *older = tct_txn_new(&user), *newer = tct_txn_new(&user);

	for (uint32_t n = 1 + roll(3); n > 0; n--) {
		model_append(older);
		model_append(newer);
	}
	submit(newer);
	if (roll(2) == 0)
		turn_until(&done_calls, *submitted + 1);
	submit(older);
	*submitted += 2;
}

static void live(uint64_t seed)
{
	int64_t advanced = 0;
	int submitted = done_calls;

	dice = seed;
	model_count = 0;
	while (model_count < MODEL_ROWS / 2) {
		struct tct_txn *txn = tct_txn_new(&user);

		model_append(txn);
		for (uint32_t n = roll(3); n > 0; n--)
			model_change(txn);
		submit(txn);
		if (roll(3) == 0)
			model_append_turned(&submitted);
		if (roll(12) == 0) {
			int64_t ms = (int64_t)roll(10) * DAY_MS;

			loop_clock_advance(ms);
			advanced += ms;
		}
		submitted++;
		if (roll(2) == 0)
			continue;
		turn_until(&done_calls, submitted); /* no read waits for an expiry by itself */
		for (uint32_t n = roll(4); n > 0; n--)
			model_ask();
	}
	turn_until(&done_calls, submitted);
	for (int i = 0; i < 200; i++)
		model_ask();
	loop_clock_advance(-advanced);
}

/* The one that is older waits for something before its set is submitted. */
static void rows_that_come_late_are_found(void **state)
{
	struct tct_txn *late = tct_txn_new(&user);
	struct tct_archive_query q = { .size = sizeof q, .with = "nurse@b", .flags = TCT_ARCHIVE_BARE };

	tct_archive_append(late, archive, "juliet", "nurse@b/1", tct_string("1"));
	append("juliet", "nurse@b/1", "2");
	append("juliet", "nurse@b/1", "3");
	turn_until(&done_calls, 2);
	submit(late);
	late = tct_txn_new(&user);
	tct_archive_append(late, archive, "juliet", "romeo@b/1", tct_string("x"));
	append("juliet", "nurse@b/1", "4");
	append("juliet", "nurse@b/2", "5");
	append("juliet", "nurse@b/1", "6");
	turn_until(&done_calls, 6);
	submit(late);
	find("juliet", &q);
	assert_int_equal(seen.count, 6);
	q.with = "nurse@b/1";
	q.flags = 0;
	find("juliet", &q);
	assert_int_equal(seen.count, 5);
	q.reverse = 1;
	q.with = "nurse@b/2";
	find("juliet", &q);
	assert_int_equal(seen.count, 1);
	q.with = "romeo@b/1";
	find("juliet", &q);
	assert_int_equal(seen.count, 1);
}

/* Who goes on behind what it has read misses nothing. */
static void what_is_settled_stays(void **state)
{
	struct tct_archive_query q = { .size = sizeof q, .flags = TCT_ARCHIVE_SETTLED };
	struct tct_txn *first = tct_txn_new(&user), *second;
	uint64_t id;

	append("juliet", "nurse@b", "1");
	id = tct_archive_append(first, archive, "juliet", "nurse@b", tct_string("2"));
	tct_kv_put(first, kv, "juliet", "one", tct_string("x"));
	second = tct_txn_new(&user);
	tct_archive_append(second, archive, "romeo", "nurse@b", tct_string("other"));
	append("juliet", "nurse@b", "3");
	turn_until(&done_calls, 2);
	find("juliet", &q);
	assert_int_equal(seen.count, 1);
	assert_true(seen.complete);
	q.flags = 0;
	find("juliet", &q);
	assert_int_equal(seen.count, 2);
	q.flags = TCT_ARCHIVE_SETTLED;
	find("romeo", &q);
	assert_int_equal(seen.count, 0);
	/* The one that it builds on is closed, and its rows are not written yet. */
	tct_kv_put(second, kv, "juliet", "one", tct_string("y"));
	submit(first);
	find("juliet", &q);
	assert_int_equal(seen.count, 1);
	submit(second);
	turn_until(&done_calls, 4);
	find("juliet", &q);
	assert_int_equal(seen.count, 3);
	assert_true(seen.rows[1].id == id);
	find("romeo", &q);
	assert_int_equal(seen.count, 1);
	/* One that is thrown away holds nobody up. */
	first = tct_txn_new(&user);
	tct_archive_append(first, archive, "juliet", "nurse@b", tct_string("4"));
	append("juliet", "nurse@b", "5");
	tct_txn_drop(first);
	turn_until(&done_calls, 5);
	find("juliet", &q);
	assert_int_equal(seen.count, 4);
}

static void a_long_life_is_as_the_model_says(void **state)
{
	const char *seed = getenv("TERCET_SEED");
	uint64_t n = seed != NULL ? strtoull(seed, NULL, 10) : (uint64_t)time(NULL);

	print_message("TERCET_SEED=%llu\n", (unsigned long long)n);
	live(n);
}

const struct CMUnitTest archive_suite[] = {
	cmocka_unit_test_setup_teardown(a_bare_address_finds_its_resources, kit_setup,
		kit_teardown),
	cmocka_unit_test_setup_teardown(deleted_rows_join_what_is_around_them, kit_setup,
		kit_teardown),
	cmocka_unit_test_setup_teardown(runs_are_many_or_long, kit_setup, kit_teardown),
	cmocka_unit_test_setup_teardown(a_value_is_replaced, kit_setup, kit_teardown),
	cmocka_unit_test_setup_teardown(an_archive_is_trimmed, kit_setup, kit_teardown),
	cmocka_unit_test_setup_teardown(a_user_goes_and_comes_again, kit_setup, kit_teardown),
	cmocka_unit_test_setup_teardown(old_rows_expire, kit_setup, kit_teardown),
	cmocka_unit_test_setup_teardown(rows_that_come_late_are_found, kit_setup, kit_teardown),
	cmocka_unit_test_setup_teardown(what_is_settled_stays, kit_setup, kit_teardown),
	cmocka_unit_test_setup_teardown(a_long_life_is_as_the_model_says, kit_setup, kit_teardown),
};
const size_t archive_suite_count = sizeof archive_suite / sizeof *archive_suite;

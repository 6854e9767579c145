/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
#include "modules/mod_s2s_secure/memory.h"
#include "modules/mod_s2s_secure/policy.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const none[] = { NULL };

static void patterns(void **state)
{
	assert_true(policy_matches("example.org", "example.org"));
	assert_false(policy_matches("example.org", "a.example.org"));
	assert_false(policy_matches("example.org", "badexample.org"));
	assert_true(policy_matches("*.example.org", "a.example.org"));
	assert_true(policy_matches("*.example.org", "b.a.example.org"));
	assert_false(policy_matches("*.example.org", "example.org"));
	assert_false(policy_matches("*.example.org", "badexample.org"));
	assert_false(policy_matches("*.example.org", ".example.org"));
	assert_true(policy_matches("*", "example.org"));
	assert_true(policy_is_pattern("example.org"));
	assert_true(policy_is_pattern("*.example.org"));
	assert_true(policy_is_pattern("*"));
	assert_true(policy_is_pattern("bücher.example"));
	assert_false(policy_is_pattern("Example.org"));
	assert_false(policy_is_pattern("somebody@example.org"));
	assert_false(policy_is_pattern("example.org/x"));
	assert_false(policy_is_pattern("*."));
	assert_false(policy_is_pattern(""));
}

static void lists(void **state)
{
	const char *const secure[] = { "bank.example", "*.gov.example", NULL };
	const char *const insecure[] = { "old.example", "*.example", NULL };
	struct policy off = { .secure = secure, .insecure = none };
	struct policy on = { .secure_auth = true, .secure = secure, .insecure = insecure };
	const char *why;

	assert_true(policy_certificate(&off, NULL, "bank.example", &why));
	assert_string_equal(why, "s2s_secure_domains");
	assert_true(policy_certificate(&off, NULL, "tax.gov.example", &why));
	assert_false(policy_certificate(&off, NULL, "other.example", &why));
	assert_string_equal(why, "s2s_secure_auth");
	assert_true(policy_certificate(&on, NULL, "other.org", &why));
	assert_false(policy_certificate(&on, NULL, "old.example", &why));
	assert_string_equal(why, "s2s_insecure_domains");
	/* in both lists: secure */
	assert_true(policy_certificate(&on, NULL, "bank.example", &why));
}

static void rows(void **state)
{
	const char *const key[] = { "00", NULL }, *why;
	const struct policy_row list[] = {
		{ .domain = "*", .proof = POLICY_DIALBACK, .pin = none },
		{ .domain = "*.example", .block = true, .pin = none },
		{ .domain = "*.b.example", .proof = POLICY_CERTIFICATE, .pin = none },
		{ .domain = "a.b.example", .pin = key, .until = "2026-03-31" },
		{ .domain = "plain.org", .pin = none, .stanza_size = 20000 },
	};
	const struct policy p = { .secure_auth = true, .secure = none, .insecure = none,
		.rows = list, .row_count = 5 };
	int64_t end, now;

	assert_true(policy_date("2026-03-31", &end));
	now = end - 1;
	/* the most exact one, whatever the order */
	assert_ptr_equal(policy_row(&p, "elsewhere.org", now), &list[0]);
	assert_ptr_equal(policy_row(&p, "x.example", now), &list[1]);
	assert_ptr_equal(policy_row(&p, "x.b.example", now), &list[2]);
	assert_ptr_equal(policy_row(&p, "a.b.example", now), &list[3]);
	/* its last day is over: what is less exact counts */
	assert_false(policy_is_over(&list[3], now));
	assert_true(policy_is_over(&list[3], end));
	assert_ptr_equal(policy_row(&p, "a.b.example", end), &list[2]);
	/* what rows say comes before the rest; what they do not say does not */
	assert_false(policy_certificate(&p, &list[0], "elsewhere.org", &why));
	assert_true(policy_certificate(&p, &list[2], "x.b.example", &why));
	assert_string_equal(why, "proof");
	assert_false(policy_certificate(&p, &list[3], "a.b.example", &why));
	assert_true(policy_certificate(&p, &list[4], "plain.org", &why));
	assert_string_equal(why, "s2s_secure_auth");
}

static void dates(void **state)
{
	static const char *const bad[] = { "", "2026-3-31", "2026-02-29", "2026-13-01",
		"2026-00-10", "2026-01-00", "2026/01/01", "20260101", "2026-01-01T", "x026-01-01" };
	int64_t end;

	assert_true(policy_date("1970-01-01", &end));
	assert_int_equal(end, 86400);
	assert_true(policy_date("2024-02-29", &end));
	assert_int_equal(end, 1709251200);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(policy_date(bad[i], &end));
}

static void keys(void **state)
{
	assert_true(policy_is_key(
		"0123456789abcdefABCDEF00112233445566778899aabbccddeeff0011223344"));
	assert_false(policy_is_key("0123"));
	assert_false(policy_is_key(
		"0123456789abcdefABCDEF00112233445566778899aabbccddeeff001122334g"));
}

static void days(void **state)
{
	struct memory m = { 0 };

	assert_true(memory_seen(&m, "a.example", 100));
	assert_false(memory_seen(&m, "a.example", 100)); /* nothing is written twice on a day */
	assert_false(memory_is_long(&m, "a.example", 30));
	assert_true(memory_seen(&m, "a.example", 129));
	assert_false(memory_is_long(&m, "a.example", 30));
	assert_true(memory_seen(&m, "a.example", 130));
	assert_true(memory_is_long(&m, "a.example", 30));
	assert_false(memory_seen(&m, "a.example", 120)); /* the clock went back */
	assert_int_equal(memory_find(&m, "a.example")->last, 130);
	assert_false(memory_is_long(&m, "b.example", 0));
	assert_true(memory_forget(&m, "a.example"));
	assert_false(memory_forget(&m, "a.example"));
	assert_null(memory_find(&m, "a.example"));
	memory_fini(&m);
}

static void stored(void **state)
{
	struct memory m = { 0 }, again = { 0 };
	size_t group = memory_group("a.example");
	char *text;

	memory_seen(&m, "a.example", 100);
	memory_seen(&m, "a.example", 140);
	text = memory_text(&m, group);
	assert_string_equal(text, "100 140 a.example\n");
	memory_read(&again, group, text);
	assert_true(memory_is_long(&again, "a.example", 40));
	free(text);
	memory_read(&again, group, "\n1\n1 2\n1 2 \n5 4 b.example\nx y z\n1 2 c.example");
	assert_int_equal(again.counts[group], 2);
	memory_fini(&m);
	memory_fini(&again);
}

/* Many new ones push out each other, and none that was seen for long. */
static void crowd(void **state)
{
	struct memory m = { 0 };
	char domain[64];

	memory_seen(&m, "old.example", 1);
	memory_seen(&m, "old.example", 60);
	for (int i = 0; i < 3 * MEMORY_GROUPS * MEMORY_GROUP_MAX; i++) {
		snprintf(domain, sizeof domain, "d%d.evil.example", i);
		memory_seen(&m, domain, 100);
	}
	assert_true(memory_is_long(&m, "old.example", 30));
	for (size_t g = 0; g < MEMORY_GROUPS; g++)
		assert_true(m.counts[g] <= MEMORY_GROUP_MAX);
	memory_fini(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(patterns),
		cmocka_unit_test(lists),
		cmocka_unit_test(rows),
		cmocka_unit_test(dates),
		cmocka_unit_test(keys),
		cmocka_unit_test(days),
		cmocka_unit_test(stored),
		cmocka_unit_test(crowd),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
#include "modules/mod_s2s_secure/policy.h"
#include "tests/unit/unit.h"

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
}

static void lists(void **state)
{
	const char *const secure[] = { "bank.example", "*.gov.example", NULL };
	const char *const insecure[] = { "old.example", "*.example", NULL };
	const char *const none[] = { NULL };
	struct policy off = { false, secure, none }, on = { true, secure, insecure };
	const char *why;

	assert_true(policy_certificate(&off, "bank.example", &why));
	assert_string_equal(why, "s2s_secure_domains");
	assert_true(policy_certificate(&off, "tax.gov.example", &why));
	assert_false(policy_certificate(&off, "other.example", &why));
	assert_string_equal(why, "s2s_secure_auth");
	assert_true(policy_certificate(&on, "other.org", &why));
	assert_false(policy_certificate(&on, "old.example", &why));
	assert_string_equal(why, "s2s_insecure_domains");
	/* in both lists: secure */
	assert_true(policy_certificate(&on, "bank.example", &why));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(patterns),
		cmocka_unit_test(lists),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

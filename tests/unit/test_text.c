/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
#include "tests/unit/unit.h"

#include <tercet/base.h>

static void check(int64_t us, bool fraction, const char *expected)
{
	char out[TCT_TIME_SIZE];

	tct_time_text(out, us, fraction);
	assert_string_equal(out, expected);
}

static void test_times(void **state)
{
	(void)state;
	check(0, false, "1970-01-01T00:00:00Z");
	check(0, true, "1970-01-01T00:00:00.000000Z");
	check(INT64_C(1709210096789012), true, "2024-02-29T12:34:56.789012Z");
	check(INT64_C(1709210096789012), false, "2024-02-29T12:34:56Z");
	check(-1, true, "1969-12-31T23:59:59.999999Z");
	check(-1, false, "1969-12-31T23:59:59Z");
	check(INT64_MAX, true, "9999-12-31T23:59:59.999999Z");
	check(INT64_MIN, true, "0000-01-01T00:00:00.000000Z");
}

static void test_version(void **state)
{
	(void)state;
	assert_non_null(tct_version());
	assert_true(tct_version()[0] >= '0' && tct_version()[0] <= '9');
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_version),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

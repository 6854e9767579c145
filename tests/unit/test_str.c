/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
#include "core/base/str.h"
#include "tests/unit/unit.h"

static void empty_is_text(void **state)
{
	struct str s = { 0 };
	char *taken;

	assert_string_equal(str_text(&s), "");
	taken = str_take(&s);
	assert_string_equal(taken, "");
	free(taken);
}

static void appends_and_grows(void **state)
{
	struct str s = { 0 };

	for (int i = 0; i < 1000; i++)
		str_append(&s, "0123456789");
	assert_int_equal(s.len, 10000);
	assert_int_equal(strlen(s.data), 10000);
	str_append_char(&s, 'x');
	assert_int_equal(s.data[10000], 'x');
	str_clear(&s);
	assert_string_equal(str_text(&s), "");
	str_fini(&s);
}

static void formats(void **state)
{
	struct str s = { 0 };

	str_printf(&s, "%s=%d;", "a", 1);
	str_append_int(&s, -9223372036854775807LL - 1);
	str_append_char(&s, ' ');
	str_append_int(&s, 0);
	assert_string_equal(str_text(&s), "a=1;-9223372036854775808 0");
	str_fini(&s);
}

static void consumes_in_front(void **state)
{
	struct str s = { 0 };

	str_append(&s, "abcdef");
	str_consume(&s, 2);
	assert_string_equal(str_text(&s), "cdef");
	str_consume(&s, 4);
	assert_string_equal(str_text(&s), "");
	assert_int_equal(s.len, 0);
	str_fini(&s);
}

static void keeps_zero_bytes(void **state)
{
	struct str s = { 0 };

	str_append_n(&s, "a\0b", 3);
	assert_int_equal(s.len, 3);
	assert_memory_equal(s.data, "a\0b", 4);
	str_fini(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty_is_text),
		cmocka_unit_test(appends_and_grows),
		cmocka_unit_test(formats),
		cmocka_unit_test(consumes_in_front),
		cmocka_unit_test(keeps_zero_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

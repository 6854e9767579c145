/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
#include "core/base/arena.h"
#include "tests/unit/unit.h"

static void aligned_and_separate(void **state)
{
	struct arena a;
	char *first, *second;

	arena_init(&a);
	first = arena_alloc(&a, 3);
	second = arena_alloc(&a, 5);
	assert_int_equal((uintptr_t)first % 16, 0);
	assert_int_equal((uintptr_t)second % 16, 0);
	assert_true(second >= first + 3);
	arena_fini(&a);
}

static void larger_than_a_chunk(void **state)
{
	struct arena a;
	char *big;

	arena_init(&a);
	big = arena_alloc(&a, 100000);
	memset(big, 'x', 100000);
	assert_string_equal(arena_strdup(&a, "after"), "after");
	assert_true(a.total >= 100000);
	arena_fini(&a);
	assert_int_equal(a.total, 0);
}

static void rewind_gives_back(void **state)
{
	struct arena a;
	struct arena_mark mark;
	char *before, *again;

	arena_init(&a);
	before = arena_strdup(&a, "kept");
	mark = arena_mark(&a);
	again = arena_alloc(&a, 64);
	for (int i = 0; i < 100; i++)
		arena_alloc(&a, 1000);
	arena_rewind(&a, mark);
	assert_string_equal(before, "kept");
	assert_ptr_equal(arena_alloc(&a, 64), again);
	assert_int_equal(a.total, ARENA_CHUNK);
	arena_fini(&a);
	arena_trim();
}

static void printf_formats(void **state)
{
	struct arena a;

	arena_init(&a);
	assert_string_equal(arena_printf(&a, "%s-%d", "x", 7), "x-7");
	arena_fini(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(aligned_and_separate),
		cmocka_unit_test(larger_than_a_chunk),
		cmocka_unit_test(rewind_gives_back),
		cmocka_unit_test(printf_formats),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

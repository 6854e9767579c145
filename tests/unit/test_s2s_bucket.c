/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
#include "modules/mod_s2s/bucket.h"
#include "tests/unit/unit.h"

static void taking(void **state)
{
	struct bucket b = { 0 };

	(void)state;
	/* The burst is free, what is more has to be waited for. */
	assert_int_equal(bucket_take(&b, 10, 20, 20, 100), 0);
	assert_int_equal(bucket_take(&b, 10, 20, 1, 100), 100);
	assert_int_equal(bucket_take(&b, 10, 20, 24, 100), 2500);
	/* Time pays it back, by the millisecond, and no more than the burst. */
	assert_int_equal(bucket_take(&b, 10, 20, 0, 101), 2499);
	assert_int_equal(bucket_take(&b, 10, 20, 0, 2599), 1);
	assert_int_equal(bucket_take(&b, 10, 20, 0, 2600), 0);
	assert_int_equal(bucket_take(&b, 10, 20, 20, 1000000), 0);
	assert_int_equal(bucket_take(&b, 10, 20, 1, 1000000), 100);
	/* A clock that stands, or goes back, gives nothing. */
	assert_int_equal(bucket_take(&b, 10, 20, 0, 999999), 100);
}

static void bounds(void **state)
{
	struct bucket b = { 0 };

	(void)state;
	assert_int_equal(bucket_take(&b, 0, 0, INT64_MAX / 2, 5), 0);
	assert_int_equal(bucket_take(&b, 10, 20, INT64_MAX / 2, 5), BUCKET_WAIT_MAX);
	assert_int_equal(bucket_take(&b, 10, 20, INT64_MAX / 2, 5), BUCKET_WAIT_MAX);
	assert_int_equal(bucket_take(&b, 10, 20, 0, 5 + BUCKET_WAIT_MAX), 0);
	/* Much time, and much room; and much that is owed. */
	b = (struct bucket){ .filling = 0, .at = 1 };
	assert_int_equal(bucket_take(&b, INT64_MAX / 1000, INT64_MAX / 10, 7, INT64_MAX / 2), 0);
	assert_int_equal(bucket_take(&b, 1, INT64_MAX, INT64_MAX, INT64_MAX / 2), 7000);
	b = (struct bucket){ .filling = 0, .at = 1 };
	assert_int_equal(bucket_take(&b, INT64_MAX, 1, INT64_MAX, 1), 1000);
}

static void table(void **state)
{
	static struct bucket_table t;
	struct bucket *first = bucket_of(&t, 5, 10, 20, 100), *other;

	(void)state;
	assert_int_equal(bucket_take(first, 10, 20, 60, 100), 4000);
	assert_ptr_equal(bucket_of(&t, 5, 10, 20, 100), first);
	/* Others of the same set push each other out, and not who has taken most. */
	for (uint64_t i = 1; i < 1000; i++) {
		other = bucket_of(&t, 5 + i * BUCKET_SETS, 10, 20, 100);
		assert_ptr_not_equal(other, first);
		assert_int_equal(bucket_take(other, 10, 20, 1, 100), 0);
	}
	assert_ptr_equal(bucket_of(&t, 5, 10, 20, 100), first);
	assert_int_equal(bucket_take(first, 10, 20, 0, 100), 4000);
	/* What is full again is as good as nothing. */
	for (uint64_t i = 1; i <= BUCKET_WAYS; i++)
		bucket_take(bucket_of(&t, 5 + i * BUCKET_SETS, 10, 20, 200), 10, 20, 60, 200);
	other = bucket_of(&t, 5, 10, 20, 200);
	assert_int_equal(bucket_take(other, 10, 20, 20, 200), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(taking),
		cmocka_unit_test(bounds),
		cmocka_unit_test(table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

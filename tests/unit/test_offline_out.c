/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* test_offline_out.c - the set of ids beside a plain table of them. */
#include "modules/mod_offline/out.h"

#include "tests/unit/unit.h"

#define IDS 2000

/* As the store makes them: times, with a counter in the low bits. */
static uint64_t id_of(unsigned i)
{
	return (UINT64_C(1790000000000000) + i / 3 * 250) << 8 | i % 3;
}

static void beside_a_table(void **state)
{
	static bool there[IDS];
	struct offline_ids ids = { NULL, 0, 0 };
	uint32_t dice = 1;
	size_t count = 0;

	(void)state;
	for (int step = 0; step < 200000; step++) {
		unsigned i;
		/* It grows, and then it shrinks. */
		bool add;

		dice = dice * 1664525u + 1013904223u;
		i = dice >> 8 & 2047;
		if (i >= IDS)
			continue;
		add = (dice >> 20 & 7) < (step < 100000 ? 5 : 2);
		if (add)
			offline_ids_add(&ids, id_of(i));
		else
			offline_ids_remove(&ids, id_of(i));
		count += (size_t)add - (size_t)there[i];
		there[i] = add;
		assert_true(ids.count == count);
		assert_true(offline_ids_have(&ids, id_of(i)) == add);
		if (step % 5000 == 0) {
			for (unsigned k = 0; k < IDS; k++)
				assert_true(offline_ids_have(&ids, id_of(k)) == there[k]);
		}
	}
	for (unsigned k = 0; k < IDS; k++)
		offline_ids_remove(&ids, id_of(k));
	assert_true(ids.count == 0 && ids.room <= 64);
	offline_ids_fini(&ids);
	assert_false(offline_ids_have(&ids, 1));
	offline_ids_remove(&ids, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(beside_a_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

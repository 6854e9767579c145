/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
#include "modules/mod_auth_internal_hashed/population.h"
#include "tests/unit/unit.h"

#define ALL 7u

static struct keys keys_with(uint32_t hashes, uint32_t iterations, bool disabled)
{
	struct keys k = { .hashes = hashes, .disabled = disabled };

	for (uint32_t h = 0; h < TCT_AUTH_HASHES; h++) {
		if (hashes & 1u << h) {
			k.of[h].iterations = iterations;
			k.of[h].salt_len = 16;
		}
	}
	return k;
}

static void what_all_have(void **state)
{
	struct population p = { 0 };
	struct keys all = keys_with(ALL, 10000, false), old = keys_with(1, 4096, false);
	struct keys off = keys_with(1, 4096, true);

	assert_int_equal(population_common(&p, ALL), ALL);
	population_change(&p, NULL, &all);
	assert_int_equal(population_common(&p, ALL), ALL);
	population_change(&p, NULL, &old);
	population_change(&p, NULL, &old);
	assert_int_equal(population_common(&p, ALL), 1);
	population_change(&p, &old, &all);
	assert_int_equal(population_common(&p, ALL), 1);
	population_change(&p, &old, &off); /* who cannot log in narrows nothing */
	assert_int_equal(population_common(&p, ALL), ALL);
	population_change(&p, &off, &old);
	population_change(&p, &old, NULL);
	assert_int_equal(population_common(&p, ALL), ALL);
	assert_int_equal(population_common(&p, 6), 6);
}

/* Names without account are spread as the accounts are. */
static void in_proportion(void **state)
{
	struct population p = { 0 };
	struct keys all = keys_with(ALL, 10000, false), old = keys_with(1, 4096, false);
	unsigned olds = 0;

	assert_null(population_pick(&p, 12345));
	for (int i = 0; i < 30; i++)
		population_change(&p, NULL, i < 10 ? &old : &all);
	for (uint64_t i = 0; i < 3000; i++) {
		const struct population_class *c = population_pick(&p, i * (UINT64_MAX / 3000));

		assert_non_null(c);
		olds += c->iterations[1] == 0;
	}
	assert_in_range(olds, 990, 1010);
}

/* More kinds than are kept apart: what all have stays right. */
static void many_kinds(void **state)
{
	struct population p = { 0 };

	for (uint32_t i = 0; i < 100; i++) {
		struct keys k = keys_with(i % 2 != 0 ? 3 : ALL, 4096 + i, false);

		population_change(&p, NULL, &k);
	}
	assert_int_equal(population_common(&p, ALL), 3);
	for (uint32_t i = 1; i < 100; i += 2) {
		struct keys k = keys_with(3, 4096 + i, false);

		population_change(&p, &k, NULL);
	}
	assert_int_equal(population_common(&p, ALL), ALL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_all_have),
		cmocka_unit_test(in_proportion),
		cmocka_unit_test(many_kinds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
#include "core/base/hash.h"
#include "core/base/map.h"
#include "core/base/mem.h"
#include "tests/unit/unit.h"

static void put_get_remove(void **state)
{
	struct map m = { 0 };
	int one, two;

	assert_null(map_find(&m, "a"));
	assert_null(map_put(&m, span_of("a"), &one));
	assert_ptr_equal(map_find(&m, "a"), &one);
	assert_ptr_equal(map_put(&m, span_of("a"), &two), &one);
	assert_int_equal(m.count, 1);
	assert_ptr_equal(map_remove(&m, span_of("a")), &two);
	assert_null(map_find(&m, "a"));
	assert_null(map_remove(&m, span_of("a")));
	map_fini(&m);
}

static void the_empty_key_is_a_key(void **state)
{
	struct map m = { 0 };
	int host;

	map_put(&m, span_make(NULL, 0), &host);
	assert_ptr_equal(map_get(&m, span_of("")), &host);
	map_fini(&m);
}

static void keys_are_bytes(void **state)
{
	struct map m = { 0 };
	int one, two;

	map_put(&m, span_make("a\0b", 3), &one);
	map_put(&m, span_make("a\0c", 3), &two);
	assert_ptr_equal(map_get(&m, span_make("a\0b", 3)), &one);
	assert_null(map_find(&m, "a"));
	map_fini(&m);
}

#define MANY 5000

static void many_come_and_go(void **state)
{
	static char keys[MANY][16];
	struct map m = { 0 };

	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < MANY; i++) {
			snprintf(keys[i], sizeof keys[i], "key%d", i);
			map_put(&m, span_of(keys[i]), keys[i]);
		}
		assert_int_equal(m.count, MANY);
		for (int i = 0; i < MANY; i += 2)
			assert_ptr_equal(map_remove(&m, span_of(keys[i])), keys[i]);
		for (int i = 0; i < MANY; i++)
			assert_ptr_equal(map_find(&m, keys[i]), i % 2 ? keys[i] : NULL);
		for (int i = 1; i < MANY; i += 2)
			map_remove(&m, span_of(keys[i]));
		assert_int_equal(m.count, 0);
	}
	/* Rebuilding drops the removed slots: the table does not grow for ever. */
	assert_true(m.room <= 4 * MANY);
	map_fini(&m);
}

static void walks_all_and_may_remove(void **state)
{
	const char *keys[] = { "a", "b", "c", "d" };
	struct map m = { 0 };
	struct span key;
	size_t at = 0;
	void *value;
	int seen = 0;

	for (int i = 0; i < 4; i++)
		map_put(&m, span_of(keys[i]), (void *)keys[i]);
	while (map_next(&m, &at, &key, &value)) {
		assert_true(span_is(key, value));
		map_remove(&m, key);
		seen++;
	}
	assert_int_equal(seen, 4);
	assert_int_equal(m.count, 0);
	map_fini(&m);
}

static void hash_depends_on_every_byte(void **state)
{
	char text[33] = "0123456789abcdef0123456789abcdef";
	uint64_t whole = hash_bytes(text, 32);

	assert_int_equal(whole, hash_bytes(text, 32));
	for (int i = 0; i < 32; i++) {
		text[i]++;
		assert_int_not_equal(whole, hash_bytes(text, 32));
		text[i]--;
		assert_int_not_equal(whole, hash_bytes(text, (size_t)i));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(put_get_remove),
		cmocka_unit_test(the_empty_key_is_a_key),
		cmocka_unit_test(keys_are_bytes),
		cmocka_unit_test(many_come_and_go),
		cmocka_unit_test(walks_all_and_may_remove),
		cmocka_unit_test(hash_depends_on_every_byte),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

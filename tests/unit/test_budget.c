/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* test_budget.c - what is counted by class, and when it is too much. */
#include "tests/unit/unit.h"

#include "core/base/budget.h"

static int empty(void **state)
{
	(void)state;
	for (int c = 0; c < BUDGET_CLASSES; c++)
		budget_sub((enum budget_class)c, budget_used((enum budget_class)c));
	budget_init(1000);
	return 0;
}

static void classes_are_counted(void **state)
{
	(void)state;
	for (int c = 0; c < BUDGET_CLASSES; c++) {
		assert_int_equal(budget_used((enum budget_class)c), 0);
		budget_add((enum budget_class)c, (size_t)10 << c);
	}
	assert_int_equal(budget_total(), 10 + 20 + 40 + 80);
	budget_sub(BUDGET_QUEUES, 5);
	budget_add(BUDGET_QUEUES, 0);
	assert_int_equal(budget_used(BUDGET_STREAMS), 10);
	assert_int_equal(budget_used(BUDGET_QUEUES), 15);
	assert_int_equal(budget_used(BUDGET_ENTITIES), 40);
	assert_int_equal(budget_used(BUDGET_EVENTS), 80);
	assert_int_equal(budget_total(), 145);
}

/* It does not matter which class it is that grows. */
static void pressure_has_three_levels(void **state)
{
	(void)state;
	assert_int_equal(budget_limit(), 1000);
	assert_int_equal(budget_pressure(), BUDGET_LOW);
	budget_add(BUDGET_STREAMS, 700);
	budget_add(BUDGET_QUEUES, 99);
	assert_int_equal(budget_pressure(), BUDGET_LOW);
	budget_add(BUDGET_EVENTS, 1);
	assert_int_equal(budget_pressure(), BUDGET_HIGH);
	budget_add(BUDGET_ENTITIES, 99);
	assert_int_equal(budget_pressure(), BUDGET_HIGH);
	budget_add(BUDGET_ENTITIES, 1);
	assert_int_equal(budget_pressure(), BUDGET_FULL);
	budget_add(BUDGET_STREAMS, 5000);
	assert_int_equal(budget_pressure(), BUDGET_FULL);
	budget_sub(BUDGET_STREAMS, 5001);
	assert_int_equal(budget_pressure(), BUDGET_HIGH);
	budget_sub(BUDGET_STREAMS, 99);
	assert_int_equal(budget_pressure(), BUDGET_HIGH);
	budget_sub(BUDGET_STREAMS, 1);
	assert_int_equal(budget_pressure(), BUDGET_LOW);
}

/* A reload changes the limit; what is in use stays. */
static void the_limit_may_change(void **state)
{
	(void)state;
	budget_add(BUDGET_STREAMS, 500);
	assert_int_equal(budget_pressure(), BUDGET_LOW);
	budget_init(500);
	assert_int_equal(budget_total(), 500);
	assert_int_equal(budget_pressure(), BUDGET_FULL);
	budget_init(SIZE_MAX);
	assert_int_equal(budget_pressure(), BUDGET_LOW);
}

/* Without a limit of ours: a part of what the machine has. */
static void a_limit_is_found(void **state)
{
	(void)state;
	budget_init(0);
	assert_true(budget_limit() > 1024 * 1024);
	assert_true(budget_limit() < SIZE_MAX / 2);
	assert_int_equal(budget_pressure(), BUDGET_LOW);
}

static void classes_have_names(void **state)
{
	(void)state;
	assert_string_equal(budget_name(BUDGET_STREAMS), "streams");
	assert_string_equal(budget_name(BUDGET_QUEUES), "queues");
	assert_string_equal(budget_name(BUDGET_ENTITIES), "entities");
	assert_string_equal(budget_name(BUDGET_EVENTS), "events");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(classes_are_counted, empty),
		cmocka_unit_test_setup(pressure_has_three_levels, empty),
		cmocka_unit_test_setup(the_limit_may_change, empty),
		cmocka_unit_test_setup(a_limit_is_found, empty),
		cmocka_unit_test(classes_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

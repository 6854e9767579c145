/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
#include "core/base/list.h"
#include "core/base/vec.h"
#include "core/base/scope.h"
#include "tests/unit/unit.h"

struct thing {
	struct list link;
	int n;
};

static void list_keeps_order(void **state)
{
	struct thing t[4] = { { .n = 0 }, { .n = 1 }, { .n = 2 }, { .n = 3 } };
	struct list l, other;
	int expected = 0;

	list_init(&l);
	list_init(&other);
	assert_null(list_first(&l));
	assert_null(list_pop(&l));
	list_push(&l, &t[1].link);
	list_push(&other, &t[2].link);
	list_push(&other, &t[3].link);
	list_push_front(&l, &t[0].link);
	list_splice(&l, &other);
	assert_true(list_empty(&other));
	list_each (node, &l) {
		assert_int_equal(list_entry(node, struct thing, link)->n, expected++);
		list_remove(node);
		list_remove(node); /* twice is harmless */
	}
	assert_int_equal(expected, 4);
	assert_true(list_empty(&l));
	list_splice(&l, &other);
	assert_true(list_empty(&l));
}

static void vec_grows_and_removes(void **state)
{
	VEC(int) v = { 0 };

	for (int i = 0; i < 100; i++)
		vec_push(&v, i);
	vec_remove(&v, 50);
	vec_remove(&v, 0);
	assert_int_equal(v.count, 98);
	assert_int_equal(v.items[0], 1);
	assert_int_equal(v.items[48], 49);
	assert_int_equal(v.items[49], 51);
	assert_int_equal(v.items[97], 99);
	vec_fini(&v);
	assert_null(v.items);
}

struct probe {
	struct scope_node node;
	int *order, at;
	struct probe *starts; /* added while the scope ends */
	struct tct_scope *scope;
};

static int clock_of_drops;

static void dropped(struct scope_node *node)
{
	struct probe *p = list_entry(node, struct probe, node);

	assert_null(node->scope);
	*p->order = ++clock_of_drops;
	if (p->starts != NULL)
		scope_add(p->scope, &p->starts->node, dropped);
}

static void scope_drops_newest_first(void **state)
{
	struct tct_scope scope;
	int order[3] = { 0 };
	struct probe p[3] = { { .order = &order[0] }, { .order = &order[1] },
		{ .order = &order[2] } };

	clock_of_drops = 0;
	scope_init(&scope, NULL);
	assert_true(scope_empty(&scope));
	for (int i = 0; i < 3; i++)
		scope_add(&scope, &p[i].node, dropped);
	scope_remove(&p[1].node);
	scope_remove(&p[1].node);
	scope_end(&scope);
	assert_int_equal(order[2], 1);
	assert_int_equal(order[1], 0);
	assert_int_equal(order[0], 2);
	assert_true(scope_empty(&scope));
}

static void scope_drops_what_drops_add(void **state)
{
	struct tct_scope scope;
	int order[2] = { 0 };
	struct probe late = { .order = &order[1] };
	struct probe first = { .order = &order[0], .starts = &late, .scope = &scope };

	clock_of_drops = 0;
	scope_init(&scope, NULL);
	scope_add(&scope, &first.node, dropped);
	scope_end(&scope);
	assert_int_equal(order[0], 1);
	assert_int_equal(order[1], 2);
	assert_true(scope_empty(&scope));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(list_keeps_order),
		cmocka_unit_test(vec_grows_and_removes),
		cmocka_unit_test(scope_drops_newest_first),
		cmocka_unit_test(scope_drops_what_drops_add),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
#include "core/base/scope.h"
#include "tests/unit/unit.h"

static char order[8];

struct note {
	struct scope_node node;
	char name;
};

static void note_drop(struct scope_node *node)
{
	struct note *n = list_entry(node, struct note, node);
	size_t at = strlen(order);

	order[at] = n->name;
	order[at + 1] = '\0';
}

static void block_fini(void *block)
{
	size_t at = strlen(order);

	order[at] = *(char *)block;
	order[at + 1] = '\0';
}

static void newest_goes_first(void **state)
{
	struct tct_scope scope;
	struct note a = { .name = 'a' }, c = { .name = 'c' };
	char *block;

	memset(order, 0, sizeof order);
	scope_init(&scope, NULL);
	scope_add(&scope, &a.node, note_drop);
	block = tct_scope_alloc(&scope, 1, block_fini);
	assert_int_equal(*block, 0);
	*block = 'b';
	scope_add(&scope, &c.node, note_drop);
	scope_end(&scope);
	assert_string_equal(order, "cba");
	assert_true(scope_empty(&scope));
}

static void removed_is_not_dropped(void **state)
{
	struct tct_scope scope;
	struct note a = { .name = 'a' };

	memset(order, 0, sizeof order);
	scope_init(&scope, NULL);
	scope_add(&scope, &a.node, note_drop);
	scope_remove(&a.node);
	scope_remove(&a.node);
	scope_end(&scope);
	assert_string_equal(order, "");
}

static void block_freed_early(void **state)
{
	struct tct_scope scope;
	char *block;

	memset(order, 0, sizeof order);
	scope_init(&scope, NULL);
	block = tct_scope_alloc(&scope, 100, block_fini);
	*block = 'x';
	tct_scope_free(block);
	assert_string_equal(order, "x");
	assert_true(scope_empty(&scope));
	tct_scope_free(NULL);
	scope_end(&scope);
	assert_string_equal(order, "x");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(newest_goes_first),
		cmocka_unit_test(removed_is_not_dropped),
		cmocka_unit_test(block_freed_early),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

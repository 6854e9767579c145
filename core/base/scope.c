/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* scope.c - see scope.h. */
#include "core/base/scope.h"

void scope_init(struct tct_scope *scope, struct tct_mod *mod)
{
	list_init(&scope->nodes);
	scope->mod = mod;
	scope->ending = false;
}

void scope_add(struct tct_scope *scope, struct scope_node *node,
	void (*drop)(struct scope_node *node))
{
	node->scope = scope;
	node->drop = drop;
	list_push(&scope->nodes, &node->link);
}

void scope_remove(struct scope_node *node)
{
	if (node->scope == NULL)
		return;
	list_remove(&node->link);
	node->scope = NULL;
}

void scope_end(struct tct_scope *scope)
{
	scope->ending = true;
	while (!list_empty(&scope->nodes)) {
		struct scope_node *node = list_entry(scope->nodes.prev, struct scope_node, link);

		scope_remove(node);
		node->drop(node);
	}
}

struct tct_mod *tct_scope_mod(const struct tct_scope *scope)
{
	return scope->mod;
}

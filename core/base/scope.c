/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* scope.c - see scope.h. */
#include "core/base/scope.h"

#include "core/base/mem.h"

#include <stdlib.h>

struct block {
	struct scope_node node;
	void (*fini)(void *block);
	_Alignas(max_align_t) char bytes[];
};

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

static void block_drop(struct scope_node *node)
{
	struct block *b = list_entry(node, struct block, node);

	if (b->fini != NULL)
		b->fini(b->bytes);
	free(b);
}

void *tct_scope_alloc(struct tct_scope *scope, size_t size, void (*fini)(void *block))
{
	struct block *b = mem_zalloc(sizeof *b + size);

	b->fini = fini;
	scope_add(scope, &b->node, block_drop);
	return b->bytes;
}

void tct_scope_free(void *block)
{
	struct block *b;

	if (block == NULL)
		return;
	b = list_entry(block, struct block, bytes);
	scope_remove(&b->node);
	block_drop(&b->node);
}

/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* scope.h - what an owner started and has to end: an intrusive list of nodes, each with a
 * drop function. A scope owns callbacks, never effects: dropping a node cancels what would
 * be called back, and a write that was submitted goes on. Knows nothing of the kinds of
 * nodes. Loop thread. */
#pragma once

#include "core/base/list.h"

#include <tercet/base.h>

struct scope_node {
	struct list link;
	struct tct_scope *scope; /* NULL when in none */
	/* Called once when the scope ends, after the node was taken out; may free it. */
	void (*drop)(struct scope_node *node);
};

struct tct_scope {
	struct list nodes;
	struct tct_mod *mod;
	bool ending;
};

void scope_init(struct tct_scope *scope, struct tct_mod *mod);
/* Adds at the end; a node added to an ending scope is dropped at once by scope_end. */
void scope_add(struct tct_scope *scope, struct scope_node *node,
	void (*drop)(struct scope_node *node));
/* Takes a node out without dropping it; harmless when it is in none. */
void scope_remove(struct scope_node *node);
/* Drops all nodes, newest first, those added meanwhile included. */
void scope_end(struct tct_scope *scope);

static inline bool scope_empty(const struct tct_scope *scope)
{
	return list_empty(&scope->nodes);
}

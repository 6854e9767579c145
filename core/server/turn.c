/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* turn.c - see turn.h. */
#include "core/server/turn.h"

#include "core/base/mem.h"
#include "core/loop/loop.h"

#include <stdlib.h>

/* Items in one turn of the loop: about a millisecond of routing. */
#define BUDGET 512

static struct list queue;
static int left; /* of the budget of the turn that runs */

void turn_init(void)
{
	list_init(&queue);
}

void turn_fini(void)
{
	list_init(&queue);
}

bool turn_empty(void)
{
	return list_empty(&queue);
}

void turn_push(struct turn_item *item, void (*run)(struct turn_item *))
{
	item->run = run;
	list_push(&queue, &item->link);
	loop_wake();
}

void turn_push_front(struct turn_item *item, void (*run)(struct turn_item *))
{
	item->run = run;
	list_push_front(&queue, &item->link);
	loop_wake();
}

bool turn_spend(void)
{
	return left > 0 && left-- > 0;
}

void turn_run(void)
{
	struct list *node;

	left = BUDGET;
	while (turn_spend() && (node = list_pop(&queue)) != NULL) {
		struct turn_item *item = list_entry(node, struct turn_item, link);

		item->run(item);
	}
	if (!list_empty(&queue))
		loop_wake();
}

struct call {
	struct turn_item item;
	struct scope_node node;
	void (*fn)(void *data);
	void *data;
};

static void run_call(struct turn_item *item)
{
	struct call *c = list_entry(item, struct call, item);

	scope_remove(&c->node);
	c->fn(c->data);
	free(c);
}

static void drop_call(struct scope_node *node)
{
	struct call *c = list_entry(node, struct call, node);

	list_remove(&c->item.link);
	free(c);
}

void turn_call(struct tct_scope *scope, void (*fn)(void *data), void *data)
{
	struct call *c = mem_zalloc(sizeof *c);

	c->fn = fn;
	c->data = data;
	scope_add(scope, &c->node, drop_call);
	turn_push(&c->item, run_call);
}

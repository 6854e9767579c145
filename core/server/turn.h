/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* turn.h - the work queue of the loop turn. Handlers are never entered from inside another:
 * route, reply and fan-out append here, and the queue is drained first in, first out after
 * the current item has ended, with a budget per turn so that input of others is read in
 * between. No recursion, whatever routes what. */
#pragma once

#include "core/base/list.h"
#include "core/base/scope.h"

struct turn_item {
	struct list link;
	void (*run)(struct turn_item *item); /* the item is out of the queue then */
};

void turn_init(void); /* also registers the prepare callback */
void turn_fini(void);
void turn_push(struct turn_item *item, void (*run)(struct turn_item *));
/* In front of all that waits: for work that is older than what was queued meanwhile. */
void turn_push_front(struct turn_item *item, void (*run)(struct turn_item *));
/* Runs what waits, up to the budget; called from the end of the loop turn. */
void turn_run(void);
/* For an item that stands for many: takes one from what the turn may run. False: it has run
 * enough, and the item puts itself to the front again. */
bool turn_spend(void);
bool turn_empty(void);

/* Calls fn(data) later in this turn or in the next, unless the scope ends before. */
void turn_call(struct tct_scope *scope, void (*fn)(void *data), void *data);

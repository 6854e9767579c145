/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* lane.c - see lane.h. */
#include "core/server/lane.h"

#include "core/base/budget.h"
#include "core/server/event.h"
#include "core/server/router.h"

void lane_init(struct lane *lane)
{
	list_init(&lane->events);
	lane->count = 0;
	lane->bytes = 0;
	lane->held = false;
}

bool lane_park(struct lane *lane, struct event *ev)
{
	if (lane->count >= LANE_COUNT_MAX || lane->bytes >= LANE_BYTES_MAX)
		return false;
	list_push(&lane->events, &ev->item.link);
	lane->count++;
	lane->bytes += ev->bytes;
	budget_add(BUDGET_EVENTS, ev->bytes);
	return true;
}

bool lane_crowded(const struct lane *lane)
{
	return lane->count >= LANE_COUNT_MAX / 4 || lane->bytes >= LANE_BYTES_MAX / 4;
}

static struct event *take_last(struct lane *lane)
{
	struct event *ev = list_entry(lane->events.prev, struct event, item.link);

	list_remove(&ev->item.link);
	return ev;
}

void lane_release(struct lane *lane)
{
	budget_sub(BUDGET_EVENTS, lane->bytes);
	lane->held = false;
	lane->count = 0;
	lane->bytes = 0;
	while (!list_empty(&lane->events))
		turn_push_front(&take_last(lane)->item, router_run);
}

void lane_clear(struct lane *lane, void (*fn)(struct event *ev, void *data), void *data)
{
	struct list *node;

	budget_sub(BUDGET_EVENTS, lane->bytes);
	lane->count = 0;
	lane->bytes = 0;
	while ((node = list_pop(&lane->events)) != NULL)
		fn(list_entry(node, struct event, item.link), data);
}

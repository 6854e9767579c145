/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* queue.c - see queue.h. */
#include "queue.h"

#include <stdlib.h>
#include <string.h>

#define ROOM_FIRST 8

static void grow(struct queue *q)
{
	uint32_t room = q->room > 0 ? q->room * 2 : ROOM_FIRST;
	struct delivery **ring = calloc(room, sizeof *ring);

	if (ring == NULL)
		abort();
	for (uint32_t i = 0; i < q->count; i++)
		ring[i] = queue_get(q, i);
	free(q->ring);
	q->ring = ring;
	q->room = room;
	q->head = 0;
}

void queue_fini(struct queue *q)
{
	queue_drop(q, q->count);
	free(q->ring);
	memset(q, 0, sizeof *q);
}

void queue_push(struct queue *q, struct delivery *d)
{
	if (q->count == q->room)
		grow(q);
	q->ring[(q->head + q->count++) & (q->room - 1)] = tcti_delivery_ref(d);
	q->bytes += tcti_delivery_size(d);
}

struct delivery *queue_get(const struct queue *q, uint32_t i)
{
	return q->ring[(q->head + i) & (q->room - 1)];
}

void queue_replace(struct queue *q, const struct delivery *d, struct delivery *instead)
{
	for (uint32_t i = 0; i < q->count; i++) {
		struct delivery **at = &q->ring[(q->head + i) & (q->room - 1)];

		if (*at != d)
			continue;
		q->bytes = q->bytes - tcti_delivery_size(*at) + tcti_delivery_size(instead);
		tcti_delivery_unref(*at);
		*at = tcti_delivery_ref(instead);
		return;
	}
}

void queue_drop(struct queue *q, uint32_t n)
{
	for (; n > 0; n--) {
		struct delivery *d = queue_get(q, 0);

		q->bytes -= tcti_delivery_size(d);
		q->head = (q->head + 1) & (q->room - 1);
		q->count--;
		tcti_delivery_unref(d);
	}
	/* An idle client must not cost what a burst did. */
	if (q->count == 0 && q->room > ROOM_FIRST) {
		free(q->ring);
		q->ring = NULL;
		q->room = q->head = 0;
	}
}

uint32_t queue_sift(struct queue *q, bool (*keep)(struct delivery *d, void *data), void *data)
{
	uint32_t kept = 0, count = q->count;

	for (uint32_t i = 0; i < count; i++) {
		struct delivery *d = queue_get(q, i);

		if (keep(d, data)) {
			q->ring[(q->head + kept++) & (q->room - 1)] = d;
			continue;
		}
		q->bytes -= tcti_delivery_size(d);
		tcti_delivery_unref(d);
	}
	q->count = kept;
	return count - kept;
}

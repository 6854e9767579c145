/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* queue.h - what was sent to a client and not acknowledged: a ring of deliveries, oldest
 * first, made when the first one comes. Loop thread. */
#pragma once

#include <tercet/internal/stream.h>

struct queue {
	struct delivery **ring; /* counted */
	uint32_t head, count, room; /* room is a power of two, or 0 */
	size_t bytes;
};

void queue_fini(struct queue *q);
/* Keeps a reference of `d` at the end. */
void queue_push(struct queue *q, struct delivery *d);
/* The i-th, oldest first; i < q->count. Borrowed. */
struct delivery *queue_get(const struct queue *q, uint32_t i);
/* `instead` takes the place of `d`, if that is there. */
void queue_replace(struct queue *q, const struct delivery *d, struct delivery *instead);
/* Drops the `n` oldest; n <= q->count. */
void queue_drop(struct queue *q, uint32_t n);
/* Drops those that `keep` is false for; returns how many. */
uint32_t queue_sift(struct queue *q, bool (*keep)(struct delivery *d, void *data), void *data);

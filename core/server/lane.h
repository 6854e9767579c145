/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* lane.h - keeps order while one address waits (RFC 6120 10.1): a held lane parks the events
 * that come for it, bounded in number and bytes, and gives them back in order, before
 * anything newer, when it is released. A session has one (OUTBOUND), an entity has one
 * (INBOUND to UNDELIVERED); both belong to the address, not to a connection. */
#pragma once

#include "core/base/list.h"

#include <stdint.h>

struct event;

struct lane {
	struct list events;
	uint32_t count;
	bool held;
	size_t bytes;
};

#define LANE_COUNT_MAX 1000
#define LANE_BYTES_MAX ((size_t)1024 * 1024)

void lane_init(struct lane *lane);
/* Parks the event (taken). False when the lane is full: the caller refuses it. */
bool lane_park(struct lane *lane, struct event *ev);
/* True when the session that fills it should stop being read. */
bool lane_crowded(const struct lane *lane);
/* The lane is free: what was parked goes to the front of the turn queue, in order. */
void lane_release(struct lane *lane);
/* Takes everything out and calls fn for each, oldest first. */
void lane_clear(struct lane *lane, void (*fn)(struct event *ev, void *data), void *data);

/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* fanout.h - one stanza for many addresses. The turn queue has one item for all copies; each
 * becomes an event when it is its turn, and takes the memory of the one before it. Knows
 * nothing of what a copy goes through. */
#pragma once

#include "core/server/event.h"

/* Routes copies of `st` (borrowed, frozen) to `count` addresses (borrowed), in their order, as if
 * router_route was called for each of them now. `parent` may be NULL. */
void fanout_route(struct tct_mod *m, struct event *parent, struct tct_stanza *st,
	const struct tct_jid *const *to, size_t count);

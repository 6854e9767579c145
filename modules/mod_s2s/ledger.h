/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* ledger.h - in which order several queues have written stanzas into one stream, whose peer counts
 * them all (XEP-0198): from its number follows how many of whose it has. Zeroed: empty. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct ledger_run {
	void *owner; /* NULL: it is gone, and its stanzas count all the same */
	uint32_t count;
};

struct ledger {
	struct ledger_run *runs; /* the oldest at `first` */
	size_t first, end, room;
	uint32_t total; /* stanzas in all of them */
};

/* `owner` has written so many more. */
void ledger_add(struct ledger *l, void *owner, uint32_t count);
/* The oldest `n` go (at most all); fn is told whose they were, in order, and may change nothing here. */
typedef void ledger_fn(void *owner, uint32_t number, uint32_t count, void *data);
void ledger_take(struct ledger *l, uint32_t n, ledger_fn *fn, void *data);
/* All that is in it; `number`: how many are before these. */
void ledger_each(const struct ledger *l, ledger_fn *fn, void *data);
/* That one is gone. */
void ledger_forget(struct ledger *l, const void *owner);
/* Empty, and without memory. */
void ledger_clear(struct ledger *l);

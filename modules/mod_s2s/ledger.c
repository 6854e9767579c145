/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* ledger.c - see ledger.h. What one queue has written without another in between is one run, so a
 * stream with one queue has one. */
#include "ledger.h"

#include <stdlib.h>
#include <string.h>

/* Runs that were taken leave room in front. */
static void make_room(struct ledger *l)
{
	size_t count = l->end - l->first, room;
	struct ledger_run *more;

	if (l->first > 0 && l->first >= count) {
		memmove(l->runs, l->runs + l->first, count * sizeof *l->runs);
		l->first = 0;
		l->end = count;
		return;
	}
	room = l->room > 0 ? l->room * 2 : 4;
	more = realloc(l->runs, room * sizeof *more);
	if (more == NULL)
		abort();
	l->runs = more;
	l->room = room;
}

void ledger_add(struct ledger *l, void *owner, uint32_t count)
{
	if (count == 0)
		return;
	l->total += count;
	if (l->end > l->first && l->runs[l->end - 1].owner == owner) {
		l->runs[l->end - 1].count += count;
		return;
	}
	if (l->end == l->room)
		make_room(l);
	l->runs[l->end++] = (struct ledger_run){ owner, count };
}

void ledger_take(struct ledger *l, uint32_t n, ledger_fn *fn, void *data)
{
	uint32_t number = 0;

	while (n > 0 && l->first < l->end) {
		struct ledger_run *run = &l->runs[l->first];
		uint32_t count = run->count < n ? run->count : n;
		void *owner = run->owner;

		run->count -= count;
		l->total -= count;
		n -= count;
		if (run->count == 0)
			l->first++;
		if (owner != NULL)
			fn(owner, number, count, data);
		number += count;
	}
	if (l->first == l->end)
		l->first = l->end = 0;
}

void ledger_each(const struct ledger *l, ledger_fn *fn, void *data)
{
	uint32_t number = 0;

	for (size_t i = l->first; i < l->end; i++) {
		if (l->runs[i].owner != NULL)
			fn(l->runs[i].owner, number, l->runs[i].count, data);
		number += l->runs[i].count;
	}
}

void ledger_forget(struct ledger *l, const void *owner)
{
	for (size_t i = l->first; i < l->end; i++) {
		if (l->runs[i].owner == owner)
			l->runs[i].owner = NULL;
	}
}

void ledger_clear(struct ledger *l)
{
	free(l->runs);
	memset(l, 0, sizeof *l);
}

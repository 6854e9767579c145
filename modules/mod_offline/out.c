/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* out.c - a set of ids, which are never 0: open addressing, half full at most. How many there
 * are is bounded by what sessions may leave unacknowledged. */
#include "modules/mod_offline/out.h"

#include <stdlib.h>
#include <string.h>

#define ROOM_FIRST 16

/* Ids are times with a counter: what differs is in the middle. */
static size_t place(const struct offline_ids *ids, uint64_t id)
{
	uint64_t h = id * UINT64_C(0x9e3779b97f4a7c15);

	return (size_t)(h >> 32) & (ids->room - 1);
}

static size_t look(const struct offline_ids *ids, uint64_t id)
{
	size_t i = place(ids, id);

	while (ids->items[i] != 0 && ids->items[i] != id)
		i = (i + 1) & (ids->room - 1);
	return i;
}

static void resize(struct offline_ids *ids, size_t room)
{
	struct offline_ids new = { calloc(room, sizeof *new.items), ids->count, room };

	if (new.items == NULL)
		abort();
	for (size_t i = 0; i < ids->room; i++) {
		if (ids->items[i] != 0)
			new.items[look(&new, ids->items[i])] = ids->items[i];
	}
	free(ids->items);
	*ids = new;
}

bool offline_ids_have(const struct offline_ids *ids, uint64_t id)
{
	return ids->count > 0 && ids->items[look(ids, id)] != 0;
}

void offline_ids_add(struct offline_ids *ids, uint64_t id)
{
	size_t i;

	if ((ids->count + 1) * 2 > ids->room)
		resize(ids, ids->room > 0 ? ids->room * 2 : ROOM_FIRST);
	i = look(ids, id);
	ids->count += ids->items[i] == 0;
	ids->items[i] = id;
}

/* What comes behind the gap and would not be found any more moves into it. */
void offline_ids_remove(struct offline_ids *ids, uint64_t id)
{
	size_t mask = ids->room - 1, gap, i;

	if (!offline_ids_have(ids, id))
		return;
	gap = look(ids, id);
	for (i = (gap + 1) & mask; ids->items[i] != 0; i = (i + 1) & mask) {
		size_t home = place(ids, ids->items[i]);

		if (((i - home) & mask) < ((i - gap) & mask))
			continue;
		ids->items[gap] = ids->items[i];
		gap = i;
	}
	ids->items[gap] = 0;
	ids->count--;
	if (ids->room > ROOM_FIRST && ids->count * 8 < ids->room)
		resize(ids, ids->room / 2);
}

void offline_ids_fini(struct offline_ids *ids)
{
	free(ids->items);
	memset(ids, 0, sizeof *ids);
}

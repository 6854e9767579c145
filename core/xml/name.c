/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* name.c - see name.h. Open addressing over 64-bit hashes of both strings. */
#include "core/xml/name.h"

#include "core/base/assert.h"
#include "core/base/hash.h"
#include "core/base/mem.h"
#include "core/base/vec.h"

#include <stdlib.h>

struct name {
	char *ns, *local;
	size_t ns_len, local_len;
	uint64_t hash;
};

static VEC(struct name) names; /* index id - 1 */
static uint16_t *table;
static size_t room;

/* Names are chosen by us, so a cheap hash does for the table; a peer's strings only ever
 * miss. FNV-1a over both. */
static uint64_t hash_pair(struct span ns, struct span name)
{
	uint64_t h = 0xcbf29ce484222325u;

	for (size_t i = 0; i < name.len; i++)
		h = (h ^ (unsigned char)name.data[i]) * 0x100000001b3u;
	h = (h ^ ns.len) * 0x100000001b3u;
	/* The end of a namespace tells more than its beginning. */
	for (size_t i = ns.len > 12 ? ns.len - 12 : 0; i < ns.len; i++)
		h = (h ^ (unsigned char)ns.data[i]) * 0x100000001b3u;
	return h;
}

static void insert(uint16_t id)
{
	size_t i = names.items[id - 1].hash & (room - 1);

	while (table[i] != 0)
		i = (i + 1) & (room - 1);
	table[i] = id;
}

static void grow(void)
{
	free(table);
	room = room > 0 ? room * 2 : 1024;
	table = mem_zalloc(room * sizeof *table);
	for (size_t i = 0; i < names.count; i++)
		insert((uint16_t)(i + 1));
}

uint16_t name_find(struct span ns, struct span name)
{
	uint64_t hash = hash_pair(ns, name);

	if (room == 0)
		return 0;
	for (size_t i = hash & (room - 1); table[i] != 0; i = (i + 1) & (room - 1)) {
		const struct name *n = &names.items[table[i] - 1];

		if (n->hash == hash && n->local_len == name.len && n->ns_len == ns.len &&
			memcmp(n->local, name.data, name.len) == 0 &&
			memcmp(n->ns, ns.data, ns.len) == 0)
			return table[i];
	}
	return 0;
}

uint16_t name_register(const char *ns, const char *name)
{
	uint16_t id = name_find(span_of(ns), span_of(name));
	struct name n;

	if (id != 0)
		return id;
	tct_assert(names.count < UINT16_MAX);
	n = (struct name){ mem_strdup(ns), mem_strdup(name), strlen(ns), strlen(name),
		hash_pair(span_of(ns), span_of(name)) };
	vec_push(&names, n);
	if (names.count * 2 > room)
		grow();
	else
		insert((uint16_t)names.count);
	return (uint16_t)names.count;
}

const char *name_ns(uint16_t id)
{
	return names.items[id - 1].ns;
}

const char *name_local(uint16_t id)
{
	return names.items[id - 1].local;
}

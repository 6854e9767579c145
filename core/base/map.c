/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* map.c - see map.h. Linear probing; removed slots stay until the table is rebuilt. */
#include "core/base/map.h"

#include "core/base/hash.h"
#include "core/base/mem.h"

#include <stdlib.h>

static const char removed[1];

void map_init(struct map *m)
{
	*m = (struct map){ 0 };
}

void map_fini(struct map *m)
{
	free(m->slots);
	map_init(m);
}

static struct map_slot *find(const struct map *m, struct span key, uint64_t hash)
{
	for (size_t i = hash & (m->room - 1);; i = (i + 1) & (m->room - 1)) {
		struct map_slot *s = &m->slots[i];

		if (s->key == NULL)
			return NULL;
		if (s->key != removed && s->hash == hash &&
			span_equal(span_make(s->key, s->len), key))
			return s;
	}
}

void *map_get_hashed(const struct map *m, struct span key, uint64_t hash)
{
	struct map_slot *s = m->count > 0 ? find(m, key, hash) : NULL;

	return s != NULL ? s->value : NULL;
}

void *map_get(const struct map *m, struct span key)
{
	return m->count > 0 ? map_get_hashed(m, key, hash_bytes(key.data, key.len)) : NULL;
}

void *map_find(const struct map *m, const char *key)
{
	return map_get(m, span_of(key));
}

static void insert(struct map *m, struct map_slot slot)
{
	size_t i = slot.hash & (m->room - 1);

	while (m->slots[i].key != NULL)
		i = (i + 1) & (m->room - 1);
	m->slots[i] = slot;
	m->count++;
	m->used++;
}

static void rebuild(struct map *m)
{
	struct map old = *m;
	size_t room = 8;

	while (room < old.count * 2 + 2)
		room *= 2;
	m->slots = mem_zalloc(room * sizeof *m->slots);
	m->room = room;
	m->count = m->used = 0;
	for (size_t i = 0; i < old.room; i++) {
		if (old.slots[i].key != NULL && old.slots[i].key != removed)
			insert(m, old.slots[i]);
	}
	free(old.slots);
}

void *map_put(struct map *m, struct span key, void *value)
{
	uint64_t hash = hash_bytes(key.data, key.len);
	struct map_slot *s = m->room > 0 ? find(m, key, hash) : NULL;
	void *old;

	if (s != NULL) {
		old = s->value;
		s->key = key.data;
		s->value = value;
		return old;
	}
	if ((m->used + 1) * 4 > m->room * 3)
		rebuild(m);
	insert(m, (struct map_slot){ hash, key.data != NULL ? key.data : "", key.len, value });
	return NULL;
}

void *map_remove(struct map *m, struct span key)
{
	struct map_slot *s;
	void *value;

	if (m->count == 0)
		return NULL;
	s = find(m, key, hash_bytes(key.data, key.len));
	if (s == NULL)
		return NULL;
	value = s->value;
	s->key = removed;
	s->value = NULL;
	m->count--;
	return value;
}

bool map_next(const struct map *m, size_t *at, struct span *key, void **value)
{
	for (; *at < m->room; (*at)++) {
		const struct map_slot *s = &m->slots[*at];

		if (s->key == NULL || s->key == removed)
			continue;
		if (key != NULL)
			*key = span_make(s->key, s->len);
		if (value != NULL)
			*value = s->value;
		(*at)++;
		return true;
	}
	return false;
}

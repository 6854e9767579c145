/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* map.h - hash map from byte strings to pointers: open addressing, SipHash with a random
 * key. The map owns neither keys nor values: a key usually lives inside its value. */
#pragma once

#include "core/base/span.h"

#include <stdint.h>

struct map_slot {
	uint64_t hash;
	const char *key; /* NULL: never used */
	size_t len;
	void *value;     /* NULL with a key: removed */
};
struct map {
	struct map_slot *slots;
	size_t room, count, used; /* used: removed slots included */
};

void map_init(struct map *m); /* allocates nothing; { 0 } is the same */
void map_fini(struct map *m);
/* NULL when absent. */
void *map_get(const struct map *m, struct span key);
/* `hash` is hash_bytes() of the key, which is known already. */
void *map_get_hashed(const struct map *m, struct span key, uint64_t hash);
void *map_find(const struct map *m, const char *key);
/* Sets or replaces; the key must stay valid while it is in the map. Returns the value
 * that was replaced, or NULL. `value` is not NULL. */
void *map_put(struct map *m, struct span key, void *value);
/* Returns the value that was there, or NULL. */
void *map_remove(struct map *m, struct span key);
/* Walks in no order: start with *at = 0; false at the end. The entry last returned may be
 * removed while walking; nothing may be added. */
bool map_next(const struct map *m, size_t *at, struct span *key, void **value);

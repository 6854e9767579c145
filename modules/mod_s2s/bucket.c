/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* bucket.c - see bucket.h. */
#include "bucket.h"

#include <stddef.h>
#include <string.h>

static int64_t most(int64_t n)
{
	return n < BUCKET_MOST ? n : BUCKET_MOST;
}

/* In thousandths: what comes in a millisecond. */
static int64_t refilled(const struct bucket *b, int64_t rate, int64_t room, int64_t now)
{
	int64_t passed = now > b->at ? now - b->at : 0, full = most(room) * 1000;

	if (b->at == 0 || b->filling >= full || passed > (full - b->filling) / rate)
		return full;
	return b->filling + passed * rate;
}

int64_t bucket_take(struct bucket *b, int64_t rate, int64_t room, int64_t n, int64_t now)
{
	if (rate <= 0)
		return 0;
	rate = most(rate);
	b->filling = refilled(b, rate, room, now) - most(n) * 1000;
	b->at = now;
	if (b->filling >= 0)
		return 0;
	if (b->filling < -BUCKET_WAIT_MAX * rate)
		b->filling = -BUCKET_WAIT_MAX * rate;
	return (-b->filling + rate - 1) / rate;
}

struct bucket *bucket_of(struct bucket_table *t, uint64_t key, int64_t rate, int64_t room,
	int64_t now)
{
	struct bucket_place *set = t->places[key % BUCKET_SETS], *fullest = &set[0];

	for (size_t i = 0; i < BUCKET_WAYS; i++) {
		if (set[i].bucket.at != 0 && set[i].key == key)
			return &set[i].bucket;
		if (refilled(&set[i].bucket, rate, room, now) >
			refilled(&fullest->bucket, rate, room, now))
			fullest = &set[i];
	}
	memset(fullest, 0, sizeof *fullest);
	fullest->key = key;
	fullest->bucket.at = now;
	fullest->bucket.filling = most(room) * 1000;
	return &fullest->bucket;
}

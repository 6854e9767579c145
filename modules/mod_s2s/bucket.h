/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* bucket.h - how much of something comes in a time: token buckets, and a table of them that is bounded
 * whatever comes. Who has taken too much waits, and never longer than a bound. Pure: time is given,
 * in milliseconds. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define BUCKET_WAIT_MAX 60000 /* milliseconds */
#define BUCKET_MOST (INT64_MAX / 1000000) /* of tokens; more is as much */

struct bucket {
	int64_t filling, at; /* thousandths of tokens; at 0: it was never used, and is full */
	bool told;          /* somebody was told that it is empty */
};

/* `rate` tokens come in a second, up to `room`; n are taken. How many milliseconds have to pass until
 * it is not overdrawn; 0: it is not, or the rate is 0: there is no limit. */
int64_t bucket_take(struct bucket *b, int64_t rate, int64_t room, int64_t n, int64_t now);

/* A bucket for each key, which is a keyed hash: nobody can choose whose place he takes. When there is
 * no room, the one that was used least is forgotten. */
#define BUCKET_SETS 256
#define BUCKET_WAYS 8
struct bucket_table {
	struct bucket_place {
		uint64_t key;
		struct bucket bucket;
	} places[BUCKET_SETS][BUCKET_WAYS];
};
struct bucket *bucket_of(struct bucket_table *t, uint64_t key, int64_t rate, int64_t room,
	int64_t now);

/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* limits.h - how fast somebody may try passwords: token buckets for each account, each address
 * (an IPv4 address, a /64 of IPv6) and all together. Who is too fast waits, and never longer
 * than a bound: nobody can be locked out by somebody else. An attempt is counted when it begins,
 * so that many at once do not help, and taken off when it succeeds. What is remembered is
 * bounded; names are kept as keyed hashes. Pure: time is given. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct limits_config {
	int64_t per_account, per_address, overall; /* failures in a minute; 0: no limit */
	int64_t delay_max;                         /* seconds */
};

struct limits;
struct limits *limits_new(void);
void limits_free(struct limits *l); /* NULL: nothing */
/* Milliseconds that this attempt has to wait; `now` in milliseconds, monotonic. */
int64_t limits_admit(struct limits *l, const struct limits_config *config, const char *account,
	const char *address, int64_t now);
/* It succeeded: it was none. */
void limits_forgive(struct limits *l, const struct limits_config *config, const char *account,
	const char *address, int64_t now);

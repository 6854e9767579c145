/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* limits.c - how many accounts are made in an hour, and names tried. IPv6 counts by /64, which one subscriber
 * has to himself. */
#include "register.h"

#include <arpa/inet.h>
#include <string.h>

#define HOUR 3600

/* By a keyed hash, so that nobody can choose whose place he shares. */
static uint32_t slot_of(const char *address)
{
	unsigned char bytes[16] = { 0 };
	size_t len = 0;

	if (inet_pton(AF_INET6, address, bytes) == 1)
		len = 8;
	else if (inet_pton(AF_INET, address, bytes) == 1)
		len = 4;
	return (uint32_t)(tct_hash(bytes, len) >> 32) % REGISTER_SLOTS;
}

static struct register_counts *counts_of(struct tct_mod *m)
{
	struct registrar *r = tct_mod_data(m);
	int64_t now = tct_monotonic();

	/* From the first one on, not by the clock on the wall. */
	if (r->counts.since == 0 || now - r->counts.since >= HOUR) {
		memset(&r->counts, 0, sizeof r->counts);
		r->counts.since = now;
	}
	return &r->counts;
}

bool register_take(struct tct_mod *m, const char *address)
{
	const struct register_config *config = tct_mod_config(m);
	struct register_counts *counts = counts_of(m);
	uint16_t *mine = &counts->by_address[slot_of(address)];
	if (*mine >= config->per_address || counts->all >= config->per_host)
		return false;
	++*mine;
	counts->all++;
	return true;
}

bool register_guess(struct tct_mod *m, const char *address, bool taken)
{
	const struct register_config *config = tct_mod_config(m);
	uint16_t *mine = &counts_of(m)->taken[slot_of(address)];

	if (*mine >= config->taken_names)
		return false;
	if (taken)
		++*mine;
	return true;
}

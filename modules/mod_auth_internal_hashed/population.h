/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* population.h - how many accounts of a host have which keys, counted in classes: which hashes,
 * how many iterations, how long a salt. Two questions are answered from it: which hashes all
 * accounts have (what may be offered before the user is known), and which class a name without
 * account pretends to be in, so that it looks like one of many. Pure. */
#pragma once

#include "modules/mod_auth_internal_hashed/keys.h"

/* So many different ones are kept apart; accounts of further ones are counted by their hashes
 * alone. */
#define POPULATION_EXACT 16
#define POPULATION_CLASSES (POPULATION_EXACT + (1 << TCT_AUTH_HASHES))

struct population_class {
	uint32_t iterations[TCT_AUTH_HASHES]; /* 0: no keys of that hash; 1: any number */
	uint32_t salt_len[TCT_AUTH_HASHES];
	uint32_t accounts, enabled; /* enabled: those that are not disabled */
};

struct population {
	struct population_class classes[POPULATION_CLASSES]; /* accounts 0: free */
};

/* An account had the keys `was` and has `is`; NULL: it was not there, it is gone. */
void population_change(struct population *p, const struct keys *was, const struct keys *is);
/* Of a set of hashes those that every enabled account has. */
uint32_t population_common(const struct population *p, uint32_t hashes);
/* The class that a random point falls into, in proportion to their accounts; NULL: there is
 * none. */
const struct population_class *population_pick(const struct population *p, uint64_t point);
/* Its row; the caller frees it. */
struct tct_record *population_encode(const struct population *p);
/* False: not a row of ours. */
bool population_decode(const struct tct_value *v, struct population *p);

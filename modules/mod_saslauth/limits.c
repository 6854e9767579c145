/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* limits.c - see limits.h. Two tables of fixed size; a set of four entries belongs to a hash,
 * and the one with the lowest level makes room: an attacker with many names forgets his own. */
#include "modules/mod_saslauth/limits.h"

#include <arpa/inet.h>
#include <gnutls/crypto.h>
#include <stdlib.h>
#include <string.h>

#define WAYS 4
#define SETS 1024
#define KEY_LEN 32
#define MINUTE 60000

struct bucket {
	uint64_t tag;  /* 0: free */
	int64_t time;  /* of `level` */
	double level;  /* attempts that were not forgotten yet */
};

struct limits {
	uint8_t key[KEY_LEN];
	struct bucket accounts[SETS][WAYS], addresses[SETS][WAYS];
	struct bucket all;
};

struct limits *limits_new(void)
{
	struct limits *l = calloc(1, sizeof *l);

	if (l == NULL || gnutls_rnd(GNUTLS_RND_KEY, l->key, sizeof l->key) < 0)
		abort();
	return l;
}

void limits_free(struct limits *l)
{
	free(l);
}

static uint64_t tag_of(const struct limits *l, const void *bytes, size_t len)
{
	uint8_t digest[32];
	uint64_t tag;

	if (gnutls_hmac_fast(GNUTLS_MAC_SHA256, l->key, KEY_LEN, bytes, len, digest) < 0)
		abort();
	memcpy(&tag, digest, sizeof tag);
	return tag != 0 ? tag : 1;
}

/* An IPv4 address whole, of an IPv6 address what one customer gets. */
static uint64_t address_tag(const struct limits *l, const char *address)
{
	uint8_t bytes[17] = { 4 };

	if (inet_pton(AF_INET, address, bytes + 1) == 1)
		return tag_of(l, bytes, 5);
	bytes[0] = 6;
	if (inet_pton(AF_INET6, address, bytes + 1) == 1)
		return tag_of(l, bytes, 9);
	return tag_of(l, address, strlen(address));
}

/* A bucket is empty again a minute after it was full. */
static void leak(struct bucket *b, int64_t per_minute, int64_t now)
{
	b->level -= (double)(now - b->time) * (double)per_minute / MINUTE;
	if (b->level < 0)
		b->level = 0;
	b->time = now;
}

static struct bucket *find(struct bucket table[SETS][WAYS], uint64_t tag, int64_t per_minute,
	int64_t now)
{
	struct bucket *set = table[tag % SETS], *lowest = set;

	for (int i = 0; i < WAYS; i++) {
		if (set[i].tag == tag) {
			leak(&set[i], per_minute, now);
			return &set[i];
		}
		leak(&set[i], per_minute, now);
		if (set[i].level < lowest->level)
			lowest = &set[i];
	}
	lowest->tag = tag;
	lowest->level = 0;
	lowest->time = now;
	return lowest;
}

/* One attempt more; milliseconds to wait when there were too many. */
static int64_t fill(struct bucket *b, int64_t per_minute)
{
	double excess;

	b->level += 1;
	excess = b->level - (double)per_minute;
	/* What nobody waits for need not be remembered: it would only last longer. */
	if (b->level > 4 * (double)per_minute)
		b->level = 4 * (double)per_minute;
	return excess > 0 ? (int64_t)(excess * MINUTE / (double)per_minute) : 0;
}

static int64_t later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

int64_t limits_admit(struct limits *l, const struct limits_config *config, const char *account,
	const char *address, int64_t now)
{
	int64_t wait = 0;

	if (config->per_account > 0)
		wait = later(wait, fill(find(l->accounts, tag_of(l, account, strlen(account)),
						config->per_account, now),
					   config->per_account));
	if (config->per_address > 0)
		wait = later(wait, fill(find(l->addresses, address_tag(l, address),
						config->per_address, now),
					   config->per_address));
	if (config->overall > 0) {
		leak(&l->all, config->overall, now);
		wait = later(wait, fill(&l->all, config->overall));
	}
	return wait < config->delay_max * 1000 ? wait : config->delay_max * 1000;
}

static void forgive(struct bucket *b)
{
	b->level = b->level > 1 ? b->level - 1 : 0;
}

void limits_forgive(struct limits *l, const struct limits_config *config, const char *account,
	const char *address, int64_t now)
{
	if (config->per_account > 0)
		forgive(find(l->accounts, tag_of(l, account, strlen(account)),
			config->per_account, now));
	if (config->per_address > 0)
		forgive(find(l->addresses, address_tag(l, address), config->per_address, now));
	if (config->overall > 0)
		forgive(&l->all);
}

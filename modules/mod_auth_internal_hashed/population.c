/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* population.c - see population.h. */
#include "modules/mod_auth_internal_hashed/population.h"

#include <stdio.h>
#include <string.h>

static void class_of(const struct keys *keys, struct population_class *c)
{
	memset(c, 0, sizeof *c);
	for (uint32_t h = 0; h < TCT_AUTH_HASHES; h++) {
		if ((keys->hashes & 1u << h) == 0)
			continue;
		c->iterations[h] = keys->of[h].iterations;
		c->salt_len[h] = keys->of[h].salt_len;
	}
}

static bool same(const struct population_class *a, const struct population_class *b)
{
	return memcmp(a->iterations, b->iterations, sizeof a->iterations) == 0 &&
		memcmp(a->salt_len, b->salt_len, sizeof a->salt_len) == 0;
}

/* The entry for accounts like `c`; for a new one it is made when there is room. Sums over
 * entries of the same hashes are always right, whichever of them one account is counted in. */
static struct population_class *entry(struct population *p, const struct population_class *c,
	uint32_t hashes, bool new)
{
	struct population_class *unused = NULL;

	for (size_t i = 0; i < POPULATION_EXACT; i++) {
		struct population_class *e = &p->classes[i];

		if (e->accounts == 0)
			unused = unused != NULL ? unused : e;
		else if (same(e, c))
			return e;
	}
	if (unused != NULL && new) {
		*unused = *c;
		return unused;
	}
	unused = &p->classes[POPULATION_EXACT + hashes];
	for (uint32_t h = 0; h < TCT_AUTH_HASHES; h++)
		unused->iterations[h] = (hashes & 1u << h) != 0;
	return unused;
}

static void less(uint32_t *n)
{
	if (*n > 0)
		--*n;
}

void population_change(struct population *p, const struct keys *was, const struct keys *is)
{
	struct population_class c, *e;

	if (was != NULL) {
		class_of(was, &c);
		e = entry(p, &c, was->hashes, false);
		less(&e->accounts);
		if (!was->disabled)
			less(&e->enabled);
	}
	if (is != NULL) {
		class_of(is, &c);
		e = entry(p, &c, is->hashes, true);
		e->accounts++;
		e->enabled += !is->disabled;
	}
}

uint32_t population_common(const struct population *p, uint32_t hashes)
{
	for (size_t i = 0; i < POPULATION_CLASSES; i++) {
		const struct population_class *c = &p->classes[i];

		for (uint32_t h = 0; c->enabled > 0 && h < TCT_AUTH_HASHES; h++) {
			if (c->iterations[h] == 0)
				hashes &= ~(1u << h);
		}
	}
	return hashes;
}

const struct population_class *population_pick(const struct population *p, uint64_t point)
{
	uint64_t total = 0, at;

	for (size_t i = 0; i < POPULATION_CLASSES; i++)
		total += p->classes[i].accounts;
	if (total == 0)
		return NULL;
	at = (total & UINT32_MAX) * (point >> 32) >> 32;
	for (size_t i = 0; i < POPULATION_CLASSES; i++) {
		if (at < p->classes[i].accounts)
			return &p->classes[i];
		at -= p->classes[i].accounts;
	}
	return NULL;
}

/* ---- the row ---- */

struct tct_record *population_encode(const struct population *p)
{
	struct tct_record *r = tct_record_new();

	for (int i = 0; i < POPULATION_CLASSES; i++) {
		const struct population_class *c = &p->classes[i];
		char name[8], text[128];

		if (c->accounts == 0)
			continue;
		snprintf(name, sizeof name, "%d", i);
		snprintf(text, sizeof text, "%u %u %u %u %u %u %u %u", c->iterations[0],
			c->iterations[1], c->iterations[2], c->salt_len[0], c->salt_len[1],
			c->salt_len[2], c->accounts, c->enabled);
		tct_record_set_string(r, name, text);
	}
	tct_record_set_int(r, "format", 1);
	return r;
}

bool population_decode(const struct tct_value *v, struct population *p)
{
	memset(p, 0, sizeof *p);
	if (v->kind != TCT_VALUE_RECORD || tct_record_int(v, "format", 0) != 1)
		return false;
	for (int i = 0; i < POPULATION_CLASSES; i++) {
		struct population_class *c = &p->classes[i];
		char name[8];
		const char *text;

		snprintf(name, sizeof name, "%d", i);
		text = tct_record_string(v, name, NULL);
		if (text != NULL &&
			sscanf(text, "%u %u %u %u %u %u %u %u", &c->iterations[0],
				&c->iterations[1], &c->iterations[2], &c->salt_len[0],
				&c->salt_len[1], &c->salt_len[2], &c->accounts,
				&c->enabled) != 8)
			return false;
	}
	return true;
}

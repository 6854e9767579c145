/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* table.h - which accounts are in which groups, made from the options once and then only
 * looked at. */
#pragma once

#include <tercet/module.h>

struct group_config {
	const char *name;
	const char *const *members;
};

struct groups_config {
	struct tct_groups groups; /* struct group_config */
};

struct group {
	char *name;
	const struct tct_jid **members; /* bare, counted, sorted by text */
	size_t count;
};

struct table;

/* NULL: the options are not acceptable, and `err` says why. The caller frees it. */
struct table *table_new(
	struct tct_mod *m, const struct groups_config *config, struct tct_error *err);
void table_free(struct table *t); /* NULL: nothing */

/* The group of that name; NULL: none. */
const struct group *table_group(const struct table *t, const char *name);
bool group_has(const struct group *group, const struct tct_jid *jid);

/* The member of any group that comes after `jid` (NULL: the first), each once; NULL: none. */
const struct tct_jid *table_next(const struct table *t, const struct tct_jid *jid);

typedef void table_fellow_fn(
	const struct group *group, const struct tct_jid *fellow, void *data);
/* All that are in a group with `jid`, for each such group. */
void table_fellows(const struct table *t, const struct tct_jid *jid, table_fellow_fn *fn,
	void *data);

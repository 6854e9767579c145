/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* table.c - see table.h. Groups are sorted by name; `seats`, one for each account in each
 * group, by account: a login finds its groups with one search. */
#include "modules/mod_groups/table.h"

#include <stdlib.h>
#include <string.h>

#define GROUPS_MAX 200
#define MEMBERS_MAX 500
#define NAME_MAX_BYTES 1023 /* as for groups that clients make */

struct seat {
	const struct tct_jid *jid; /* the group's */
	const struct group *group;
};

struct table {
	struct group *groups;
	size_t count;
	struct seat *seats;
	size_t seat_count;
};

static void *allocate(size_t count, size_t size)
{
	void *p = calloc(count + 1, size);

	if (p == NULL)
		abort(); /* the configuration is bounded */
	return p;
}

/* ---- making one ---- */

static int by_text(const void *a, const void *b)
{
	const struct tct_jid *const *x = a, *const *y = b;

	return strcmp(tct_jid_text(*x), tct_jid_text(*y));
}

static int by_name(const void *a, const void *b)
{
	const struct group *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static int by_jid(const void *a, const void *b)
{
	const struct seat *x = a, *y = b;
	int order = strcmp(tct_jid_text(x->jid), tct_jid_text(y->jid));

	return order != 0 ? order : strcmp(x->group->name, y->group->name);
}

/* The account that a member is: a name, or an address of the host; NULL: neither. */
static const struct tct_jid *member_jid(struct tct_mod *m, const char *text)
{
	const char *host = tct_host_name(tct_mod_host(m));
	const struct tct_jid *jid = strchr(text, '@') != NULL || strchr(text, '/') != NULL
		? tct_jid_new(text)
		: tct_jid_make(text[0] != '\0' ? text : NULL, host, NULL);

	if (jid != NULL && tct_jid_node(jid) != NULL && tct_jid_resource(jid) == NULL &&
		strcmp(tct_jid_domain(jid), host) == 0)
		return jid;
	tct_jid_unref(jid);
	return NULL;
}

static int fill_group(struct tct_mod *m, struct group *group,
	const struct group_config *config, struct tct_error *err)
{
	size_t count = 0;

	while (config->members[count] != NULL)
		count++;
	group->name = strdup(config->name);
	if (group->name == NULL)
		abort();
	if (config->name[0] == '\0' || strlen(config->name) > NAME_MAX_BYTES)
		return tct_error_set(err, TCT_EINVAL,
			"group \"%.40s\" has no acceptable name (1 to 1023 bytes)",
			config->name);
	if (count > MEMBERS_MAX)
		return tct_error_set(err, TCT_EINVAL,
			"group \"%s\" has too many members (%zu, at most 500)", config->name,
			count);
	group->members = allocate(count, sizeof(const struct tct_jid *));
	for (; group->count < count; group->count++) {
		const char *text = config->members[group->count];

		group->members[group->count] = member_jid(m, text);
		if (group->members[group->count] == NULL)
			return tct_error_set(err, TCT_EINVAL,
				"group \"%s\" has a member \"%s\" that is no account of this host",
				config->name, text);
	}
	qsort(group->members, count, sizeof *group->members, by_text);
	for (size_t i = 1; i < count; i++) {
		if (tct_jid_equal(group->members[i - 1], group->members[i]))
			return tct_error_set(err, TCT_EINVAL,
				"group \"%s\" has \"%s\" twice", config->name,
				tct_jid_text(group->members[i]));
	}
	return TCT_OK;
}

static void fill_seats(struct table *t)
{
	size_t count = 0;

	for (size_t i = 0; i < t->count; i++)
		count += t->groups[i].count;
	t->seats = allocate(count, sizeof *t->seats);
	for (size_t i = 0; i < t->count; i++) {
		for (size_t at = 0; at < t->groups[i].count; at++)
			t->seats[t->seat_count++] = (struct seat){
				t->groups[i].members[at], &t->groups[i] };
	}
	qsort(t->seats, t->seat_count, sizeof *t->seats, by_jid);
}

static int fill(struct tct_mod *m, struct table *t, const struct tct_groups *groups,
	struct tct_error *err)
{
	const struct group_config *configs = groups->items;

	if (groups->count > GROUPS_MAX)
		return tct_error_set(err, TCT_EINVAL,
			"there are too many groups (%zu, at most 200)", groups->count);
	t->groups = allocate(groups->count, sizeof *t->groups);
	for (size_t i = 0; i < groups->count; i++) {
		t->count++;
		if (fill_group(m, &t->groups[i], &configs[i], err) != TCT_OK)
			return TCT_EINVAL;
	}
	qsort(t->groups, t->count, sizeof *t->groups, by_name);
	for (size_t i = 1; i < t->count; i++) {
		if (by_name(&t->groups[i - 1], &t->groups[i]) == 0)
			return tct_error_set(err, TCT_EINVAL,
				"there are two groups \"%s\"", t->groups[i].name);
	}
	fill_seats(t);
	return TCT_OK;
}

struct table *table_new(
	struct tct_mod *m, const struct groups_config *config, struct tct_error *err)
{
	struct table *t = allocate(1, sizeof *t);

	if (fill(m, t, &config->groups, err) == TCT_OK)
		return t;
	table_free(t);
	return NULL;
}

void table_free(struct table *t)
{
	if (t == NULL)
		return;
	for (size_t i = 0; i < t->count; i++) {
		for (size_t at = 0; at < t->groups[i].count; at++)
			tct_jid_unref(t->groups[i].members[at]);
		free(t->groups[i].members);
		free(t->groups[i].name);
	}
	free(t->groups);
	free(t->seats);
	free(t);
}

/* ---- asking ---- */

const struct group *table_group(const struct table *t, const char *name)
{
	size_t low = 0, high = t->count;

	while (low < high) {
		size_t middle = (low + high) / 2;
		int order = strcmp(t->groups[middle].name, name);

		if (order == 0)
			return &t->groups[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

bool group_has(const struct group *group, const struct tct_jid *jid)
{
	return bsearch(&jid, group->members, group->count, sizeof *group->members,
		       by_text) != NULL;
}

/* The first seat of `jid`, or of who comes after it. */
static size_t first_seat(const struct table *t, const struct tct_jid *jid)
{
	size_t low = 0, high = t->seat_count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (strcmp(tct_jid_text(t->seats[middle].jid), tct_jid_text(jid)) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

const struct tct_jid *table_next(const struct table *t, const struct tct_jid *jid)
{
	size_t at = jid != NULL ? first_seat(t, jid) : 0;

	while (jid != NULL && at < t->seat_count && tct_jid_equal(t->seats[at].jid, jid))
		at++;
	return at < t->seat_count ? t->seats[at].jid : NULL;
}

void table_fellows(const struct table *t, const struct tct_jid *jid, table_fellow_fn *fn,
	void *data)
{
	for (size_t at = first_seat(t, jid);
		at < t->seat_count && tct_jid_equal(t->seats[at].jid, jid); at++) {
		const struct group *group = t->seats[at].group;

		for (size_t i = 0; i < group->count; i++) {
			if (!tct_jid_equal(group->members[i], jid))
				fn(group, group->members[i], data);
		}
	}
}

/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* memory.c - see memory.h. */
#include "memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_NUMBERS 48 /* two numbers, spaces and a newline */

/* FNV-1a. */
size_t memory_group(const char *domain)
{
	uint32_t h = 2166136261u;

	for (; *domain != '\0'; domain++)
		h = (h ^ (unsigned char)*domain) * 16777619u;
	return h % MEMORY_GROUPS;
}

static struct memory_entry *find(const struct memory *m, size_t group, const char *domain)
{
	for (size_t i = 0; i < m->counts[group]; i++) {
		if (strcmp(m->groups[group][i].domain, domain) == 0)
			return &m->groups[group][i];
	}
	return NULL;
}

static void take_out(struct memory *m, size_t group, struct memory_entry *e)
{
	free(e->domain);
	*e = m->groups[group][--m->counts[group]];
}

static void make_room(struct memory *m, size_t group)
{
	struct memory_entry *list = m->groups[group], *worst = list;

	if (m->counts[group] < MEMORY_GROUP_MAX)
		return;
	for (size_t i = 1; i < m->counts[group]; i++) {
		int64_t span = list[i].last - list[i].first, least = worst->last - worst->first;

		if (span < least || (span == least && list[i].last < worst->last))
			worst = &list[i];
	}
	take_out(m, group, worst);
}

static void add(struct memory *m, size_t group, const char *domain, size_t len, int64_t first,
	int64_t last)
{
	struct memory_entry *e;

	make_room(m, group);
	if (m->groups[group] == NULL)
		m->groups[group] = calloc(MEMORY_GROUP_MAX, sizeof **m->groups);
	if (m->groups[group] == NULL)
		abort();
	e = &m->groups[group][m->counts[group]];
	*e = (struct memory_entry){ strndup(domain, len), first, last };
	if (e->domain == NULL)
		abort();
	m->counts[group]++;
}

/* A clock that went back changes nothing. */
bool memory_seen(struct memory *m, const char *domain, int64_t day)
{
	size_t group = memory_group(domain);
	struct memory_entry *e = find(m, group, domain);

	if (e == NULL)
		add(m, group, domain, strlen(domain), day, day);
	else if (day > e->last)
		e->last = day;
	else
		return false;
	return true;
}

const struct memory_entry *memory_find(const struct memory *m, const char *domain)
{
	return find(m, memory_group(domain), domain);
}

bool memory_is_long(const struct memory *m, const char *domain, int64_t days)
{
	const struct memory_entry *e = memory_find(m, domain);

	return e != NULL && e->last - e->first >= days;
}

bool memory_forget(struct memory *m, const char *domain)
{
	size_t group = memory_group(domain);
	struct memory_entry *e = find(m, group, domain);

	if (e != NULL)
		take_out(m, group, e);
	return e != NULL;
}

char *memory_text(const struct memory *m, size_t group)
{
	size_t size = 1, len = 0;
	char *text;

	for (size_t i = 0; i < m->counts[group]; i++)
		size += strlen(m->groups[group][i].domain) + LINE_NUMBERS;
	text = malloc(size);
	if (text == NULL)
		abort();
	text[0] = '\0';
	for (size_t i = 0; i < m->counts[group]; i++) {
		const struct memory_entry *e = &m->groups[group][i];

		len += (size_t)snprintf(text + len, size - len, "%lld %lld %s\n",
			(long long)e->first, (long long)e->last, e->domain);
	}
	return text;
}

/* No domain has white space. */
void memory_read(struct memory *m, size_t group, const char *text)
{
	while (*text != '\0') {
		size_t line = strcspn(text, "\n");
		char *end;
		long long first = strtoll(text, &end, 10), last;

		if (*end == ' ') {
			last = strtoll(end + 1, &end, 10);
			if (*end == ' ' && end + 1 < text + line && last >= first)
				add(m, group, end + 1, (size_t)(text + line - end - 1), first,
					last);
		}
		text += line + (text[line] == '\n');
	}
}

void memory_fini(struct memory *m)
{
	for (size_t g = 0; g < MEMORY_GROUPS; g++) {
		for (size_t i = 0; i < m->counts[g]; i++)
			free(m->groups[g][i].domain);
		free(m->groups[g]);
	}
	memset(m, 0, sizeof *m);
}

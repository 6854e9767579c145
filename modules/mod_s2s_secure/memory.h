/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* memory.h - which domains were seen with a valid certificate, on which day first and on which last,
 * so that one that had one for long is not believed without. Bounded: a domain has its place in
 * one of a few groups, and each group is one row of the store, written when a day in it changes.
 * Where there is no room, the one goes that was seen for the shortest time: who comes with many
 * new domains pushes out his own. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MEMORY_GROUPS 16
#define MEMORY_GROUP_MAX 640 /* domains of one */

struct memory_entry {
	char *domain;
	int64_t first, last; /* days since 1970 */
};
struct memory {
	struct memory_entry *groups[MEMORY_GROUPS];
	size_t counts[MEMORY_GROUPS];
};

/* The group of a domain, the same for ever. */
size_t memory_group(const char *domain);
/* It was seen on that day. True: its group has changed. */
bool memory_seen(struct memory *m, const char *domain, int64_t day);
/* NULL: it is not known. Borrowed until the next change. */
const struct memory_entry *memory_find(const struct memory *m, const char *domain);
/* It was seen over that many days. */
bool memory_is_long(const struct memory *m, const char *domain, int64_t days);
bool memory_forget(struct memory *m, const char *domain);
/* A group as text, a line for each domain; the caller frees it. */
char *memory_text(const struct memory *m, size_t group);
/* And back, into an empty group; what is no such line is left out. */
void memory_read(struct memory *m, size_t group, const char *text);
void memory_fini(struct memory *m);

/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* failures.c - domains that could not be reached, and why: tried again after a while that doubles
 * with each failure. A sorted array, bounded: the oldest one is forgotten. */
#include "s2s.h"

#include <stdlib.h>
#include <string.h>

#define FAILURES_MAX 1000

/* Where it is, or would be. */
static size_t place(const struct s2s *s, const char *remote, bool *found)
{
	size_t low = 0, high = s->failure_count;

	*found = false;
	while (low < high) {
		size_t middle = (low + high) / 2;
		int c = strcmp(s->failures[middle]->remote, remote);

		if (c == 0) {
			*found = true;
			return middle;
		}
		if (c < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void take_out(struct s2s *s, size_t at)
{
	struct failure *f = s->failures[at];

	s->failure_count--;
	memmove(&s->failures[at], &s->failures[at + 1],
		(s->failure_count - at) * sizeof *s->failures);
	free(f->remote);
	free(f->reason);
	free(f);
}

static void make_room(struct s2s *s)
{
	size_t oldest = 0;

	if (s->failures == NULL)
		s->failures = calloc(FAILURES_MAX, sizeof *s->failures);
	if (s->failures == NULL)
		abort();
	if (s->failure_count < FAILURES_MAX)
		return;
	for (size_t i = 1; i < s->failure_count; i++) {
		if (s->failures[i]->when < s->failures[oldest]->when)
			oldest = i;
	}
	take_out(s, oldest);
}

static struct failure *find_or_make(struct s2s *s, const char *remote)
{
	struct failure *f;
	bool found;
	size_t at = place(s, remote, &found);

	if (found)
		return s->failures[at];
	make_room(s);
	at = place(s, remote, &found);
	f = calloc(1, sizeof *f);
	if (f == NULL)
		abort();
	f->remote = s2s_copy(remote);
	memmove(&s->failures[at + 1], &s->failures[at],
		(s->failure_count - at) * sizeof *s->failures);
	s->failures[at] = f;
	s->failure_count++;
	return f;
}

void failure_remember(struct s2s *s, const char *remote, uint32_t condition, const char *reason)
{
	const struct s2s_config *config = tct_mod_config(s->mod);
	struct failure *f = find_or_make(s, remote);
	int64_t wait = config->retry;

	for (uint32_t i = 0; i < f->count && wait < config->retry_max; i++)
		wait *= 2;
	free(f->reason);
	f->reason = s2s_copy(reason);
	f->condition = condition;
	f->count++;
	f->when = tct_now();
	f->again = tct_monotonic() + (wait < config->retry_max ? wait : config->retry_max);
}

void failure_forget(struct s2s *s, const char *remote)
{
	bool found;
	size_t at = place(s, remote, &found);

	if (found)
		take_out(s, at);
}

const struct failure *failure_find(const struct s2s *s, const char *remote)
{
	bool found;
	size_t at = place(s, remote, &found);

	return found ? s->failures[at] : NULL;
}

const struct failure *failure_in_force(const struct s2s *s, const char *remote)
{
	const struct failure *f = failure_find(s, remote);

	return f != NULL && f->again > tct_monotonic() ? f : NULL;
}

void failures_fini(struct s2s *s)
{
	while (s->failure_count > 0)
		take_out(s, s->failure_count - 1);
	free(s->failures);
	s->failures = NULL;
}

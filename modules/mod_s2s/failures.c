/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* failures.c - domains that could not be reached, and those that were refused, and why. What could
 * not be reached is tried again after a while that doubles with each failure. A sorted array,
 * bounded: the oldest one is forgotten, first of those that nothing waits for: strangers can say
 * to be anybody. */
#include "s2s.h"

#include <stdlib.h>
#include <string.h>

#define FAILURES_MAX 1000

static int compare(const void *item, const void *remote)
{
	return strcmp((*(struct failure *const *)item)->remote, remote);
}

/* Where it is, or would be. */
static size_t place(const struct s2s *s, const char *remote, bool *found)
{
	return s2s_place(s->failures, s->failure_count, compare, remote, found);
}

static void note_fini(struct note *n)
{
	free(n->reason);
	free(n->advice);
}

static void take_out(struct s2s *s, size_t at)
{
	struct failure *f = s->failures[at];

	s->failure_count--;
	memmove(&s->failures[at], &s->failures[at + 1],
		(s->failure_count - at) * sizeof *s->failures);
	for (size_t i = 0; i < NOTES_MAX; i++) {
		note_fini(&f->notes[0][i]);
		note_fini(&f->notes[1][i]);
	}
	free(f->remote);
	free(f);
}

static bool goes_before(const struct failure *a, const struct failure *b)
{
	return (a->count > 0) != (b->count > 0) ? b->count > 0 : a->when < b->when;
}

static void make_room(struct s2s *s)
{
	size_t first = 0;

	if (s->failures == NULL)
		s->failures = calloc(FAILURES_MAX, sizeof *s->failures);
	if (s->failures == NULL)
		abort();
	if (s->failure_count < FAILURES_MAX)
		return;
	for (size_t i = 1; i < s->failure_count; i++) {
		if (goes_before(s->failures[i], s->failures[first]))
			first = i;
	}
	take_out(s, first);
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

/* One that is like the last one takes its place. */
static void add_note(struct failure *f, bool incoming, uint32_t cause, const char *reason,
	struct tct_stream *stream)
{
	struct note *notes = f->notes[incoming];
	char advice[ADVICE_MAX];
	bool alike = notes[0].reason != NULL && notes[0].cause == cause &&
		strcmp(notes[0].reason, reason) == 0;
	uint32_t count = alike ? notes[0].count + 1 : 1;

	note_fini(&notes[alike ? 0 : NOTES_MAX - 1]);
	if (!alike)
		memmove(&notes[1], &notes[0], (NOTES_MAX - 1) * sizeof *notes);
	cause_advice(advice, cause, stream);
	notes[0] = (struct note){ tct_now_us(), cause, count, s2s_copy(reason), s2s_copy(advice) };
	f->when = notes[0].when;
}

void failure_remember(struct s2s *s, const char *remote, uint32_t cause, const char *reason,
	struct tct_stream *stream)
{
	const struct s2s_config *config = tct_mod_config(s->mod);
	struct failure *f = find_or_make(s, remote);
	int64_t wait = config->retry;

	for (uint32_t i = 0; i < f->count && wait < config->retry_max; i++)
		wait *= 2;
	f->cause = cause;
	f->count++;
	f->again = tct_monotonic() + (wait < config->retry_max ? wait : config->retry_max);
	add_note(f, false, cause, reason, stream);
}

void failure_mention(struct s2s *s, const char *remote, uint32_t cause, const char *reason,
	struct tct_stream *stream)
{
	add_note(find_or_make(s, remote), false, cause, reason, stream);
}

void failure_note(struct s2s *s, const char *remote, uint32_t cause, const char *reason,
	struct tct_stream *stream)
{
	add_note(find_or_make(s, remote), true, cause, reason, stream);
}

void failure_over(struct s2s *s, const char *remote)
{
	bool found;
	size_t at = place(s, remote, &found);

	if (found) {
		s->failures[at]->count = 0;
		s->failures[at]->again = 0;
	}
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

	return f != NULL && f->count > 0 && f->again > tct_monotonic() ? f : NULL;
}

static void show(const struct failure *f, bool incoming, size_t i, tcti_s2s_error_fn *fn, void *data)
{
	const struct note *n = &f->notes[incoming][i];
	struct tcti_s2s_error e = { .size = sizeof e, .remote = f->remote, .incoming = incoming,
		.when = n->when / 1000000, .count = n->count, .condition = incoming ? cause_told(n->cause) : cause_condition(n->cause),
		.reason = n->reason, .advice = n->advice };

	fn(&e, data);
}

/* Both directions, by time. */
static void show_all(const struct failure *f, tcti_s2s_error_fn *fn, void *data)
{
	size_t out = 0, in = 0;

	for (;;) {
		const struct note *a = out < NOTES_MAX ? &f->notes[0][out] : NULL;
		const struct note *b = in < NOTES_MAX ? &f->notes[1][in] : NULL;
		bool has_a = a != NULL && a->reason != NULL, has_b = b != NULL && b->reason != NULL;

		if (!has_a && !has_b)
			return;
		if (has_a && (!has_b || a->when >= b->when))
			show(f, false, out++, fn, data);
		else
			show(f, true, in++, fn, data);
	}
}

void failures_each(struct s2s *s, const char *remote, tcti_s2s_error_fn *fn, void *data)
{
	for (size_t i = 0; i < s->failure_count; i++) {
		if (remote == NULL || strcmp(s->failures[i]->remote, remote) == 0)
			show_all(s->failures[i], fn, data);
	}
}

void failures_fini(struct s2s *s)
{
	while (s->failure_count > 0)
		take_out(s, s->failure_count - 1);
	free(s->failures);
	s->failures = NULL;
}

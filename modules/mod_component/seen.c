/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* seen.c - who sees which address of a component available. When the component goes without a
 * word, its contacts are told what it would have told them. A table of pairs, bounded; what does
 * not fit is told when it is asked for (a probe). */
#include "modules/mod_component/component.h"

#include <stdlib.h>
#include <string.h>

static struct seen **bucket(struct component *c, const struct tct_jid *from,
	const struct tct_jid *to)
{
	const char *a = tct_jid_text(from), *b = tct_jid_text(to);
	uint64_t both[2] = { tct_hash(a, strlen(a)), tct_hash(b, strlen(b)) };

	return &c->seen[tct_hash(both, sizeof both) % SEEN_BUCKETS];
}

/* The place of the pair: the pointer to it, or the one at the end. */
static struct seen **place(struct component *c, const struct tct_jid *from,
	const struct tct_jid *to)
{
	struct seen **at = bucket(c, from, to);

	while (*at != NULL &&
		!(tct_jid_equal((*at)->from, from) && tct_jid_equal((*at)->to, to)))
		at = &(*at)->next;
	return at;
}

static void drop(struct component *c, struct seen **at)
{
	struct seen *s = *at;

	*at = s->next;
	c->seen_count--;
	tct_jid_unref(s->from);
	tct_jid_unref(s->to);
	free(s);
}

static void add(struct component *c, struct seen **at, const struct tct_stanza *st)
{
	const struct component_config *config = tct_mod_config(c->m);
	struct seen *s;

	if (c->seen_count >= (size_t)config->max_presences) {
		if (!c->seen_full)
			tct_log_notice(c->m,
				"component %s has more than %lld presences (component."
				"max_presences): not all who see it will learn when it is gone",
				c->domain, (long long)config->max_presences);
		c->seen_full = true;
		return;
	}
	s = calloc(1, sizeof *s);
	if (s == NULL)
		abort(); /* the table is bounded; as the server does */
	s->from = tct_jid_ref(tct_stanza_from(st));
	s->to = tct_jid_ref(tct_stanza_to(st));
	*at = s;
	c->seen_count++;
}

void seen_note(struct component *c, const struct tct_stanza *st)
{
	uint32_t type = tct_stanza_type(st);
	struct seen **at;

	if (type != TCT_PRESENCE_AVAILABLE && type != TCT_PRESENCE_UNAVAILABLE)
		return;
	at = place(c, tct_stanza_from(st), tct_stanza_to(st));
	if (type == TCT_PRESENCE_AVAILABLE && *at == NULL)
		add(c, at, st);
	else if (type == TCT_PRESENCE_UNAVAILABLE && *at != NULL)
		drop(c, at);
}

void seen_end(struct component *c)
{
	for (size_t i = 0; i < SEEN_BUCKETS; i++) {
		while (c->seen[i] != NULL) {
			const struct seen *s = c->seen[i];

			tct_route(c->m, NULL,
				tct_stanza_new(TCT_PRESENCE_UNAVAILABLE, s->from, s->to, NULL));
			drop(c, &c->seen[i]);
		}
	}
	c->seen_full = false;
}

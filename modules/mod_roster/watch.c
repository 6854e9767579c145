/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* watch.c - instances that are told of changes. A watch lies in the scope of its user, so
 * it goes with it. */
#include "modules/mod_roster/roster.h"

struct roster_watch {
	struct roster_watch *next, **prev;
	struct tct_mod *user;
	tct_roster_changed_fn *fn;
};

static void unlink_watch(void *block)
{
	struct roster_watch *w = block;

	*w->prev = w->next;
	if (w->next != NULL)
		w->next->prev = w->prev;
}

void roster_watch(struct tct_mod *m, struct tct_mod *user, tct_roster_changed_fn *fn)
{
	struct roster_data *data = tct_mod_data(m);
	struct roster_watch *w =
		tct_scope_alloc(tct_mod_scope(user), sizeof *w, unlink_watch);

	w->user = user;
	w->fn = fn;
	w->next = data->watches;
	w->prev = &data->watches;
	if (w->next != NULL)
		w->next->prev = &w->next;
	data->watches = w;
}

void roster_changed(struct tct_mod *m, struct tct_event *ev, struct tct_entity *e,
	const struct tct_jid *contact, uint32_t before, uint32_t after)
{
	struct roster_data *data = tct_mod_data(m);

	for (struct roster_watch *w = data->watches; w != NULL; w = w->next)
		w->fn(w->user, ev, e, contact, before, after);
}

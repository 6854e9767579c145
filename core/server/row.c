/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* row.c - see row.h. */
#include "core/server/row.h"

#include "core/base/mem.h"
#include "core/server/entity.h"
#include "core/server/host.h"
#include "core/store/txn.h"

#include <stddef.h>
#include <stdlib.h>

static struct row *of_note(struct delivery_note *n)
{
	return (struct row *)((char *)n - offsetof(struct row, note));
}

static void unwatch(struct row *r)
{
	if (r->orphan)
		list_remove(&r->in_mod.link);
	else
		scope_remove(&r->in_mod);
	r->orphan = false;
}

static void row_free(struct row *r)
{
	unwatch(r);
	if (r->entity != NULL)
		entity_unpin(r->entity);
	free(r);
}

static void row_done(struct row *r)
{
	if (r->mod != NULL) {
		mod_enter(r->mod);
		r->done(r->mod, r->entity, r->id, r->taken,
			txn_of_arrivals(r->entity->host->env));
		mod_leave(r->mod);
	}
	/* Whoever kept the row would think that its message waits still. */
	if (r->orphan && r->taken)
		r->ended = true;
	else
		row_free(r);
}

static void call_done(struct turn_item *item)
{
	row_done(list_entry(item, struct row, item));
}

static void row_end(struct delivery_note *n)
{
	struct row *r = of_note(n);

	if (r->mod != NULL)
		turn_push(&r->item, call_done);
	else
		row_done(r);
}

struct row *row_new(struct tct_archive *a, uint64_t id)
{
	struct row *r = mem_zalloc(sizeof *r);

	r->note.refs = 1;
	r->note.end = row_end;
	r->archive = a;
	r->id = id;
	list_init(&r->item.link);
	return r;
}

static void mod_ends(struct scope_node *node)
{
	struct row *r = list_entry(node, struct row, in_mod);

	r->mod = NULL;
	r->orphan = true;
	list_push(&r->entity->orphans, &r->in_mod.link);
}

void row_watch(struct row *r, struct tct_mod *m, struct tct_entity *e, tct_row_done_fn *done)
{
	unwatch(r);
	if (r->entity == NULL) {
		r->entity = e;
		entity_pin(e);
	}
	r->mod = m;
	r->done = done;
	scope_add(&m->scope, &r->in_mod, mod_ends);
}

struct row *row_ref(struct row *r)
{
	delivery_note_ref(&r->note);
	return r;
}

void row_unref(struct row *r)
{
	delivery_note_unref(&r->note);
}

struct row *row_of(const struct delivery *d)
{
	struct delivery_note *n = delivery_get_note(d);

	return n != NULL ? of_note(n) : NULL;
}

void row_copy(struct row *r, struct delivery *d)
{
	if (delivery_get_note(d) == NULL)
		delivery_set_note(d, &r->note);
	r->copies++;
}

void row_taken(struct delivery *d)
{
	struct row *r = row_of(d);

	if (r == NULL)
		return;
	r->taken = true;
	if (r->copies > 0)
		r->copies--;
}

bool row_returned(const struct delivery *d)
{
	struct row *r = row_of(d);

	if (r == NULL)
		return true;
	if (r->copies > 0)
		r->copies--;
	return r->copies == 0 && !r->taken;
}

/* ---- whose keeper has ended ---- */

void rows_adopt(struct tct_mod *m, struct tct_archive *a, struct tct_entity *e, row_ask_fn *ask,
	void *data)
{
	struct list *node = e->orphans.next, *next;

	for (; node != &e->orphans; node = next) {
		struct row *r = list_entry(node, struct row, in_mod.link);
		tct_row_done_fn *fn = r->archive == a ? ask(e, r->id, data) : NULL;

		next = node->next;
		if (fn == NULL)
			continue;
		row_watch(r, m, e, fn);
		if (r->ended)
			turn_push(&r->item, call_done);
		r->ended = false;
	}
}

void rows_forget(struct tct_entity *e)
{
	while (!list_empty(&e->orphans)) {
		struct row *r = list_entry(e->orphans.next, struct row, in_mod.link);

		if (r->ended)
			row_free(r);
		else
			unwatch(r);
	}
}

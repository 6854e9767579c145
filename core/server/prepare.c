/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* prepare.c - before a client binds with Bind 2 (XEP-0386): modules read what they have to tell
 * it, and the client waits for all of them. */
#include "core/base/mem.h"
#include "core/server/entity.h"
#include "core/server/host.h"
#include "core/server/turn.h"

#include <tercet/internal/stream.h>

#include <stdlib.h>

/* In the scope of who asked. */
struct prepare {
	struct tct_entity *entity; /* pinned */
	struct tct_scope *scope;
	struct list waits;
	tcti_prepared_fn *fn;
	void *data;
	bool asked; /* all who prepare something */
};

/* A module that reads; in its scope of the entity. */
struct tct_preparing {
	struct scope_node node;
	struct list link;
	struct prepare *of; /* NULL: nobody asks any more */
};

static void prepare_fini(void *block)
{
	struct prepare *p = block;
	struct tct_preparing *w;

	while (!list_empty(&p->waits)) {
		w = list_entry(p->waits.next, struct tct_preparing, link);
		list_remove(&w->link);
		w->of = NULL;
	}
	entity_unpin(p->entity);
}

static void ready(void *data)
{
	struct prepare *p = data;
	struct tct_scope *scope = p->scope;
	tcti_prepared_fn *fn = p->fn;
	void *its = p->data;

	/* The last thing: what is called may end the scope. */
	tct_scope_free(p);
	fn(scope, its);
}

static void release(struct tct_preparing *w)
{
	struct prepare *p = w->of;

	if (p != NULL) {
		list_remove(&w->link);
		if (p->asked && list_empty(&p->waits))
			turn_call(p->scope, ready, p);
	}
	free(w);
}

static void instance_ends(struct scope_node *node)
{
	release(list_entry(node, struct tct_preparing, node));
}

void tct_inline_prepared(struct tct_preparing *w)
{
	scope_remove(&w->node);
	release(w);
}

static void ask(const struct hook_notice *n, void *data)
{
	struct prepare *p = data;
	struct tct_preparing *w = mem_zalloc(sizeof *w);

	w->of = p;
	list_push(&p->waits, &w->link);
	scope_add(tct_entity_scope(n->mod, p->entity), &w->node, instance_ends);
	n->prepare(n->mod, p->entity, w);
}

bool tcti_inline_prepare(struct tct_scope *scope, struct tct_entity *e, tcti_prepared_fn *fn,
	void *data)
{
	struct prepare *p = tct_scope_alloc(scope, sizeof *p, prepare_fini);

	p->entity = e;
	entity_pin(e);
	p->scope = scope;
	p->fn = fn;
	p->data = data;
	list_init(&p->waits);
	hook_prepare(&e->host->hooks, ask, p);
	p->asked = true;
	if (!list_empty(&p->waits))
		return false;
	tct_scope_free(p);
	return true;
}

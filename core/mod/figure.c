/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* figure.c - see figure.h. */
#include "core/mod/figure.h"

#include "core/base/mem.h"
#include "core/loop/loop.h"

#include <stdlib.h>

static struct list figures = { &figures, &figures };

static void drop(struct scope_node *node)
{
	struct tct_figure *f = list_entry(node, struct tct_figure, node);

	list_remove(&f->link);
	free(f);
}

struct tct_figure *tct_figure_new(struct tct_mod *m, const char *name, const char *doc)
{
	struct tct_figure *f = mem_zalloc(sizeof *f);

	assert_loop();
	f->mod = m;
	f->name = name;
	f->doc = doc;
	list_push(&figures, &f->link);
	scope_add(&m->scope, &f->node, drop);
	return f;
}

void tct_figure_add(struct tct_figure *f, int64_t n)
{
	f->value += n;
}

void figure_each(void (*fn)(const struct tct_figure *f, void *data), void *data)
{
	list_each (node, &figures)
		fn(list_entry(node, struct tct_figure, link), data);
}

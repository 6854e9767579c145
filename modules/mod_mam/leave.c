/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* leave.c - before rows go, modules that refer to some of them are asked, one after the other,
 * and take the time that they need: nothing goes that somebody has not let go. A guard lies in
 * the scope of its user; when that ends, it has let go. */
#include "modules/mod_mam/mam.h"

#include <string.h>

struct mam_guard {
	struct mam_guard *next, **prev;
	struct tct_mod *m, *user;
	tct_archive_leaving_fn *fn;
};

/* In the scope of the instance. */
struct tct_archive_leave {
	struct tct_archive_leave *next, **prev;
	struct tct_mod *m;
	struct mam_guard *asked; /* its answer is missing; NULL: nobody's */
	struct mam_guard *then;  /* who is asked next */
	mam_leave_fn *fn;
	void *data;
	uint64_t up_to;
	bool refused;
	char user[]; /* empty: of all accounts */
};

static void unlink_leave(void *block)
{
	struct tct_archive_leave *l = block;

	*l->prev = l->next;
	if (l->next != NULL)
		l->next->prev = l->prev;
}

static void ask_next(struct tct_scope *scope, void *data)
{
	struct tct_archive_leave *l = data;
	struct mam_guard *g = l->then;

	(void)scope;
	if (g != NULL && !l->refused) {
		l->asked = g;
		l->then = g->next;
		g->fn(g->user, l->user[0] != '\0' ? l->user : NULL, l->up_to, l);
		return;
	}
	l->fn(l->m, l->data, !l->refused);
	tct_scope_free(l);
}

static void go_on(struct tct_archive_leave *l)
{
	l->asked = NULL;
	tct_timer_start(tct_mod_scope(l->m), 0, 0, ask_next, l);
}

void mam_leave(struct tct_mod *m, const char *user, uint64_t up_to, mam_leave_fn *fn, void *data)
{
	struct mam_data *mam = tct_mod_data(m);
	size_t len = strlen(user != NULL ? user : "") + 1;
	struct tct_archive_leave *l =
		tct_scope_alloc(tct_mod_scope(m), sizeof *l + len, unlink_leave);

	l->m = m;
	l->then = mam->guards;
	l->fn = fn;
	l->data = data;
	l->up_to = up_to;
	memcpy(l->user, user != NULL ? user : "", len);
	l->next = mam->leaves;
	l->prev = &mam->leaves;
	if (l->next != NULL)
		l->next->prev = &l->next;
	mam->leaves = l;
	go_on(l);
}

void mam_let_go(struct tct_mod *m, struct tct_archive_leave *l, bool ok)
{
	(void)m;
	l->refused |= !ok;
	go_on(l);
}

/* ---- who is asked ---- */

static void unlink_guard(void *block)
{
	struct mam_guard *g = block;
	struct mam_data *mam = tct_mod_data(g->m);

	*g->prev = g->next;
	if (g->next != NULL)
		g->next->prev = g->prev;
	for (struct tct_archive_leave *l = mam->leaves; l != NULL; l = l->next) {
		if (l->then == g)
			l->then = g->next;
		if (l->asked == g)
			go_on(l);
	}
}

void mam_guard(struct tct_mod *m, struct tct_mod *user, tct_archive_leaving_fn *fn)
{
	struct mam_data *mam = tct_mod_data(m);
	struct mam_guard *g = tct_scope_alloc(tct_mod_scope(user), sizeof *g, unlink_guard);

	g->m = m;
	g->user = user;
	g->fn = fn;
	g->next = mam->guards;
	g->prev = &mam->guards;
	if (g->next != NULL)
		g->next->prev = &g->next;
	mam->guards = g;
}

/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* ends.c - a client that binds with Bind 2 (XEP-0386 3.2) is told which message of its archive
 * is the first and which the last, as of the moment in which it is bound. Both are read before;
 * what is appended from there on is noted. As in a query, a message on its way hides those behind
 * it: a client that begins behind one of them would never see it. */
#include "modules/mod_mam/mam.h"

/* In the scope of the entity. */
struct reading {
	struct tct_entity *entity;
	struct tct_preparing *preparing;
	struct tct_archive_query page; /* the oldest row, then the newest */
	uint64_t oldest;
};

static void find(struct tct_scope *scope, struct reading *r);

static void end(struct tct_scope *scope, struct reading *r, int status, uint64_t newest)
{
	struct tct_mod *m = tct_scope_mod(scope);
	struct tct_preparing *preparing = r->preparing;
	struct mam_entity *e = tct_entity_data(m, r->entity);

	if (e->ends.reading > 0) /* else rows were put back, and what was known is forgotten */
		e->ends.reading--;
	e->ends.known = status == TCT_OK;
	e->ends.oldest = r->oldest;
	e->ends.newest = newest;
	if (status != TCT_OK)
		tct_log_warn(m, "the ends of the archive of \"%s\" cannot be read (%s)",
			tct_entity_user(r->entity), tct_code_text(status));
	tct_inline_prepared(preparing);
	tct_scope_free(r); /* last: it keeps the entity in memory */
}

static void on_row(struct tct_scope *scope, const struct tct_archive_page *page, void *data)
{
	struct reading *r = data;

	if (page->status != TCT_OK || page->count == 0 || r->page.reverse) {
		end(scope, r, page->status, page->count > 0 ? page->rows[0].id : 0);
		return;
	}
	r->oldest = page->rows[0].id;
	r->page.reverse = 1;
	find(scope, r);
}

static void find(struct tct_scope *scope, struct reading *r)
{
	const struct mam_data *data = tct_mod_data(tct_scope_mod(scope));

	tct_archive_find(scope, data->archive, tct_entity_user(r->entity), &r->page, on_row, r);
}

void mam_ends_prepare(struct tct_mod *m, struct tct_entity *e, struct tct_preparing *p)
{
	struct tct_scope *scope = tct_entity_scope(m, e);
	struct reading *r = tct_scope_alloc(scope, sizeof *r, NULL);
	struct mam_entity *data = tct_entity_data(m, e);
	uint64_t floor = mam_floor(m);

	r->entity = e;
	r->preparing = p;
	r->page = (struct tct_archive_query){ .size = sizeof r->page, .limit = 1,
		.after = floor > 0 ? floor - 1 : 0, .flags = TCT_ARCHIVE_SETTLED };
	/* All that was appended before will be read. */
	if (data->ends.reading++ == 0)
		data->ends.first = 0;
	find(scope, r);
}

/* The later one, if it may be shown. */
static uint64_t later(uint64_t newest, uint64_t id, uint64_t floor, uint64_t settled)
{
	return id > newest && id >= floor && id < settled ? id : newest;
}

void mam_ends_inline(struct tct_mod *m, struct tct_session *s, const struct tct_elem *request,
	struct tct_elem *bound)
{
	const struct mam_data *data = tct_mod_data(m);
	struct tct_entity *e = tct_session_entity(s);
	const struct mam_ends *ends = &((struct mam_entity *)tct_entity_data(m, e))->ends;
	uint64_t settled = tct_archive_settled(data->archive, tct_entity_user(e));
	uint64_t oldest = ends->oldest != 0 ? ends->oldest : ends->first, newest;

	(void)request;
	if (!ends->known)
		return;
	newest = later(0, ends->newest, 0, settled);
	newest = later(newest, ends->first, mam_floor(m), settled);
	newest = later(newest, ends->last, mam_floor(m), settled);
	mam_add_metadata(m, tct_entity_user(e), oldest != 0 ? oldest : newest, newest, bound);
}

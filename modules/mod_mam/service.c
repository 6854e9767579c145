/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* service.c - the service "archive" (tercet/archive.h). A watch lies in the scope of its
 * user, so it goes with it. */
#include "modules/mod_mam/mam.h"

struct mam_watch {
	struct mam_watch *next, **prev;
	struct tct_mod *user;
	tct_archive_fetched_fn *fn;
};

static uint64_t sent(struct tct_mod *m, struct tct_event *ev)
{
	return mam_note(m, ev)->sent;
}

static uint64_t kept(struct tct_mod *m, struct tct_event *ev)
{
	return mam_note(m, ev)->kept;
}

static void id_text(struct tct_mod *m, const char *user, uint64_t id,
	char out[TCT_ARCHIVE_ID_SIZE])
{
	const struct mam_data *data = tct_mod_data(m);

	mam_id_text(&data->ids, user, id, out);
}

static uint64_t id_parse(struct tct_mod *m, const char *user, const char *text)
{
	const struct mam_data *data = tct_mod_data(m);

	return mam_id_parse(&data->ids, user, text);
}

void mam_add_id(struct tct_mod *m, const struct tct_entity *e, uint64_t id,
	struct tct_elem *parent)
{
	struct tct_elem *child = tct_add(parent, NS_SID, "stanza-id");
	char text[MAM_ID_SIZE];

	id_text(m, tct_entity_user(e), id, text);
	tct_set(child, "by", tct_jid_text(tct_entity_jid(e)));
	tct_set(child, "id", text);
}

struct tct_elem *mam_add_row(struct tct_mod *m, struct tct_elem *parent,
	const struct tct_value *row)
{
	(void)m;
	return tct_add_stored(parent, row);
}

/* ---- who wants to know of pages ---- */

static void unlink_watch(void *block)
{
	struct mam_watch *w = block;

	*w->prev = w->next;
	if (w->next != NULL)
		w->next->prev = w->prev;
}

static void watch(struct tct_mod *m, struct tct_mod *user, tct_archive_fetched_fn *fn)
{
	struct mam_data *data = tct_mod_data(m);
	struct mam_watch *w = tct_scope_alloc(tct_mod_scope(user), sizeof *w, unlink_watch);

	w->user = user;
	w->fn = fn;
	w->next = data->watches;
	w->prev = &data->watches;
	if (w->next != NULL)
		w->next->prev = &w->next;
	data->watches = w;
}

void mam_fetched(struct tct_mod *m, struct tct_session *s, uint64_t first, uint64_t last)
{
	struct mam_data *data = tct_mod_data(m);

	for (struct mam_watch *w = data->watches; w != NULL; w = w->next)
		w->fn(w->user, s, first, last);
}

static uint64_t floor_of(struct tct_mod *m, const struct tct_entity *e)
{
	(void)e;
	return mam_floor(m);
}

static const struct tct_archive_ops ops = {
	.size = sizeof ops,
	.sent = sent,
	.kept = kept,
	.id_text = id_text,
	.id_parse = id_parse,
	.add_id = mam_add_id,
	.add_row = mam_add_row,
	.floor = floor_of,
	.watch = watch,
	.guard = mam_guard,
	.let_go = mam_let_go,
};

void mam_provide(struct tct_mod *m)
{
	tct_provide(m, "archive", "mam", &ops);
}
